/** CURVE by hand, for peers that keep to nothing. Source: rfc.zeromq.org/spec/26. */
import type { CurveClientKeys, CurveServerKeys } from '../../transports/shared/curve-keys.ts';
import { decodeZ85 } from '../../transports/shared/z85.ts';
import { propertiesOf, type SocketType } from '../../transports/zmtp/commands.ts';
import { newKeyPair } from '../../transports/zmtp/curve/boxes.ts';
import { ClientHandshake } from '../../transports/zmtp/curve/client-handshake.ts';
import { greetingOf } from '../../transports/zmtp/greeting.ts';
import { curveKeyPair } from '../../transports/zmtp/key-pair.ts';
import type { Handshake, SealedFrames } from '../../transports/zmtp/mechanism.ts';
import { until, within } from './wait.ts';
import { dialRaw, frameOf, type RawPeer } from './zmtp.ts';

const GREETING_SIZE = 64;
const COMMAND = 4;

/** Options of a transport with CURVE for both ends, and the key of one client alone. */
export function curveOptions(): { readonly curve: CurveClientKeys; readonly curveServer: CurveServerKeys } {
  const [server, client] = [curveKeyPair(), curveKeyPair()];
  return {
    curve: { serverKey: server.publicKey, ...client },
    curveServer: { secretKey: server.secretKey, allow: [client.publicKey] },
  };
}

/** A key of Z85 as bytes. */
export function keyBytes(text: string): Uint8Array {
  const key = decodeZ85(text);
  if (key === undefined) throw new Error(`not Z85: ${text}`);
  return key;
}

/** A frame that is a command. */
export function commandFrame(body: Uint8Array): Buffer<ArrayBuffer> {
  const frame = frameOf(body);
  frame[0] = (frame[0] ?? 0) | COMMAND;
  return frame;
}

/** A connection on which the CURVE greeting was exchanged. */
export class CurvePeer implements AsyncDisposable {
  readonly raw: RawPeer;
  #bytes = Buffer.alloc(0);

  private constructor(raw: RawPeer) {
    this.raw = raw;
    raw.socket.on('data', (data: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, data]);
    });
  }

  static async dial(address: string): Promise<CurvePeer> {
    const peer = new CurvePeer(await dialRaw(address));
    await peer.raw.write(greetingOf('CURVE'));
    await within(4_000, peer.#has(GREETING_SIZE), 'the greeting');
    peer.#bytes = peer.#bytes.subarray(GREETING_SIZE);
    return peer;
  }

  /** The next frame without its head; undefined when the server hung up instead. */
  async read(): Promise<Buffer | undefined> {
    await within(4_000, this.#has(2), 'a frame');
    if (this.#bytes.length < 2) return undefined;
    const isLong = ((this.#bytes[0] ?? 0) & 2) !== 0;
    await within(4_000, this.#has(9), 'the head of a frame');
    const start = isLong ? 9 : 2;
    const size = isLong ? Number(this.#bytes.readBigUInt64BE(1)) : (this.#bytes[1] ?? 0);
    await within(4_000, this.#has(start + size), 'the rest of a frame');
    if (this.#bytes.length < start + size) return undefined;
    const body = this.#bytes.subarray(start, start + size);
    this.#bytes = this.#bytes.subarray(start + size);
    return body;
  }

  async command(body: Uint8Array): Promise<void> {
    await this.raw.write(commandFrame(body));
  }

  /** Ends a handshake as an honest client does. Gives its keys, and all commands that it sent. */
  async shake(
    serverKey: string,
    type: SocketType,
    pair = newKeyPair(),
  ): Promise<{ frames: SealedFrames; sent: Uint8Array[] }> {
    const handshake: Handshake = new ClientHandshake(pair, keyBytes(serverKey), propertiesOf(type, 0));
    const sent: Uint8Array[] = [];
    const say = async (body: Uint8Array | undefined) => {
      if (body === undefined) return;
      sent.push(body);
      await this.command(body);
    };
    await say(handshake.begin());
    for (;;) {
      const body = await this.read();
      if (body === undefined) throw new Error('the server hung up during the handshake');
      const step = await handshake.take(body);
      await say(step.reply);
      if (step.properties !== undefined) return { frames: handshake.frames(), sent };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.raw[Symbol.asyncDispose]();
  }

  #has(bytes: number): Promise<unknown> {
    return until(() => this.#bytes.length >= bytes || this.raw.isClosed);
  }
}
