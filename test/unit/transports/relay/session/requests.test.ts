/** Requests of a client under way: what goes to its server, what comes back, and how they end; and its workers, whose Masters are told. */
import { describe, expect, it, vi } from 'vitest';
import { CLIENT_WORKERS } from '../../../../../src/flow-control.ts';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import { Feature } from '../../../../../src/protocol/message.ts';
import { readWorkRequest } from '../../../../../src/protocol/work-request.ts';
import { Identity } from '../../../../../transports/relay/auth/identity.ts';
import type { RequestVerdict } from '../../../../../transports/relay/auth/request-guard.ts';
import { AnswerBudget } from '../../../../../transports/relay/session/answer-budget.ts';
import { SessionRequests, WorkerWatch } from '../../../../../transports/relay/session/requests.ts';
import { RetainedMessage } from '../../../../../transports/relay/session/retained-message.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';
import { bytes, textOf } from '../../../../support/bytes.ts';

it('tells each server of its own, also where a client uses one id for several', () => {
  const codec = new EnvelopeCodec();
  const told: string[] = [];
  const upstream = (name: string) =>
    ({
      name,
      requestWork: (frame: Bytes) => {
        const { worker, isAway } = readWorkRequest(codec.decode(frame));
        told.push(`${name} ${worker} ${isAway}`);
        return { reply: new Promise<Bytes>(() => {}), cancel: () => {} };
      },
    }) as unknown as Upstream;
  const [first, second] = [upstream('first'), upstream('second')];
  const watch = new WorkerWatch();
  for (const server of [first, second]) watch.saw(server, { worker: 'w', name: 'n', leaves: false });
  watch.away();
  expect(told.sort()).toEqual(['first w true', 'second w true']);
  watch.saw(first, { worker: 'w', name: 'n', leaves: true });
  told.length = 0;
  watch.leave();
  expect(told).toEqual(['second w true']);
  expect(watch.bytes).toBe(0);
});

const settle = () => new Promise(setImmediate);

/** Requests of one client to one server. Each is judged as a test says; by default, it passes as it is. */
function ground(judge: (frame: Bytes) => RequestVerdict = (frame) => ({ kind: 'cache', frame }) as never) {
  const told: unknown[] = [];
  const asked: { frame: Bytes; resolve: (reply: Bytes) => void; reject: (error: unknown) => void }[] = [];
  const cancelled: unknown[] = [];
  const pending = (frame: Bytes) => {
    const reply = new Promise<Bytes>((resolve, reject) => asked.push({ frame, resolve, reject }));
    return { reply, cancel: (reason: unknown) => cancelled.push(reason) };
  };
  const work: Bytes[] = [];
  const server = {
    name: 'server',
    request: vi.fn(pending),
    requestWork: vi.fn((frame: Bytes) => {
      work.push(frame);
      return pending(frame);
    }),
    delete: vi.fn((_key: string, frame: Bytes, send: (frame: Bytes) => Promise<Bytes>) => send(frame)),
    errorForClients: (error: unknown) => PalmError.from(error, 'PROTOCOL', 'shown'),
  };
  const budget = new AnswerBudget(1_000_000, { held: 0 });
  const context = {
    id: 'relay/1',
    identity: new Identity({ name: 'alice', servers: ['server'], cache: 'all', work: true }),
    replyBudget: budget,
    counted: ({ length }: Bytes) => length,
    cancelCalls: vi.fn(async () => 3),
    replied: (id: number, reply: Bytes) => told.push([id, textOf(reply)]),
    failed: (id: number, { code, message }: PalmError) => told.push([id, code, message]),
  };
  const judging = vi.fn((_client: unknown, _server: string, frame: Bytes) => judge(frame));
  const requests = new SessionRequests({ judge: judging } as never, context);
  const released: number[] = [];
  const message = (id: number) => new RetainedMessage(0, 0, () => released.push(id));
  const ask = (id: number, text = 'x') => {
    const own = message(id);
    requests.ask(id, server as unknown as Upstream, bytes(text), own);
    own.release();
  };
  return { requests, server, context, budget, told, asked, cancelled, work, ask, released, judging };
}

