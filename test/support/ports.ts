import { createServer } from 'node:net';

/** The port at the end of an address. */
export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

/** Ports below those that systems give to outgoing connections: one of these would take a free port before it is bound. */
const [FIRST, LAST] = [11_000, 20_000];

/** Ports of one process of the tests: what one has found free, and not bound yet, no other one takes. */
const OWN = 250;
const own = FIRST + ((Number(process.env['VITEST_POOL_ID'] ?? 0) * OWN) % (LAST - FIRST));
let next = Math.floor(Math.random() * OWN);

/** A TCP address of this machine whose port is free. */
export async function freeAddress(): Promise<string> {
  for (;;) {
    const port = own + (next++ % OWN);
    if (await isFree(port)) return `tcp://127.0.0.1:${port}`;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
