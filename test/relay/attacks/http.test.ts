/** Callers over HTTP that attack, while an honest one calls. */
import { expect, it } from 'vitest';
import { during } from '../../support/besieged-relay.ts';
import { CALLER, type Scene, testScenes } from '../http/scene.ts';

const open = testScenes();
const HEAD = `Host: x\r\nAuthorization: Bearer ${CALLER}\r\n`;

/** Does what `attack` does, while another caller gets its answers. */
function meanwhile<T>(scene: Scene, attack: () => Promise<T>): Promise<T> {
  return during(async () => {
    const response = await scene.post('/call/server.upper', 'honest');
    expect(await response.text()).toBe('HONEST');
  }, attack);
}

/** Sends bytes, and gives the status line of the answer. */
async function statusOf(scene: Scene, ...parts: readonly string[]): Promise<string | undefined> {
  const { socket, text } = await scene.raw();
  for (const part of parts) socket.write(part);
  return (await text()).split('\r\n')[0];
}

it('refuses methods, paths and headers that no call has', { timeout: 40_000 }, async () => {
  const scene = await open();
  await meanwhile(scene, async () => {
    const close = 'Connection: close\r\n\r\n';
    const cases: readonly (readonly [request: string, status: RegExp])[] = [
      [`BREW /call/server.upper HTTP/1.1\r\n${HEAD}${close}`, /400/],
      [`TRACE /call/server.upper HTTP/1.1\r\n${HEAD}${close}`, /405/],
      [`POST /call/${'a'.repeat(100_000)} HTTP/1.1\r\n${HEAD}${close}`, /431|400/],
      [`POST /call/${'a.b/'.repeat(2_000)} HTTP/1.1\r\n${HEAD}${close}`, /400/],
      [`POST /call/server.${'a'.repeat(5_000)} HTTP/1.1\r\n${HEAD}Content-Length: 0\r\n${close}`, /403/],
      [`POST /call/../call/server.upper HTTP/1.1\r\n${HEAD}${close}`, /400/],
      [`POST /call/server.upper%00 HTTP/1.1\r\n${HEAD}${close}`, /400/],
      [`POST /call/__proto__.constructor HTTP/1.1\r\n${HEAD}${close}`, /403/],
      [`POST /call/server.upper?timeout=1e99 HTTP/1.1\r\n${HEAD}${close}`, /400/],
      [`POST /call/server.upper?cache=${'a'.repeat(2_000)} HTTP/1.1\r\n${HEAD}${close}`, /400/],
      [`POST /call/server.upper HTTP/1.1\r\n${HEAD}${'X-A: b\r\n'.repeat(10_000)}${close}`, /431/],
      [`POST /call/server.upper HTTP/1.1\r\n${HEAD}Content-Encoding: gzip\r\n${close}`, /415/],
      [`POST /call/server.upper HTTP/1.1\r\n${HEAD}Content-Length: 99999999999\r\n${close}`, /413/],
      [`POST /call/server.upper HTTP/1.1\r\n${HEAD}Content-Length: -1\r\n${close}`, /400/],
      [
        `POST /call/server.upper HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${'a'.repeat(9_000)}\r\n${close}`,
        /401/,
      ],
      [`POST /call/server.upper HTTP/1.1\r\nHost: x\r\nCookie: token=${CALLER}\r\n${close}`, /401/],
      [`POST /call/server.upper?token=${encodeURIComponent(CALLER)} HTTP/1.1\r\nHost: x\r\n${close}`, /401/],
    ];
    for (const [request, status] of cases) {
      expect(await statusOf(scene, request), request.slice(0, 80)).toMatch(status);
    }
  });
  await expect.poll(() => scene.figure('sessions')).toBe(0);
});

it('stops bodies in chunks that do not end at the limit, and keeps nothing', async () => {
  const scene = await open({ limits: { maxFrame: 100_000 } });
  await meanwhile(scene, async () => {
    const { socket, text } = await scene.raw();
    socket.write(`POST /call/server.same HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = `2710\r\n${'a'.repeat(10_000)}\r\n`;
    const timer = setInterval(() => socket.writable && socket.write(chunk), 1);
    expect(await text()).toMatch(/^HTTP\/1.1 413 /);
    clearInterval(timer);
  });
  await expect.poll(() => scene.figure('sessions')).toBe(0);
  expect(await scene.figure('held_bytes')).toBe(0);
});

it('counts callers that send nothing, and refuses more of their address', async () => {
  const scene = await open({ limits: { maxConnectionsPerAddress: 20 } });
  const slow = await Promise.all(Array.from({ length: 20 }, () => scene.raw()));
  for (const { socket } of slow) {
    socket.write(`POST /call/server.same HTTP/1.1\r\n${HEAD}Content-Length: 10\r\n\r\nabc`);
  }
  await expect.poll(() => scene.figure('sessions')).toBe(20);
  const refused = await scene.post('/call/server.upper', 'x');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  for (const { socket } of slow) socket.destroy();
  await expect.poll(() => scene.figure('sessions')).toBe(0);
  expect((await scene.post('/call/server.upper', 'x')).status).toBe(200);
});

it('has bodies that are on their way count for all callers', async () => {
  const scene = await open({ limits: { maxHeld: 300_000, maxFrame: 1_000_000 } });
  await meanwhile(scene, async () => {
    const { socket, text } = await scene.raw();
    socket.write(`POST /call/server.same HTTP/1.1\r\n${HEAD}Content-Length: 900000\r\n\r\n`);
    socket.write('a'.repeat(500_000));
    expect(await text()).toMatch(/^HTTP\/1.1 429 /);
  });
  await expect.poll(() => scene.figure('sessions')).toBe(0);
});

it('passes JSON bombs on unread, and counts a million lines', async () => {
  const scene = await open();
  await meanwhile(scene, async () => {
    const bomb = '['.repeat(1_000_000);
    const response = await scene.post('/call/server.same', bomb, { 'content-type': 'application/json' });
    expect([response.status, (await response.text()).length]).toEqual([200, 1_000_000]);
    const lines = await scene.post('/call/server.same', '1\n'.repeat(1_000_000), {
      'content-type': 'application/x-ndjson',
      accept: 'application/x-ndjson',
    });
    expect(lines.status).toBe(413);
  });
});

it('ends a call whose token is taken back', async () => {
  let isKnown = true;
  const scene = await open({
    authenticate: () => (isKnown ? { name: 'caller', servers: ['*'], functions: ['*'] } : undefined),
  });
  const waiting = scene.post('/call/server.waits', '');
  await expect.poll(() => scene.signals.length).toBe(1);
  isKnown = false;
  await scene.relay.reauthenticate();
  const response = await waiting;
  expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
});

it('answers several requests on one connection in their order', async () => {
  const scene = await open();
  const request = (body: string, more = '') =>
    `POST /call/server.upper HTTP/1.1\r\n${HEAD}${more}Content-Length: ${body.length}\r\n\r\n${body}`;
  const { socket, text } = await scene.raw();
  socket.write(request('one') + request('two') + request('three', 'Connection: close\r\n'));
  expect([...(await text()).matchAll(/\r\n\r\n(ONE|TWO|THREE)/g)].map((match) => match[1])).toEqual([
    'ONE',
    'TWO',
    'THREE',
  ]);
});
