/** What NATS does not store, or has lost, of a cache. */
import { describe, expect, it } from 'vitest';
import type { NatsHost } from '../../../../transports/nats/host.ts';
import { ClusterNames } from '../../../../transports/nats/names.ts';
import { resolveOptions } from '../../../../transports/nats/options.ts';
import { NatsSharedStore } from '../../../../transports/nats/shared-store.ts';
import { bytes } from '../../../support/bytes.ts';

/** A store whose stream answers so to what it is to store, and has these messages by the ends of their subjects. */
function storeOf(answer: object, kept: Readonly<Record<string, string>> = {}, streams: object = {}) {
  const session = {
    room: 1_000,
    ask: async () => ({ subject: '', data: bytes(JSON.stringify(answer)) }),
    manager: {
      streams: {
        info: async () => ({ created: '', config: { max_bytes: -1 }, state: {} }),
        getMessage: async (_stream: string, { last_by_subj }: { last_by_subj: string }) => {
          const pieces = kept[last_by_subj.split('.v.')[1] ?? ''];
          if (pieces === undefined) return null;
          return { data: bytes(''), header: { get: () => pieces } };
        },
        ...streams,
      },
    },
  };
  const settings = resolveOptions({});
  const host = { names: new ClusterNames('palm'), link: { connected: async () => session, settings } };
  return new NatsSharedStore(host as unknown as NatsHost, 'nats:server');
}

describe('a value', () => {
  it('that NATS does not store says why', async () => {
    const store = storeOf({ error: { err_code: 1, description: 'no quorum' } });
    await expect(store.set('key', bytes('x'))).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: 'NATS did not store a value: no quorum',
    });
  });

  it.each<[string, readonly (number | undefined)[], string | undefined, boolean, readonly number[]]>([
    ['is there', [5], undefined, true, [5]],
    ['was never there', [undefined], undefined, false, []],
    ['is set again meanwhile', [5, 6], 'no message found', true, [5, 6]],
    ['is deleted by another one meanwhile', [5, undefined], 'sequence 5 not found', false, [5]],
  ])('that %s is deleted by its place', async (_, places, refusal, expected, asked) => {
    const removed: number[] = [];
    const left = [...places];
    const store = storeOf(
      {},
      {},
      {
        getMessage: async () => {
          const seq = left.shift();
          return seq === undefined ? null : { data: bytes('x'), seq, header: undefined };
        },
        deleteMessage: async (_stream: string, seq: number) => {
          removed.push(seq);
          if (removed.length === 1 && refusal !== undefined) throw new Error(refusal);
          return true;
        },
      },
    );
    expect(await store.delete('key')).toBe(expected);
    expect(removed).toEqual(asked);
  });

  it('that cannot be deleted says why', async () => {
    const store = storeOf(
      {},
      { key: '' },
      {
        deleteMessage: () => Promise.reject(new Error('stream not found')),
      },
    );
    await expect(store.delete('key')).rejects.toThrow('stream not found');
  });

  it('of which a piece is gone is lost', async () => {
    const store = storeOf({}, { key: 'id 2 10' });
    await expect(store.get('key')).rejects.toMatchObject({ code: 'LOST', sent: true });
  });
});
