/** How a client connects: what it asks, what it takes the server for, and what is left when that fails. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ConnectOptions, resolveOptions } from '../../../src/client/connect-options.ts';
import { ClientCore, discover, type LaterCode } from '../../../src/client/core.ts';
import { PYLM_CALLS } from '../../../src/flow-control.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { Feature, palmMessage } from '../../../src/protocol/message.ts';
import type { Transport } from '../../../src/transport.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { countedSignal, FakeConnection, settle } from '../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const SERVER: Readonly<Record<string, string>> = {
  name: 'server',
  pull_address: 'pull',
  pub_address: 'pub',
};

/** Answers as a frond server or as a stock pylm server. */
function answering(values: Readonly<Record<string, string>>, isFrond: boolean) {
  const codec = new EnvelopeCodec();
  return async (frame: Bytes) => {
    const payload = bytes(values[textOf(codec.decode(frame).payload)] ?? '');
    return isFrond ? codec.encode(palmMessage({ payload, features: Feature.replies })) : payload;
  };
}

/** Opens a client; its channels become ready by themselves. */
async function open(
  options: Partial<ConnectOptions> = {},
  prepare: (connection: FakeConnection) => void = () => {},
  isUp = true,
  later: () => Promise<unknown> = () => new Promise(() => {}),
) {
  const connection = new FakeConnection();
  connection.answer = answering(SERVER, true);
  prepare(connection);
  const transport: Transport = {
    name: 'fake',
    checkAddress: () => {},
    resolveAddress: (advertised) => advertised,
    open: async () => connection,
  };
  const settings = resolveOptions({ transport, dbAddress: 'db', loggingLevel: 'silent', ...options });
  const opening = ClientCore.open(settings, later as () => Promise<LaterCode>);
  const outcome = { core: undefined as ClientCore | undefined, error: undefined as unknown };
  const settled = opening.then(
    (core) => {
      outcome.core = core;
    },
    (error) => {
      outcome.error = error;
    },
  );
  await settle();
  if (isUp) for (const channel of [...connection.pushers, ...connection.subscriptions]) channel.setReady();
  await settle();
  return { connection, outcome, settled };
}

describe('a client that cannot connect closes its connection, and leaves no timer or listener', () => {
  const expectNothingLeft = (connection: FakeConnection) => {
    expect(connection.closings).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  };

  it('to a server of another name', async () => {
    const { connection, outcome } = await open({ serverName: 'other' });
    expect(outcome.error).toMatchObject({ code: 'WRONG_SERVER', sent: true });
    expectNothingLeft(connection);
  });

  it('to a server without a name', async () => {
    const { connection, outcome } = await open({}, (own) => {
      own.answer = answering({}, true);
    });
    expect(outcome.error).toMatchObject({ code: 'WRONG_SERVER' });
    expectNothingLeft(connection);
  });

  it('to a server that does not answer', async () => {
    const { connection, outcome } = await open({ timeout: 500 }, (own) => {
      own.answer = () => new Promise(() => {});
    });
    await vi.advanceTimersByTimeAsync(499);
    expect(outcome.error).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(outcome.error).toMatchObject({
      code: 'TIMEOUT',
      sent: 'unknown',
      message: expect.stringContaining('db'),
    });
    expectNothingLeft(connection);
  });

  it('to the addresses that the server names', async () => {
    const { connection, outcome } = await open({ timeout: 500 }, undefined, false);
    await vi.advanceTimersByTimeAsync(500);
    expect(outcome.error).toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('pull and pub'),
    });
    expectNothingLeft(connection);
  });

  it('because it is aborted', async () => {
    const abort = countedSignal();
    const { connection, outcome, settled } = await open({ signal: abort.signal }, undefined, false);
    expect(abort.listeners).toBe(1);
    abort.abort();
    await settled;
    expect(outcome.error).toMatchObject({ name: 'AbortError' });
    expect(abort.listeners).toBe(0);
    expectNothingLeft(connection);
  });

  it('because it is refused', async () => {
    const refusal = new PalmError('FORBIDDEN', 'a wrong key');
    const { connection, outcome, settled } = await open(
      {},
      (own) => {
        own.answer = () => Promise.reject(refusal);
      },
      false,
    );
    await settled;
    expect(outcome.error).toBe(refusal);
    expectNothingLeft(connection);
  });

  it('because its signal has aborted before, in which case it opens none', async () => {
    const abort = new AbortController();
    abort.abort();
    const { connection, outcome } = await open({ signal: abort.signal });
    expect(outcome.error).toMatchObject({ name: 'AbortError' });
    expect([connection.closings, connection.pushers]).toEqual([0, []]);
  });
});

