/** What relays say to each other before a session is passed on: it is read strictly, and not further than it has to be. */
import { describe, expect, it } from 'vitest';
import { readChallenge, readIntroduction } from '../../../../../transports/relay/peers/peer-messages.ts';

const MALFORMED = expect.objectContaining({
  code: 'PROTOCOL',
  message: 'the other relay said something that relays do not say',
});

describe.each([
  ['a challenge', readChallenge, { id: 'a', nonce: 'n', proof: 'p' }],
  [
    'an introduction',
    readIntroduction,
    { proof: 'p', address: '192.0.2.1', origin: '', host: 'relay.example:7766', via: '192.0.2.2' },
  ],
] as const)('%s', (_, read: (text: string) => object, message) => {
  const keys = Object.keys(message);

  it('has its strings, and nothing else of what is said is taken', () => {
    expect(read(JSON.stringify({ ...message, name: 'admin' }))).toEqual(message);
  });

  it.each(keys)('without %s is refused', (key) => {
    for (const value of [undefined, null, 1, ['x'], {}, true])
      expect(() => read(JSON.stringify({ ...message, [key]: value }))).toThrow(MALFORMED);
  });

  it.each(keys)('has 1,024 characters of %s at most', (key) => {
    const longest = { ...message, [key]: 'x'.repeat(1_024) };
    expect(read(JSON.stringify(longest))).toEqual(longest);
    expect(() => read(JSON.stringify({ ...message, [key]: 'x'.repeat(1_025) }))).toThrow(MALFORMED);
  });

  it.each(['', 'hello', '{', 'null', '[]', '"text"', '1'])('is not %j', (text) => {
    expect(() => read(text)).toThrow(MALFORMED);
  });
});
