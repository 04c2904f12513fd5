/** Metrics and readiness of roles over HTTP: what is said, to which requests, and that nothing stays. */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Measured, type MetricsServer, serveMetrics } from '../../serve/index.ts';
import { deferred } from '../../src/async/deferred.ts';
import { type Pipeline, Server, type Worker } from '../../src/cluster/index.ts';
import { memory } from '../../transports/memory/index.ts';
import { readMetrics, readReadiness } from '../support/metrics.ts';
import { testCluster } from '../support/test-cluster.ts';
import { eventually, within } from '../support/wait.ts';

const cluster = testCluster(() => ({ transport: memory(), any: 'memory://*' }));
let opened: MetricsServer[] = [];

afterEach(async () => {
  for (const one of opened) await one.close();
  opened = [];
});

async function served(...args: Parameters<typeof serveMetrics>): Promise<string> {
  const server = await serveMetrics(...args);
  opened.push(server);
  return server.url;
}

const role = (own: Partial<Measured> = {}): Measured => ({
  name: 'own',
  metrics: () => [],
  missing: [],
  closed: new Promise(() => {}),
  ...own,
});

/** What a request that `fetch` would not send gets. */
async function ask(url: string, method: string): Promise<{ status: number; text: string; allow?: string }> {
  const asking = request(url, { method });
  asking.end(method === 'GET' ? undefined : 'body');
  const [response] = await within(5_000, once(asking, 'response'));
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, text, allow: response.headers.allow };
}

async function dial(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await within(5_000, once(socket, 'connect'));
  return socket;
}

