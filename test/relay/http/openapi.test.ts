/** What a relay tells of the functions that a caller may call. */
import { describe, expect, it } from 'vitest';
import { CALLER, testScenes } from './scene.ts';

const open = testScenes();
const LIMITED = 'another of 16 or more';

async function scene(options: Parameters<typeof open>[0] = {}) {
  const own = await open({
    authenticate: (token) => {
      if (token === CALLER) return { name: 'all', servers: ['*'], functions: ['*'] };
      if (token !== LIMITED) return undefined;
      return { name: 'limited', servers: ['server', 'second'], functions: ['server.half', 'first.*'] };
    },
    ...options,
  });
  const get = (token?: string, path = '/openapi.json', init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${own.port}${path}`, {
      ...init,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
  return { ...own, get };
}

type Document = { readonly paths: Readonly<Record<string, unknown>>; readonly servers?: unknown };

describe('GET /openapi.json', () => {
  it('has the functions of all servers that the caller may use, with their schemas', async () => {
    const { get, post } = await scene();
    const response = await get(CALLER);
    expect([
      response.status,
      response.headers.get('content-type'),
      response.headers.get('cache-control'),
    ]).toEqual([200, 'application/json', 'no-store']);
    const document = (await response.json()) as Document;
    expect(document).toMatchObject({ openapi: '3.1.0', security: [{ token: [] }, {}] });
    expect(document.servers).toBeUndefined();
    const paths = Object.keys(document.paths);
    for (const path of ['/call/server.half', '/call/server.upper', '/call/first.upper', '/call/second.twice'])
      expect(paths).toContain(path);
    // What it says is a call.
    const answer = await post('/call/server.half', '{"of": 3}', { 'content-type': 'application/json' });
    expect([answer.status, await answer.text()]).toEqual([200, '1.5']);
  });

  it('has none that the caller may not call', async () => {
    const { get } = await scene();
    const document = (await (await get(LIMITED)).json()) as Document;
    expect(Object.keys(document.paths)).toEqual(['/call/server.half']);
  });

  it('is below the path of the WebSocket, too, and says where its paths begin', async () => {
    const { get } = await scene({ path: '/relay' });
    const document = (await (await get(CALLER, '/relay/openapi.json')).json()) as Document;
    expect(document.servers).toEqual([{ url: '/relay' }]);
  });

  it('is refused without a token, by another method, and where calls over HTTP are off', async () => {
    const { get } = await scene();
    expect((await get()).status).toBe(401);
    expect((await get('wrong, and 16 or more')).status).toBe(401);
    expect((await get(CALLER, '/openapi.json', { method: 'POST' })).status).toBe(405);
    expect((await get(CALLER, '/openapi.json', { method: 'OPTIONS' })).status).toBe(204);
    const head = await get(CALLER, '/openapi.json', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const off = await scene({ http: false });
    expect((await off.get(CALLER)).status).toBe(404);
  });
});
