/** A client's link: absent, connected, proved, broken, closed. What becomes of calls is held to a plain model. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CallSpec, evaluate } from '../../../src/client/call.ts';
import { Mailbox } from '../../../src/client/call-link.ts';
import { consoleLogger } from '../../../src/logging.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../src/protocol/message.ts';
import { guardTap } from '../../../src/tap.ts';
import type { Connection } from '../../../src/transport.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { BROKEN, FakeServer, settle } from '../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const SPEC: CallSpec = { function: 'server.f', cache: '', pipeline: 'p', features: Feature.batches };

/** Milliseconds in which answers may still come when the pusher has broken. */
const GRACE = 250;

function call(server: FakeServer, name: string, signal?: AbortSignal): Promise<string[]> {
  return evaluate(server.link, {
    spec: SPEC,
    payload: bytes(name),
    messages: 1,
    errorSentinel: undefined,
    decode: textOf,
    timeout: Number.POSITIVE_INFINITY,
    signal,
    signals: server.signals,
  });
}

interface ModelCall {
  readonly name: string;
  state: 'waits' | 'sent' | 'answered' | 'aborted' | 'DISCONNECTED' | 'CLOSED';
}

const aStep = fc.record({
  what: fc.constantFrom(
    'call',
    'call',
    'call',
    'push',
    'subscribe',
    'unpush',
    'unsubscribe',
    'answer',
    'answer',
    'abort',
    'wait',
  ),
  which: fc.nat(30),
});

