/** CURVE as options give it: who gets in with which keys. */
import { describe, expect, it } from 'vitest';
import { propertiesOf, readIntroduction } from '../../../../../transports/zmtp/commands.ts';
import { bindWithCurve, dialWithCurve } from '../../../../../transports/zmtp/curve/index.ts';
import { greetingOf } from '../../../../../transports/zmtp/greeting.ts';
import { curveKeyPair } from '../../../../../transports/zmtp/key-pair.ts';
import type { Mechanism } from '../../../../../transports/zmtp/mechanism.ts';
import { bytes } from '../../../../support/bytes.ts';

const server = curveKeyPair();
const client = curveKeyPair();

/** Has both ends shake hands, and gives what the server learns of the client. */
async function shake(dialled: Mechanism, bound: Mechanism): Promise<string> {
  const one = dialled.handshake(propertiesOf('PUSH', 0));
  const other = bound.handshake(bytes('server'));
  expect(other.begin()).toBeUndefined();
  const { reply: welcome = bytes('') } = await other.take(one.begin() ?? bytes(''));
  const { reply: initiate = bytes('') } = await one.take(welcome);
  const { properties } = await other.take(initiate);
  return readIntroduction(properties ?? bytes(''), 'PULL').socketType;
}

describe('CURVE', () => {
  const curveServer = { secretKey: server.secretKey };
  const curve = { serverKey: server.publicKey };

  it('lets in a client with any keys, a pair of its own or a new one, where nobody is named', async () => {
    const bound = bindWithCurve(curveServer, 10_000);
    expect(await shake(dialWithCurve({ ...curve, ...client }), bound)).toBe('PUSH');
    expect(await shake(dialWithCurve(curve), bound)).toBe('PUSH');
  });

  it('lets in those alone that are named', async () => {
    const bound = bindWithCurve({ ...curveServer, allow: [client.publicKey] }, 10_000);
    expect(await shake(dialWithCurve({ ...curve, ...client }), bound)).toBe('PUSH');
    await expect(shake(dialWithCurve(curve), bound)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('waits for a decision no longer than half of a handshake', async () => {
    const bound = bindWithCurve({ ...curveServer, allow: () => new Promise<boolean>(() => {}) }, 40);
    await expect(shake(dialWithCurve(curve), bound)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('nothing was decided about this key'),
    });
  });

  it('greets as its server or its client, and says what sealing adds', () => {
    const [dialled, bound] = [dialWithCurve(curve), bindWithCurve(curveServer, 10_000)];
    expect(dialled.greeting).toEqual(greetingOf('CURVE'));
    expect(bound.greeting).toEqual(greetingOf('CURVE', true));
    for (const { overhead } of [dialled, bound]) expect(overhead).toBe(33);
  });
});
