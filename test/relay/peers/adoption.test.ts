/**
 * Relays that adopt a session one after another, at any moment: each frame that the client pushed is stored once and in order, each delivery
 * comes once and in order, each request has one outcome. The client's side is real; relays, link and what is stored are simple models.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { keyRequest } from '../../../src/protocol/cache-request.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import type { Delivery } from '../../../src/transport.ts';
import {
  ChannelKind,
  type Frame,
  type OpenFrom,
  type Placed,
  type RelayFrame,
  Type,
} from '../../../transports/relay-protocol/frames.ts';
import { AdoptableSession } from '../../../transports/websocket/adoptable.ts';
import { bytes, textOf } from '../../support/bytes.ts';

const codec = new EnvelopeCodec();
const PUSHES = [1, 3];
const SUBSCRIPTION = 2;
const FLOWS = ['a', 'b'];

/** What stands behind a text's number: its flow, and the topic of its answer. */
const flowOf = (text: string | undefined) => text?.split(' ')[1];

/** One direction of a link: frames of a flow stay in order, and may pass those of others. What has not arrived is lost with the relay. */
class Line {
  readonly #flows = new Map<unknown, Frame[]>();

  add(frame: Frame, flow: unknown = frame): void {
    const before = this.#flows.get(flow);
    if (before !== undefined) before.push(frame);
    else this.#flows.set(flow, [frame]);
  }

  /** Takes the first frame of the `n`th flow. */
  next(n: number): Frame | undefined {
    const flows = [...this.#flows];
    const [flow, frames] = flows[n % flows.length] ?? [];
    const frame = frames?.shift();
    if (frames?.length === 0) this.#flows.delete(flow);
    return frame;
  }
}

/** What outlives the relays: calls, each stored once by its id, and what was answered. */
class Store {
  readonly #ids = new Set<string>();
  readonly calls: string[] = [];
  readonly answers: { readonly position: number; readonly topic: string; readonly texts: string[] }[] = [];
  /** What the requests that are not only read have done. */
  readonly done: number[] = [];
  #open: string[] = [];
  #position = 0;