describe('a link', () => {
  it('sends each call once it is ready, and tells the outcome that a plain model says', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(aStep, { maxLength: 40, size: 'max' }),
        fc.boolean(),
        async (steps, isGracious) => {
          // A run that failed has left its own.
          vi.clearAllTimers();
          const server = await FakeServer.open();
          const model: ModelCall[] = [];
          const outcomes: string[] = [];
          const messages = new Map<string, PalmMessage>();
          const aborts: AbortController[] = [];
          let [pushes, subscribes, now] = [false, false, 0];
          let grace: { readonly calls: readonly ModelCall[]; readonly end: number } | undefined;
          const under = () => model.filter(({ state }) => state === 'sent');
          const fail = (calls: readonly ModelCall[]) => {
            for (const own of calls) if (own.state === 'sent') own.state = 'DISCONNECTED';
          };
          const send = () => {
            if (!pushes || !subscribes) return;
            for (const own of model) if (own.state === 'waits') own.state = 'sent';
          };
          for (const { what, which } of steps) {
            if (what === 'call') {
              const at = model.length;
              const abort = new AbortController();
              aborts.push(abort);
              model.push({ name: String(at), state: 'waits' });
              outcomes.push('');
              call(server, String(at), abort.signal).then(
                ([answer]) => {
                  outcomes[at] = answer === `answer to ${at}` ? 'answered' : `wrong: ${answer}`;
                },
                (error) => {
                  outcomes[at] = error instanceof PalmError ? error.code : 'aborted';
                },
              );
            } else if (what === 'push') {
              server.pusher.setReady();
              pushes = true;
            } else if (what === 'subscribe') {
              server.subscription.setReady();
              subscribes = true;
            } else if (what === 'unpush') {
              server.pusher.setBroken(BROKEN);
              if (pushes) {
                if (grace !== undefined) fail(grace.calls);
                grace = { calls: under(), end: now + GRACE };
              }
              pushes = false;
            } else if (what === 'unsubscribe') {
              server.subscription.setBroken(BROKEN);
              if (subscribes) fail(under());
              subscribes = false;
            } else if (what === 'answer') {
              const own = model[which % Math.max(1, model.length)];
              const message = messages.get(own?.name ?? '');
              // A second answer gives back a place, whosever it is: the limit is not exact.
              if (own?.state !== 'sent' || message === undefined) continue;
              server.reply(message, { payload: bytes(`answer to ${own.name}`) });
              own.state = 'answered';
            } else if (what === 'abort') {
              const own = model[which % Math.max(1, model.length)];
              if (own === undefined) continue;
              aborts[Number(own.name)]?.abort();
              if (own.state === 'sent' || own.state === 'waits') own.state = 'aborted';
            } else {
              await vi.advanceTimersByTimeAsync(which * 20);
              now += which * 20;
            }
            send();
            if (grace !== undefined && grace.end <= now) {
              fail(grace.calls);
              grace = undefined;
            }
            await settle();
            for (const message of server.taken()) {
              const name = textOf(message.payload);
              // Never sent twice.
              expect(messages.has(name)).toBe(false);
              messages.set(name, message);
            }
            expect(server.link.isReady).toBe(pushes && subscribes);
            const pending = (own: ModelCall) => own.state === 'waits' || own.state === 'sent';
            expect(outcomes).toEqual(model.map((own) => (pending(own) ? '' : own.state)));
            expect(server.link.mailbox.ids()).toHaveLength(under().length);
            expect(server.link.inFlight.taken).toBe(under().length);
            expect(vi.getTimerCount()).toBe(grace === undefined ? 0 : 1);
          }
          server.link.close();
          await server.connection.close({ timeout: isGracious ? 100 : 0 });
          for (const own of model) if (own.state === 'waits' || own.state === 'sent') own.state = 'CLOSED';
          await settle();
          expect(outcomes).toEqual(model.map(({ state }) => state));
          expect([server.link.mailbox.ids(), server.link.inFlight.taken, vi.getTimerCount()]).toEqual([
            [],
            0,
            0,
          ]);
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  it('gives the place back of a call that waited for the link and found it broken again, whenever it looks', async () => {
    for (let turns = 0; turns < 20; turns++) {
      const server = await FakeServer.open();
      let outcome = '';
      const calling = call(server, 'a').then(
        () => 'answered',
        (error) => error.code,
      );
      calling.then((own) => {
        outcome = own;
      });
      server.up();
      // The call has heard that the link is there, and may or may not have looked yet.
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      server.subscription.setBroken(BROKEN);
      await settle();
      // It was sent before the break and has failed, or it is sent when the link is back. Its answer cannot come before that.
      expect([turns, server.link.mailbox.ids(), server.link.inFlight.taken]).toEqual([turns, [], 0]);
      const sent = server.taken();
      expect([sent.length, outcome]).toEqual(outcome === '' ? [0, ''] : [1, 'DISCONNECTED']);
      server.up();
      await settle();
      expect(server.link.inFlight.taken).toBe(server.link.mailbox.ids().length);
      for (const message of server.taken()) server.reply(message);
      expect(await calling).toBe(sent.length === 0 ? 'answered' : 'DISCONNECTED');
      expect(server.link.inFlight.taken).toBe(0);
    }
  });

  it('fails the calls of an earlier break when the pusher breaks again, and gives those of the later one their time', async () => {
    const server = await FakeServer.open();
    server.up();
    const first = call(server, 'a').catch((error) => error.code);
    await settle();
    server.pusher.setBroken(BROKEN);
    server.pusher.setReady();
    const second = call(server, 'b').catch((error) => error.code);
    await vi.advanceTimersByTimeAsync(GRACE / 2);
    server.pusher.setBroken(BROKEN);
    expect(await first).toBe('DISCONNECTED');
    expect(server.link.mailbox.ids()).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(GRACE - 1);
    expect(server.link.mailbox.ids()).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await second).toBe('DISCONNECTED');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves no timer when it is closed soon after a break', async () => {
    const server = await FakeServer.open();
    server.up();
    const calling = call(server, 'a').catch((error) => error.code);
    await settle();
    server.pusher.setBroken(BROKEN);
    expect(vi.getTimerCount()).toBe(1);
    server.link.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(await calling).toBe('CLOSED');
  });

  it('counts answers that nobody waits for, and passes nothing of other clients on', async () => {
    const server = await FakeServer.open();
    server.up();
    server.deliver('client/nobody', new Uint8Array(0));
    server.deliver('other/1', new Uint8Array(0));
    server.deliver('client', new Uint8Array(0));
    await settle();
    expect(server.link.mailbox.unclaimed).toBe(1);
    server.deliver('client/nobody', new Uint8Array(0));
    await settle();
    expect(server.link.mailbox.unclaimed).toBe(2);
  });

  it('logs the 1st, 2nd, 4th, 8th… answer that cannot be read', async () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
    const server = await FakeServer.open({ logger });
    server.up();
    for (let i = 0; i < 9; i++) server.deliver('client/nobody', new Uint8Array([0xff]));
    await settle();
    expect(logger.warning.mock.calls.map(([, fields]) => fields.times)).toEqual([1, 2, 4, 8]);
  });

  it('shows what leaves and what comes to the tap', async () => {
    const tap = vi.fn();
    const server = await FakeServer.open({ tap: guardTap(tap, consoleLogger('test')) });
    server.up();
    const calling = call(server, 'a');
    await settle();
    const [message] = server.taken();
    if (message !== undefined) server.reply(message, { payload: bytes('b') });
    await calling;
    expect(
      tap.mock.calls.map(([event]) => [
        event.direction,
        event.channel,
        event.address,
        textOf(event.message.payload),
      ]),
    ).toEqual([
      ['out', 'push', 'push', 'a'],
      ['in', 'sub', 'sub', 'b'],
    ]);
  });
});

