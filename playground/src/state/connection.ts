import { signal } from '@preact/signals';
import { Client } from 'frond';
import { Discovery } from './discovery.ts';
import type { Place } from './place.ts';
import type { StatusLog } from './status-log.ts';
import type { WireLog } from './wire-log.ts';

export type Phase =
  | { readonly type: 'connecting' }
  | { readonly type: 'connected' }
  | { readonly type: 'failed'; readonly error: unknown };

/** Milliseconds that connecting may take. */
const PATIENCE = 10_000;

/** The page's clients: one for each server that calls go to and server that answers come from. */
export class Connection {
  readonly phase = signal<Phase>({ type: 'connecting' });
  readonly place = signal<Place | undefined>(undefined);
  readonly discovery: Discovery;
  readonly #log: StatusLog;
  readonly #wire: WireLog;
  readonly #clients = new Map<string, Promise<Client>>();

  constructor(log: StatusLog, wire: WireLog) {
    this.#log = log;
    this.#wire = wire;
    this.discovery = new Discovery(log);
  }

  /** Leaves where it is connected to, and connects to `place`. */
  async open(place: Place): Promise<void> {
    const before = this.place.peek();
    this.place.value = place;
    this.phase.value = { type: 'connecting' };
    await this.#leave(before === place ? undefined : before);
    try {
      const [first] = place.servers;
      if (first === undefined) throw new Error('name a server: a relay lets nobody in without');
      await this.client(first, first);
      await this.discovery.look(place);
      if (this.place.peek() === place) this.phase.value = { type: 'connected' };
    } catch (error) {
      if (this.place.peek() === place) this.phase.value = { type: 'failed', error };
    }
  }

  /** The client for calls that begin at `first` and are answered by `last`, under a session when one is given. */
  client(first: string, last: string, session = ''): Promise<Client> {
    const key = JSON.stringify([first, last, session]);
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const client = this.#connect(first, last, session);
    this.#clients.set(key, client);
    client.catch(() => this.#clients.delete(key));
    return client;
  }

  /** The client for a call, and its path as the SDK takes it. */
  async clientFor(path: string, session = ''): Promise<{ client: Client; stages: string[] }> {
    const stages = path.trim().split(/\s+/);
    const servers = stages.map((stage) => stage.split('.')[0] ?? '');
    const first = servers[0] ?? '';
    return { client: await this.client(first, servers.at(-1) ?? first, session), stages };
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
    return client;
  }

  async #leave(place: Place | undefined): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    await Promise.allSettled(clients.map(async (client) => (await client).close({ timeout: 200 })));
    await this.discovery.close();
    await place?.close();
  }
}