describe('the session of a client', () => {
  it.each([
    ['alice/', 's1', 'alice/s1'],
    ['alice/', undefined, 'alice/'],
    ['', 's1', 's1'],
  ])('with the prefix %j of a relay and the session %j is %j', async (prefix, session, whole) => {
    const { outcome } = await open({ session }, (own) => {
      own.prefix = prefix;
    });
    expect(outcome.core?.session).toBe(whole);
    expect(outcome.core?.defaults).toEqual({ pipeline: whole, features: Feature.batches | Feature.session });
  });

  it('is a random id where there is none, and says so', async () => {
    const { outcome } = await open();
    expect(outcome.core?.session).toBeUndefined();
    expect(outcome.core?.defaults).toEqual({
      pipeline: expect.stringMatching(/^[\w-]{21}$/),
      features: Feature.batches,
    });
  });
});

describe('the messages that may be under way', () => {
  /** How many calls are let out at once. */
  const placesOf = (core: ClientCore | undefined) => {
    const link = core?.callLink();
    let places = 0;
    while (places < 10_000 && link?.tryAdmit()) places++;
    return places;
  };

  it('are many where a frond server answers by itself', async () => {
    const { outcome } = await open();
    expect(placesOf(outcome.core)).toBeGreaterThan(PYLM_CALLS);
  });

  it('are as many as stock pylm takes where the answers come from an address of the caller', async () => {
    const { outcome } = await open({ subAddress: 'elsewhere' });
    expect(placesOf(outcome.core)).toBe(PYLM_CALLS);
  });

  it('are as many as stock pylm takes where the server is one', async () => {
    const { outcome } = await open({}, (own) => {
      own.answer = answering(SERVER, false);
    });
    expect(placesOf(outcome.core)).toBe(PYLM_CALLS);
  });

  it('are as many as stock pylm takes where the publisher has not confirmed the subscription', async () => {
    const { outcome, connection } = await open();
    for (const subscription of connection.subscriptions) subscription.isProved = false;
    expect(placesOf(outcome.core)).toBe(PYLM_CALLS);
  });
});

it('a server without addresses for calls takes none', async () => {
  const { outcome } = await open({}, (own) => {
    own.answer = answering({ name: 'server' }, true);
  });
  expect(() => outcome.core?.callLink()).toThrow(
    expect.objectContaining({ code: 'INVALID_CALL', sent: false }),
  );
});

describe('what a client that cannot connect says', () => {
  it('names the server that does not answer, and what to look at', async () => {
    const { outcome } = await open({ timeout: 500 }, (own) => {
      own.answer = () => new Promise(() => {});
      vi.spyOn(own, 'trouble', 'get').mockReturnValue(' (refused)');
    });
    await vi.advanceTimersByTimeAsync(500);
    expect((outcome.error as Error).message).toBe(
      'no answer from the server at db within 500 ms (refused); is it up, and is this its db_address?',
    );
  });

  it('names the addresses that the server gave', async () => {
    const { outcome } = await open({ timeout: 500 }, undefined, false);
    await vi.advanceTimersByTimeAsync(500);
    expect((outcome.error as Error).message).toBe(
      'no connection to pull and pub within 500 ms; does the server at db name the right addresses?',
    );
  });

  it.each([
    [
      { serverName: 'other' },
      SERVER,
      'at db is server "server", not "other"; check serverName and dbAddress',
    ],
    [{}, {}, 'at db is server "", not one with a name; check serverName and dbAddress'],
    [{ serverName: 'other' }, {}, 'at db is server "", not "other"; check serverName and dbAddress'],
  ])('names the server that is there: %j', async (options, values, message) => {
    const { outcome } = await open(options, (own) => {
      own.answer = answering(values, true);
    });
    expect(outcome.error).toMatchObject({ code: 'WRONG_SERVER', message, sent: true });
  });

  it('closes its connection at once', async () => {
    const closings: unknown[] = [];
    await open({ serverName: 'other' }, (own) => {
      own.close = async (options) => void closings.push(options);
    });
    expect(closings).toEqual([{ timeout: 0 }]);
  });
});

