/** What a relay refuses of the input of calls by the schemas of their functions, and how little it tells of that. */
import { describe, expect, it } from 'vitest';
import type { FunctionDescription } from '../../../../../src/functions/contract/description.ts';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../../src/protocol/envelope.ts';
import { decodeFailure } from '../../../../../src/protocol/failure-details.ts';
import { Feature, palmMessage, Status } from '../../../../../src/protocol/message.ts';
import { type CallVerdict, InputGuard, SENTINEL } from '../../../../../transports/relay/auth/input-guard.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';
import { bytes } from '../../../../support/bytes.ts';

const codec = new EnvelopeCodec();
const guard = new InputGuard(new EnvelopeCodec());

const SCHEMA = { type: 'object', properties: { of: { type: 'number' } }, required: ['of'] } as const;
const OFFERS: readonly FunctionDescription[] = [
  { name: 'other', input: { codec: 'JSON', schema: { type: 'string' } } },
  { name: 'half', input: { codec: 'JSON', schema: SCHEMA } },
  { name: 'loose', input: { codec: 'JSON' } },
  { name: 'raw', input: { codec: 'bytes', schema: SCHEMA } as never },
  { name: 'bare' },
];

const offering = (offers: unknown = OFFERS) => ({ offers: () => offers }) as unknown as Upstream;

function callOf(path: string, payload: string | Bytes, features: number = Feature.batches) {
  const content = typeof payload === 'string' ? bytes(payload) : payload;
  const fields = { pipeline: 'p', client: 'relay/1/7', ordinal: 3, cache: 'c', unknown: new Uint8Array(0) };
  const frame = codec.encode(palmMessage({ ...fields, function: path, payload: content, features }));
  return { passes: true, frame: frame.slice() } as const;
}

/** The answer that refuses a call. */
function refusal(verdict: CallVerdict | Promise<CallVerdict>) {
  if (verdict instanceof Promise || verdict.passes) throw new Error('it passes');
  const message = codec.decode(verdict.answer);
  const issues = message.payload.length > 1 ? (decodeFailure(message.payload).issues ?? []) : [];
  return { topic: verdict.topic, message, issues };
}

describe('input that the schema does not allow', () => {
  it('is refused with the issues, to the caller of this call', () => {
    const { topic, message, issues } = refusal(guard.judge(callOf('server.half', '{"of":"x"}'), offering()));
    expect(topic).toBe('relay/1/7');
    expect(message).toMatchObject({
      pipeline: 'p',
      client: 'relay/1/7',
      ordinal: 3,
      function: 'server.half',
      status: Status.invalid,
      errorName: 'InvalidInput',
      features: 0,
    });
    expect(message.unknown).toHaveLength(0);
    expect(issues.map(({ path }) => path)).toEqual([['of']]);
    expect(message.error).toBe(`of: ${issues[0]?.message}`);
  });

  it('is answered as pylm would where the caller reads no more', () => {
    const { message } = refusal(guard.judge(callOf('server.half', '{}', 0), offering()));
    expect(message.payload).toEqual(SENTINEL);
    expect(SENTINEL).toEqual(bytes('0'));
    expect(message.error).not.toBe('');
  });

  it('is refused where it is not JSON, with or without a schema', () => {
    for (const name of ['half', 'loose']) {
      const { issues } = refusal(guard.judge(callOf(`server.${name}`, '{'), offering()));
      expect(issues).toEqual([{ path: [], message: expect.stringMatching(/^it is not JSON: ./) }]);
    }
  });

  it('is that of the first function of a pipeline alone', () => {
    refusal(guard.judge(callOf('server.half last.other', '{}'), offering()));
    const fits = callOf('server.half last.other', '{"of":1}');
    expect(guard.judge(fits, offering())).toBe(fits);
  });

  it('is judged when the server has said what its functions take', async () => {
    const verdict = guard.judge(callOf('server.half', '{}'), offering(Promise.resolve(OFFERS)));
    expect(verdict).toBeInstanceOf(Promise);
    refusal(await verdict);
  });
});

