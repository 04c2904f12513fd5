/** The queues of servers at NATS: made before there is a server, looked at, and emptied. */
import { besideOf, ClusterNames, checkNatsAddress, decodeToken, numbered, type StreamName } from './names.ts';
import { type NatsOptions, type NatsSettings, resolveOptions } from './options.ts';
import { loadPackages } from './packages.ts';
import { Session } from './session.ts';
import { ensureBig, ensureCalls, ensureOut, ensureQueue, tell } from './streams.ts';

const NANOSECONDS = 1_000_000;

/** A stream that was made, or was there. */
export interface ReadyStream {
  readonly stream: string;
  /** Whether it was made now. One that was there keeps its settings. */
  readonly isMade: boolean;
  readonly replicas: number;
  readonly storage: string;
  readonly maxBytes: number;
  /** Milliseconds. */
  readonly maxAge: number;
}

/** A queue, as it is. */
export interface QueueState {
  /** The server: what follows `nats:` in its address. */
  readonly server: string;
  /** What is pushed to it, what it pushes to workers that do not ask for work, or what others publish for it as their next stage. */
  readonly holds: 'calls' | 'work' | 'published';
  /** Messages that nobody has yet, and those that somebody works at. */
  readonly waiting: number;
  readonly working: number;
  /** Milliseconds since its oldest message came; null when it has none, and for what is published. */
  readonly oldest: number | null;
  /** Null for what is published: it is kept among all results. */
  readonly bytes: number | null;
  /** Consumers at NATS, which its readers share. */
  readonly consumers: number;
  /** Results of the server that NATS keeps; null for `work`. */
  readonly results: number | null;
}

/** Looks after the queues of a cluster. */
export class NatsQueues {
  readonly #session: Session;
  readonly #settings: NatsSettings;
  readonly #names: ClusterNames;

  private constructor(session: Session, settings: NatsSettings) {
    this.#session = session;
    this.#settings = settings;
    this.#names = new ClusterNames(settings.cluster);
  }

  /**
   * Connects to NATS.
   * @throws PalmError `INVALID_CALL` for options that are not acceptable, and why NATS is not reached or will not do.
   */
  static async open(options: NatsOptions): Promise<NatsQueues> {
    const settings = resolveOptions(options);
    return new NatsQueues(await Session.open(settings, loadPackages()), settings);
  }

