/** A client's share of a server's work: no more than it may have, and back to others when it vanishes. */
import { describe, expect, it, vi } from 'vitest';
import { CLIENT_WORK, CLIENT_WORK_BYTES } from '../../../../../src/flow-control.ts';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import type { ChannelContext } from '../../../../../transports/relay/session/channel.ts';
import { PullChannel } from '../../../../../transports/relay/session/pull-channel.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';
import { type Frame, Type } from '../../../../../transports/relay-protocol/frames.ts';
import { bytes } from '../../../../support/bytes.ts';

function ground() {
  const posted: Frame[] = [];
  const flows: unknown[] = [];
  const assigned: Bytes[][] = [];
  const takenBack: (readonly Bytes[])[] = [];
  const state = { held: 0 };
  const pool = { join: vi.fn(), leave: vi.fn(), share: vi.fn() };
  const onLost = vi.fn();
  const context = {
    post: (frame: Frame, flow?: () => string) => {
      posted.push(frame);
      flows.push(flow?.());
    },
    holds: (count: number) => {
      state.held += count;
    },
    assignments: {
      of: () => ({
        assign: (frames: Bytes[]) => assigned.push(frames),
        takeBack: (frames: readonly Bytes[]) => takenBack.push(frames),
      }),
    },
  };
  const channel = new PullChannel(
    7,
    context as unknown as ChannelContext,
    { pool } as unknown as Upstream,
    onLost,
  );
  return { channel, posted, flows, assigned, takenBack, state, pool, onLost };
}

describe('work', () => {
  it('is passed on in order, counted, and remembered', () => {
    const { channel, posted, flows, assigned, state } = ground();
    const frames = [bytes('a'), bytes('bc')];
    channel.give(frames);
    expect([posted, flows, assigned, state.held]).toEqual([[[Type.work, 7, frames]], ['7'], [frames], 3]);
  });

  it('is no more than the client may have, in frames and in bytes', () => {
    const { channel } = ground();
    expect([channel.room, channel.roomBytes]).toEqual([CLIENT_WORK, CLIENT_WORK_BYTES]);
    channel.give([new Uint8Array(CLIENT_WORK_BYTES - 1)]);
    expect([channel.room, channel.roomBytes]).toEqual([CLIENT_WORK - 1, 1]);
    channel.give([new Uint8Array(1)]);
    expect([channel.room, channel.roomBytes]).toEqual([0, 0]);
    const many = ground().channel;
    many.give(Array.from({ length: CLIENT_WORK }, () => bytes('')));
    expect(many.room).toBe(0);
  });

  it('that was begun makes room, oldest first, and others share again', () => {
    const { channel, state, pool } = ground();
    channel.give([bytes('a'), bytes('bc'), bytes('def')]);
    expect(channel.taken(2)).toBe(true);
    expect([state.held, channel.room]).toEqual([3, CLIENT_WORK - 1]);
    expect(pool.share).toHaveBeenCalledOnce();
  });

  it('cannot be begun that was not given', () => {
    const { channel, state, pool } = ground();
    channel.give([bytes('a')]);
    expect([channel.taken(2), state.held]).toEqual([false, 1]);
    expect(pool.share).not.toHaveBeenCalled();
    expect(channel.taken(1)).toBe(true);
    expect(channel.taken(1)).toBe(false);
    expect(channel.taken(0)).toBe(true);
  });

  it('that was not begun goes back when the channel is closed, and no result for it is taken', () => {
    const { channel, state, pool, takenBack } = ground();
    channel.give([bytes('a'), bytes('b')]);
    channel.taken(1);
    channel.close();
    expect(takenBack).toEqual([[bytes('b')]]);
    expect(pool.leave).toHaveBeenCalledExactlyOnceWith(channel, [bytes('b')]);
    expect([state.held, channel.room, channel.roomBytes]).toEqual([0, CLIENT_WORK, CLIENT_WORK_BYTES]);
  });
});

describe('a channel for work', () => {
  it('joins the workers of its server, and says what was lost', () => {
    const { channel, pool, onLost } = ground();
    channel.attach();
    expect(pool.join).toHaveBeenCalledExactlyOnceWith(channel);
    expect([channel.isForWork, channel.size]).toEqual([true, 0]);
    channel.lost(3);
    expect(onLost).toHaveBeenCalledExactlyOnceWith(3);
  });

  it('is told ready, broken and refused, once each', () => {
    const { channel, posted } = ground();
    const gone = new PalmError('DISCONNECTED', 'gone');
    channel.broke(gone);
    channel.becameReady();
    channel.becameReady();
    channel.broke(gone);
    channel.broke(gone);
    channel.becameReady();
    channel.wasRefused(new PalmError('FORBIDDEN', 'no'));
    channel.becameReady();
    expect(posted).toEqual([
      [Type.ready, 7, 1, true],
      [Type.broken, 7, 'DISCONNECTED', 'gone'],
      [Type.ready, 7, 2, true],
      [Type.refused, 7, 'FORBIDDEN', 'no'],
      [Type.ready, 7, 3, true],
    ]);
  });
});
