/** A TCP proxy between clients and a relay, which fails as networks do. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** How a connection ends: closed in good order, or reset. */
export type Cut = 'fin' | 'rst';

/** To the relay, or from it. */
export type Direction = 'up' | 'down';

export interface Wire extends AsyncDisposable {
  /** What clients dial. */
  readonly url: string;
  /** Whether new connections are passed on; otherwise they are reset. */
  isOpen: boolean;
  /** Bytes a second that pass on each connection, either way, in slices of a fiftieth of that; undefined for as many as there are. */
  rate: number | undefined;
  /** Connections that came. */
  readonly count: number;
  /** Connections that are there. */
  readonly live: number;
  /** Ends the connections that are there, on both sides or on one. */
  cut(how: Cut, sides?: readonly Direction[]): void;
  /** Cuts a connection once so many bytes more have passed in a direction. Resolves when that has happened. */
  cutAfter(direction: Direction, bytes: number, how: Cut): Promise<void>;
  /** Of the connections that are there nothing passes any more, and nobody is told. */
  freeze(): void;
  close(): Promise<void>;
}

/** Slices a second. */
const SLICES = 50;

interface Pair {
  /** Of the client. */
  readonly near: Socket;
  /** To the relay. */
  readonly far: Socket;
  isFrozen: boolean;
}

export async function startWire(port: number): Promise<Wire> {
  const pairs = new Set<Pair>();
  const sockets = new Set<Socket>();
  /** Bytes until the cut, by direction. */
  const budgets = new Map<Direction, { left: number; how: Cut; done: () => void }>();

  /** Passes a chunk on as a slow link does: a little at a time, the next not read before. */
  const trickle = (pair: Pair, from: Socket, to: Socket, chunk: Buffer, rate: number) => {
    from.pause();
    let at = 0;
    // By the clock, since timers are late by a little each time.
    let due = performance.now();
    const slice = Math.max(1, Math.floor(rate / SLICES));
    const next = () => {
      if (pair.isFrozen || from.destroyed || to.destroyed) return;
      const part = chunk.subarray(at, at + slice);
      at += part.length;
      to.write(part);
      due += (1_000 * part.length) / rate;
      setTimeout(at < chunk.length ? next : () => from.resume(), due - performance.now());
    };
    next();
  };

  const pass = (pair: Pair, from: Socket, to: Socket, direction: Direction) => {
    from.on('data', (chunk: Buffer) => {
      if (pair.isFrozen) return;
      const budget = budgets.get(direction);
      const passes = budget === undefined ? chunk : chunk.subarray(0, budget.left);
      if (wire.rate !== undefined) trickle(pair, from, to, passes, wire.rate);
      else if (passes.length > 0 && !to.write(passes)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
      if (budget === undefined) return;
      budget.left -= passes.length;
      if (budget.left > 0) return;
      budgets.delete(direction);
      // A part was left out, so nothing may follow; what passed is to arrive before the end does.
      pair.isFrozen = true;
      setImmediate(() => {
        endPair(pair, budget.how, ['up', 'down']);
        budget.done();
      });
    });
    from.on('end', () => pair.isFrozen || to.end());
    from.on('error', () => {});
    from.on('close', () => {
      if (pair.isFrozen) return;
      to.end();
      pairs.delete(pair);
    });
  };

  const endPair = (pair: Pair, how: Cut, sides: readonly Direction[]) => {
    for (const side of sides) {
      const socket = side === 'up' ? pair.far : pair.near;
      if (how === 'rst') socket.resetAndDestroy();
      else socket.end();
    }
    if (sides.length === 1) pair.isFrozen = true;
    else pairs.delete(pair);
  };

  const server = createServer((near) => {
    wire.count++;
    if (!wire.isOpen) {
      near.on('error', () => {});
      near.resetAndDestroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    const pair: Pair = { near, far, isFrozen: false };
    pairs.add(pair);
    for (const socket of [near, far]) {
      socket.setNoDelay();
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    pass(pair, near, far, 'up');
    pass(pair, far, near, 'down');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    await new Promise((resolve) => server.close(resolve));
  };
  const wire: Wire & { count: number } = {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    isOpen: true,
    rate: undefined,
    count: 0,
    get live() {
      return pairs.size;
    },
    cut(how: Cut, sides: readonly Direction[] = ['up', 'down']) {
      for (const pair of [...pairs]) endPair(pair, how, sides);
    },
    cutAfter: (direction: Direction, left: number, how: Cut) =>
      new Promise<void>((done) => budgets.set(direction, { left, how, done })),
    freeze() {
      for (const pair of pairs) pair.isFrozen = true;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  return wire;
}
