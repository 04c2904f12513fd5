/** A weather station, a relay to it, and the page that watches it, on one port: `node serve.mjs`. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { json } from 'frond';
import { Server } from 'frond/cluster';
import { memory } from 'frond/memory';
import { createRelay } from 'frond/relay';

const { encode, decode } = json();
const transport = memory(); // zmtp() for servers that are elsewhere

const station = await Server.start({
  transport,
  name: 'station',
  dbAddress: 'memory://*',
  pullAddress: 'memory://*',
  pubAddress: 'memory://*',
  loggingLevel: 'warning',
  functions: {
    /** Takes `{ asked }`, in milliseconds, and gives what it measures. */
    now(payload) {
      const { asked } = decode(payload);
      const wind = 6 + 3 * Math.sin(asked / 2_000) + Math.random();
      const gusts = wind + 2 + 2 * Math.sin(asked / 700) ** 2;
      return encode({ asked, wind, gusts });
    },
  },
});

const page = new URL('index.html', import.meta.url);
const bundle = new URL('../browser/', import.meta.resolve('frond'));
const http = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://here'); // which leaves no .. in it
  const isScript = pathname.startsWith('/frond/');
  try {
    const content = await readFile(isScript ? new URL(pathname.slice('/frond/'.length), bundle) : page);
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(content);
  } catch {
    response.writeHead(404).end();
  }
});

await createRelay({
  server: http,
  path: '/relay',
  transport,
  servers: { station: { dbAddress: station.dbAddress } },
  anonymous: { servers: ['station'], functions: ['station.now'] },
  loggingLevel: 'warning',
});
const { PORT = '0' } = process.env;
http.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${http.address().port}/`));
