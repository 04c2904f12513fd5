/** An eval with several answers, of which some are good and one is not. */
import { afterEach, describe, expect, it } from 'vitest';
import { type FunctionContext, Master, type PalmFunctions, Server, Worker } from '../../src/cluster/index.ts';
import { Client, PalmError, type PayloadCodec, text } from '../../src/index.ts';
import { memory } from '../../transports/memory/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { within } from '../support/wait.ts';

let cleanup: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of cleanup.reverse()) await within(5_000, close(), 'closing');
  cleanup = [];
});

const grounds = [
  ['memory', () => ({ transport: memory(), any: 'memory://*' })],
  ['zeromq', () => ({ transport: zeromq(), any: 'tcp://127.0.0.1:*' })],
] as const;

async function failureOf(call: Promise<unknown>): Promise<PalmError> {
  const outcome = await within(
    10_000,
    call.then(
      () => undefined,
      (error) => error,
    ),
  );
  expect(outcome).toBeInstanceOf(PalmError);
  return outcome as PalmError;
}

describe.each(grounds)('several answers: %s', (_name, make) => {
  async function serve(functions: PalmFunctions = {}) {
    const { transport, any } = make();
    const server = await Server.start({
      transport,
      name: 'server',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      loggingLevel: 'silent',
      functions,
    });
    cleanup.push(() => server.close({ timeout: 0 }));
    const client = await Client.connect({ transport, dbAddress: server.dbAddress, loggingLevel: 'silent' });
    cleanup.push(() => client.close({ timeout: 0 }));
    return { server, client };
  }

  it('gives the good ones on the error of a generator that throws', async () => {
    const { client } = await serve({
      *some() {
        for (const own of ['a', 'b', 'c']) yield bytes(own);
        throw new RangeError('no more');
      },
    });
    const words = client.with(text());
    const error = await failureOf(words.eval('server.some', '', { messages: 4 }));
    expect(error).toMatchObject({
      code: 'REMOTE',
      remoteName: 'RangeError',
      sent: true,
      results: ['a', 'b', 'c'],
    });
    expect(error.message).toContain('no more');
    // Those that a generator still owes never come.
    const early = await failureOf(words.eval('server.some', '', { messages: 6 }));
    expect(early).toMatchObject({ code: 'REMOTE', results: ['a', 'b', 'c'] });
  });

  it('waits for the good ones that come behind one that failed', async () => {
    const { transport, any } = make();
    const master = await Master.start({
      transport,
      name: 'master',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      workerPullAddress: any,
      workerPushAddress: any,
      loggingLevel: 'silent',
      *scatter(message) {
        for (const own of ['0', '1', '2', '3']) yield { ...message, payload: bytes(own) };
      },
    });
    cleanup.push(() => master.close({ timeout: 0 }));
    const worker = await Worker.start({
      transport,
      dbAddress: master.dbAddress,
      loggingLevel: 'silent',
      functions: {
        part: async (payload: Uint8Array, _context: FunctionContext) => {
          if (textOf(payload) === '0') throw new TypeError('not this one');
          return payload;
        },
      },
    });
    cleanup.push(() => worker.close({ timeout: 0 }));
    const client = await Client.connect({ transport, dbAddress: master.dbAddress, loggingLevel: 'silent' });
    cleanup.push(() => client.close({ timeout: 0 }));
    const error = await failureOf(client.with(text()).eval('master.part', '', { messages: 4 }));
    expect(error).toMatchObject({ code: 'REMOTE', remoteName: 'TypeError' });
    expect([...(error.results ?? [])].sort()).toEqual(['1', '2', '3']);
    expect(client.unclaimed).toBe(0);
  });

  it('gives them on a time-out, and when the client is closed', async () => {
    const { client } = await serve({
      async *some() {
        yield bytes('a');
        await new Promise(() => {});
      },
    });
    const words = client.with(text());
    const late = await failureOf(words.eval('server.some', '', { messages: 2, timeout: 200 }));
    expect(late).toMatchObject({ code: 'TIMEOUT', sent: 'unknown', results: ['a'] });
  });

  it('takes an answer that cannot be read for one that failed', async () => {
    const { client } = await serve({
      *some() {
        for (const own of ['1', 'x', '3']) yield bytes(own);
      },
    });
    const numbers: PayloadCodec<number> = {
      name: 'number',
      encode: (value) => bytes(`${value}`),
      decode: (payload) => {
        const value = Number(textOf(payload));
        if (Number.isNaN(value)) throw new TypeError('not a number');
        return value;
      },
    };
    const error = await failureOf(client.with(numbers).eval('server.some', 0, { messages: 3 }));
    expect(error).toMatchObject({ code: 'PROTOCOL', results: [1, 3] });
  });

  it('has none on an error where there are none, and leaves nothing behind', async () => {
    const { client } = await serve({
      boom: () => {
        throw new Error('boom');
      },
    });
    const one = await failureOf(client.eval('server.boom', bytes('')));
    const many = await failureOf(client.eval('server.boom', bytes(''), { messages: 3 }));
    expect([one.results, many.results]).toEqual([undefined, undefined]);
    expect(many).toMatchObject({ code: 'REMOTE', remoteName: 'Error' });
  });

  it('sends without waiting for any, where none are wanted', async () => {
    const received: string[] = [];
    const { client } = await serve({
      note: (payload: Uint8Array) => {
        received.push(textOf(payload));
        return payload;
      },
    });
    expect(await client.eval('server.note', bytes('a'), { messages: 0 })).toEqual([]);
    expect(await client.with(text()).eval('server.note', 'b', { messages: 1 })).toBe('b');
    expect(received).toEqual(['a', 'b']);
    const key = await client.set(bytes('v'), '');
    expect(key.length).toBeGreaterThan(8);
    expect(textOf((await client.get(key)) ?? bytes(''))).toBe('v');
    const other = await client.set(bytes('w'), '');
    expect(other).not.toBe(key);
  });
});
