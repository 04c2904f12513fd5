/** A client of a relay that sends what it is told to, and keeps to nothing. */
import { WebSocket } from 'ws';
import { deferred } from '../../src/async/deferred.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { type PalmMessage, palmMessage } from '../../src/protocol/message.ts';
import {
  type ClientFrame,
  MessageWriter,
  type RelayFrame,
  readRelayMessage,
  SUBPROTOCOL,
  setNumbers,
  Type,
  type Welcome,
} from '../../transports/relay-protocol/frames.ts';
import { bytes } from './bytes.ts';
import { within } from './wait.ts';

export interface PeerEnd {
  readonly code: number;
  readonly reason: string;
}

export interface PeerOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly origin?: string;
  readonly protocol?: string | undefined;
  /** The address that it comes from. */
  readonly localAddress?: string;
}

type Fits = (frame: RelayFrame) => boolean;

export class RawPeer {
  /** Everything that came. */
  readonly frames: RelayFrame[] = [];
  readonly closed: Promise<PeerEnd>;
  readonly socket: WebSocket;
  id = '';
  session = '';
  /** Counted messages that came, and that were sent. */
  received = 0;
  sent = 0;
  /** Pings are not answered. */
  isMute = false;
  readonly #waiting = new Set<() => void>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => this.#take(new Uint8Array(data)));
  }

  /** Closed when the test is over, whatever became of it. */
  async close(): Promise<void> {
    this.socket.terminate();
  }

  /** How it ended. */
  end(timeout = 4_000): Promise<PeerEnd> {
    return within(timeout, this.closed, 'the end of the connection');
  }

  async greet(token: string | null, session: string | null = null, received = 0): Promise<Welcome> {
    this.sendLone([Type.hello, token, session, received]);
    const welcome = (await this.next(({ 0: type }) => type === Type.welcome)) as Welcome;
    [, this.session, this.id] = welcome;
    if (!welcome[3]) this.sent = 0;
    return welcome;
  }

  /** Sends frames as a client does: in one message, counted. */
  send(...frames: readonly ClientFrame[]): void {
    this.sendBytes(messageOf(frames, ++this.sent, this.received));
  }

  sendLone(...frames: readonly ClientFrame[]): void {
    this.sendBytes(messageOf(frames, 0, 0));
  }

  sendBytes(message: Uint8Array): void {
    this.socket.send(message);
  }

  /** The first frame that fits, of those that came and that come. */
  async next(fits: Fits, timeout = 4_000): Promise<RelayFrame> {
    for (;;) {
      const found = this.frames.find(fits);
      if (found !== undefined) return found;
      const change = deferred<void>();
      this.#waiting.add(change.resolve);
      const end = this.closed.then(({ code, reason }) => {
        throw new Error(`closed with ${code}: ${reason}`);
      });
      await within(timeout, Promise.race([change.promise, end]), 'a frame of the relay');
      this.#waiting.delete(change.resolve);
    }
  }

  /** What a request comes to: the bytes of its reply, or the code of its failure. */
  async ask(id: number, server: string, frame: Bytes): Promise<Bytes | string> {
    this.send([Type.request, id, server, frame]);
    const end = await this.next((own) => (own[0] === Type.reply || own[0] === Type.failed) && own[1] === id);
    return end[2] as Bytes | string;
  }

  /** Opens channels to push (1) and to take the answers (2). */
  async openCalls(server = 'server'): Promise<void> {
    this.send([Type.open, 1, 1, server, ''], [Type.open, 2, 2, server, `${this.id}/`]);
    for (const channel of [1, 2]) await this.next((own) => own[0] === Type.ready && own[1] === channel);
  }

  /** The answer to a call on those channels. */
  async call(call: string, path: string, fields: Partial<PalmMessage> = {}): Promise<PalmMessage> {
    const topic = `${this.id}/${call}`;
    const frame = envelope({ client: topic, function: path, payload: bytes('x'), ...fields });
    this.send([Type.send, 1, 1, [frame]]);
    return this.answer(topic);
  }

  async answer(topic: string): Promise<PalmMessage> {
    const found = (frame: RelayFrame) =>
      frame[0] === Type.results ? frame[2].find((delivery) => delivery.topic === topic) : undefined;
    const results = found(await this.next((frame) => found(frame) !== undefined));
    return new EnvelopeCodec().decode(results?.frames[0] ?? new Uint8Array(0));
  }

  #take(message: Uint8Array<ArrayBuffer>): void {
    const { sequence, frames } = readRelayMessage(message);
    if (sequence > 0) this.received = sequence;
    for (const frame of frames) {
      if (frame[0] !== Type.ping) this.frames.push(frame);
      else if (!this.isMute) this.sendLone([Type.pong]);
    }
    for (const wake of [...this.#waiting]) wake();
  }
}

/** A WebSocket to a relay; not greeted. */
export async function dial(url: string, options: PeerOptions = {}): Promise<RawPeer> {
  const { headers = {}, origin, protocol = SUBPROTOCOL, localAddress } = options;
  const protocols = 'protocol' in options && options.protocol === undefined ? [] : [protocol];
  const socket = new WebSocket(url, protocols, {
    headers,
    perMessageDeflate: false,
    ...(origin !== undefined && { origin }),
    ...(localAddress !== undefined && { localAddress }),
  });
  const peer = new RawPeer(socket);
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  await within(4_000, opened, 'the WebSocket');
  return peer;
}

export function messageOf(frames: readonly ClientFrame[], sequence: number, confirmed: number): Bytes {
  const writer = new MessageWriter();
  for (const frame of frames) writer.add(frame);
  const message = writer.take();
  setNumbers(message, sequence, confirmed);
  return message;
}

export function envelope(fields: Partial<PalmMessage>): Bytes {
  return new EnvelopeCodec().encode(palmMessage(fields));
}
