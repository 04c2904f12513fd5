/** Interceptors around a function: what they see, change and refuse, and what goes on to the next servers. */
import { expect, it, vi } from 'vitest';
import { MessageContext, type PalmFunction } from '../../../../src/cluster/runtime/functions.ts';
import { interceptedFunction } from '../../../../src/cluster/runtime/interception.ts';
import type { InterceptedCall, Interceptor } from '../../../../src/interceptor.ts';
import { NO_BYTES, palmMessage } from '../../../../src/protocol/message.ts';
import { encodeMetadata, readMetadata, withMetadata } from '../../../../src/protocol/metadata.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

const METADATA = { tenant: 'a', trace: '1' };

async function run(interceptors: readonly Interceptor[], own: PalmFunction = (payload) => payload) {
  const unknown = withMetadata(NO_BYTES, encodeMetadata(METADATA));
  const message = palmMessage({ client: 'c/1', function: 's.f', payload: bytes('x'), unknown });
  const scope = { cancellations: { closing: new AbortController().signal } };
  const context = new MessageContext(scope as never, message);
  const result = await interceptedFunction(own, interceptors)(message.payload, context);
  return { result, message, context, unknown };
}

it('sees the call: its kind, path, input, metadata and signal', async () => {
  let seen: InterceptedCall | undefined;
  const { context, message } = await run([
    (next) => (call) => {
      seen = call;
      return next(call);
    },
  ]);
  expect(seen).toMatchObject({ kind: 'function', path: 's.f', metadata: METADATA });
  expect(seen?.input).toBe(message.payload);
  expect(seen?.signal).toBe(context.signal);
});

it('changes what the function gets, and what comes of it', async () => {
  const upper: Interceptor = (next) => async (call) => {
    const result = await next({ ...call, input: bytes(`${textOf(call.input as Uint8Array)}!`) });
    return bytes(textOf(result as Uint8Array).toUpperCase());
  };
  expect((await run([upper])).result).toEqual(bytes('X!'));
});

it('stand around the function in their order, the first one outermost', async () => {
  const order: string[] = [];
  const noting =
    (name: string): Interceptor =>
    (next) =>
    async (call) => {
      order.push(`${name} before`);
      const result = await next(call);
      order.push(`${name} after`);
      return result;
    };
  await run([noting('a'), noting('b')]);
  expect(order).toEqual(['a before', 'b before', 'b after', 'a after']);
});

it('refuses a call by an error, and the function does not run', async () => {
  const own = vi.fn((payload: Uint8Array) => payload);
  const refuse: Interceptor = () => async () => {
    throw new RangeError('no');
  };
  await expect(run([refuse], own as PalmFunction)).rejects.toThrow('no');
  expect(own).not.toHaveBeenCalled();
});

it.each([
  ['added', (own: Record<string, string>) => Object.assign(own, { user: 'b' }), { ...METADATA, user: 'b' }],
  [
    'changed',
    (own: Record<string, string>) => Object.assign(own, { tenant: 'b' }),
    { tenant: 'b', trace: '1' },
  ],
  ['taken away', (own: Record<string, string>) => delete own['trace'], { tenant: 'a' }],
  [
    'renamed',
    (own: Record<string, string>) => {
      delete own['trace'];
      own['span'] = '1';
    },
    { tenant: 'a', span: '1' },
  ],
])(
  'metadata that was %s goes on with the results, and the function sees it',
  async (_what, change, expected) => {
    let inside: unknown;
    const { message } = await run(
      [
        (next) => (call) => {
          change(call.metadata);
          return next(call);
        },
      ],
      (payload, { metadata }) => {
        inside = metadata;
        return payload;
      },
    );
    expect(readMetadata(message.unknown)).toEqual(expected);
    expect(inside).toEqual(expected);
  },
);

it('leaves the fields of a message alone when it changes no metadata', async () => {
  const { message, unknown } = await run([(next) => (call) => next(call)]);
  expect(message.unknown).toBe(unknown);
});

it('that does not pass on what a list holds leaves no rejection unhandled', async () => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  try {
    const passesNothing: Interceptor = (next) => async (call) => {
      await next(call);
      return bytes('');
    };
    await run([passesNothing], () => [Promise.reject(new Error('late')) as never]);
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    expect(unhandled).not.toHaveBeenCalled();
  } finally {
    process.off('unhandledRejection', unhandled);
  }
});
