/** A session between client and relay, for tests of its account. Needs fake timers. */
import { vi } from 'vitest';
import type { Bytes } from '../../src/protocol/bytes.ts';
import {
  type Frame,
  type Message,
  readClientFrame,
  readClientMessage,
  readRelayFrame,
  readRelayMessage,
  Type,
} from '../../transports/relay-protocol/frames.ts';
import { Incoming } from '../../transports/relay-protocol/pieces.ts';
import { ReliableLog } from '../../transports/relay-protocol/reliable-log.ts';

interface Read {
  readonly message: (message: Bytes) => Message<Frame>;
  readonly frame: (bytes: Bytes) => Frame;
}

/** Frames stay in order with those whose number has the same rest. */
export const FLOWS = 3;

/** One side of a session: what it posted, what came to it, and what is on its way from it. */
export class Side {
  readonly ledger = new ReliableLog();
  readonly posted: number[] = [];
  readonly arrived: number[] = [];
  /** Told out of the count: may be lost, may not come twice. */
  readonly toldArrived: number[] = [];
  readonly #read: Read;
  readonly #make: (id: number, size: number) => Frame;
  /** Messages under way from this side, over the socket there is now. */
  line: Bytes[] = [];
  readonly incoming: Incoming<Frame>;
  readonly #isPaced: boolean;

  constructor(read: Read, make: (id: number, size: number) => Frame, isPaced: boolean) {
    this.#read = read;
    this.#make = make;
    this.#isPaced = isPaced;
    this.incoming = new Incoming(read.frame, 1_000_000);
  }

  post(size: number): void {
    const id = this.posted.length + 1;
    this.posted.push(id);
    this.ledger.post(this.#make(id, size), () => `${id % FLOWS}`);
  }

  tell(id: number): void {
    this.ledger.tell(this.#make(id, 0));
  }

  /** Sends over a new line. What was on the one before is lost with it. */
  resume(received: number): void {
    const line: Bytes[] = [];
    this.line = line;
    // As a socket does, which has copied what it sends.
    this.ledger.resume((message) => line.push(message.slice()), received, this.#isPaced);
  }

  suspend(): void {
    this.ledger.suspend();
    this.line = [];
  }

  take(bytes: Bytes): void {
    const message = this.#read.message(bytes);
    if (!this.ledger.take(message, bytes.length)) return;
    const into = message.sequence === 0 ? this.toldArrived : this.arrived;
    for (const frame of this.incoming.whole(message.frames)) into.push(frame[1] as number);
  }
}

/** Two sides and the socket between them, whose messages arrive when a test says so. */
export class Session {
  readonly client: Side;
  readonly relay: Side;
  #told = 0;

  /** @param isPaced - whether both sides take pieces. */
  constructor(isPaced = false) {
    this.client = new Side(
      { message: readRelayMessage, frame: readRelayFrame },
      (id, size) => [Type.send, id, 1, [new Uint8Array(size)]],
      isPaced,
    );
    this.relay = new Side(
      { message: readClientMessage, frame: readClientFrame },
      (id, size) => [Type.work, id, [new Uint8Array(size)]],
      isPaced,
    );
  }

  get sides(): readonly [Side, Side] {
    return [this.client, this.relay];
  }

  /** The greetings: the relay goes on when it has the client's, and the client when it has the relay's. */
  connect(isHalf = false): void {
    this.cut();
    const { client, relay } = this;
    relay.resume(client.ledger.received);
    if (!isHalf) client.resume(relay.ledger.received);
  }

  cut(): void {
    for (const side of this.sides) side.suspend();
  }

  /** Some of what is under way from `from` arrives. */
  deliver(from: Side, count: number): void {
    const to = from === this.client ? this.relay : this.client;
    for (const message of from.line.splice(0, count)) to.take(message);
  }

  tell(side: Side): void {
    side.tell(1_000_000 + ++this.#told);
  }

  /** Everything arrives, until nobody has anything more to say. */
  async settle(): Promise<void> {
    this.connect();
    for (const side of this.sides) side.ledger.release();
    for (let quiet = 0; quiet < 2; ) {
      await vi.advanceTimersByTimeAsync(1_000);
      quiet = this.sides.every(({ line }) => line.length === 0) ? quiet + 1 : 0;
      for (const side of this.sides) this.deliver(side, Number.POSITIVE_INFINITY);
    }
  }
}
