import { computed, signal } from '@preact/signals';
import { Client, PalmError, type PalmErrorCode } from 'frond';
import { Discovery } from './discovery.ts';
import { type Away, LinkWatch } from './link-watch.ts';
import type { Place } from './place.ts';
import type { StatusLog } from './status-log.ts';
import type { WireLog } from './wire-log.ts';

export type Phase =
  | { readonly type: 'connecting' }
  | { readonly type: 'connected' }
  /** There is no link to the relay, and the page dials again by itself. */
  | { readonly type: 'away'; readonly away: Away }
  /** @property isRetried - whether the page tries again by itself. */
  | { readonly type: 'failed'; readonly error: unknown; readonly isRetried: boolean };

/** Milliseconds that connecting may take. */
const PATIENCE = 10_000;

/** Milliseconds until a place that could not be reached is tried again. */
const RETRY = 1_000;

/** Errors after which a later attempt may succeed. */
const MAY_HEAL: ReadonlySet<PalmErrorCode> = new Set(['TIMEOUT', 'DISCONNECTED', 'LOST']);

/** The page's clients: one for each server that calls go to and server that answers come from. */
export class Connection {
  readonly place = signal<Place | undefined>(undefined);
  readonly discovery: Discovery;
  readonly #phase = signal<Phase>({ type: 'connecting' });
  readonly #links = new LinkWatch();
  /** The present state. It changes by itself: a link may break, or a relay may refuse a client that it had admitted. */
  readonly phase = computed<Phase>(() => {
    const phase = this.#phase.value;
    const reason = this.place.value?.trouble.value;
    if (phase.type === 'connected' && this.#links.away.value !== undefined)
      return { type: 'away', away: this.#links.away.value };
    // The trouble of the link says more than a time-out.
    const isTried = phase.type === 'connecting' || (phase.type === 'failed' && phase.isRetried);
    if (isTried && reason !== undefined) return { type: 'away', away: { reason, attempt: 0, delay: 0 } };
    return phase;
  });
  /** Names of the servers that did not answer when they were asked last. */
  readonly missing = computed(() =>
    this.discovery.servers.value
      .filter(({ trouble }) => trouble !== undefined)
      .map(({ name }) => name)
      .join(', '),
  );
  readonly #log: StatusLog;
  readonly #wire: WireLog;
  readonly #clients = new Map<string, Promise<Client>>();
  #retry: ReturnType<typeof setTimeout> | undefined;
  #trying: Place | undefined;

  constructor(log: StatusLog, wire: WireLog) {
    this.#log = log;
    this.#wire = wire;
    this.discovery = new Discovery(log, (client, place) => this.#follow(client, place));
  }

  /** Disconnects, and connects to `place`. */
  async open(place: Place): Promise<void> {
    const before = this.place.peek();
    this.place.value = place;
    this.#phase.value = { type: 'connecting' };
    clearTimeout(this.#retry);
    await this.#leave(before === place ? undefined : before);
    await this.#try(place);
  }

  /** Disconnects, and shows why there is no place to connect to. */
  async fail(error: unknown): Promise<void> {
    const before = this.place.peek();
    this.place.value = undefined;
    this.#phase.value = { type: 'failed', error, isRetried: false };
    clearTimeout(this.#retry);
    await this.#leave(before);
  }

  /** The client for calls that begin at `first` and are answered by `last`, under a session when one is given. */
  client(first: string, last: string, session = ''): Promise<Client> {
    const key = JSON.stringify([first, last, session]);
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const client = this.#connect(first, last, session);
    this.#clients.set(key, client);
    // A client that has ended is useless: the next call makes another one.
    const forget = () => {
      if (this.#clients.get(key) === client) this.#clients.delete(key);
    };
    client.then((made) => made.closed.then(forget), forget);
    return client;
  }

  /** The client for a call, and its path as the SDK takes it. */
  async clientFor(path: string, session = ''): Promise<{ client: Client; stages: string[] }> {
    const stages = path.trim().split(/\s+/);
    const servers = stages.map((stage) => stage.split('.')[0] ?? '');
    const first = servers[0] ?? '';
    return { client: await this.client(first, servers.at(-1) ?? first, session), stages };
  }

  /** One attempt at a time for a place. */
  async #try(place: Place): Promise<void> {
    if (this.#trying === place) return;
    this.#trying = place;
    clearTimeout(this.#retry);
    try {
      const [first] = place.servers;
      if (first === undefined)
        throw new Error('name a server in “Servers”: a client of a relay finds its server by name');
      await this.client(first, first);
      await this.discovery.look(place);
      if (this.place.peek() === place) this.#phase.value = { type: 'connected' };
    } catch (error) {
      if (this.place.peek() === place) this.#failed(place, error);
    } finally {
      if (this.#trying === place) this.#trying = undefined;
    }
  }

  #failed(place: Place, error: unknown): void {
    const isRetried = error instanceof PalmError && MAY_HEAL.has(error.code);
    this.#phase.value = { type: 'failed', error, isRetried };
    this.discovery.close();
    clearTimeout(this.#retry);
    if (isRetried)
      this.#retry = setTimeout(() => {
        if (this.place.peek() === place) this.#try(place);
      }, RETRY);
  }

  async #connect(first: string, last: string, session: string): Promise<Client> {
    const place = this.place.peek();
    if (place === undefined) throw new Error('not connected yet');
    const name = first === last ? first : `${first} → ${last}`;
    const label = session === '' ? name : `${name} (${session})`;
    const client = await Client.connect({
      transport: place.transport,
      ...place.options(first, last),
      ...(session !== '' && { session }),
      timeout: PATIENCE,
      logger: this.#log.logger(label),
      tap: (event) => this.#wire.add(label, event),
    });
    this.#log.add(label, `client ${client.id} is connected to server ${client.serverName}`, 'good');
    this.#log.follow(label, client);
    this.#follow(client, place);
    return client;
  }

  /** Watches the client's link and its end: a relay may refuse a client that it had admitted, for example after a restart. */
  async #follow(client: Client, place: Place): Promise<void> {
    this.#links.follow(client);
    // The relay admits the page again.
    if (this.#phase.peek().type === 'failed' && this.place.peek() === place) this.#try(place);
    const error = await client.closed;
    if (error !== undefined && this.place.peek() === place) this.#failed(place, error);
  }

  async #leave(place: Place | undefined): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    await Promise.allSettled(clients.map(async (client) => (await client).close({ timeout: 200 })));
    await this.discovery.close();
    await place?.close();
  }
}
