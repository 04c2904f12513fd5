import { signal } from '@preact/signals';
import { Client } from 'frond';
import type { ServerStatus } from 'frond/cluster';
import type { Place } from './place.ts';
import type { StatusLog } from './status-log.ts';

/** A server as far as it is known. */
export interface ServerInfo {
  readonly name: string;
  /** Undefined for one that does not say, as pylm's. */
  readonly status: ServerStatus | undefined;
  /** Why it could not be asked. */
  readonly trouble: unknown;
  readonly functions: readonly string[];
}

/** Whether clients may call it: a Pipeline or Sink takes what others send on. One that says nothing is taken for one that does. */
export function takesCalls({ status }: ServerInfo): boolean {
  return status === undefined || status.addresses['pull_address'] !== undefined;
}

/** Milliseconds that a server has to say what it is. */
const PATIENCE = 5_000;

/** Milliseconds between two looks. */
const INTERVAL = 1_000;

/** The key under which a frond server tells what it is (PROTOCOL.md). */
const STATUS_KEY = 'frond_status';

/** Asks servers what they are and offer, again and again: with clients of its own, so that the inspector is not full of it. */
export class Discovery {
  readonly servers = signal<readonly ServerInfo[]>([]);
  readonly #log: StatusLog;
  #clients = new Map<string, Promise<Client>>();
  #place: Place | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(log: StatusLog) {
    this.#log = log;
  }

  async look(place: Place): Promise<void> {
    this.#place = place;
    const servers = await Promise.all(place.servers.map((name) => this.#ask(place, name)));
    if (this.#place !== place) return;
    this.servers.value = servers;
    this.#timer = setTimeout(() => this.#lookAgain(place), INTERVAL);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#place = undefined;
    this.servers.value = [];
    const clients = [...this.#clients.values()];
    this.#clients = new Map();
    await Promise.allSettled(clients.map(async (client) => (await client).close({ timeout: 0 })));
  }

  #lookAgain(place: Place): void {
    if (!document.hidden) this.look(place);
    else this.#timer = setTimeout(() => this.#lookAgain(place), INTERVAL);
  }

  async #ask(place: Place, name: string): Promise<ServerInfo> {
    const more = place.functions[name] ?? [];
    try {
      const client = await this.#client(place, name);
      // Behind a session every key is the session's, and the server's own cannot be read.
      const value =
        client.session === undefined ? await client.get(STATUS_KEY, { timeout: PATIENCE }) : undefined;
      const status = value && readStatus(new TextDecoder().decode(value));
      return { name, status, trouble: undefined, functions: [...offeredBy(status), ...more] };
    } catch (trouble) {
      const before = this.servers.peek().find((server) => server.name === name);
      return { name, status: before?.status, trouble, functions: before?.functions ?? more };
    }
  }

  #client(place: Place, name: string): Promise<Client> {
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    const client = Client.connect({
      transport: place.transport,
      ...place.options(name, name),
      timeout: PATIENCE,
      logger: this.#log.logger(name),
      loggingLevel: 'error',
    });
    this.#clients.set(name, client);
    client.catch(() => this.#clients.delete(name));
    return client;
  }
}

/** Of a Master or Hub it is not known what its workers offer, but for what every worker does. */
function offeredBy(status: ServerStatus | undefined): readonly string[] {
  if (status === undefined) return [];
  return status.workers === undefined ? status.functions : [...status.functions, 'echo'];
}

/** Undefined when it is not what is known here, as from another version. */
function readStatus(text: string): ServerStatus | undefined {
  const status: unknown = JSON.parse(text);
  return isStatus(status) ? status : undefined;
}

function isStatus(value: unknown): value is ServerStatus {
  if (typeof value !== 'object' || value === null) return false;
  const { role, name, functions, addresses, counters } = value as Readonly<Record<string, unknown>>;
  const isRecord = (one: unknown) => typeof one === 'object' && one !== null;
  return (
    typeof role === 'string' &&
    typeof name === 'string' &&
    Array.isArray(functions) &&
    isRecord(addresses) &&
    isRecord(counters)
  );
}
