import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on loopback that can stop passing anything on, or cut what passes through it. */
export interface Proxy extends AsyncDisposable {
  readonly address: string;
  /** Nothing passes any more, in either direction, and nobody is told. */
  freeze(): void;
  thaw(): void;
  /** Ends every connection that is there. */
  cut(): void;
}

export async function startProxy(target: string): Promise<Proxy> {
  const port = Number(target.split(':').at(-1));
  const pairs = new Set<readonly [Socket, Socket]>();
  let isFrozen = false;
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    const end = () => {
      near.destroy();
      far.destroy();
      pairs.delete(pair);
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    near.pipe(far);
    far.pipe(near);
    if (isFrozen) for (const socket of pair) socket.unpipe().pause();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as AddressInfo;
  const cut = () => {
    for (const [near] of pairs) near.destroy();
  };
  return {
    address: `tcp://127.0.0.1:${own}`,
    freeze() {
      isFrozen = true;
      for (const pair of pairs) for (const socket of pair) socket.unpipe().pause();
    },
    thaw() {
      isFrozen = false;
      for (const [near, far] of pairs) {
        near.pipe(far);
        far.pipe(near);
      }
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
