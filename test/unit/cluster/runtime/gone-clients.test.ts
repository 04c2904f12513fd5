/** Which clients have gone, and what of theirs is not wanted any more. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GoneClients } from '../../../../src/cluster/runtime/gone-clients.ts';
import { CANCELLED_FOR, GONE_AT_ONCE } from '../../../../src/flow-control.ts';
import type { CancelNotice } from '../../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { Feature, palmMessage } from '../../../../src/protocol/message.ts';
import { bytes } from '../../../support/bytes.ts';
import { useToldTimers } from '../../../support/told-timers.ts';

beforeEach(() => {
  useToldTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const codec = new EnvelopeCodec();
const callOf = (client: string, features = 0) => codec.encode(palmMessage({ client, features })).slice();
const turn = () => vi.advanceTimersByTimeAsync(0);

function ground() {
  const cancelled: CancelNotice[][] = [];
  const gone = new GoneClients((notices) => void cancelled.push([...notices]));
  return { gone, cancelled };
}

describe('a client that has gone', () => {
  it('has all of its calls cancelled once, and what comes later is not wanted', async () => {
    const { gone, cancelled } = ground();
    expect(gone.has(callOf('a/1'))).toBe(false);
    gone.changed('a/', false);
    await turn();
    expect(cancelled).toMatchObject([[{ client: 'a', calls: [], code: 'DISCONNECTED' }]]);
    expect(['a/1', 'a/2', 'ab/1', 'b/1'].map((client) => gone.has(callOf(client)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(gone.has(bytes('no envelope'))).toBe(false);
    expect(gone.has(callOf('a/3', Feature.detached))).toBe(false);
    expect(cancelled).toHaveLength(1);
  });

  it('is known for as long as cancelled calls are', async () => {
    const { gone } = ground();
    gone.changed('a/', false);
    await vi.advanceTimersByTimeAsync(CANCELLED_FOR - 1);
    expect(gone.has(callOf('a/1'))).toBe(true);
    await vi.advanceTimersByTimeAsync(2 * CANCELLED_FOR);
    expect(gone.has(callOf('a/1'))).toBe(false);
  });

  it('that comes back is wanted, also before its calls were looked for', async () => {
    const { gone, cancelled } = ground();
    gone.changed('a/', false);
    gone.changed('a/', true);
    await turn();
    expect(cancelled).toEqual([]);
    gone.changed('relay/1/', false);
    gone.changed('relay/2/', false);
    await turn();
    gone.changed('relay/1/', true);
    expect(['relay/1/x', 'relay/2/x'].map((client) => gone.has(callOf(client)))).toEqual([false, true]);
  });

  it('is named as heard of once something of it came, until that was asked', async () => {
    const { gone } = ground();
    gone.changed('relay/1/', false);
    gone.changed('b/', false);
    await turn();
    expect([...gone.takeHeard()]).toEqual([]);
    for (const client of ['relay/1/x', 'relay/1/y', 'c/1']) gone.has(callOf(client));
    expect([...gone.takeHeard()]).toEqual(['relay/1/']);
    expect([...gone.takeHeard()]).toEqual([]);
  });
});

it('many that go together are told in parts', async () => {
  const { gone, cancelled } = ground();
  for (let i = 0; i <= GONE_AT_ONCE; i++) gone.changed(`${i}/`, false);
  await vi.advanceTimersByTimeAsync(10);
  expect(cancelled.map(({ length }) => length)).toEqual([GONE_AT_ONCE, 1]);
});