describe('the messages of a link', () => {
  it('subscribes to its topics, and asks a frond server to confirm that within 2 s', async () => {
    for (const [isDirect, proofTimeout] of [
      [true, 2_000],
      [false, 0],
    ] as const) {
      const server = await FakeServer.open({ isDirect });
      const subscribe = vi.spyOn(server.connection, 'subscribe');
      server.link.subscribe('other');
      const awaited = expect.any(Function);
      expect(subscribe.mock.calls).toEqual([['other', 'client/', { proofTimeout, once: true, awaited }]]);
    }
  });

  it('has more messages under way where frond answers over a proved link', async () => {
    for (const [isDirect, isProved, most] of [
      [true, true, 8_192],
      [true, false, 500],
      [false, true, 500],
      [false, false, 500],
    ] as const) {
      const server = await FakeServer.open({ isDirect });
      server.up();
      server.subscription.isProved = isProved;
      // So small that their size sets no limit.
      for (let i = 0; i < 200; i++) server.link.inFlight.answered(1, performance.now());
      let admitted = 0;
      while (admitted < 10_000 && server.link.tryAdmit()) admitted++;
      expect([isDirect, isProved, admitted]).toEqual([isDirect, isProved, most]);
    }
  });

  it('names topics by the id that the connection has now', async () => {
    const server = await FakeServer.open();
    server.up();
    expect(server.link.topic('1')).toBe('client/1');
    vi.spyOn(server.connection, 'id', 'get').mockReturnValue('other');
    expect(server.link.topic('2')).toBe('other/2');
    const calling = call(server, 'a');
    await settle();
    const [message] = server.taken();
    expect(message?.client).toMatch(/^other\//);
    if (message !== undefined) server.reply(message, { payload: bytes('b') });
    expect(await calling).toEqual(['b']);
  });

  it('adds what the tap adds to a message, to that one alone', async () => {
    const unknown = new Uint8Array([0xfa, 0x3e, 0]);
    const sent = vi.fn(() => undefined as Uint8Array<ArrayBuffer> | undefined);
    const server = await FakeServer.open({ tap: { sent, received: () => {} } });
    server.up();
    sent.mockReturnValueOnce(unknown);
    const calls = ['a', 'b'].map((name) => call(server, name));
    await settle();
    const messages = server.taken();
    expect(messages.map((message) => [...message.unknown])).toEqual([[...unknown], []]);
    expect(messages.map(({ payload }) => textOf(payload))).toEqual(['a', 'b']);
    for (const message of messages) server.reply(message);
    await Promise.all(calls);
  });

  it('shows the tap the topic and the size of each frame', async () => {
    const tap = vi.fn();
    const server = await FakeServer.open({ tap: guardTap(tap, consoleLogger('test')) });
    server.up();
    const calling = call(server, 'a');
    await settle();
    const [frame] = server.pusher.sent;
    server.deliver('client/1', frame ?? new Uint8Array(0));
    await calling;
    const size = frame?.length;
    expect(tap.mock.calls).toMatchObject([
      [{ direction: 'out', topic: undefined, size }],
      [{ direction: 'in', topic: 'client/1', size }],
    ]);
  });

  it('gives a call a payload of its own', async () => {
    const server = await FakeServer.open();
    server.up();
    const answers: Uint8Array[] = [];
    const id = server.link.mailbox.open({
      answer: ({ payload }) => answers.push(payload),
      fail: () => {},
    });
    server.reply(palmMessage({ client: `client/${id}` }), { payload: bytes('abc') });
    await settle();
    expect(answers.map(({ buffer }) => buffer.byteLength)).toEqual([3]);
  });

  it('give their places back with an answer, and not with progress', async () => {
    const server = await FakeServer.open();
    server.up();
    server.link.inFlight.take(2);
    for (const [status, taken] of [
      [Status.progress, 2],
      [Status.ok, 1],
      [Status.failed, 0],
    ] as const) {
      server.reply(palmMessage({ client: 'client/1', function: 'server.f' }), { status });
      await settle();
      expect(server.link.inFlight.taken).toBe(taken);
    }
  });

  it('reads all frames of a delivery, beyond one that it cannot read', async () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
    const server = await FakeServer.open({ logger });
    server.up();
    const [answer, fail] = [vi.fn(), vi.fn()];
    const id = server.link.mailbox.open({ answer, fail });
    const topic = `client/${id}`;
    const good = server.link.encode(palmMessage({ client: topic, payload: bytes('x') }));
    const deliveries = [{ topic, frames: [new Uint8Array([0xff, 0xff]), good] }];
    server.subscription.queue.push(deliveries);
    await settle();
    expect([answer.mock.calls.length, fail.mock.calls.length]).toEqual([1, 1]);
    expect(fail.mock.calls).toMatchObject([[{ code: 'PROTOCOL' }]]);
    expect(logger.warning.mock.calls).toEqual([
      [
        'bad answer',
        { topic, size: 2, reason: expect.stringContaining('a frame is not a PALM envelope'), times: 1 },
      ],
    ]);
  });

  it('says which calls a break has lost, in the log and to each', async () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
    const server = await FakeServer.open({ logger });
    server.up();
    const calls = ['a', 'b'].map((name) => call(server, name).catch((error) => error));
    await settle();
    expect(server.link.breaks).toBe(0);
    server.subscription.setBroken(BROKEN);
    const text = 'the link broke; calls under way lost their answers and may have run';
    for (const error of await Promise.all(calls))
      expect(error).toMatchObject({ code: 'DISCONNECTED', message: text, sent: 'unknown', cause: BROKEN });
    expect(logger.warning.mock.calls).toEqual([
      ['connection broke', { code: 'DISCONNECTED', reason: 'the link broke', calls: 2 }],
    ]);
    expect(server.link.breaks).toBe(1);
  });

  it('says once that its pusher broke, when the time for late answers is up', async () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
    const console = vi.spyOn(globalThis.console, 'error');
    const server = await FakeServer.open({ logger });
    server.up();
    for (let times = 1; times <= 2; times++) {
      server.pusher.setBroken(BROKEN);
      expect(logger.warning).toHaveBeenCalledTimes(times - 1);
      await vi.advanceTimersByTimeAsync(GRACE);
      expect(logger.warning).toHaveBeenCalledTimes(times);
      server.pusher.setReady();
    }
    server.subscription.setBroken(BROKEN);
    // Nobody follows this server.
    expect(console).not.toHaveBeenCalled();
  });

  it('numbers its breaks, and tells calls which one failed them', async () => {
    const server = await FakeServer.open();
    server.up();
    const fail = vi.fn();
    server.link.mailbox.open({ answer: () => {}, fail });
    server.pusher.setBroken(BROKEN);
    expect(server.link.breaks).toBe(1);
    server.subscription.setBroken(BROKEN);
    expect(server.link.breaks).toBe(2);
    expect(fail.mock.calls.map(([, number]) => number)).toEqual([2]);
    server.link.mailbox.open({ answer: () => {}, fail });
    // It was opened after the first break.
    await vi.advanceTimersByTimeAsync(GRACE);
    expect(fail).toHaveBeenCalledTimes(1);
  });

  it('tells its follower of each break, of the channels that it has now', async () => {
    const server = await FakeServer.open();
    server.up();
    const broke = vi.fn();
    server.link.follower = { broke, asked: async () => {} };
    server.pusher.setBroken(BROKEN);
    server.subscription.setBroken(BROKEN);
    expect(broke).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(GRACE);
  });

  it('sends by its pusher, and asks it for room', async () => {
    const server = await FakeServer.open();
    server.up();
    expect(server.link.room()).toBeUndefined();
    const room = Promise.resolve();
    Object.assign(server.pusher, { room: () => room });
    expect(server.link.room()).toBe(room);
    await server.link.send([bytes('x')]);
    expect(server.pusher.sent).toEqual([bytes('x')]);
  });
});

