/** A client and the owner of its session: what waits between them, how either end is told, and what is left. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PASSED_BYTES, PEER_ANSWER } from '../../../../../src/flow-control.ts';
import { Passage } from '../../../../../transports/relay/peers/passage.ts';
import type { PeerLink } from '../../../../../transports/relay/peers/peer-link.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A side whose socket takes nothing before a test says so. */
function side() {
  const waiting: { readonly size: number; readonly sent: (() => void) | undefined }[] = [];
  const own = {
    unsent: 0,
    isPaused: false,
    take: (message: Buffer, sent?: () => void) => {
      own.unsent += message.length;
      waiting.push({ size: message.length, sent });
    },
    /** The socket takes the first message. */
    flush: () => {
      const first = waiting.shift();
      own.unsent -= first?.size ?? 0;
      first?.sent?.();
    },
  };
  return own;
}

function ground() {
  const near = side();
  const far = side();
  const told: unknown[] = [];
  const waits: number[] = [];
  const client = {
    get unsent() {
      return near.unsent;
    },
    passed: () => told.push('passed'),
    notPassed: (outcome: string, reason: string) => told.push(['not passed', outcome, reason]),
    pass: near.take,
    hold: () => {
      near.isPaused = true;
    },
    release: () => {
      near.isPaused = false;
    },
    waiting: (bytes: number) => waits.push(bytes),
    ownerEnded: (code: number, reason: string) => told.push(['owner ended', code, reason]),
  };
  const answered = vi.fn();
  const passage = new Passage('a', client, answered);
  const link = {
    get unsent() {
      return far.unsent;
    },
    send: far.take,
    pause: () => {
      far.isPaused = true;
    },
    resume: () => {
      far.isPaused = false;
    },
    close: vi.fn(),
    terminate: vi.fn(),
    giveUp: vi.fn((reason: string) => passage.ended('unreachable', 1006, reason)),
  };
  const open = () => {
    passage.dial(() => link as unknown as PeerLink);
    passage.welcomed(Buffer.from('welcome'));
    near.flush();
  };
  return { near, far, told, waits, passage, link, open, answered };
}

describe('before the owner has answered', () => {
  it.each([true, false])('it is given up after a second, dialled or not: %s', (isDialled) => {
    const { passage, link, told, answered } = ground();
    if (isDialled) passage.dial(() => link as unknown as PeerLink);
    vi.advanceTimersByTime(PEER_ANSWER - 1);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([['not passed', 'unreachable', `no answer within ${PEER_ANSWER} ms`]]);
    expect([passage.hasEnded, answered.mock.calls.length, vi.getTimerCount()]).toEqual([true, 1, 0]);
  });

  it('the end of the client ends the link without a word, and nobody is told', () => {
    const { passage, link, told, answered } = ground();
    passage.dial(() => link as unknown as PeerLink);
    passage.close(1006, '');
    expect(link.terminate).toHaveBeenCalledOnce();
    passage.ended('unreachable', 1006, '');
    passage.welcomed(Buffer.from('late'));
    expect([told, answered.mock.calls.length, vi.getTimerCount()]).toEqual([[], 1, 0]);
  });

  it('nothing is dialled for a client that has gone', () => {
    const { passage, link } = ground();
    passage.close(1006, '');
    const dial = vi.fn(() => link as unknown as PeerLink);
    passage.dial(dial);
    expect(dial).not.toHaveBeenCalled();
  });
});

