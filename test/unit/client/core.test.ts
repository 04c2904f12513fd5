/** How a client connects: what it asks, what it takes the server for, and what is left when that fails. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ConnectOptions, resolveOptions } from '../../../src/client/connect-options.ts';
import { ClientCore } from '../../../src/client/core.ts';
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
  const opening = ClientCore.open(settings, () => new Promise(() => {}));
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
