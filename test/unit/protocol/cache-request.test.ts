import { describe, expect, it } from 'vitest';
import { checkWritable, isReservedKey, setRequest, wireKey } from '../../../src/protocol/cache-keys.ts';
import { keyRequest, plainReply, readReply, replyText } from '../../../src/protocol/cache-request.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { Feature, palmMessage, Status } from '../../../src/protocol/message.ts';
import { bytes } from '../../support/bytes.ts';

const parties = { server: 'demo', client: 'me' };
const codec = new EnvelopeCodec();

describe('requests to a cache', () => {
  it('name the operation of the server, with the key where pylm looks for it', () => {
    expect(keyRequest('get', parties, 'é', 3)).toEqual(
      palmMessage({
        pipeline: 'me',
        client: 'me',
        function: 'demo.get',
        payload: bytes('é'),
        features: 3,
      }),
    );
    expect(setRequest(parties, 'k', bytes('v'), 3)).toEqual(
      palmMessage({
        pipeline: 'me',
        client: 'me',
        function: 'demo.set',
        cache: 'k',
        payload: bytes('v'),
        features: 3,
      }),
    );
  });

  it.each(['name', 'x_address', '_address', 'x_address_0', 'x_address_12', 'frond_', 'frond_a'])(
    'never write %s',
    (key) => {
      expect(isReservedKey(key)).toBe(true);
      expect(() => checkWritable(key)).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: `key "${key}" is the server's configuration: setting or deleting it would break every client`,
          sent: false,
        }),
      );
    },
  );

  it.each([
    'xname',
    'name\n',
    'x_address_',
    'x_address_a',
    'x_addresses',
    'my frond_a',
    'frond_a b',
    '-_address',
  ])('may write %j', (key) => {
    expect(isReservedKey(key)).toBe(false);
    expect(() => checkWritable(key)).not.toThrow();
  });

  it.each(['', 5, undefined, null])('have no key %j', (key) => {
    expect(() => wireKey(key, 's')).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: expect.stringMatching(/^a key must be a non-empty string, not /),
        sent: false,
      }),
    );
  });

  it('have the session in front of the key, also an empty one', () => {
    expect([wireKey('k', 's'), wireKey('k', ''), wireKey('k', undefined)]).toEqual(['sk', 'k', 'k']);
  });
});

describe('replies of a cache', () => {
  it('of pylm are the value alone', () => {
    const reply = bytes('value');
    const plain = { value: reply, status: Status.ok, error: '', features: undefined, message: undefined };
    expect(plainReply(reply)).toEqual(plain);
    expect(readReply(codec, reply, true)).toEqual(plain);
    expect(replyText(plainReply(bytes('é')))).toBe('é');
  });

  it('of frond say more', () => {
    const message = palmMessage({
      payload: bytes('v'),
      status: Status.missing,
      error: 'none',
      features: Feature.replies,
    });
    for (const isText of [true, false])
      expect(readReply(codec, codec.encode(message), isText)).toEqual({
        value: bytes('v'),
        status: Status.missing,
        error: 'none',
        features: Feature.replies,
        message,
      });
  });

  it('that are envelopes of something else are refused', () => {
    const other = codec.encode(palmMessage({ features: Feature.batches }));
    for (const isText of [true, false])
      expect(() => readReply(codec, other, isText)).toThrow(
        expect.objectContaining({
          code: 'PROTOCOL',
          message: 'the reply of the cache is not an envelope of a frond server',
        }),
      );
  });
});
