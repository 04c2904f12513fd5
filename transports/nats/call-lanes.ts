import { atMost } from '../../src/async/timers.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { clientIn, mayPass } from '../../src/protocol/envelope-head.ts';
import { clientOf } from '../../src/protocol/topics.ts';
import { keepNewest } from './keep-newest.ts';
import type { ServerNames, SharedQueue } from './names.ts';
import type { Session } from './session.ts';

/** Milliseconds after its last call in which a client whose calls are not answered keeps its lane: functions may give nothing. */
const KEPT = 10_000;

/** Milliseconds after which it is not known any more how much waits in the lanes of a server, and in which NATS says so. */
const KNOWN = 1_000;
const LOOK_TIMEOUT = 500;

/** Clients that are known, and calls of each: the one that was heard of longest ago is forgotten. */
const MOST_CLIENTS = 16_384;
const MOST_CALLS = 16;

/** What a client has sent. */
interface LaneClient {
  /** Of its last call. */
  lane: number;
  /** The lanes of its calls by their topics, the one of the last message last. */
  readonly calls: Map<string, number>;
  /** Messages that have no answer. */
  left: number;
  /** When the last of them went, on the clock of `performance.now()`. */
  at: number;
}

/** How much waits in each lane of a server, as far as is known. */
interface Load {
  readonly at: number;
  readonly waiting: number[];
}

/**
 * In which lane of a server calls wait. A client that has nothing under way begins in the one where least waits, and keeps to it: its messages
 * stay in order, and much of one client holds up those alone who share its lane.
 */
export class CallLanes {
  readonly #clients = new Map<string, LaneClient>();
  /** By the address of the server. */
  readonly #loads = new Map<string, Load>();

  /** Whether a lane has to be chosen for one of these frames, and nobody knows how much waits in each: {@link look}, then. */
  mustLook(frames: readonly Bytes[], { address }: ServerNames): boolean {
    const now = performance.now();
    const load = this.#loads.get(address);
    if (load !== undefined && now - load.at < KNOWN) return false;
    let before: string | undefined;
    for (const frame of frames) {
      // Those that may pass others have a lane of their own, but for few.
      if (mayPass(frame)) continue;
      const topic = clientIn(frame);
      if (topic === undefined || topic === before) continue;
      before = topic;
      if (this.#laneOf(topic, now) === undefined) return true;
    }
    return false;
  }

  /** Asks how much waits in the lanes of a server. Never rejects. */
  async look({ manager: { consumers } }: Session, { address, calls, lanes }: ServerNames): Promise<void> {
    const waitingIn = async ({ stream, consumer }: SharedQueue) => {
      const { num_pending: pending, num_ack_pending: given } = await consumers.info(stream, consumer);
      return pending + given;
    };
    const queues = [calls, ...lanes];
    let waiting = queues.map(() => 0);
    const looking = Promise.all(queues.map(waitingIn)).then((found) => {
      waiting = found;
    });
    await atMost(
      LOOK_TIMEOUT,
      looking.catch(() => {}),
    );
    this.#loads.set(address, { at: performance.now(), waiting });
  }

  /** The queue of a frame that is about to be sent. */
  queueOf(frame: Bytes, { address, calls, lanes }: ServerNames): SharedQueue {
    const topic = clientIn(frame);
    if (topic === undefined) return calls;
    const now = performance.now();
    const waiting = this.#loads.get(address)?.waiting ?? [0];
    const lane = this.#laneOf(topic, now) ?? waiting.indexOf(Math.min(...waiting));
    const client = this.#heardOf(topic);
    client.lane = lane;
    client.left++;
    client.at = now;
    client.calls.delete(topic);
    client.calls.set(topic, lane);
    keepNewest(client.calls, MOST_CALLS);
    waiting[lane] = (waiting[lane] ?? 0) + 1;
    return lanes[lane - 1] ?? calls;
  }

  /** So many answers have come under the topic of a call. */
  answered(topic: string, count: number): void {
    const client = this.#clients.get(clientOf(topic));
    if (client?.calls.has(topic)) client.left = Math.max(0, client.left - count);
  }

  /** The lane that a call has to be in; undefined when its client may begin in another. */
  #laneOf(topic: string, now: number): number | undefined {
    const client = this.#clients.get(clientOf(topic));
    if (client === undefined) return undefined;
    const isBusy = client.left > 0 && now - client.at < KEPT;
    return client.calls.get(topic) ?? (isBusy ? client.lane : undefined);
  }

  /** The client of a call, behind those that were heard of before. */
  #heardOf(topic: string): LaneClient {
    const name = clientOf(topic);
    const client = this.#clients.get(name) ?? { lane: 0, calls: new Map<string, number>(), left: 0, at: 0 };
    this.#clients.delete(name);
    this.#clients.set(name, client);
    keepNewest(this.#clients, MOST_CLIENTS);
    return client;
  }
}