describe('what is served', () => {
  it('is the metrics of all roles, for Prometheus', async () => {
    const { start } = cluster();
    const [one, two] = [
      await start<Server>({ role: 'server', name: 'one' }),
      await start<Server>({ role: 'server', name: 'two' }),
    ];
    const url = await served([one, two]);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const response = await fetch(`${url}/metrics?of=any`);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    const text = await response.text();
    expect(text.match(/^# TYPE frond_ready gauge$/gm)).toHaveLength(1);
    expect(text).toContain(
      'frond_ready{role="server",name="one"} 1\nfrond_ready{role="server",name="two"} 1\n',
    );
  });

  it('is that the process lives', async () => {
    const url = await served(role({ missing: ['everything'] }));
    expect(await ask(`${url}/healthz`, 'GET')).toMatchObject({ status: 200, text: 'ok\n' });
  });

  it('is read by GET and HEAD alone', async () => {
    const url = await served(role());
    expect(await ask(`${url}/healthz`, 'HEAD')).toMatchObject({ status: 200, text: '' });
    for (const path of ['/healthz', '/readyz', '/metrics', '/']) {
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
        expect(await ask(url + path, method)).toMatchObject({ status: 405, allow: 'GET, HEAD' });
    }
  });

  it.each(['/', '/metricsx', '/metrics/', '/readyz/x', '//metrics'])('is nothing at %s', async (path) => {
    expect((await ask((await served(role())) + path, 'GET')).status).toBe(404);
  });

  it('is a failure where the metrics cannot be read', async () => {
    const metrics = () => {
      throw new Error('boom');
    };
    expect(await ask(`${await served(role({ metrics }))}/metrics`, 'GET')).toMatchObject({
      status: 500,
      text: 'boom\n',
    });
  });
});

describe('readiness', () => {
  it('names what is missing, and of whom where there are several', async () => {
    const [one, two] = [role({ name: 'one', missing: ['x', 'y'] }), role({ name: 'two' })];
    expect(await readReadiness(await served(one))).toEqual({ status: 503, text: 'not ready\nx\ny\n' });
    expect(await readReadiness(await served([one, two]))).toEqual({
      status: 503,
      text: 'not ready\none: x\none: y\n',
    });
    expect(await readReadiness(await served([two, two]))).toEqual({ status: 200, text: 'ready\n' });
  });

  it('of a Pipeline is there while its previous server is', async () => {
    const { start, transport } = cluster();
    const previousDbAddress = 'memory://first';
    const pipeline = await start<Pipeline>({
      role: 'pipeline',
      name: 'p',
      previous: 'first',
      previousDbAddress,
    });
    const url = await served(pipeline);
    const absent = {
      status: 503,
      text: 'not ready\nthe previous server "first" is not there (memory://first)\n',
    };
    expect(await readReadiness(url)).toEqual(absent);
    const first = await Server.start({
      transport,
      name: 'first',
      dbAddress: previousDbAddress,
      pipelined: true,
      loggingLevel: 'silent',
    });
    await within(10_000, pipeline.ready());
    expect([
      await readReadiness(url),
      (await readMetrics(`${url}/metrics`)).of('frond_ready', 'pipeline'),
    ]).toEqual([{ status: 200, text: 'ready\n' }, 1]);
    await first.close();
    await eventually(async () => (await readReadiness(url)).status === 503);
    expect((await readMetrics(`${url}/metrics`)).of('frond_ready', 'pipeline')).toBe(0);
  });

  it('of a Worker is there while its Master is, and a Master needs nobody', async () => {
    const { start } = cluster();
    const dbAddress = 'memory://master';
    const definition = { role: 'master', name: 'm', dbAddress } as const;
    const master = await start({ ...definition });
    const worker = await start<Worker>({ role: 'worker', name: 'w', dbAddress });
    const url = await served(worker);
    expect([await readReadiness(url), await readReadiness(await served(master as Server))]).toEqual([
      { status: 200, text: 'ready\n' },
      { status: 200, text: 'ready\n' },
    ]);
    await master.close();
    await eventually(async () => (await readReadiness(url)).status === 503);
    expect((await readReadiness(url)).text).toBe('not ready\nits Master is not there (memory://master)\n');
    await start({ ...definition });
    await eventually(async () => (await readReadiness(url)).status === 200);
  });

  it('ends when a role begins to close', async () => {
    const { start, connect: client } = cluster();
    const [began, over] = [deferred<void>(), deferred<void>()];
    const functions = {
      wait: async (payload: Uint8Array) => {
        began.resolve();
        await over.promise;
        return payload;
      },
    };
    const server = await start<Server>({ role: 'server', name: 's', functions });
    const url = await served(server);
    const call = (await client({ dbAddress: server.dbAddress })).eval('s.wait', new Uint8Array());
    await began.promise;
    const closing = server.close({ timeout: 5_000 });
    expect(await readReadiness(url)).toEqual({ status: 503, text: 'not ready\nit is closing\n' });
    over.resolve();
    await Promise.all([call, closing]);
  });
});

describe('its life', () => {
  it('ends with the last of its roles, with the connections that are open', async () => {
    const { start } = cluster();
    const [one, two] = [
      await start<Server>({ role: 'server', name: 'one' }),
      await start<Server>({ role: 'server', name: 'two' }),
    ];
    const url = await served([one, two]);
    const socket = await dial(url);
    await one.close();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const broken = once(socket, 'close');
    await two.close();
    await within(5_000, broken);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  it('ends when it is told to, any number of times, and the role goes on', async () => {
    const { start } = cluster();
    const own = await start<Server>({ role: 'server', name: 'one' });
    const server = await serveMetrics(own);
    const socket = await dial(server.url);
    const broken = once(socket, 'close');
    await within(5_000, Promise.all([server.close(), server.close(), server[Symbol.asyncDispose](), broken]));
    await expect(fetch(server.url)).rejects.toThrow();
    expect(own.missing).toEqual([]);
    // The port is free again.
    const again = await serveMetrics(own, { port: Number(new URL(server.url).port) });
    await again.close();
  });

  it('has 32 connections at most, and closes others at once', async () => {
    const url = await served(role());
    const sockets: Socket[] = [];
    try {
      for (let i = 0; i < 32; i++) sockets.push(await dial(url));
      const further = await dial(url);
      sockets.push(further);
      further.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
      const answered = once(further, 'data').then(() => 'answered');
      further.on('error', () => {});
      expect(await within(5_000, Promise.race([answered, once(further, 'close').then(() => 'closed')]))).toBe(
        'closed',
      );
      sockets[0]?.destroy();
      await eventually(async () => {
        const next = await ask(`${url}/healthz`, 'GET').catch(() => undefined);
        return next?.status === 200;
      });
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});

describe('what is not acceptable', () => {
  it.each([
    ['nothing', () => [], {}, 'serveMetrics needs a role, or a list of them'],
    ['another thing', () => 7, {}, 'serveMetrics takes roles, such as Server.start gives, not 7'],
    ['a role that has not started', () => Promise.reject(new Error('late')), {}, 'await each start'],
    ['a port', role, { port: 65_536 }, 'port must be a whole number up to 65535, not 65536'],
    ['a port', role, { port: '80' }, 'port must be a whole number up to 65535'],
    ['a host', role, { host: '' }, 'host must be a name or an address, not ""'],
    ['a host', role, { host: '192.0.2.1' }, 'metrics cannot be served at 192.0.2.1:0'],
  ])('is %s', async (_what, roles, options, text) => {
    const refused = serveMetrics(roles() as never, options as never);
    await expect(refused).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringContaining(text),
    });
  });

  it('is a port that is taken', async () => {
    const port = Number(new URL(await served(role())).port);
    await expect(serveMetrics(role(), { port })).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringMatching(/EADDRINUSE/),
    });
  });

  it('every address of the machine, where that is said, is named by one that this machine can use', async () => {
    for (const host of ['*', '0.0.0.0']) {
      const url = await served(role(), { host });
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
    }
  });
});