it('a client logs where it has connected', async () => {
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  await open({ logger, loggingLevel: 'info', serverName: 'server' });
  expect(logger.info.mock.calls).toEqual([
    ['connected', { server: 'server', db: 'db', pushAddress: 'pull', subAddress: 'pub' }],
  ]);
});

describe('code that is loaded when it is needed', () => {
  it('is loaded at once for a tap, metadata or interceptors, and makes the settings ready', async () => {
    const tap = () => undefined;
    for (const options of [{ tap }, { metadata: { a: 'b' } }, { interceptors: [] }, { tap, metadata: {} }]) {
      const prepare = vi.fn((settings: object) => ({
        ...settings,
        tap: undefined,
        metadataField: bytes('x'),
        interceptors: ['own'],
      }));
      const { outcome } = await open(options as Partial<ConnectOptions>, undefined, true, async () => ({
        loadElaborate: async () => ({ prepare }),
        follow: () => {},
      }));
      expect(prepare).toHaveBeenCalledTimes(1);
      expect(prepare.mock.calls[0]?.[0]).toMatchObject(options);
      expect(outcome.error).toBeUndefined();
      expect(outcome.core?.defaults).toMatchObject({ metadata: bytes('x') });
      expect(outcome.core?.interceptors).toEqual(['own']);
    }
  });

  it('is not needed by others', async () => {
    const prepare = vi.fn();
    const { outcome } = await open({}, undefined, true, async () => ({
      loadElaborate: async () => ({ prepare }),
      follow: () => {},
    }));
    expect([prepare.mock.calls.length, outcome.core?.interceptors]).toEqual([0, []]);
  });

  it.each([
    ['', true],
    ['?', false],
    ['last address', true],
  ])('follows the server; with %j for its end', async (frond_end, isEndKnown) => {
    const follow = vi.fn();
    const { outcome } = await open(
      {},
      (own) => {
        own.answer = answering({ ...SERVER, frond_end }, true);
      },
      true,
      async () => ({ follow }),
    );
    const { core } = outcome;
    expect(follow.mock.calls).toEqual([[core, core?.link, isEndKnown]]);
  });

  it('follows none whose addresses were given, or behind a relay, where all are one', async () => {
    const follow = vi.fn();
    const later = async () => ({ follow });
    const given = { serverName: 'server', pushAddress: 'a', subAddress: 'b', thisConfig: true };
    await open(given, undefined, true, later);
    await open(
      {},
      (own) => {
        own.answer = answering({ ...SERVER, pull_address: 'db' }, true);
      },
      true,
      later,
    );
    expect(follow).not.toHaveBeenCalled();
  });

  it('tells the server what is cancelled, and harms nothing when it cannot be loaded', async () => {
    const cancel = vi.fn(async () => {});
    const { outcome } = await open({}, undefined, true, async () => ({ follow: () => {}, cancel }));
    const { core } = outcome;
    await core?.link?.cancel('1', { features: 1 }, 'left');
    expect(cancel.mock.calls).toEqual([[core, core?.link, '1', { features: 1 }, 'left']]);
    cancel.mockRejectedValueOnce(new Error('odd'));
    await core?.link?.cancel('1', { features: 1 }, 'left');
    const offline = await open({}, undefined, true, () => Promise.reject(new Error('offline')));
    await offline.outcome.core?.link?.cancel('1', { features: 1 }, 'left');
  });
});