describe('an open passage', () => {
  it('frees its place among the dialled, and has no timer', () => {
    const { open, passage, told, answered } = ground();
    expect(passage.isOpen).toBe(false);
    open();
    expect(passage.isOpen).toBe(true);
    expect([told, answered.mock.calls.length, vi.getTimerCount()]).toEqual([['passed'], 1, 0]);
  });

  it('holds the client while the owner does not take, and counts what waits', () => {
    const { open, passage, near, far, waits } = ground();
    open();
    passage.forward(Buffer.alloc(PASSED_BYTES));
    expect(near.isPaused).toBe(false);
    passage.forward(Buffer.alloc(1_000));
    expect([near.isPaused, waits.at(-1)]).toEqual([true, PASSED_BYTES + 1_000]);
    far.flush();
    far.flush();
    expect([near.isPaused, waits.at(-1)]).toEqual([false, 0]);
  });

  it('pauses the owner while the client does not take, and reads on at half', () => {
    const { open, passage, near, far } = ground();
    open();
    passage.received(Buffer.alloc(PASSED_BYTES));
    passage.received(Buffer.alloc(1_000));
    expect(far.isPaused).toBe(true);
    near.flush();
    expect(far.isPaused).toBe(true);
    near.flush();
    expect(far.isPaused).toBe(false);
  });

  it.each(['client', 'owner'] as const)(
    'takes 262,144 bytes and one message from the %s, and goes on at half of that',
    (from) => {
      const { open, passage, near, far, waits } = ground();
      open();
      const [taker, giver] = from === 'client' ? [far, near] : [near, far];
      const give = (size: number) => {
        const message = Buffer.alloc(size);
        if (from === 'client') passage.forward(message);
        else passage.received(message);
      };
      give(PASSED_BYTES / 2 - 1);
      give(PASSED_BYTES / 2);
      expect([PASSED_BYTES, taker.unsent, giver.isPaused]).toEqual([262_144, 262_143, false]);
      give(1);
      expect([giver.isPaused, waits], 'so much is not counted').toEqual([false, []]);
      give(1);
      expect([taker.unsent, giver.isPaused, waits]).toEqual([262_145, true, [262_145]]);
      taker.flush();
      taker.flush();
      taker.flush();
      expect([taker.unsent, giver.isPaused], 'who is told is told by the last one').toEqual([1, true]);
      taker.flush();
      expect(giver.isPaused).toBe(false);
    },
  );

  it.each([
    ['client', PASSED_BYTES / 2, false],
    ['client', PASSED_BYTES / 2 + 1, true],
    ['owner', PASSED_BYTES / 2, false],
    ['owner', PASSED_BYTES / 2 + 1, true],
  ] as const)('the %s, with %i bytes left behind what was too much, waits: %s', (from, left, isPaused) => {
    const { open, passage, near, far } = ground();
    open();
    const [taker, giver] = from === 'client' ? [far, near] : [near, far];
    for (const size of [PASSED_BYTES + 1, left]) {
      if (from === 'client') passage.forward(Buffer.alloc(size));
      else passage.received(Buffer.alloc(size));
    }
    taker.flush();
    expect(giver.isPaused).toBe(isPaused);
    taker.flush();
    expect(giver.isPaused).toBe(false);
  });

  it('reads on from the side whose other one takes, and not from both', () => {
    const { open, passage, near, far } = ground();
    open();
    passage.forward(Buffer.alloc(PASSED_BYTES + 1));
    passage.received(Buffer.alloc(PASSED_BYTES + 1));
    expect([near.isPaused, far.isPaused]).toEqual([true, true]);
    far.flush();
    expect([near.isPaused, far.isPaused], 'the client is read').toEqual([false, true]);
    near.flush();
    expect(far.isPaused).toBe(false);
  });

  it('holds for one message that is larger than all that may wait', () => {
    const { open, passage, near, far } = ground();
    open();
    passage.forward(Buffer.alloc(PASSED_BYTES + 1));
    expect(near.isPaused).toBe(true);
    far.flush();
    expect(near.isPaused).toBe(false);
  });

  it('tells either end of the other, once', () => {
    const one = ground();
    one.open();
    one.passage.close(1000, 'done');
    expect(one.link.close).toHaveBeenCalledExactlyOnceWith(1000, 'done');
    one.passage.ended('passed', 1000, 'done');
    expect(one.told).toEqual(['passed']);
    const other = ground();
    other.open();
    other.passage.ended('passed', 4413, 'too slow');
    other.passage.close(4413, '');
    expect(other.told).toEqual(['passed', ['owner ended', 4413, 'too slow']]);
    expect(other.link.close).not.toHaveBeenCalled();
  });

  it('passes nothing on after its end', () => {
    const { open, passage, near, far } = ground();
    open();
    passage.ended('passed', 1006, '');
    passage.forward(Buffer.from('x'));
    passage.received(Buffer.from('x'));
    expect([near.unsent, far.unsent]).toEqual([0, 0]);
  });

  it('calls nothing of a client that has gone when what it had sent leaves', () => {
    const { open, passage, near, far, waits } = ground();
    open();
    passage.forward(Buffer.alloc(PASSED_BYTES + 1));
    passage.close(1000, '');
    far.flush();
    expect([near.isPaused, waits]).toEqual([true, [PASSED_BYTES + 1]]);
  });
});
