/** A message of parts without an end is refused early: before it costs more than it took to send. */
import { describe, expect, it } from 'vitest';
import { frameOf, GREETING, messageOf, readyOf } from '../support/zmtp.ts';
import { MemoryLink } from '../support/zmtp-ends.ts';

const NOTHING = new Uint8Array(0);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

async function outcomeOf(kind: string, type: string, sent: Uint8Array, options = {}) {
  const link = new MemoryLink(kind, options);
  await link.receive(Buffer.concat([GREETING, readyOf(type), sent]));
  return link.outcome();
}

const parts = (count: number) => Array.from({ length: count }, (_, i) => Uint8Array.of(1 + (i % 255)));

describe('a bound ROUTER', () => {
  const request = (count: number) => messageOf(...parts(count - 2), NOTHING, Uint8Array.of(7));

  it('answers a request that came by many proxies', async () => {
    const { given, end } = await outcomeOf('a bound ROUTER', 'DEALER', request(64));
    expect(given).toEqual(['07']);
    expect(end).toBeUndefined();
  });

  it('refuses a request of more than 64 parts at the part that is too many', async () => {
    const { given, end, mostParts } = await outcomeOf('a bound ROUTER', 'DEALER', request(65));
    expect(given).toEqual([]);
    expect(mostParts).toBeLessThanOrEqual(64);
    expect(end?.violation).toMatchObject({
      code: 'TOO_LARGE',
      message: expect.stringContaining('64 parts'),
    });
  });
});

describe('a bound PULL', () => {
  it('takes batches of 1,024 messages, one after the other', async () => {
    const batch = parts(1_024);
    const sent = Buffer.concat([messageOf(...batch), messageOf(...batch), frameOf(Uint8Array.of(9))]);
    const { given, end } = await outcomeOf('a bound PULL', 'PUSH', sent);
    expect(given).toEqual([...batch, ...batch, Uint8Array.of(9)].map(hex));
    expect(end).toBeUndefined();
  });

  it.each([
    [1_025, {}, '1024 messages'],
    [9, { maxMessageParts: 8 }, '8 messages'],
  ])('refuses a batch of %i messages with %o', async (count, options, text) => {
    const { end } = await outcomeOf('a bound PULL', 'PUSH', messageOf(...parts(count)), options);
    expect(end?.violation).toMatchObject({ code: 'TOO_LARGE', message: expect.stringContaining(text) });
  });
});