describe('a request', () => {
  it('goes to its server, is counted until it has ended, and keeps its message as long', async () => {
    const { requests, ask, asked, told, released, judging, context, budget } = ground();
    ask(1, 'abc');
    ask(2, 'defg');
    expect(judging.mock.calls[0]).toEqual([context, 'server', bytes('abc')]);
    expect([requests.size, requests.outstanding, requests.has(1), requests.has(3)]).toEqual([
      2,
      7,
      true,
      false,
    ]);
    await settle();
    expect([asked.map(({ frame }) => textOf(frame)), budget.taken]).toEqual([['abc', 'defg'], 2]);
    asked[1]?.resolve(bytes('reply'));
    await settle();
    expect([told, requests.size, requests.outstanding, released]).toEqual([[[2, 'reply']], 1, 3, [2]]);
    asked[0]?.reject(new Error('boom'));
    await settle();
    expect(told[1]).toEqual([1, 'PROTOCOL', 'shown: boom']);
    expect([requests.size, requests.outstanding, released, budget.taken]).toEqual([0, 0, [2, 1], 0]);
  });

  it('that is refused fails, and goes nowhere', async () => {
    const { ask, told, server, requests, released } = ground(() => {
      throw new PalmError('FORBIDDEN', 'not this key', { sent: false });
    });
    ask(1);
    await settle();
    expect([told, requests.size, requests.outstanding, released]).toEqual([
      [[1, 'FORBIDDEN', 'not this key']],
      0,
      0,
      [1],
    ]);
    expect(server.request).not.toHaveBeenCalled();
  });

  it('that its client gives up is given up at the server, and its answer is for nobody', async () => {
    const { ask, requests, cancelled, asked, told, released, budget } = ground();
    ask(1);
    await settle();
    requests.cancel(1);
    requests.cancel(1);
    requests.cancel(9);
    expect([requests.size, requests.outstanding, released]).toEqual([0, 0, []]);
    expect(cancelled).toEqual([
      expect.objectContaining({ code: 'CLOSED', message: 'the client gave the request up' }),
    ]);
    asked[0]?.resolve(bytes('late'));
    await settle();
    expect([told, released, budget.taken]).toEqual([[], [1], 0]);
  });

  it('may have the number of one that was given up, and gets its own answer', async () => {
    const { ask, requests, asked, told } = ground();
    ask(1, 'first');
    await settle();
    requests.cancel(1);
    ask(1, 'second');
    await settle();
    asked[0]?.resolve(bytes('of the first'));
    await settle();
    expect([told, requests.size]).toEqual([[], 1]);
    asked[1]?.resolve(bytes('of the second'));
    await settle();
    expect(told).toEqual([[1, 'of the second']]);
  });

  it('waits for a place, in order, and goes nowhere when it is given up meanwhile', async () => {
    const { ask, requests, asked, budget } = ground();
    const all = budget.take(1_000);
    ask(1, 'first');
    ask(2, 'second');
    ask(3, 'third');
    await settle();
    expect(asked).toEqual([]);
    requests.cancel(2);
    budget.answered(all, all);
    await settle();
    expect(asked.map(({ frame }) => textOf(frame))).toEqual(['first', 'third']);
    expect(budget.taken).toBe(2);
    requests.close();
    budget.close();
  });

  it('gives its place back with the size of its reply, or without one', async () => {
    const { ask, asked, budget } = ground();
    const [answered, release] = [vi.spyOn(budget, 'answered'), vi.spyOn(budget, 'release')];
    ask(1);
    ask(2);
    await settle();
    asked[0]?.resolve(bytes('reply'));
    await settle();
    expect(answered.mock.calls).toEqual([[1, 5]]);
    release.mockClear();
    asked[1]?.reject(new Error('boom'));
    await settle();
    expect([answered.mock.calls.length, release.mock.calls]).toEqual([1, [[1]]]);
  });

  it('that deletes a key has the server do it, and a reply may be rewritten', async () => {
    const { ask, asked, told, server } = ground(
      (frame) =>
        ({
          kind: 'cache',
          frame,
          deletes: textOf(frame) === 'delete' ? 'key' : undefined,
          rewrite: textOf(frame) === 'get' ? (reply: Bytes) => bytes(`own ${textOf(reply)}`) : undefined,
        }) as never,
    );
    ask(1, 'delete');
    ask(2, 'get');
    await settle();
    expect(server.delete.mock.calls.map(([key, frame]) => [key, textOf(frame)])).toEqual([['key', 'delete']]);
    for (const { resolve } of asked) resolve(bytes('v'));
    await settle();
    expect(told).toEqual([
      [1, 'v'],
      [2, 'own v'],
    ]);
  });

  it('that cancels calls is answered by the relay, with how many there were', async () => {
    const notice = { client: 'relay/1', calls: ['a'], code: 'CANCELLED', reason: '' };
    const { ask, context, server, requests } = ground(() => ({ kind: 'cancel', notice }) as never);
    const replied = vi.spyOn(context, 'replied');
    ask(1);
    await settle();
    expect(context.cancelCalls).toHaveBeenCalledExactlyOnceWith(server, notice);
    const [, reply = bytes('')] = replied.mock.calls[0] ?? [];
    expect(new EnvelopeCodec().decode(reply)).toMatchObject({
      function: '_.cancel',
      payload: bytes('3'),
      features: Feature.replies | Feature.cancels,
    });
    expect([server.request.mock.calls, requests.size]).toEqual([[], 0]);
  });

  it('ends with its session', async () => {
    const { ask, requests, cancelled, told } = ground();
    ask(1);
    ask(2);
    await settle();
    requests.close();
    await settle();
    expect([requests.size, requests.outstanding, cancelled.length, told]).toEqual([0, 0, 2, []]);
  });
});