  add(id: string, text: string): void {
    if (this.#ids.has(id)) return;
    this.#ids.add(id);
    this.calls.push(text);
    this.#open.push(text);
  }

  /** Answers some of the calls that have the topic of the first one, with one delivery. Others' deliveries come between. */
  answer(most: number): boolean {
    const topic = flowOf(this.#open[0]);
    if (topic === undefined) return false;
    const texts = this.#open.filter((text) => flowOf(text) === topic).slice(0, most);
    this.#open = this.#open.filter((text) => !texts.includes(text));
    this.#position += 1 + (most % 3);
    this.answers.push({ position: this.#position, topic, texts });
    return true;
  }

  get last(): number {
    return this.#position;
  }
}

interface Came {
  readonly number: number;
  readonly generation: number;
  readonly text: string;
}

/** A relay's channel to a server. */
class PushEnd {
  readonly came: Came[] = [];
  isReady = false;
  generation = 0;
  /** Numbers that are stored, of which the client is not told yet. */
  told: number[] = [];

  ready(): void {
    this.isReady = true;
    this.generation++;
  }

  broke(): void {
    this.isReady = false;
    this.told = [];
    this.came.length = 0;
  }

  take(generation: number, first: number, frames: readonly Bytes[]): void {
    if (!this.isReady || generation !== this.generation) return;
    for (const [i, frame] of frames.entries())
      this.came.push({ number: first + i, generation, text: textOf(frame) });
  }
}

/** A relay's subscription for the client. */
class SubscriptionEnd {
  isReady = false;
  /** Up to where it has read, and up to where it has told the client. */
  at: number;
  #reached: number;
  #count = 0;
  readonly #post: (frame: Frame, flow?: string) => void;

  constructor(from: number, last: number, post: (frame: Frame, flow?: string) => void) {
    this.at = from > 0 ? from - 1 : last;
    this.#reached = from > 0 ? from - 1 : -1;
    this.#post = post;
  }

  tellReached(): void {
    if (this.at <= this.#reached) return;
    this.#reached = this.at;
    this.#send([], []);
  }

  /** Passes on deliveries in frames of so many envelopes; whole ones, of one topic each, with 0. */
  read(answers: Store['answers'], size: number): void {
    const parts = answers.flatMap(({ position, topic, texts }) => {
      const frames = texts.map(bytes);
      const cut: { position: number; topic: string; frames: Bytes[] }[] = [];
      for (let i = 0; i < frames.length; i += size || frames.length)
        cut.push({ position, topic, frames: frames.slice(i, i + (size || frames.length)) });
      return cut;
    });
    for (let i = 0; i < parts.length; ) {
      const part = parts[i];
      if (part === undefined) return;
      let end = i + 1;
      if (size === 0) while (parts[end]?.topic === part.topic) end++;
      const own = parts.slice(i, end);
      const last = own.at(-1)?.position ?? 0;
      this.at = last;
      if (last !== parts[end]?.position) this.#reached = last;
      this.#send(
        own.map(({ position }) => position),
        own.map(({ topic, frames }) => ({ topic, frames })),
      );
      i = end;
    }
  }

  #send(positions: number[], deliveries: Delivery[]): void {
    const frame: Placed = [
      Type.placed,
      SUBSCRIPTION,
      ++this.#count,
      Math.max(0, this.#reached),
      positions,
      deliveries,
    ];
    this.#post(frame, deliveries[0] && `${SUBSCRIPTION} ${deliveries[0].topic}`);
  }
}

class Relay {
  readonly toRelay = new Line();
  readonly toClient = new Line();
  readonly #store: Store;
  readonly #pushes = new Map<number, PushEnd>();
  readonly #asked: number[] = [];
  #subscription: SubscriptionEnd | undefined;
  /** What no well-behaved client does. */
  readonly faults: string[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  receive(n: number): boolean {
    const frame = this.toRelay.next(n);
    if (frame === undefined) return false;
    if (frame[0] === Type.openFrom) this.#open(frame);
    else if (frame[0] === Type.store) {
      const channel = this.#pushes.get(frame[1]);
      if (channel === undefined) this.faults.push(`frames for channel ${frame[1]}, which is not open`);
      channel?.take(frame[2], frame[3], frame[4]);
    } else if (frame[0] === Type.request) {
      if (codec.decode(frame[3]).function.endsWith('.set')) this.#store.done.push(frame[1]);
      this.#asked.push(frame[1]);
    } else this.faults.push(`a frame of type ${frame[0]}`);
    return true;
  }

  reply(): boolean {
    const id = this.#asked.shift();
    if (id !== undefined) this.toClient.add([Type.reply, id, bytes('reply')]);
    return id !== undefined;
  }

  ready(n: number): boolean {
    const waiting = [...this.#pushes, [SUBSCRIPTION, this.#subscription] as const].filter(
      ([, end]) => end?.isReady === false,
    );
    const [number, end] = waiting[n % waiting.length] ?? [];
    if (end === undefined || number === undefined) return false;
    if (end instanceof PushEnd) {
      end.ready();
      this.toClient.add([Type.ready, number, end.generation, true], number);
    } else {
      end.isReady = true;
      // Before it is known where the client is, it must not call: an answer could be missed at the next relay.
      end.tellReached();
      this.toClient.add([Type.ready, number, 1, true], number);
    }
    return true;
  }

  /** The server of a channel is gone. */
  breaks(n: number): void {
    const ready = [...this.#pushes].filter(([, { isReady }]) => isReady);
    const [number, end] = ready[n % ready.length] ?? [];
    if (number === undefined || end === undefined) return;
    end.broke();
    this.toClient.add([Type.broken, number, 'DISCONNECTED', 'gone'], number);
  }

  /** Stores frames that came. @param isNoted - whether the relay hears that they are stored. */
  stores(n: number, most: number, isNoted = true): boolean {
    const full = [...this.#pushes].filter(([, { came }]) => came.length > 0);
    const [number, end] = full[n % full.length] ?? [];
    if (number === undefined || end === undefined) return false;
    for (const { number: own, text } of isNoted ? end.came.splice(0, most) : end.came.slice(0, most)) {
      this.#store.add(`${number}.${own}`, text);
      if (isNoted) end.told.push(own);
    }
    return true;
  }

  pays(): boolean {
    let isPaid = false;
    for (const [number, end] of this.#pushes) {
      if (end.told.length === 0) continue;
      isPaid = true;
      const ranges = end.told.flatMap((own) => [own, 1]);
      this.toClient.add([Type.stored, number, end.told.length, ranges], 'credit');
      end.told = [];
    }
    return isPaid;
  }

  reads(most: number, size: number): boolean {
    const own = this.#subscription;
    if (own?.isReady !== true) return false;
    const answers = this.#store.answers.filter(({ position }) => position > own.at).slice(0, most);
    own.read(answers, size);
    return answers.length > 0;
  }

  tells(): void {
    const own = this.#subscription;
    if (own?.isReady !== true) return;
    // It has nothing more to read, and says so: others' deliveries are no news for the client.
    if (!this.#store.answers.some(({ position }) => position > own.at)) own.at = this.#store.last;
    own.tellReached();
  }

  #open([, number, kind, , , from]: OpenFrom): void {
    if (this.#pushes.has(number) || (number === SUBSCRIPTION && this.#subscription !== undefined))
      this.faults.push(`channel ${number} is open`);
    if (kind === ChannelKind.push) this.#pushes.set(number, new PushEnd());
    else
      this.#subscription = new SubscriptionEnd(from, this.#store.last, (frame, flow) =>
        this.toClient.add(frame, flow),
      );
  }
}

/** The rest of the client, which sees one session. */
class User {
  readonly #session: () => AdoptableSession;
  readonly #ready = new Map<number, number>();
  /** Frames that it may not have given up, and those that it has: their channel was broken. */
  pushed: { readonly channel: number; readonly text: string }[] = [];
  readonly over: string[] = [];
  readonly got = new Map<string, string[]>();
  /** What became of requests, by id. */
  readonly outcomes = new Map<number, string[]>();
  readonly trouble: string[] = [];
  #count = 0;

  constructor(session: () => AdoptableSession) {
    this.#session = session;
  }

  begin(): void {
    for (const number of PUSHES) this.#session().post([Type.open, number, ChannelKind.push, 'demo', '']);
    this.#session().post([Type.open, SUBSCRIPTION, ChannelKind.subscribe, 'demo', 'relay/1/']);
  }

  push(n: number, size: number): void {
    const channel = PUSHES[n % PUSHES.length] ?? 1;
    const generation = this.#ready.get(channel);
    if (generation === undefined || !this.#ready.has(SUBSCRIPTION)) return;
    const flow = `${channel}${FLOWS[Math.floor(n / PUSHES.length) % FLOWS.length]}`;
    const texts = Array.from({ length: size }, () => `${this.#count++} ${flow}`);
    for (const text of texts) this.pushed.push({ channel, text });
    this.#session().post([Type.send, channel, generation, texts.map(bytes)], () => flow);
  }

  ask(operation: string): void {
    const id = this.outcomes.size + 1;
    this.outcomes.set(id, []);
    const frame = codec.encode(keyRequest(operation, { server: 'demo', client: 'relay/1' }, 'key', 0));
    this.#session().post([Type.request, id, 'demo', frame]);
  }

  arrived(frames: readonly RelayFrame[]): void {
    for (const frame of frames) {
      if (frame[0] === Type.ready) {
        const before = this.#ready.get(frame[1]);
        if (before !== undefined) this.trouble.push(`channel ${frame[1]} is ready again`);
        this.#ready.set(frame[1], frame[2]);
      } else if (frame[0] === Type.broken) {
        if (!this.#ready.delete(frame[1])) this.trouble.push(`channel ${frame[1]} broke without being ready`);
        this.over.push(...this.pushed.filter(({ channel }) => channel === frame[1]).map(({ text }) => text));
        this.pushed = this.pushed.filter(({ channel }) => channel !== frame[1]);
      } else if (frame[0] === Type.results) {
        for (const { topic, frames: own } of frame[2])
          this.got.set(topic, [...(this.got.get(topic) ?? []), ...own.map(textOf)]);
      } else if (frame[0] === Type.reply || frame[0] === Type.failed) {
        this.outcomes.get(frame[1])?.push(frame[0] === Type.reply ? 'replied' : frame[2]);
      } else if (frame[0] !== Type.taken) this.trouble.push(`a frame of type ${frame[0]}`);
    }
  }
}

/** Everything together, moved by a list of steps. */
class Chain {
  readonly store = new Store();
  readonly relays: Relay[] = [];
  readonly user: User = new User(() => this.#session);
  readonly #session: AdoptableSession;
  #isConnected = true;

  constructor() {
    this.#session = new AdoptableSession(
      (frame, flow) => this.relay.toRelay.add(frame, flow?.()),
      (frames) => this.user.arrived(frames),
    );
    this.#begin();
    this.user.begin();
  }

  get relay(): Relay {
    const own = this.relays.at(-1);
    if (own === undefined) throw new Error('there is no relay');
    return own;
  }

  #begin(): void {
    this.relays.push(new Relay(this.store));
  }

  #arrive(n: number, most: number): boolean {
    const frames: Frame[] = [];
    while (frames.length < most) {
      const frame = this.relay.toClient.next(n);
      if (frame === undefined) break;
      frames.push(frame);
    }
    this.user.arrived(this.#session.took(frames as RelayFrame[]));
    return frames.length > 0;
  }

  step([what, n, m]: Step): void {
    if (!this.#isConnected && (what === 'receive' || what === 'arrive')) return;
    const steps: Record<What, () => unknown> = {
      push: () => this.user.push(n, 1 + (m % 4)),
      ask: () => this.user.ask(m % 2 ? 'get' : 'set'),
      receive: () => this.relay.receive(n),
      ready: () => this.relay.ready(n),
      breaks: () => this.relay.breaks(n),
      stores: () => this.relay.stores(n, 1 + (m % 4), m !== 7),
      // A relay that is cut off has been left, and does not know.
      storesLate: () => this.relays.at(-2)?.stores(n, 1 + (m % 4)),
      pays: () => this.relay.pays(),
      answers: () => this.store.answer(1 + (m % 5)),
      replies: () => this.relay.reply(),
      reads: () => this.relay.reads(1 + (n % 4), m % 3),
      tells: () => this.relay.tells(),
      arrive: () => this.#arrive(n, 1 + (m % 3)),
      leaves: () => {
        this.#isConnected = false;
      },
      resumes: () => {
        this.#isConnected = true;
      },
      moves: () => {
        this.#isConnected = true;
        this.#begin();
        this.#session.adopted();
      },
    };
    steps[what]();
  }

  /** Lets the last relay do all that there is to do. */
  settle(): void {
    this.step(['resumes', 0, 0]);
    const { relay, store } = this;
    while (
      relay.receive(0) ||
      relay.ready(0) ||
      relay.stores(0, 4) ||
      relay.pays() ||
      relay.reply() ||
      store.answer(3) ||
      relay.reads(4, 0) ||
      this.#arrive(0, 4)
    );
  }
}

const WEIGHTS = {
  push: 6,
  ask: 1,
  receive: 10,
  ready: 4,
  breaks: 1,
  stores: 5,
  storesLate: 1,
  pays: 3,
  answers: 4,
  replies: 1,
  reads: 4,
  tells: 1,
  arrive: 10,
  leaves: 1,
  resumes: 1,
  moves: 2,
};
type What = keyof typeof WEIGHTS;
type Step = readonly [what: What, n: number, m: number];

const aWhat = fc.constantFrom(
  ...Object.entries(WEIGHTS).flatMap(([what, weight]) => Array<What>(weight).fill(what as What)),
);
const aStep = fc.tuple(aWhat, fc.nat(11), fc.nat(7));

/** The texts of each flow. */
function byFlow(texts: readonly string[]): Record<string, string[]> {
  const flows: Record<string, string[]> = {};
  for (const text of texts) {
    const flow = flowOf(text) ?? '';
    flows[flow] = [...(flows[flow] ?? []), text];
  }
  return flows;
}

function judge({ store, relays, user }: Chain): void {
  expect(relays.flatMap(({ faults }) => faults)).toEqual([]);
  expect(user.trouble).toEqual([]);
  // What a break has ended may have been stored before it.
  const isOver = new Set(user.over);
  expect(new Set(store.calls).size).toBe(store.calls.length);
  expect(byFlow(store.calls.filter((text) => !isOver.has(text)))).toEqual(
    byFlow(user.pushed.map(({ text }) => text)),
  );
  expect(Object.fromEntries(user.got)).toEqual(byFlow(store.answers.flatMap(({ texts }) => texts)));
  for (const [id, outcomes] of user.outcomes) expect([id, outcomes.length]).toEqual([id, 1]);
  expect(new Set(store.done).size).toBe(store.done.length);
}

it('nothing is lost, nothing comes twice and all is in order, whichever relays are gone at whatever moment', () => {
  let moves = 0;
  let calls = 0;
  let kept = 0;
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 200, size: 'max' }), (steps) => {
      const chain = new Chain();
      // Most of what can go wrong needs channels that were ready once.
      for (let i = 0; i < 3; i++) chain.step(['receive', 0, 0]);
      for (let i = 0; i < 3; i++) chain.step(['ready', 0, 0]);
      for (let i = 0; i < 4; i++) chain.step(['arrive', 0, 0]);
      for (const step of steps) chain.step(step);
      chain.settle();
      judge(chain);
      moves += chain.relays.length - 1;
      calls += chain.store.calls.length;
      kept += chain.user.pushed.length;
    }),
    { numRuns: 400 },
  );
  // The steps are such that there is something to lose.
  expect(moves).toBeGreaterThan(400);
  expect(calls).toBeGreaterThan(1_000);
  expect(kept).toBeGreaterThan(1_000);
});