describe('what a server says of itself', () => {
  const said = async (values: Readonly<Record<string, string>>, options: object = {}, isFrond = true) => {
    const settings = { transport: {}, dbAddress: 'db', ...options } as never;
    const read = async (key: string) => ({
      value: bytes({ ...SERVER, ...values }[key] ?? ''),
      features: isFrond ? 2 : undefined,
    });
    return discover(settings, { read } as never);
  };

  it('is its name and its addresses', async () => {
    expect(await said({})).toEqual({
      serverName: 'server',
      isDirect: true,
      isEndKnown: true,
      addresses: { pushAddress: 'pull', subAddress: 'pub' },
    });
    expect(await said({}, {}, false)).toMatchObject({ isDirect: false, isEndKnown: true });
  });

  it('may be an end of its pipeline elsewhere, or none that is known', async () => {
    expect(await said({ frond_end: 'last there' })).toMatchObject({
      isDirect: false,
      isEndKnown: true,
      addresses: { subAddress: 'there' },
    });
    expect(await said({ frond_end: 'server pub' })).toMatchObject({ isDirect: true });
    expect(await said({ frond_end: '?' })).toMatchObject({
      isEndKnown: false,
      addresses: { subAddress: 'pub' },
    });
  });

  it('is not asked for where an address is given', async () => {
    expect(await said({ frond_end: 'last there' }, { pushAddress: 'a', subAddress: 'b' })).toEqual({
      serverName: 'server',
      isDirect: false,
      isEndKnown: true,
      addresses: { pushAddress: 'a', subAddress: 'b' },
    });
    // Also where it is the server's own: it may be another's tomorrow.
    expect(await said({}, { subAddress: 'pub' })).toMatchObject({ isDirect: false });
  });

  it('is read as it looks from here', async () => {
    const resolveAddress = (address: string, via: string) => `${address} via ${via}`;
    expect(await said({}, { transport: { resolveAddress } })).toMatchObject({
      addresses: { pushAddress: 'pull via db', subAddress: 'pub via db' },
    });
    expect(await said({}, { transport: { resolveAddress: () => undefined } })).toMatchObject({
      addresses: { pushAddress: 'pull', subAddress: 'pub' },
    });
  });

  it.each([{ pull_address: '' }, { pub_address: '' }])(
    'has no addresses for calls without %j',
    async (values) => {
      expect((await said(values)).addresses).toBeUndefined();
    },
  );
});

describe('closing', () => {
  async function closing(timeout?: number) {
    const { outcome, connection } = await open();
    const { core } = outcome;
    const end = core?.calls.begin();
    const close = vi.spyOn(connection, 'close');
    const linkClose = core?.link && vi.spyOn(core.link, 'close');
    const closed = core?.close(timeout === undefined ? {} : { timeout });
    return { close, closed, end, linkClose };
  }

  it.each([
    [undefined, 1_000],
    [500, 500],
  ])('with a time of %s ms waits for the calls so long', async (timeout, most) => {
    const { close, closed, linkClose } = await closing(timeout);
    await vi.advanceTimersByTimeAsync(most - 1);
    expect(close).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await closed;
    expect(close.mock.calls).toEqual([[{ timeout: 0 }]]);
    expect(linkClose).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives the connection what is left of the time', async () => {
    const { close, closed, end } = await closing(500);
    await vi.advanceTimersByTimeAsync(200);
    end?.();
    await closed;
    expect(close.mock.calls).toEqual([[{ timeout: 300 }]]);
  });

  it('with no time waits for nothing', async () => {
    const { close } = await closing(0);
    expect(close.mock.calls).toEqual([[{ timeout: 0 }]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('needs no link', async () => {
    const { outcome } = await open({}, (own) => {
      own.answer = answering({ name: 'server' }, true);
    });
    await outcome.core?.close({});
  });
});