describe('grants that have changed', () => {
  const grant = (servers: readonly string[], work = true) =>
    new Identity({ name: 'alice', servers, cache: 'all', work });

  it('fail the requests to a server that is not granted any more', async () => {
    const { ask, requests, told, cancelled, context } = ground();
    ask(1);
    await settle();
    requests.review();
    expect(told).toEqual([]);
    context.identity = grant(['other']);
    requests.review();
    expect([told, cancelled.length, requests.size]).toEqual([
      [[1, 'FORBIDDEN', 'alice may not use server any more']],
      1,
      0,
    ]);
  });

  it('fail the requests that they do not allow any more, and no others', async () => {
    let isStrict = false;
    const { ask, requests, told } = ground((frame) => {
      if (isStrict && textOf(frame) === 'set') throw new PalmError('FORBIDDEN', 'no sets');
      return { kind: 'cache', frame } as never;
    });
    ask(1, 'get');
    ask(2, 'set');
    await settle();
    isStrict = true;
    requests.review();
    expect([told, requests.has(1), requests.has(2)]).toEqual([[[2, 'FORBIDDEN', 'no sets']], true, false]);
  });

  it('for work alone have the Masters told that its workers are gone', async () => {
    const working = (frame: Bytes) =>
      ({ kind: 'work', frame, worker: 'w', name: 'n', leaves: false }) as never;
    const { ask, requests, work, context } = ground(working);
    ask(1);
    await settle();
    expect([work.length, requests.workerBytes > 0]).toEqual([1, true]);
    requests.review();
    expect([work.length, requests.workerBytes > 0]).toEqual([1, true]);
    context.identity = grant(['server'], false);
    requests.review();
    expect([work.length, requests.workerBytes]).toEqual([2, 0]);
  });
});

describe('the workers of a client', () => {
  const working = (frame: Bytes) => ({ kind: 'work', frame, worker: 'w', name: 'n', leaves: false }) as never;

  it('ask for work without a place among other requests', async () => {
    const { ask, server, budget, asked, told, requests, cancelled } = ground(working);
    ask(1);
    ask(2);
    await settle();
    expect([server.request.mock.calls.length, server.requestWork.mock.calls.length, budget.taken]).toEqual([
      0, 2, 0,
    ]);
    asked[0]?.resolve(bytes('work'));
    await settle();
    expect(told).toEqual([[1, 'work']]);
    requests.cancel(2);
    expect(cancelled).toHaveLength(1);
  });

  it('have their Master told when its connection breaks, and again when the session ends', async () => {
    const { ask, requests, work } = ground(working);
    requests.away();
    requests.close();
    expect(work).toEqual([]);
    ask(1);
    await settle();
    requests.away();
    requests.close();
    requests.close();
    const codec = new EnvelopeCodec();
    expect(work.slice(1).map((frame) => readWorkRequest(codec.decode(frame)))).toEqual(
      Array(2).fill({
        worker: 'w',
        name: 'n',
        sequence: 1,
        want: 0,
        leaves: false,
        isAway: true,
        items: [],
      }),
    );
  });

  it('are no fault of a Master that is gone', async () => {
    const upstream = {
      name: 'server',
      requestWork: () => {
        throw new Error('there is no address');
      },
    } as unknown as Upstream;
    const watch = new WorkerWatch();
    watch.saw(upstream, { worker: 'w', name: 'n', leaves: false });
    expect(() => watch.leave()).not.toThrow();
    await settle();
  });

  it('are counted, each once, with its names', () => {
    const upstream = { name: 'server' } as Upstream;
    const watch = new WorkerWatch();
    const saw = (worker: string, name: string, leaves = false) =>
      watch.saw(upstream, { worker, name, leaves });
    saw('id', 'name');
    expect(watch.bytes).toBe(2 * (2 * 2 + 4 + 6) + 256);
    saw('id', 'longer name');
    expect(watch.bytes).toBe(2 * (2 * 2 + 11 + 6) + 256);
    saw('other', 'x');
    saw('id', '', true);
    expect(watch.bytes).toBe(2 * (2 * 5 + 1 + 6) + 256);
    saw('unknown', '', true);
    saw('other', '', true);
    expect(watch.bytes).toBe(0);
  });

  it('are as many as a client may have, with names of up to 1,024 characters', () => {
    const upstream = { name: 'server' } as Upstream;
    const watch = new WorkerWatch();
    const saw = (worker: string, name = 'n') => watch.saw(upstream, { worker, name, leaves: false });
    const forbidden = expect.objectContaining({
      code: 'FORBIDDEN',
      message: 'the client has too many workers, or one with too long a name',
    });
    saw('w', 'n'.repeat(1_023));
    expect(() => saw('w', 'n'.repeat(1_024))).toThrow(forbidden);
    for (let i = 1; i < CLIENT_WORKERS; i++) saw(`w${i}`);
    expect(() => saw('one more')).toThrow(forbidden);
    // Those that are known may ask on.
    expect(() => saw('w')).not.toThrow();
    watch.saw(upstream, { worker: 'w', name: '', leaves: true });
    expect(() => saw('one more')).not.toThrow();
  });
});
