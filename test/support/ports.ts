import { createServer } from 'node:net';

/** A TCP address of this machine whose port the system says is free. */
export function freeAddress(): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(`tcp://127.0.0.1:${port}`));
    });
  });
}
