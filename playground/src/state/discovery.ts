import { signal } from '@preact/signals';
import { Client } from 'frond';
import type { ServerStatus } from 'frond/cluster';
import type { FunctionDescription } from 'frond/functions';
import { readDescriptions } from './described.ts';
import { type GoneWorker, goneWorkers } from './gone-workers.ts';
import { isRelay } from './link-watch.ts';
import type { Place } from './place.ts';
import type { StatusLog } from './status-log.ts';

/** What the page knows of a server. */
export interface ServerInfo {
  readonly name: string;
  /** Undefined for a server without a status, such as pylm's. */
  readonly status: ServerStatus | undefined;
  /** Why it could not be asked. */
  readonly trouble: unknown;
  readonly functions: readonly string[];
  /** What it says of them, where it does. */
  readonly described?: readonly FunctionDescription[];
  /** Workers that a Master or Hub had a while ago. */
  readonly gone: readonly GoneWorker[];
}

/** Whether clients may call it. A Pipeline or Sink takes messages from servers only. A server without a status counts as callable. */
export function takesCalls({ status }: ServerInfo): boolean {
  return status === undefined || status.addresses['pull_address'] !== undefined;
}

/** Milliseconds that a server has to send its status. */
const PATIENCE = 5_000;

/** Milliseconds between two questions to a server. */
const INTERVAL = 1_000;

/** Milliseconds that the first picture waits for the slowest server. */
const MOMENT = 1_500;

/** The key of the status of a frond server (docs/protocol/palm.md). */
const STATUS_KEY = 'frond_status';

/** The key of what a server says of its functions. */
const FUNCTIONS_KEY = 'frond_functions';

/** Reads the status of the servers again and again. It has clients of its own, which the Wire panel does not record. */
export class Discovery {
  readonly servers = signal<readonly ServerInfo[]>([]);
  readonly #log: StatusLog;
  readonly #onClient: (client: Client, place: Place) => void;
  #clients = new Map<string, Promise<Client>>();
  /** Ends the present look. */
  #end = new AbortController();

  /** @param onClient - told of each client that was made. */
  constructor(log: StatusLog, onClient: (client: Client, place: Place) => void) {
    this.#log = log;
    this.#onClient = onClient;
  }

  /** Asks each server until the look is closed. Resolves when all have answered, or had a moment to. */
  async look(place: Place): Promise<void> {
    this.#end.abort();
    const end = new AbortController();
    this.#end = end;
    const told = new Map<string, ServerInfo>();
    const tell = (server: ServerInfo) => {
      told.set(server.name, server);
      if (!end.signal.aborted && isShown) this.#show(place, told);
    };
    let isShown = false;
    // All at once, so that a silent server does not delay the others.
    const first = place.servers.map((name) => this.#follow(place, name, tell, end.signal));
    await Promise.race([Promise.all(first), pause(MOMENT, end.signal)]);
    if (end.signal.aborted) return;
    isShown = true;
    this.#show(place, told);
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.servers.value = [];
    const clients = [...this.#clients.values()];
    this.#clients = new Map();
    await Promise.allSettled(clients.map(async (client) => (await client).close({ timeout: 0 })));
  }

  #show(place: Place, told: ReadonlyMap<string, ServerInfo>): void {
    this.servers.value = place.servers.map((name) => told.get(name) ?? unknown(place, name));
  }

  /** Asks one server again and again. Resolves when it was asked once. */
  async #follow(
    place: Place,
    name: string,
    tell: (server: ServerInfo) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let before = unknown(place, name);
    const ask = async () => {
      before = await this.#ask(place, before, signal, broke);
      tell(before);
    };
    // A break shows at once, while a request would wait for the server.
    const broke = (reason: string) => {
      before = { ...before, trouble: new Error(reason) };
      tell(before);
    };
    await ask();
    void (async () => {
      while (!signal.aborted) {
        await pause(INTERVAL, signal);
        if (!document.hidden && !signal.aborted) await ask();
      }
    })();
  }

  async #ask(
    place: Place,
    before: ServerInfo,
    signal: AbortSignal,
    onBreak: (reason: string) => void,
  ): Promise<ServerInfo> {
    const { name } = before;
    const more = place.functions[name] ?? [];
    try {
      const client = await this.#client(place, name, signal, onBreak);
      // With a session, every key belongs to the session, and the status cannot be read.
      const value =
        client.session === undefined
          ? await client.get(STATUS_KEY, { timeout: PATIENCE, signal })
          : undefined;
      const status = value && readStatus(new TextDecoder().decode(value));
      const offered = offeredBy(status);
      const isKnown = before.described !== undefined && offerersOf(status) === offerersOf(before.status);
      return {
        ...(status !== undefined && {
          described: isKnown ? before.described : await describedBy(client, signal),
        }),
        name,
        status,
        trouble: undefined,
        functions: [...offered, ...more],
        gone: goneWorkers(before, status, performance.now()),
      };
    } catch (trouble) {
      return { ...before, trouble };
    }
  }

  #client(
    place: Place,
    name: string,
    signal: AbortSignal,
    onBreak: (reason: string) => void,
  ): Promise<Client> {
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    const client = this.#connect(place, name, signal);
    this.#clients.set(name, client);
    const forget = () => {
      if (this.#clients.get(name) === client) this.#clients.delete(name);
    };
    client.then(async (made) => {
      follow(made, onBreak);
      await made.closed;
      forget();
    }, forget);
    return client;
  }

  async #connect(place: Place, name: string, signal: AbortSignal): Promise<Client> {
    const client = await Client.connect({
      transport: place.transport,
      ...place.options(name, name),
      timeout: PATIENCE,
      logger: this.#log.logger(name),
      loggingLevel: 'error',
      signal,
    });
    this.#onClient(client, place);
    return client;
  }
}

/** Reports each break between the client, or its relay, and the server. */
async function follow(client: Client, onBreak: (reason: string) => void): Promise<void> {
  for await (const status of client.status())
    if (status.type === 'disconnected' && !isRelay(status.address)) onBreak(status.reason);
}

/** A server that was not asked yet. */
function unknown(place: Place, name: string): ServerInfo {
  return { name, status: undefined, trouble: undefined, functions: place.functions[name] ?? [], gone: [] };
}

function pause(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, time);
    signal.addEventListener('abort', done);
  });
}

/** What a server says of its functions. One that may not be asked, as behind a relay that does not grant it, says nothing. */
async function describedBy(client: Client, signal: AbortSignal): Promise<readonly FunctionDescription[]> {
  try {
    const value = await client.get(FUNCTIONS_KEY, { timeout: PATIENCE, signal });
    return value === undefined ? [] : readDescriptions(new TextDecoder().decode(value));
  } catch {
    return [];
  }
}

/** The functions of a server. Those of a Master's pylm workers are unknown, except `echo`. */
function offeredBy(status: ServerStatus | undefined): readonly string[] {
  if (status === undefined) return [];
  return status.workers === undefined ? status.functions : [...new Set([...status.functions, 'echo'])];
}

/** What a server's descriptions depend on, as far as its status says: its functions, and the workers of a Master that have them. */
function offerersOf(status: ServerStatus | undefined): string {
  const { functions = [], workers = [], pushedWorkers = 0 } = status ?? {};
  return JSON.stringify([functions, workers.map(({ name }) => name), pushedWorkers]);
}

/** Undefined for an unknown shape, as of another version. */
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
