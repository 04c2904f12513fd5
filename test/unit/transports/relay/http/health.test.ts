/** What a relay answers to orchestrators and to Prometheus: which path, to whom, and with which status. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { Health, type HealthSettings } from '../../../../../transports/relay/http/health.ts';
import { Metrics } from '../../../../../transports/relay/http/metrics.ts';
import { until } from '../../../../support/wait.ts';

interface Settings extends Partial<Omit<HealthSettings, 'upstreams'>> {
  readonly servers?: Readonly<Record<string, boolean>>;
}

function asking({ servers = {}, ...settings }: Settings = {}) {
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const answering = async () => Object.entries(servers).map(([name, answers]) => ({ name, answers }));
  const health = new Health({
    path: '/',
    upstreams: { answering } as never,
    metrics: new Metrics({ connections: () => 0, sessions: () => 0, passedOn: () => 0, held: () => 0 }),
    mayRead: () => true,
    isDraining: () => false,
    logger,
    ...settings,
  });
  const ask = async (url: string) => {
    const answer = { status: 0, headers: {} as Record<string, string>, text: '', isOver: false };
    const response = {
      writeHead: (status: number, headers = {}) => {
        Object.assign(answer, { status, headers });
        return response;
      },
      end: (text = '') => Object.assign(answer, { text, isOver: true }),
    };
    if (!health.respond({ url } as IncomingMessage, response as unknown as ServerResponse)) return undefined;
    await until(() => answer.isOver);
    return answer;
  };
  return { ask, logger };
}

const TEXT = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };

describe('the paths', () => {
  it.each(['/', '/way', '/way/'])(
    'are answered at the root and below %j, and nothing else is',
    async (path) => {
      const { ask } = asking({ path });
      const below = path.replace(/\/$/, '');
      for (const own of ['/healthz', '/readyz', '/metrics'])
        for (const url of [own, `${below}${own}`, `${own}?x=y`])
          expect([url, (await ask(url))?.status]).toEqual([url, 200]);
      for (const url of [
        '/',
        '/way',
        '/healthz/',
        '/xhealthz',
        '/wayhealthz',
        '/other/healthz',
        '/way/way/readyz',
      ])
        expect([url, await ask(url)]).toEqual([url, undefined]);
    },
  );
});

describe('/healthz', () => {
  it('is ok as long as the process answers, also while the relay goes down', async () => {
    const { ask } = asking({ isDraining: () => true, mayRead: undefined });
    expect(await ask('/healthz')).toMatchObject({ status: 200, text: 'ok\n', headers: TEXT });
  });
});

describe('/readyz', () => {
  it.each([
    [{}, 200, 'ready\n'],
    [{ a: true }, 200, 'ready\na: answers\n'],
    [{ a: false, b: true }, 200, 'ready\na: does not answer\nb: answers\n'],
    [{ a: false, b: false }, 503, 'no server answers\na: does not answer\nb: does not answer\n'],
  ])('with the servers %j is %i', async (servers, status, text) => {
    expect(await asking({ servers }).ask('/readyz')).toMatchObject({ status, text, headers: TEXT });
    // Names of servers are not for everybody.
    const hidden = await asking({ servers, mayRead: undefined }).ask('/readyz');
    expect([hidden?.status, hidden?.text]).toEqual([status, `${text.split('\n', 1)[0]}\n`]);
  });

  it('is 503 while the relay goes down, whoever answers', async () => {
    const { ask } = asking({ servers: { a: true }, isDraining: () => true });
    expect(await ask('/readyz')).toMatchObject({ status: 503, text: 'draining\n', headers: TEXT });
  });
});

describe('/metrics', () => {
  it('are what Prometheus reads', async () => {
    const answer = await asking().ask('/metrics');
    expect(answer?.text).toContain('frond_relay_connections 0');
    expect(answer?.headers).toEqual({ 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  });

  it('are for requests that the rule allows, and a rule that throws allows nothing', async () => {
    const request = { url: '/metrics' };
    const mayRead = vi.fn(() => true);
    await asking({ mayRead }).ask('/metrics');
    expect(mayRead).toHaveBeenCalledExactlyOnceWith(request);
    for (const rule of [undefined, () => false, (() => 'yes') as never]) {
      const { ask, logger } = asking({ mayRead: rule });
      expect([await ask('/metrics'), logger.error.mock.calls]).toEqual([undefined, []]);
    }
    const { ask, logger } = asking({
      mayRead: () => {
        throw new Error('boom');
      },
    });
    expect(await ask('/metrics')).toBeUndefined();
    expect(logger.error).toHaveBeenCalledExactlyOnceWith('the rule for metrics failed', { reason: 'boom' });
    expect(await ask('/readyz')).toMatchObject({ status: 200, text: 'ready\n' });
  });
});