describe('a link that is waited for', () => {
  it('is ready when both channels are', async () => {
    const server = await FakeServer.open();
    let isReady = false;
    const waiting = server.link.ready().then(() => {
      isReady = true;
    });
    server.pusher.setReady();
    await settle();
    expect(isReady).toBe(false);
    server.subscription.setReady();
    await waiting;
    await server.link.ready();
  });

  it('fails with the refusal of another server, or because it is closed', async () => {
    const server = await FakeServer.open();
    const refusal = new PalmError('WRONG_SERVER', 'another server');
    server.link.refusal = refusal;
    await expect(server.link.ready()).rejects.toBe(refusal);
    server.up();
    server.link.close();
    await expect(server.link.ready()).rejects.toMatchObject({ code: 'CLOSED', sent: false });
    expect(server.link.isReady).toBe(false);
    expect(server.link.tryAdmit()).toBe(false);
  });

  it('lets its subscription know how many messages are under way', async () => {
    const server = await FakeServer.open();
    server.up();
    const subscribe = vi.spyOn<Connection, 'subscribe'>(server.connection, 'subscribe');
    server.link.subscribe('other');
    const awaited = () => subscribe.mock.calls[0]?.[2]?.awaited?.();
    expect(awaited()).toBe(0);
    expect([server.link.tryAdmit(), server.link.tryAdmit(), awaited()]).toEqual([true, true, 2]);
    server.link.inFlight.answered(1, performance.now());
    expect(awaited()).toBe(1);
  });

  it('takes no place while it is not ready', async () => {
    const server = await FakeServer.open();
    expect([server.link.tryAdmit(), server.link.inFlight.taken]).toEqual([false, 0]);
    server.up();
    expect([server.link.tryAdmit(), server.link.inFlight.taken]).toEqual([true, 1]);
  });

  it('fails with what refuses a channel, once the server was asked where it is', async () => {
    const server = await FakeServer.open();
    const asked = vi.fn(async () => {});
    server.link.follower = { broke: () => {}, asked };
    const refusal = new PalmError('FORBIDDEN', 'a wrong key');
    const waiting = expect(server.link.ready()).rejects.toBe(refusal);
    server.pusher.setRefused(refusal);
    await waiting;
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it('asks nothing where its channels were replaced meanwhile', async () => {
    const server = await FakeServer.open();
    const { link } = server;
    const asked = vi.fn(async () => {});
    link.follower = { broke: () => {}, asked };
    const waiting = link.ready();
    const before = link.pusher;
    link.pusher = link.push('push 2');
    before.close();
    server.up();
    await waiting;
    expect(asked).not.toHaveBeenCalled();
  });

  it.each(['push', 'subscribe'] as const)('waits on where the server has moved: %s', async (what) => {
    const server = await FakeServer.open();
    const { link } = server;
    const asked = vi.fn(async () => {
      if (what === 'push') link.pusher = link.push('push 2');
      else link.subscription = link.subscribe('sub 2');
    });
    link.follower = { broke: () => {}, asked };
    const refused = what === 'push' ? server.pusher : server.subscription;
    const waiting = link.ready();
    refused.setRefused(new PalmError('FORBIDDEN', 'a wrong key'));
    await settle();
    server.up();
    await waiting;
    expect(asked).toHaveBeenCalledTimes(1);
  });
});

describe('the time that is up', () => {
  it.each([
    [
      true,
      undefined,
      'no connection to push and sub within 5 ms, so server.f was not sent; is the server up?',
      false,
    ],
    [true, 'no answer', 'no answer from server.f at push within 5 ms; it may need longer', 'unknown'],
    [
      false,
      'no answer',
      'no answer from server.f at push within 5 ms; does the function exist? pylm stops at one that does not',
      'unknown',
    ],
  ] as const)('is told with what is known: %s, %s', async (isDirect, came, message, sent) => {
    const server = await FakeServer.open({ isDirect });
    expect(server.link.timeout('server.f', 5, came)).toMatchObject({ code: 'TIMEOUT', message, sent });
    vi.spyOn(server.connection, 'trouble', 'get').mockReturnValue(': the name is not known');
    expect(server.link.timeout('server.f', 5, came).message).toBe(
      message.replace(/;.*$/, ': the name is not known'),
    );
  });
});

describe('a mailbox', () => {
  it('takes an id that is given, and counts each answer that finds no call', () => {
    const mailbox = new Mailbox();
    const own = { answer: () => {}, fail: () => {} };
    expect(mailbox.open(own, 'mine')).toBe('mine');
    expect([mailbox.get('mine'), mailbox.unclaimed]).toEqual([own, 0]);
    mailbox.close('mine');
    expect([mailbox.get('mine'), mailbox.get('mine'), mailbox.unclaimed]).toEqual([undefined, undefined, 2]);
  });

  it('gives each call an id of its own, and fails those that still wait', () => {
    const mailbox = new Mailbox();
    const told: string[] = [];
    const open = (name: string) =>
      mailbox.open({ answer: () => {}, fail: (_, number) => told.push(`${name} ${number}`) });
    const [a, b, c] = [open('a'), open('b'), open('c')];
    expect(new Set([a, b, c]).size).toBe(3);
    mailbox.close(b);
    expect(mailbox.fail([a, b, 'x'], BROKEN, 7)).toBe(1);
    expect(told).toEqual(['a 7']);
    expect(mailbox.ids()).toEqual([c]);
  });
});
