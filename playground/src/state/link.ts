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
  window: string;
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
  window: '2048',
  retries: '0',
  ordered: 'yes',
  key: 'motto',
  session: '',
  relay: '',
  server: '',
  servers: '',
  token: '',
};

export type Key = keyof LinkState;

const KEYS = Object.keys(DEFAULTS) as readonly Key[];

/** The state of the page that its address holds: in the fragment, which no server is ever sent. */
export class Link {
  readonly #state = signal<LinkState>(read(location.hash));

  /** @param onArrival - told when the address became another one that the page did not make itself, as from a link. */
  constructor(onArrival: (before: LinkState) => void) {
    addEventListener('hashchange', () => {
      const before = this.#state.peek();
      this.#state.value = read(location.hash, before);
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

  /** What is too long for the address: a link to the page does not have it. */
  get leftOut(): readonly Key[] {
    return told(this.#state.value).leftOut;
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

/** Names of what the address is too short for. */
const LEFT_OUT = 'without';

/** @param before - what was there until now: it keeps what is too long for an address. */
function read(hash: string, before: LinkState = DEFAULTS): LinkState {
  const given = new URLSearchParams(hash.slice(1));
  const without = given.get(LEFT_OUT)?.split(',') ?? [];
  const state = { ...DEFAULTS };
  for (const key of KEYS) state[key] = given.get(key) ?? (without.includes(key) ? before : DEFAULTS)[key];
  return state;
}

/** Characters that the address gets for one field, and for all of them: what is longer no chat or mail passes on. */
const LONGEST_FIELD = 2_000;
const LONGEST = 8_000;

/** Only what is not as it is anyway, and of that what there is room for. */
function told(state: LinkState): { readonly fields: readonly string[]; readonly leftOut: readonly Key[] } {
  const fields: string[] = [];
  const leftOut: Key[] = [];
  let room = LONGEST;
  for (const key of KEYS) {
    const value = state[key];
    if (value === DEFAULTS[key]) continue;
    // No text is longer than what is written for it, which takes long for a long one.
    const field = value.length > LONGEST_FIELD ? undefined : new URLSearchParams([[key, value]]).toString();
    if (field === undefined || field.length > Math.min(LONGEST_FIELD, room)) leftOut.push(key);
    else {
      fields.push(field);
      room -= field.length + 1;
    }
  }
  return { fields, leftOut };
}

function write(state: LinkState): string {
  const { fields, leftOut } = told(state);
  const all = leftOut.length === 0 ? fields : [...fields, `${LEFT_OUT}=${leftOut.join(',')}`];
  return all.length === 0 ? '' : `#${all.join('&')}`;
}
