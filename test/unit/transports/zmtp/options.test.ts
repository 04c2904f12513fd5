/** Options of zmtp: their defaults, what is refused, and that they are copied. */
import { describe, expect, it } from 'vitest';
import { curveKeyPair } from '../../../../transports/zmtp/key-pair.ts';
import { resolveOptions, type ZmtpOptions } from '../../../../transports/zmtp/options.ts';

const invalid = (message: string) =>
  expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(message) });

/** As the docs of each option say. */
const DEFAULTS = {
  heartbeatInterval: 2_000,
  busyTimeout: 30_000,
  reconnectInterval: 100,
  reconnectMaxInterval: 2_000,
  connectTimeout: 5_000,
  handshakeTimeout: 10_000,
  sendHighWaterBytes: 67_108_864,
  sendHighWaterBytesTotal: 268_435_456,
  receiveHighWaterMark: undefined,
  maxMessageSize: 67_108_864,
  maxMessageParts: 16_384,
  maxTopicBytes: 1_048_576,
  maxTopicBytesTotal: 67_108_864,
  maxPeers: 16_384,
  maxPeersPerAddress: 4_096,
  subscriptionMargin: 5,
  curve: undefined,
  curveServer: undefined,
};

describe('options', () => {
  it('have defaults, also where they are undefined', () => {
    expect(resolveOptions({})).toEqual(DEFAULTS);
    expect(resolveOptions({ maxPeers: undefined, heartbeatInterval: undefined })).toEqual(DEFAULTS);
  });

  it.each(Object.keys(DEFAULTS).filter((name) => !name.startsWith('curve')))(
    'are whole numbers from 0 on: %s',
    (name) => {
      for (const value of [0, 1, 12_345])
        expect(resolveOptions({ [name]: value })).toEqual({ ...DEFAULTS, [name]: value });
      for (const value of [-2, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null])
        expect(() => resolveOptions({ [name]: value } as ZmtpOptions)).toThrow(
          invalid(`${name} must be a whole number from 0 on, not`),
        );
    },
  );

  it('have no negative numbers, but -1 for messages without a limit', () => {
    expect(resolveOptions({ maxMessageSize: -1 }).maxMessageSize).toBe(-1);
    expect(() => resolveOptions({ maxPeers: -1 })).toThrow(invalid('maxPeers must be'));
  });

  it('that do not exist are refused by their name', () => {
    expect(() => resolveOptions({ heartbeat: 1 } as ZmtpOptions)).toThrow(
      invalid('zmtp() has no option "heartbeat"'),
    );
  });

  it('with keys are checked and copied: what their owner changes later does not count', () => {
    const [server, client] = [curveKeyPair(), curveKeyPair()];
    const curve = { serverKey: server.publicKey, ...client };
    const allow = [client.publicKey];
    const curveServer = { secretKey: server.secretKey, allow };
    const resolved = resolveOptions({ curve, curveServer });
    expect(resolved.curve).toEqual(curve);
    expect(resolved.curveServer).toEqual(curveServer);
    allow.push(server.publicKey);
    curve.serverKey = client.publicKey;
    curveServer.secretKey = client.secretKey;
    expect(resolved.curve?.serverKey).toBe(server.publicKey);
    expect(resolved.curveServer).toEqual({ secretKey: server.secretKey, allow: [client.publicKey] });
    const decide = () => true;
    const byFunction = resolveOptions({ curveServer: { ...curveServer, allow: decide } });
    expect(byFunction.curveServer?.allow).toBe(decide);
    expect(() => resolveOptions({ curve: { serverKey: 'short' } })).toThrow(invalid('curve.serverKey'));
  });
});
