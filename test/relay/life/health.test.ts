/** What a relay answers to those who watch over it. */
import { createServer, type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Server } from '../../../src/cluster/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import { createRelay } from '../../../transports/relay/index.ts';
import { zeromq } from '../../../transports/zeromq/index.ts';
import { bytes } from '../../support/bytes.ts';
import { startRelay } from '../../support/relay.ts';

const ANY = 'tcp://127.0.0.1:*';

function startServer(name: string, dbAddress = ANY): Promise<Server> {
  const addresses = { dbAddress, pullAddress: ANY, pubAddress: ANY };
  return Server.start({ transport: zeromq(), name, loggingLevel: 'silent', functions: {}, ...addresses });
}

describe('/readyz', () => {
  it('is 503 while no server answers, names them to those who may know, and is 200 when one is back', async () => {
    const [first, second] = [await startServer('first'), await startServer('second')];
    const { dbAddress } = first;
    const relay = await startRelay({
      transport: zeromq(),
      servers: { first: { dbAddress }, second: { dbAddress: second.dbAddress } },
    });
    const ready = () => relay.ask('/readyz');
    const both = (a: string, b: string) => `first: ${a}\nsecond: ${b}\n`;
    try {
      expect(await ready()).toEqual({ status: 200, text: `ready\n${both('answers', 'answers')}` });
      await first.close({ timeout: 0 });
      await expect
        .poll(ready, { timeout: 8_000 })
        .toEqual({ status: 200, text: `ready\n${both('does not answer', 'answers')}` });
      await second.close({ timeout: 0 });
      await expect
        .poll(ready, { timeout: 8_000 })
        .toEqual({ status: 503, text: `no server answers\n${both('does not answer', 'does not answer')}` });
      // It lives: to end it would help nobody.
      expect(await relay.ask('/healthz')).toEqual({ status: 200, text: 'ok\n' });
      await using _ = await startServer('first', dbAddress);
      await expect
        .poll(ready, { timeout: 8_000 })
        .toEqual({ status: 200, text: `ready\n${both('answers', 'does not answer')}` });
    } finally {
      await relay.close();
    }
  }, 40_000);

  it('asks a server once in a second, however many ask', async () => {
    const transport = memory();
    let asked = 0;
    const connection = await transport.open();
    const { address } = await connection.bindReply('memory://*', () => {
      asked++;
      return bytes('server');
    });
    const relay = await startRelay({ transport, servers: { server: { dbAddress: address } } });
    try {
      const answers = await Promise.all(Array.from({ length: 100 }, () => relay.ask('/readyz')));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(asked).toBeLessThan(10);
    } finally {
      await relay.close();
      await connection.close();
    }
  });
});

describe('paths', () => {
  it('are answered below the path of the WebSocket too, and nothing else is', async () => {
    const relay = await startRelay({ transport: memory(), servers: {}, path: '/way' });
    const { ask } = relay;
    for (const path of ['/healthz', '/way/healthz', '/readyz', '/way/readyz', '/metrics', '/way/metrics'])
      expect([path, (await ask(path)).status]).toEqual([path, 200]);
    for (const path of ['/way', '/way/', '/wayhealthz', '/other/healthz', '/way/way/healthz'])
      expect([path, (await ask(path)).status]).toEqual([path, 404]);
    await relay.close();
  });
});

describe('/metrics', () => {
  const rules: readonly (readonly [string, ((request: IncomingMessage) => boolean) | undefined, number])[] = [
    ['no rule', undefined, 404],
    ['a rule that says no', () => false, 404],
    ['a rule that says something else', (() => 'yes') as never, 404],
    [
      'a rule that throws',
      () => {
        throw new Error('boom');
      },
      404,
    ],
    ['a rule that lets it', ({ headers }) => headers['authorization'] === 'Bearer secret', 200],
  ];

  it.each(rules)('with %s', async (_, metrics, status) => {
    const http = createServer((request, response) => {
      if (!relay.respond(request, response)) response.writeHead(404).end();
    });
    const relay = await createRelay({
      server: http,
      transport: memory(),
      servers: {},
      loggingLevel: 'silent',
      ...(metrics && { metrics }),
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = http.address() as { port: number };
      const headers = { authorization: 'Bearer secret', connection: 'close' };
      const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers });
      expect(response.status).toBe(status);
      await response.text();
    } finally {
      await relay.close({ timeout: 0 });
      http.close();
    }
  });
});

it('does not start with grants to a server that there is not', async () => {
  const start = (anonymous: object) =>
    createRelay({
      server: createServer(),
      transport: memory(),
      servers: { demo: { dbAddress: 'memory://1' } },
      anonymous: anonymous as never,
      loggingLevel: 'silent',
    });
  await expect(start({ servers: ['demi'] })).rejects.toMatchObject({
    code: 'INVALID_CALL',
    message: 'anonymous.servers names "demi", and there is no such server here',
  });
  const relay = await start({ servers: ['*', 'd*'] });
  expect(() => relay.reconfigure({ anonymous: { servers: ['other'] } })).toThrow('names "other"');
  const servers = { other: { dbAddress: 'memory://2' } };
  relay.reconfigure({ anonymous: { servers: ['other'] }, servers });
  await relay.close({ timeout: 0 });
});
