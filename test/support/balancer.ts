/** A TCP balancer on loopback, as stands before relays: each connection goes to one that is picked at random, and to another where that one refuses. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Balancer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Ports on loopback that connections go to from now on. */
  targets: readonly number[];
  /** Picks for each connection: an index of the targets. Default: at random. */
  pick: (count: number) => number;
  /** How many connections each target has got. */
  readonly counts: ReadonlyMap<number, number>;
  /** Ends every connection that is there, as a network that breaks does. @returns how many there were. */
  cut(): number;
}

export async function startBalancer(targets: readonly number[]): Promise<Balancer> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const counts = new Map<number, number>();
  const server = createServer((near) => {
    near.setNoDelay(true).on('error', () => near.destroy());
    const first = balancer.pick(balancer.targets.length);
    const order = [...balancer.targets.slice(first), ...balancer.targets.slice(0, first)];
    void join(near, order);
  });
  async function join(near: Socket, [port, ...others]: readonly number[]): Promise<void> {
    if (port === undefined || near.destroyed) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1').setNoDelay(true);
    const isUp = await new Promise<boolean>((resolve) => {
      far.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    if (!isUp) return join(near, others);
    counts.set(port, (counts.get(port) ?? 0) + 1);
    const pair = [near, far] as const;
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    if (near.destroyed) end();
    near.pipe(far).pipe(near);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const balancer: Balancer = {
    port,
    url: `ws://127.0.0.1:${port}/`,
    targets,
    pick: (count) => Math.floor(Math.random() * count),
    counts,
    cut() {
      const cut = [...pairs];
      for (const pair of cut) for (const socket of pair) socket.resetAndDestroy();
      return cut.length;
    },
    async [Symbol.asyncDispose]() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return balancer;
}