describe('a call passes', () => {
  it.each([
    ['that fits', 'server.half', '{"of":1}'],
    ['to a function without a schema', 'server.loose', '5'],
    ['to one of another codec', 'server.raw', '{'],
    ['to one that says nothing of its input', 'server.bare', '{'],
    ['to one that there is not', 'server.unknown', '{'],
  ])('%s, as it is', (_, path, payload) => {
    const call = callOf(path, payload);
    expect(guard.judge(call, offering())).toBe(call);
  });

  it('where the server says nothing of its functions', () => {
    const call = callOf('server.half', '{');
    expect(guard.judge(call, offering([]))).toBe(call);
  });

  it('where it is too large to be looked at here', () => {
    const LARGEST = 262_144;
    refusal(guard.judge(callOf('server.half', 'x'.repeat(LARGEST)), offering()));
    const larger = callOf('server.half', 'x'.repeat(LARGEST + 1));
    expect(guard.judge(larger, offering())).toBe(larger);
  });

  it('no second time: one that is refused already stays so, and its server is not asked', () => {
    const refused = { passes: false, topic: 't', answer: bytes('no') } as const;
    const upstream = {
      offers: () => {
        throw new Error('it was asked');
      },
    } as unknown as Upstream;
    expect(guard.judge(refused, upstream)).toBe(refused);
  });
});

describe('a refusal tells', () => {
  const wide = (schema: object) => offering([{ name: 'f', input: { codec: 'JSON', schema } }]);

  it('the first issues, and no more than 800 characters of them', () => {
    const names = Array.from({ length: 100 }, (_, i) => `a long name of a property, number ${i}`);
    const schema = { type: 'object', properties: {}, required: names };
    const { message, issues } = refusal(guard.judge(callOf('server.f', '{}'), wide(schema)));
    expect(issues.length).toBeGreaterThan(1);
    expect(issues.length).toBeLessThan(20);
    expect(JSON.stringify(issues).length).toBeLessThanOrEqual(800 + issues.length + 1);
    expect(message.error.length).toBeLessThanOrEqual(801);
  });

  it('60 characters of a key, and 16 keys of a path', () => {
    const key = 'k'.repeat(100);
    const properties = { [key]: { type: 'number' } };
    const { issues } = refusal(
      guard.judge(callOf('server.f', `{"${key}":"x"}`), wide({ type: 'object', properties })),
    );
    expect(issues.map(({ path }) => path)).toEqual([[`${'k'.repeat(60)}…`]]);
    let schema: object = { type: 'number' };
    let value = '"x"';
    for (let depth = 0; depth < 20; depth++) {
      schema = { type: 'array', items: schema };
      value = `[${value}]`;
    }
    const deep = refusal(guard.judge(callOf('server.f', value), wide(schema)));
    expect(deep.issues.map(({ path }) => path)).toEqual([Array(16).fill(0)]);
  });

  it('at least one issue, also where that alone is longer', () => {
    const key = 'k'.repeat(60);
    let schema: object = { type: 'number' };
    let value = '"x"';
    for (let depth = 0; depth < 16; depth++) {
      schema = { type: 'object', properties: { [key]: schema } };
      value = `{"${key}":${value}}`;
    }
    const { message, issues } = refusal(guard.judge(callOf('server.f', value), wide(schema)));
    expect(issues.map(({ path }) => path)).toEqual([Array(16).fill(key)]);
    expect(message.error).toHaveLength(801);
  });

  it('at least one issue, cut to 240 characters', () => {
    const name = 'n'.repeat(2_000);
    const schema = { type: 'object', properties: {}, required: [name] };
    const { issues } = refusal(guard.judge(callOf('server.f', '{}'), wide(schema)));
    expect(issues).toHaveLength(1);
    expect(issues[0]?.message.length).toBeLessThanOrEqual(241);
  });
});
