/** A Master's hand-over and workers that tests move by hand, on a clock that they move, too. */
import { vi } from 'vitest';
import { ByteBudget } from '../../src/async/byte-budget.ts';
import { Dispatcher } from '../../src/cluster/dispatch/dispatcher.ts';
import type { LogFields } from '../../src/logging.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage, Status } from '../../src/protocol/message.ts';
import {
  encodeWorkRequest,
  readWorkReply,
  type WorkItem,
  WorkKind,
} from '../../src/protocol/work-request.ts';
import { bytes, textOf } from './bytes.ts';

export const HEARTBEAT = 1_000;
export const WORKER_TIMEOUT = 10_000;
export const MAX_DELIVERIES = 3;

const codec = new EnvelopeCodec();
const textIn = (frame: Bytes) => textOf(codec.decode(frame).payload);
/** So that what is resolved is heard of. */
const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

export interface Held extends WorkItem {
  readonly text: string;
  /** Results given so far. */
  given: number;
}

export class ModelWorker {
  readonly id: string;
  readonly held: Held[] = [];
  /** Whether nobody can tell of its link. */
  isUnwatched = false;
  readonly #ground: ModelGround;
  #sequence = 0;
  #onGone = new Set<() => void>();
  #link = {};
  #isLinked = true;
  #last: [number, readonly WorkItem[]] = [0, []];

  constructor(id: string, ground: ModelGround) {
    this.id = id;
    this.#ground = ground;
  }

  /** What comes in the end, if it has come. */
  async ask(want: number, items: readonly WorkItem[] = [], times = 1): Promise<void> {
    this.#sequence++;
    await this.#send(want, items, times);
    await settle();
  }

  /** Gives so many results of the oldest message that it holds; `total` with the last of them. */
  async give(count: number, total: number, times = 1): Promise<void> {
    const [item] = this.held;
    if (item === undefined) return;
    const items: WorkItem[] = [];
    for (let i = 0; i < count && item.given < total; i++) {
      item.given++;
      const kind = item.given === total ? WorkKind.done : WorkKind.open;
      items.push({ lease: item.lease, kind, frame: encodeText(`${item.text}:${item.given}`) });
    }
    if (item.given === total) this.held.shift();
    await this.ask(0, items, times);
  }

  /** The last request again, as after a break. */
  async repeatLast(): Promise<void> {
    await this.#send(...this.#last);
    await settle();
  }

  /** Fails at the oldest message that it holds. */
  async fail(text: string): Promise<void> {
    const item = this.held.shift();
    if (item === undefined) return;
    const frame = codec.encode(palmMessage({ client: 'c', payload: bytes(text), status: Status.failed }));
    await this.ask(0, [{ lease: item.lease, kind: WorkKind.done, frame }]);
  }

  async giveBack(): Promise<void> {
    const item = this.held.pop();
    if (item === undefined) return;
    await this.ask(0, [{ lease: item.lease, kind: WorkKind.returned, frame: NO_FRAME }]);
  }

  /** Another comes in its place. */
  async leave(): Promise<ModelWorker> {
    this.held.length = 0;
    this.#sequence++;
    await this.#send(-1, []);
    return new ModelWorker(`${this.id}'`, this.#ground);
  }

  breakLink(): void {
    const listeners = [...this.#onGone];
    this.#onGone = new Set();
    this.#link = {};
    this.#isLinked = false;
    for (const listener of listeners) listener();
  }

  /** Its process ends; another comes in its place that knows of nothing. */
  die(): ModelWorker {
    this.breakLink();
    return new ModelWorker(`${this.id}'`, this.#ground);
  }

  async #send(want: number, items: readonly WorkItem[], times = 1): Promise<void> {
    this.#isLinked = true;
    this.#last = [want, items];
    const leaves = want < 0;
    const request = {
      worker: this.id,
      name: this.id,
      sequence: this.#sequence,
      want: Math.max(0, want),
      leaves,
      isAway: false,
      items,
    };
    const frame = encodeWorkRequest(codec, request);
    for (let time = 1; time <= times; time++) {
      const reply = Promise.resolve(
        this.#ground.handOver.answer(codec.decode(frame), this.isUnwatched ? undefined : this.#origin()),
      );
      // What was lost with a link is not read.
      if (time === times) reply.then((got) => this.#take(got));
    }
  }

  #origin() {
    return {
      link: this.#link,
      onGone: (listener: () => void) => {
        this.#onGone.add(listener);
        return () => this.#onGone.delete(listener);
      },
    };
  }

  #take(reply: Bytes): void {
    if (!this.#isLinked) return;
    for (const item of readWorkReply(codec, reply))
      this.held.push({ ...item, text: textIn(item.frame), given: 0 });
  }
}

export class ModelGround {
  /** Results passed on, in order. */
  readonly results: string[] = [];
  readonly givenUp: string[] = [];
  /** Warnings. */
  readonly log: [message: string, fields: LogFields | undefined][] = [];
  readonly handOver: Dispatcher;
  added = 0;
  /** What gathering the results waits for. */
  gathering: Promise<void> = Promise.resolve();

  constructor(peers = 0) {
    this.handOver = new Dispatcher({
      push: { address: '', peers, onPeers: () => {}, send: async () => {}, close: async () => {} },
      onProgress: () => {},
      onResults: async (results) => {
        this.results.push(...results.map(({ frame }) => textIn(frame)));
        await this.gathering;
      },
      onGivenUp: ({ payload }) => this.givenUp.push(textOf(payload)),
      logger: {
        debug: () => {},
        info: () => {},
        warning: (message, fields) => this.log.push([message, fields]),
        error: () => {},
      },
      isVerbatim: false,
      budgets: { waiting: new ByteBudget(2 ** 26), out: new ByteBudget(2 ** 28) },
      heartbeat: HEARTBEAT,
      workerTimeout: WORKER_TIMEOUT,
      maxDeliveries: MAX_DELIVERIES,
    });
  }

  async add(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.handOver.add(palmMessage({ client: 'c', payload: bytes(String(this.added++)) }), NO_FRAME);
    }
    this.handOver.flush();
    await settle();
  }

  async pass(time: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(time);
    await settle();
  }

  worker(id: string): ModelWorker {
    return new ModelWorker(id, this);
  }
}

function encodeText(text: string): Bytes {
  return codec.encode(palmMessage({ client: 'c', payload: bytes(text) }));
}

const NO_FRAME: Bytes = new Uint8Array(0);
