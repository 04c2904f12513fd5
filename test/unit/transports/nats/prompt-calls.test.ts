/** Which calls go past what waits at a server. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NATS_PROMPT } from '../../../../src/flow-control.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { Feature, palmMessage } from '../../../../src/protocol/message.ts';
import { PromptCalls } from '../../../../transports/nats/prompt-calls.ts';
import { bytes } from '../../../support/bytes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const codec = new EnvelopeCodec();
const FORGOTTEN = 10_000;

/** An eval. */
const evalOf = (client: string) =>
  codec.encode(palmMessage({ client, function: 's.f', features: Feature.batches | Feature.single })).slice();
/** An input of a map. */
const inputOf = (client: string, ordinal: number) =>
  codec.encode(palmMessage({ client, function: 's.f', features: Feature.batches, ordinal })).slice();
const jobOf = (client: string) =>
  codec.encode(palmMessage({ client, function: 's.f', features: Feature.batches })).slice();

describe('the calls of a client', () => {
  it('go past while it waits for fewer than 128, each until it is answered', () => {
    const calls = new PromptCalls();
    for (let i = 0; i < NATS_PROMPT; i++) expect(calls.goesPast(evalOf(`a/${i}`))).toBe(true);
    expect(calls.goesPast(evalOf('a/more'))).toBe(false);
    // Others have as many.
    expect(calls.goesPast(evalOf('b/1'))).toBe(true);
    expect(calls.goesPast(evalOf('relay/1/x'))).toBe(true);
    calls.answered('a/7', 1);
    calls.answered('a/7', 1);
    calls.answered('a/unknown', 9);
    expect([calls.goesPast(evalOf('a/8th')), calls.goesPast(evalOf('a/9th'))]).toEqual([true, false]);
  });

  it('count each input of a map, which may pass each other', () => {
    const calls = new PromptCalls();
    for (let i = 0; i < NATS_PROMPT; i++) expect(calls.goesPast(inputOf('a/map', i + 1))).toBe(true);
    expect(calls.goesPast(inputOf('a/map', 99))).toBe(false);
    calls.answered('a/map', 2);
    expect([1, 2, 3].map((i) => calls.goesPast(inputOf('a/map', 100 + i)))).toEqual([true, true, false]);
    calls.answered('a/map', NATS_PROMPT);
    expect(calls.goesPast(evalOf('a/x'))).toBe(true);
  });

  it('do not go past where their order counts, or nobody can say whose they are', () => {
    const calls = new PromptCalls();
    expect(calls.goesPast(jobOf('a/job'))).toBe(false);
    expect(calls.goesPast(codec.encode(palmMessage({ client: 'pylm', function: 's.f' })).slice())).toBe(
      false,
    );
    for (const frame of [bytes(''), bytes('no envelope')]) expect(calls.goesPast(frame)).toBe(false);
    // Nothing of that was counted.
    for (let i = 0; i < NATS_PROMPT; i++) expect(calls.goesPast(evalOf(`a/${i}`))).toBe(true);
  });

  it('count for 10 s where no answer comes: they were cancelled, or take long', async () => {
    const calls = new PromptCalls();
    for (let i = 0; i < NATS_PROMPT; i++) calls.goesPast(evalOf(`a/${i}`));
    await vi.advanceTimersByTimeAsync(FORGOTTEN - 1);
    expect(calls.goesPast(evalOf('a/x'))).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls.goesPast(evalOf('a/x'))).toBe(true);
    // Their answers, which come later, count for nothing.
    calls.answered('a/0', 1);
    for (let i = 1; i < NATS_PROMPT; i++) expect(calls.goesPast(evalOf(`a/y${i}`))).toBe(true);
    expect(calls.goesPast(evalOf('a/z'))).toBe(false);
  });
});

it('clients beyond 16,384 push out the one that is known longest', () => {
  const calls = new PromptCalls();
  for (let i = 0; i < NATS_PROMPT; i++) calls.goesPast(evalOf(`first/${i}`));
  for (let i = 1; i < 16_384; i++) calls.goesPast(evalOf(`${i}/x`));
  expect(calls.goesPast(evalOf('first/x'))).toBe(false);
  calls.goesPast(evalOf('one more/x'));
  expect(calls.goesPast(evalOf('first/x'))).toBe(true);
});
