import type { Bytes } from '../../../../src/protocol/bytes.ts';
import {
  type Frame,
  type Message,
  readClientMessage,
  readRelayMessage,
  Type,
} from '../../../../transports/relay-protocol/frames.ts';
import { ReliableLog } from '../../../../transports/relay-protocol/reliable-log.ts';
import { claim, claimSame, readOr } from '../claims.ts';
import type { Target } from '../target.ts';

/** Steps by number: the lower four bits of each byte of an input choose one, the upper four are its argument. */
const STEPS = [
  'post',
  'reply',
  'ping',
  'deliver',
  'answer',
  'cut',
  'resume',
  'hold',
  'release',
  'turn',
  'large',
  'lie',
] as const;

/** The two ends of a session over a link that is cut: every frame arrives once and in order, and wrong numbers are refused. */
export const target: Target = {
  longest: 256,
  seeds: () =>
    [
      [6, 0, 16, 9, 3, 1, 9, 4],
      [0, 6, 9, 5, 0, 9, 6, 3, 4],
      [6, 7, 0, 9, 3, 8, 9, 1, 9, 4, 10, 3, 5, 6, 4],
      [6, 10, 10, 3, 4, 11, 27],
      [6, 0, 9, 3, 43, 59, 75],
    ].map((steps) => new Uint8Array(steps)),
  check: run,
};

/** An envelope that fills a message. */
const LARGE = new Uint8Array(66_000);

async function run(data: Bytes): Promise<void> {
  const client = new End(readRelayMessage);
  const relay = new End(readClientMessage);
  try {
    for (const byte of data.subarray(0, target.longest)) {
      const step = STEPS[byte & 0xf];
      const number = byte >> 4;
      if (step === 'post') client.post([Type.cancel, number]);
      else if (step === 'large') client.post([Type.request, number, 's', LARGE]);
      else if (step === 'reply') relay.post([Type.ready, number, number, true]);
      else if (step === 'ping') relay.ledger.tell([Type.ping]);
      else if (step === 'deliver') client.deliverTo(relay);
      else if (step === 'answer') relay.deliverTo(client);
      else if (step === 'cut') cut(client, relay);
      else if (step === 'resume') resume(client, relay);
      else if (step === 'hold') relay.ledger.hold();
      else if (step === 'release') relay.ledger.release();
      else if (step === 'turn') await turn();
      // A lie ends the session.
      else if (step === 'lie') return lie(relay, number);
      claim(client.ledger.held >= 0 && relay.ledger.held >= 0, 'a negative number of bytes is held');
    }
    relay.ledger.release();
    await turn();
    cut(client, relay);
    resume(client, relay);
    while (client.deliverTo(relay) || relay.deliverTo(client)) await turn();
    claimSame(relay.received, client.posted, 'the relay did not receive what the client posted');
    claimSame(client.received, relay.posted, 'the client did not receive what the relay posted');
    // Resuming confirms everything that was received.
    cut(client, relay);
    resume(client, relay);
    claim(client.ledger.held === 0 && relay.ledger.held === 0, 'confirmed bytes are still held');
  } finally {
    cut(client, relay);
  }
}

class End {
  readonly ledger = new ReliableLog();
  readonly posted: Frame[] = [];
  readonly received: Frame[] = [];
  readonly out: Bytes[] = [];
  readonly read: (bytes: Bytes) => Message<Frame>;

  constructor(read: End['read']) {
    this.read = read;
  }

  post(frame: Frame): void {
    this.posted.push(frame);
    this.ledger.post(frame);
  }

  /** Whether a message was on its way. */
  deliverTo(other: End): boolean {
    const bytes = this.out.shift();
    if (bytes === undefined) return false;
    const message = other.read(bytes);
    if (other.ledger.take(message, bytes.length)) {
      other.received.push(...message.frames.filter(([type]) => type !== Type.ping));
    }
    return true;
  }
}

function cut(...ends: readonly End[]): void {
  for (const { ledger, out } of ends) {
    ledger.suspend();
    out.length = 0;
  }
}

function resume(client: End, relay: End): void {
  cut(client, relay);
  // Copies: the ledger renumbers its messages in place when it sends them again.
  const [toRelay, toClient] = [client.ledger.received, relay.ledger.received];
  client.ledger.resume((message) => client.out.push(message.slice()), toClient);
  relay.ledger.resume((message) => relay.out.push(message.slice()), toRelay);
}

/** Takes a message, and resumes, with numbers that are not the next ones. */
function lie({ ledger }: End, number: number): void {
  const before = ledger.received;
  const numbers = {
    sequence: number % 4 === 0 ? Number.MAX_SAFE_INTEGER : number,
    confirmed: number * number,
  };
  const isTaken = readOr(() => ledger.take({ ...numbers, frames: [] }, 10), 'PROTOCOL');
  claim(ledger.received <= before + 1, 'a message was skipped');
  claim(
    isTaken !== true || numbers.sequence === 0 || numbers.sequence === before + 1,
    'a message was accepted twice',
  );
  readOr(() => ledger.resume(() => {}, number * number), 'PROTOCOL');
}

async function turn(): Promise<void> {
  await Promise.resolve();
}