  /**
   * Has the streams of these servers, and those that all share.
   * @param hasWorkers - whether they are Masters or Hubs, which have queues for workers, too.
   */
  async setUp(servers: readonly string[], hasWorkers: boolean): Promise<readonly ReadyStream[]> {
    const { out, big } = this.#names;
    const ready = [
      await this.#have(out, (own) => ensureOut(own, this.#names, this.#settings)),
      await this.#have(big, (own) => ensureBig(own, this.#names, this.#settings)),
    ];
    const queue = (name: StreamName) => this.#have(name, (own) => ensureQueue(own, name, this.#settings));
    for (const server of servers) {
      const address = addressOf(server);
      const names = this.#names.server(address);
      ready.push(await this.#have(names.pull, (own) => ensureCalls(own, names, this.#settings)));
      if (!hasWorkers) continue;
      const workers = besideOf(address, 'workerPullAddress');
      // Where several Masters share the address, the first has these.
      const beside = this.#names.server(numbered(workers)?.(1) ?? workers);
      ready.push(await queue(beside.pull), await queue(beside.push));
    }
    return ready;
  }

  /** All queues of the cluster, by the names of their servers. */
  async look(): Promise<readonly QueueState[]> {
    const pushed = [...(await this.#lookAt('calls')), ...(await this.#lookAt('work'))];
    const found = [...pushed, ...(await this.#lookAtPublished())];
    return found.sort((a, b) => (a.server < b.server ? -1 : a.server > b.server ? 1 : 0));
  }

  /** Removes all that waits for a server, or is worked at. Gives how much that was; undefined when it has no queue. */
  async purge(server: string): Promise<number | undefined> {
    const { pull, push } = this.#names.server(addressOf(server));
    const { streams } = this.#session.manager;
    let count: number | undefined;
    for (const { stream } of [pull, push]) {
      if ((await streams.info(stream).catch(() => undefined)) === undefined) continue;
      const { purged } = await tell(streams.purge(stream), `emptying the stream ${stream}`);
      count = (count ?? 0) + purged;
    }
    return count;
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async #have({ stream }: StreamName, ensure: (session: Session) => Promise<unknown>): Promise<ReadyStream> {
    const { streams } = this.#session.manager;
    const before = await streams.info(stream).catch(() => undefined);
    await ensure(this.#session);
    const { config } = before ?? (await tell(streams.info(stream), `looking at the stream ${stream}`));
    return {
      stream,
      isMade: before === undefined,
      replicas: config.num_replicas,
      storage: config.storage,
      maxBytes: config.max_bytes,
      maxAge: config.max_age / NANOSECONDS,
    };
  }

  /** What waits for stages that share what others publish. */
  async #lookAtPublished(): Promise<QueueState[]> {
    const { streams, consumers } = this.#session.manager;
    const { stream } = this.#names.out;
    // Nobody has published yet.
    if ((await streams.info(stream).catch(() => undefined)) === undefined) return [];
    const readers = await all(consumers.list(stream), `looking at the readers of ${stream}`);
    const states = readers.map(async ({ config, num_pending: waiting, num_ack_pending: working }) => {
      const server = this.#names.sharedBy(config.durable_name ?? '');
      if (server === undefined) return [];
      const results = await this.#resultsOf(server);
      const state = { server, waiting, working, oldest: null, bytes: null, consumers: 1, results };
      return [{ ...state, holds: 'published' as const }];
    });
    return (await Promise.all(states)).flat();
  }

  async #lookAt(holds: 'calls' | 'work'): Promise<QueueState[]> {
    const { streams, consumers } = this.#session.manager;
    const pattern = this.#names.queues(holds === 'calls' ? 'in' : 'work');
    const found = await all(streams.list(pattern), 'looking at the streams');
    const start = pattern.length - 1;
    return Promise.all(
      found.map(async ({ config, state, ts }) => {
        const [subject = ''] = config.subjects;
        const server = decodeToken(subject.slice(start));
        const readers = await all(consumers.list(config.name), `looking at the readers of ${config.name}`);
        const sum = (count: (reader: (typeof readers)[number]) => number) =>
          readers.reduce((total, reader) => total + count(reader), 0);
        return {
          server,
          holds,
          waiting: readers.length === 0 ? state.messages : sum((own) => own.num_pending),
          working: sum((own) => own.num_ack_pending),
          oldest: state.messages === 0 ? null : ageOf(state.first_ts, ts),
          bytes: state.bytes,
          consumers: readers.length,
          results: holds === 'calls' ? await this.#resultsOf(server) : null,
        };
      }),
    );
  }

  /** A consumer knows how much there is for it. It is made for this alone. */
  async #resultsOf(server: string): Promise<number> {
    const { consumers } = this.#session.manager;
    const { stream } = this.#names.out;
    try {
      const { name, num_pending: count } = await consumers.add(stream, {
        filter_subject: this.#names.server(`nats:${server}`).published,
        ack_policy: 'none',
        inactive_threshold: NANOSECONDS * FORGOTTEN,
        mem_storage: true,
      });
      consumers.delete(stream, name).catch(() => {});
      return count;
    } catch {
      // Nobody has published yet.
      return 0;
    }
  }
}

/** Milliseconds after which NATS forgets a consumer that counted. */
const FORGOTTEN = 1_000;

/** The address of a server that is named with or without `nats:`. @throws PalmError `INVALID_CALL` for what cannot be one. */
function addressOf(server: string): string {
  const address = server.startsWith('nats:') ? server : `nats:${server}`;
  checkNatsAddress(address);
  return address;
}

/** By the clock of NATS, where it says what time it is. */
function ageOf(time: string, now: string | undefined): number {
  return Math.max(0, Math.round((now === undefined ? Date.now() : Date.parse(now)) - Date.parse(time)));
}

async function all<T>(listed: AsyncIterable<T>, what: string): Promise<T[]> {
  const items: T[] = [];
  const reading = async () => {
    for await (const item of listed) items.push(item);
  };
  await tell(reading(), what);
  return items;
}
