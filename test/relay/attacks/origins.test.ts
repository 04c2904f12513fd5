/** Pages that may not connect: told so by a WebSocket that is closed at once, with 4403. */
import { expect, it } from 'vitest';
import { testRelays } from '../../support/besieged-relay.ts';
import { knock } from '../../support/knock.ts';

const besieged = testRelays();
const LISTED = 'https://mydomain.com';

it.each([
  'https://evil.example',
  'https://amydomain.com',
  'https://mydomain.com.evil.example',
  'https://sub.mydomain.com',
  'http://mydomain.com',
  'https://mydomain.com:8443',
  'https://mydomain.com.',
  'https://mydomain.com/',
  'https://user@mydomain.com',
  'HTTPS://MYDOMAIN.COM',
  'https://mydomain.com, https://evil.example',
  'wss://mydomain.com',
  'mydomain.com',
  'file://',
  'null',
  '*',
  '__proto__',
])('refuses the origin %s where another is listed', async (origin) => {
  const { port, meanwhile, log } = await besieged({ origins: [LISTED] });
  await meanwhile(async () => {
    expect(await knock(port, { Origin: origin })).toBe(4403);
    expect(await knock(port, { Origin: LISTED })).toBe(101);
  });
  expect(log.filter((line) => line.startsWith('handshake refused'))).toHaveLength(1);
});

it.each([
  'http://evil.example:PORT',
  'http://127.0.0.1:1',
  'http://127.0.0.1',
  'http://localhost:PORT',
  'http://a127.0.0.1:PORT',
  'ftp://127.0.0.1:PORT',
  'ws://127.0.0.1:PORT',
  'null',
  '',
])('refuses the origin %s where none is listed, and the relay was reached at 127.0.0.1', async (origin) => {
  const { port, meanwhile } = await besieged();
  await meanwhile(async () => {
    expect(await knock(port, { Origin: origin.replace('PORT', String(port)) })).toBe(4403);
    expect(await knock(port, { Origin: `http://127.0.0.1:${port}` })).toBe(101);
  });
});

it('refuses pages of a host that was made to resolve to this machine', async () => {
  const { port, meanwhile } = await besieged();
  await meanwhile(async () => {
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      'localhost.',
      'evillocalhost',
      '127.0.0.1.nip.io',
    ]) {
      const own = `${host}:${port}`;
      expect([host, await knock(port, { Host: own, Origin: `http://${own}` })]).toEqual([host, 4403]);
    }
    for (const host of ['localhost', 'app.localhost', '127.0.0.1', '[::1]']) {
      const own = `${host}:${port}`;
      expect([host, await knock(port, { Host: own, Origin: `http://${own}` })]).toEqual([host, 101]);
    }
  });
});

it('refuses a browser that says no origin, and lets scripts in, which have none', async () => {
  const { port, meanwhile } = await besieged();
  await meanwhile(async () => {
    const agent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0';
    expect(await knock(port, { 'User-Agent': agent })).toBe(4403);
    expect(await knock(port, { 'Sec-Fetch-Site': 'cross-site' })).toBe(4403);
    expect(await knock(port, { 'Sec-Fetch-Site': 'same-origin', 'User-Agent': 'x' })).toBe(4403);
    expect(await knock(port)).toBe(101);
    expect(await knock(port, { 'User-Agent': 'curl/8.5.0' })).toBe(101);
  });
});

it('refuses what is no WebSocket, and another path', async () => {
  const { port, meanwhile } = await besieged();
  await meanwhile(async () => {
    expect(await knock(port, { 'Sec-WebSocket-Version': '7' })).toBe(400);
    expect(await knock(port, { 'Sec-WebSocket-Key': 'short' })).toBe(400);
    expect(await knock(port, { Upgrade: 'h2c' })).toBe(400);
    expect(await knock(port, {}, '/elsewhere')).toBe(4406);
    expect(await knock(port, {}, '//')).toBe(4406);
    expect(await knock(port, {}, '/?token=x')).toBe(101);
  });
});

it('answers by HTTP who does not speak the protocol, or offers no WebSocket that can be closed', async () => {
  const { port, meanwhile } = await besieged({ origins: [LISTED] });
  const Origin = 'https://evil.example';
  await meanwhile(async () => {
    expect(await knock(port, { Origin, 'Sec-WebSocket-Protocol': 'chat' })).toBe(403);
    expect(await knock(port, { Origin, 'Sec-WebSocket-Version': '7' })).toBe(403);
    expect(await knock(port, { Origin, 'Sec-WebSocket-Key': 'short' })).toBe(403);
    expect(await knock(port, { Origin, Upgrade: 'h2c' })).toBe(403);
    expect(await knock(port, { Origin, 'Sec-WebSocket-Protocol': 'chat, frond.v1' })).toBe(4403);
    expect(await knock(port, { 'Sec-WebSocket-Protocol': 'chat' }, '/elsewhere')).toBe(404);
  });
});
