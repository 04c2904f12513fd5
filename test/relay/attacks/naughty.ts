/** A client that speaks the protocol between client and relay by hand, and keeps to none of its rules. */
import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import { type Deferred, deferred } from '../../../src/async/deferred.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { type PalmMessage, palmMessage } from '../../../src/protocol/message.ts';
import {
  type Frame,
  MessageWriter,
  type RelayFrame,
  readRelayMessage,
  SUBPROTOCOL,
  setNumbers,
  Type,
  type Welcome,
} from '../../../transports/websocket/frames.ts';
import { within } from '../../wait.ts';
import { TOKEN } from '../life/ground.ts';

/** What a relay answered before there was a WebSocket. */
export class HttpRefusal extends Error {
  readonly status: number;

  constructor({ statusCode = 0 }: IncomingMessage) {
    super(`HTTP ${statusCode}`);
    this.status = statusCode;
  }
}

export interface Greeting {
  readonly token?: string | null;
  readonly session?: string | null;
  readonly received?: number;
}

const codec = new EnvelopeCodec();

export function envelope(fields: Partial<PalmMessage>): Uint8Array<ArrayBuffer> {
  return codec.encode(palmMessage(fields)).slice();
}

export function readEnvelope(frame: Uint8Array): PalmMessage {
  return codec.decode(frame);
}

/** One message with these frames. */
export function messageOf(frames: readonly Frame[], sequence = 0, confirmed = 0): Uint8Array<ArrayBuffer> {
  const writer = new MessageWriter();
  for (const frame of frames) writer.add(frame);
  const message = writer.take();
  setNumbers(message, sequence, confirmed);
  return message;
}

export class Naughty {
  readonly socket: WebSocket;
  /** The close code and reason, once it is closed. */
  readonly ended: Promise<{ readonly code: number; readonly reason: string }>;
  welcome: Welcome | undefined;
  /** Counted messages. */
  sent = 0;
  received = 0;
  readonly arrived: RelayFrame[] = [];
  #came: Deferred<void> = deferred();
  #channels = 0;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = 'nodebuffer';
    socket.on('error', () => {});
    socket.on('message', (data) => this.#take(data));
    this.ended = new Promise((resolve) =>
      socket.once('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#came.resolve();
      }),
    );
  }

  /** @throws HttpRefusal when the relay answers by HTTP. */
  static async dial(
    url: string,
    headers: Readonly<Record<string, string>> = {},
    protocols: string[] = [SUBPROTOCOL],
  ): Promise<Naughty> {
    const socket = new WebSocket(url, protocols, { headers, perMessageDeflate: false });
    const naughty = new Naughty(socket);
    const opened = new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
      socket.once('unexpected-response', (request, response) => {
        request.destroy();
        reject(new HttpRefusal(response));
      });
    });
    await within(5_000, opened, 'opening');
    return naughty;
  }

  /** Dials and greets. */
  static async enter(url: string, greeting?: Greeting): Promise<Naughty> {
    const naughty = await Naughty.dial(url);
    await naughty.greet(greeting);
    return naughty;
  }

  get id(): string {
    return this.welcome?.[2] ?? '';
  }

  get session(): string {
    return this.welcome?.[1] ?? '';
  }

  hello({ token = TOKEN, session = null, received = 0 }: Greeting = {}): void {
    this.raw(messageOf([[Type.hello, token, session, received]]));
  }

  async greet(greeting?: Greeting): Promise<Welcome> {
    this.hello(greeting);
    const welcome = await this.next(Type.welcome);
    this.welcome = welcome;
    return welcome;
  }

  /** Sends anything at all. */
  raw(data: Uint8Array | string): void {
    this.socket.send(data);
  }

  /** Sends frames in one counted message. */
  say(...frames: Frame[]): void {
    this.raw(messageOf(frames, ++this.sent, this.received));
  }

  /** The next frame of a type; those before it are passed over. @throws Error when the relay hangs up instead. */
  async next<T extends RelayFrame[0]>(type: T): Promise<Extract<RelayFrame, readonly [T, ...unknown[]]>> {
    for (;;) {
      const frame = this.arrived.shift();
      if (frame?.[0] === type) return frame as Extract<RelayFrame, readonly [T, ...unknown[]]>;
      if (frame !== undefined) continue;
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error('the relay hung up');
      this.#came = deferred();
      await within(5_000, this.#came.promise, `frame ${type}`);
    }
  }

  /** The close code. */
  async end(): Promise<number> {
    return (await within(5_000, this.ended, 'the end')).code;
  }

  /** Opens a channel and gives its number and what the relay said of it. */
  async open(kind: number, address = 'server', topic = ''): Promise<{ number: number; said: RelayFrame }> {
    const number = ++this.#channels;
    this.say([Type.open, number, kind, address, topic]);
    for (;;) {
      const said = await this.#nextOf(Type.ready, Type.refused);
      if (said[1] === number) return { number, said };
    }
  }

  /** A request to the cache and what came back: an error code, or the reply. */
  async ask(fields: Partial<PalmMessage>, id = 1, address = 'server'): Promise<string | PalmMessage> {
    this.say([Type.request, id, address, envelope({ client: this.id, features: 2, ...fields })]);
    const said = await this.#nextOf(Type.reply, Type.failed);
    return said[0] === Type.failed ? said[2] : readEnvelope(said[2] as Uint8Array);
  }

  close(): Promise<unknown> {
    this.socket.terminate();
    return this.ended;
  }

  async #nextOf<T extends RelayFrame[0]>(...types: T[]) {
    for (;;) {
      const at = this.arrived.findIndex(({ 0: type }) => types.includes(type as T));
      if (at >= 0) return this.arrived.splice(at, 1)[0] as Extract<RelayFrame, readonly [T, ...unknown[]]>;
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error('the relay hung up');
      this.#came = deferred();
      await within(5_000, this.#came.promise, `a frame of ${types.join(' or ')}`);
    }
  }

  #take(data: unknown): void {
    const bytes = data as Buffer;
    const message = readRelayMessage(new Uint8Array(bytes));
    if (message.sequence > 0) this.received = message.sequence;
    for (const frame of message.frames) {
      if (frame[0] === Type.ping) this.raw(messageOf([[Type.pong]]));
      else this.arrived.push(frame);
    }
    this.#came.resolve();
  }
}
