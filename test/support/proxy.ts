/** A TCP proxy on loopback that can delay, freeze, cut and reset what passes through it. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { portOf } from './ports.ts';

export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** The same as an address of ZeroMQ's. */
  readonly address: string;
  /** Everything arrives so many milliseconds late, in both directions. */
  delay(time: number): void;
  /** Nothing passes any more, in either direction, and nobody is told. */
  freeze(): void;
  thaw(): void;
  /** Ends every connection that is there, as a peer that closes does. */
  cut(): void;
  /** Ends them without a word: TCP's RST. */
  reset(): void;
}

/** @param target - where it passes everything on to, on loopback: a port, or an address that ends with one. */
export async function startProxy(target: number | string): Promise<Proxy> {
  const port = typeof target === 'number' ? target : portOf(target);
  const ways = new Set<Way>();
  const settings = { delay: 0, isFrozen: false };
  const server = createServer((near) => {
    const way = new Way(near, connect(port, '127.0.0.1'), settings);
    ways.add(way);
    way.onEnd(() => ways.delete(way));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as AddressInfo;
  return {
    port: own,
    address: `tcp://127.0.0.1:${own}`,
    delay(time) {
      settings.delay = time;
    },
    freeze() {
      settings.isFrozen = true;
      for (const way of ways) way.freeze();
    },
    thaw() {
      settings.isFrozen = false;
      for (const way of ways) way.thaw();
    },
    cut() {
      for (const way of [...ways]) way.end((socket) => socket.destroy());
    },
    reset() {
      for (const way of [...ways]) way.end((socket) => socket.resetAndDestroy());
    },
    async [Symbol.asyncDispose]() {
      for (const way of [...ways]) way.end((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface WaySettings {
  readonly delay: number;
  readonly isFrozen: boolean;
}

/** One connection through the proxy. */
class Way {
  readonly #sockets: readonly [Socket, Socket];
  readonly #settings: WaySettings;
  readonly #timers = new Set<NodeJS.Timeout>();
  #onEnd = () => {};
  #isEnded = false;

  constructor(near: Socket, far: Socket, settings: WaySettings) {
    this.#sockets = [near, far];
    this.#settings = settings;
    const end = () => this.end((socket) => socket.destroy());
    for (const socket of this.#sockets) socket.setNoDelay(true).on('error', end).on('close', end);
    this.#pass(near, far);
    this.#pass(far, near);
    if (settings.isFrozen) this.freeze();
  }

  onEnd(listener: () => void): void {
    this.#onEnd = listener;
  }

  freeze(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  thaw(): void {
    for (const socket of this.#sockets) socket.resume();
  }

  end(how: (socket: Socket) => void): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) how(socket);
    this.#onEnd();
  }

  #pass(from: Socket, to: Socket): void {
    from.on('data', (chunk) => {
      if (this.#settings.delay === 0 && this.#timers.size === 0) this.#write(chunk, from, to);
      else this.#later(() => this.#write(chunk, from, to));
    });
    to.on('drain', () => {
      if (!this.#settings.isFrozen) from.resume();
    });
  }

  #write(chunk: Buffer, from: Socket, to: Socket): void {
    if (!to.write(chunk)) from.pause();
  }

  /** Timers of one duration go off in their order. */
  #later(write: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        write();
      },
      Math.max(1, this.#settings.delay),
    );
    this.#timers.add(timer);
  }
}
