import { effect, signal } from '@preact/signals';

/** What a link of this page says, by the names it has there. */
export interface LinkState {
  panel: string;
  /** Stages of the call, separated by spaces. */
  fn: string;
  payload: string;
  format: string;
  messages: string;
  cache: string;
  timeout: string;
  /** `job` or `map`. */
  kind: string;
  /** Where the input of a job comes from. */
  input: string;
  count: string;
  /** How many results end a job: a number, `open` for none, nothing for one of each input. */
  results: string;
  concurrency: string;
  retries: string;
  /** `yes` or `no`. */
  ordered: string;
  key: string;
  session: string;
  relay: string;
  server: string;
  servers: string;
  token: string;
}

export const DEFAULTS: LinkState = {
  panel: 'call',
  fn: 'text.reverse',
  payload: 'stressed',
  format: 'text',
  messages: '1',
  cache: '',
  timeout: '10000',
  kind: 'job',
  input: 'numbers',
  count: '100000',
  results: '',
  concurrency: '1024',
  retries: '0',
  ordered: 'yes',
  key: 'motto',
  session: '',
  relay: '',
  server: '',
  servers: '',
  token: '',
};

type Key = keyof LinkState;

const KEYS = Object.keys(DEFAULTS) as readonly Key[];

/** The state of the page that its address holds: in the fragment, which no server is ever sent. */
export class Link {
  readonly #state = signal<LinkState>(read(location.hash));

  /** @param onArrival - told when the address became another one that the page did not make itself, as from a link. */
  constructor(onArrival: (before: LinkState) => void) {
    addEventListener('hashchange', () => {
      const before = this.#state.peek();
      this.#state.value = read(location.hash);
      onArrival(before);
    });
    effect(() => {
      const hash = write(this.#state.value);
      if (hash !== location.hash && `${hash}` !== `${location.hash}#`)
        history.replaceState(null, '', hash || '#');
    });
  }

  get value(): LinkState {
    return this.#state.value;
  }

  set(change: Partial<LinkState>): void {
    this.#state.value = { ...this.#state.peek(), ...change };
  }

  /** To another panel, which the browser's way back leads from. */
  open(panel: string): void {
    if (this.#state.peek().panel === panel) return;
    const next = { ...this.#state.peek(), panel };
    history.pushState(null, '', write(next) || '#');
    this.#state.value = next;
  }

  /** The address that reproduces this page. @param withToken - whether it gives the token away as well. */
  href(withToken: boolean): string {
    const state = withToken ? this.#state.value : { ...this.#state.value, token: '' };
    return `${location.href.split('#')[0]}${write(state)}`;
  }
}

function read(hash: string): LinkState {
  const given = new URLSearchParams(hash.slice(1));
  const state = { ...DEFAULTS };
  for (const key of KEYS) state[key] = given.get(key) ?? DEFAULTS[key];
  return state;
}

/** Only what is not as it is anyway. */
function write(state: LinkState): string {
  const told = new URLSearchParams();
  for (const key of KEYS) if (state[key] !== DEFAULTS[key]) told.set(key, state[key]);
  const text = told.toString();
  return text === '' ? '' : `#${text}`;
}
