/** A relay behind a proxy: whose connections they are, and what is said when nobody said that there is one. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { testRelays } from '../../support/besieged-relay.ts';
import { type Headers, knock } from '../../support/knock.ts';

const besieged = testRelays();

/** Passes upgrades on to a port, and says who asked as proxies do: behind what is in the header already. */
async function startProxy(port: number) {
  const proxy = createServer();
  const passing = new Set<{ destroy(): void }>();
  proxy.on('upgrade', (asked, socket, head) => {
    const before = asked.headers['x-forwarded-for'];
    const forwarded = [before, asked.socket.remoteAddress].filter((one) => one !== undefined).join(', ');
    const passed = request({
      port,
      host: '127.0.0.1',
      path: asked.url,
      headers: { ...asked.headers, 'x-forwarded-for': forwarded },
    });
    passed.on('upgrade', (response, upstream, first) => {
      const lines = Object.entries(response.headers).map(([key, value]) => `${key}: ${value}`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
      socket.write(first);
      upstream.write(head);
      for (const one of [socket, upstream]) {
        passing.add(one);
        one.on('error', () => one.destroy());
      }
      socket.pipe(upstream).pipe(socket);
    });
    passed.on('error', () => socket.destroy());
    passed.end();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port: own } = proxy.address() as AddressInfo;
  const close = async () => {
    proxy.close();
    for (const one of passing) one.destroy();
  };
  return { port: own, close };
}

/** Upgrades that stay open, each from an address of its own, as a proxy before the proxy would say it. */
async function knockFrom(port: number, count: number, others: Headers = {}): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 1; i <= count; i++)
    statuses.push(await knock(port, { 'X-Forwarded-For': `203.0.113.${i}`, ...others }, '/', false));
  return statuses;
}

const limits = { maxConnectionsPerAddress: 3, greetingTimeout: 60_000 };

it('counts all for the proxy when nobody said that there is one, and says so once, with the remedy', async () => {
  const { port, log, own, meanwhile } = await besieged({ limits });
  const proxy = own(await startProxy(port));
  await meanwhile(async () => {
    // One of three places is that of the client that works.
    expect(await knockFrom(proxy.port, 4)).toEqual([101, 101, 4429, 4429]);
  });
  const said = log.filter((line) => line.includes('trustProxy'));
  expect(said).toEqual([
    expect.stringMatching(/^a request has X-Forwarded-For, which is not trusted.*"proxy":"127\.0\.0\.1"/),
  ]);
});

it('counts each for itself behind two proxies, and nobody for what it says of itself', async () => {
  const { port, log, own, meanwhile } = await besieged({ limits, trustProxy: 2 });
  const proxy = own(await startProxy(port));
  await meanwhile(async () => {
    expect(await knockFrom(proxy.port, 5)).toEqual([101, 101, 101, 101, 101]);
    const claims = { 'X-Forwarded-For': '6.6.6.6, 7.7.7.7, 203.0.113.99' };
    expect(await knockFrom(proxy.port, 4, claims)).toEqual([101, 101, 101, 4429]);
  });
  expect(log.filter((line) => line.includes('trustProxy'))).toEqual([]);
});

it('believes proxies in the networks that are listed, and nobody else', async () => {
  const { port, own, meanwhile } = await besieged({ limits, trustProxy: ['loopback'] });
  const proxy = own(await startProxy(port));
  await meanwhile(async () => {
    expect(await knockFrom(proxy.port, 5)).toEqual([101, 101, 101, 101, 101]);
  });
  const elsewhere = await besieged({ limits, trustProxy: ['10.0.0.0/8'] });
  const strange = own(await startProxy(elsewhere.port));
  await elsewhere.meanwhile(async () => {
    expect(await knockFrom(strange.port, 3)).toEqual([101, 101, 4429]);
  });
});

it('does not start with what names no proxy', async () => {
  await expect(besieged({ trustProxy: ['proxy.example'] })).rejects.toMatchObject({
    code: 'INVALID_CALL',
    message: expect.stringMatching(/^trustProxy must be .* not "proxy\.example"/),
  });
});
