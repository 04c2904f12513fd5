/**
 * A peer of one end of zmtp, over a socket that exists in memory only. It keeps what the end writes, and takes it when a test says so.
 * For tests with fake timers.
 */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { vi } from 'vitest';
import { ReadTurns } from '../../src/async/read-turns.ts';
import { READ_TURN } from '../../src/flow-control.ts';
import type { ChannelHost } from '../../transports/shared/base-connection.ts';
import type { BindContext } from '../../transports/zmtp/bound.ts';
import type { DialContext } from '../../transports/zmtp/dialled.ts';
import { FrameReader } from '../../transports/zmtp/frame-reader.ts';
import { Link, type LinkEnd, type LinkRole } from '../../transports/zmtp/link.ts';
import { LocalSystem } from '../../transports/zmtp/local-system.ts';
import { resolveOptions, type ZmtpOptions } from '../../transports/zmtp/options.ts';
import { OwnBytes } from '../../transports/zmtp/own-bytes.ts';
import { frameOf, GREETING, readyOf } from './zmtp.ts';

/** What an end needs, and what it has reported to its connection. */
export interface EndContext extends BindContext, DialContext {
  readonly reported: Parameters<ChannelHost['report']>[0][];
}

export function endContext(options: ZmtpOptions = {}): EndContext {
  const reported: EndContext['reported'] = [];
  return {
    address: 'tcp://127.0.0.1:1',
    host: { report: (status) => reported.push(status), release: () => {} },
    settings: resolveOptions({ heartbeatInterval: 0, ...options }),
    own: new OwnBytes(),
    turns: new ReadTurns(READ_TURN),
    system: new LocalSystem(),
    mechanism: undefined,
    reported,
  };
}

/** A socket without a network. */
class KeepingSocket extends EventEmitter {
  destroyed = false;
  readableEnded = false;
  isPaused = false;
  /** What the end has written. */
  written: Uint8Array[] = [];
  /** Whether the peer takes nothing: what is written waits. */
  isDeaf = false;
  writableLength = 0;
  /** What the end asked of the system. */
  noDelay: boolean | undefined;
  keepAlive: readonly [isOn: boolean, delay: number] | undefined;
  /** Whether the end of what is written is not told: the system has not sent it. */
  keepsEnd = false;
  isEnded = false;

  get writableNeedDrain(): boolean {
    return this.writableLength > 16_384;
  }

  write(piece: Uint8Array): boolean {
    this.written.push(piece.slice());
    if (this.isDeaf) this.writableLength += piece.length;
    return !this.writableNeedDrain;
  }

  end(done?: () => void): this {
    this.isEnded = true;
    if (!this.keepsEnd) done?.();
    return this;
  }

  destroy(): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    process.nextTick(() => this.emit('close'));
    return this;
  }

  pause(): this {
    this.isPaused = true;
    return this;
  }

  resume(): this {
    this.isPaused = false;
    return this;
  }

  setNoDelay(isOn: boolean): this {
    this.noDelay = isOn;
    return this;
  }

  setKeepAlive(...how: [isOn: boolean, delay: number]): this {
    this.keepAlive = how;
    return this;
  }

  cork(): void {}

  uncork(): void {}
}

/** A frame that the end has written. */
export interface WrittenFrame {
  readonly flags: number;
  readonly text: string;
}

export class MemoryPeer {
  readonly socket: KeepingSocket = new KeepingSocket();
  readonly link: Link;
  /** How the link ended; undefined while it is there. */
  end: LinkEnd | undefined;
  readonly #reader: FrameReader;
  #greeted = 0;
  #frames: WrittenFrame[] = [];

  constructor(end: LinkRole, isDialler: boolean) {
    const down = (link: Link, how: LinkEnd) => {
      this.end = how;
      end.down(link, how);
    };
    this.#reader = new FrameReader(
      {
        frame: (flags, bytes, from, to) => {
          this.#frames.push({ flags, text: Buffer.from(bytes.subarray(from, to)).toString('latin1') });
        },
      },
      -1,
    );
    this.link = new Link(this.socket as unknown as Socket, withDown(end, down), isDialler);
  }

  /** A peer whose handshake is done. */
  static async of(end: LinkRole, isDialler: boolean, type: string, minor = 1): Promise<MemoryPeer> {
    const peer = new MemoryPeer(end, isDialler);
    const greeting = Buffer.from(GREETING);
    greeting[11] = minor;
    await peer.say(greeting, readyOf(type));
    peer.heard();
    return peer;
  }

  /** Sends bytes to the end, in one piece. */
  async say(...parts: readonly Uint8Array[]): Promise<void> {
    if (this.socket.destroyed) return;
    this.socket.emit('data', Buffer.concat(parts));
    await turn();
  }

  /** Sends a command. */
  command(name: string, body: string | Uint8Array = ''): Promise<void> {
    const text = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from(body)]);
    const frame = frameOf(text);
    frame[0] = (frame[0] ?? 0) | 4;
    return this.say(frame);
  }

  /** The frames behind the greeting that the end has written since this was asked last. */
  heard(): readonly WrittenFrame[] {
    for (const piece of this.socket.written.splice(0)) {
      const ofGreeting = Math.min(piece.length, GREETING.length - this.#greeted);
      this.#greeted += ofGreeting;
      if (ofGreeting < piece.length) this.#reader.read(piece.subarray(ofGreeting));
    }
    const frames = this.#frames;
    this.#frames = [];
    return frames;
  }

  /** What {@link heard} gives, as texts. */
  texts(): string[] {
    return this.heard().map(({ text }) => text);
  }

  /** Takes nothing from now on. */
  goDeaf(): void {
    this.socket.isDeaf = true;
  }

  /** Takes all that waits. */
  async hearAgain(): Promise<void> {
    this.socket.isDeaf = false;
    this.socket.writableLength = 0;
    this.socket.emit('drain');
    await turn();
  }

  async hangUp(): Promise<void> {
    this.socket.destroy();
    await turn();
  }
}

/** Lets what this turn of events still sends leave, and what waits for the next turn run. */
export async function turn(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
  await vi.advanceTimersByTimeAsync(1);
}

/** The end with another `down`. Its methods have the end itself as `this`, which has private fields. */
function withDown(end: LinkRole, down: LinkRole['down']): LinkRole {
  return new Proxy(end, {
    get: (_, name) => {
      if (name === 'down') return down;
      const value: unknown = Reflect.get(end, name, end);
      return typeof value === 'function' ? value.bind(end) : value;
    },
  });
}
