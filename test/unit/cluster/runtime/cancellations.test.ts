import { describe, expect, it, vi } from 'vitest';
import {
  type CancellableCall,
  Cancellations,
  CancelledFrames,
} from '../../../../src/cluster/runtime/cancellations.ts';
import { CANCELLED_FOR, CANCELLED_NAMES } from '../../../../src/flow-control.ts';
import { type CancelNotice, cancelMessage, readCancel } from '../../../../src/protocol/cancel.ts';
import { CancelledCalls } from '../../../../src/protocol/cancelled-calls.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { Feature, type PalmMessage, palmMessage } from '../../../../src/protocol/message.ts';
import { bytes } from '../../../support/bytes.ts';

const notice = (client: string, ...calls: string[]): CancelNotice => ({
  client,
  calls,
  code: 'CANCELLED',
  reason: 'enough',
});

function ground() {
  const closing = new AbortController();
  const cancellations = new Cancellations(closing.signal);
  const cancelled: string[] = [];
  const run = (client: string, fields: Partial<PalmMessage> = {}): CancellableCall => {
    const message = palmMessage({ client, ...fields });
    const call = {
      message,
      cancel: ({ code }: PalmError) => {
        cancelled.push(`${client}:${message.ordinal} ${code}`);
        return true;
      },
      closing: () => cancelled.push(`${client} closing`),
    };
    cancellations.begin(call);
    return call;
  };
  return { cancellations, cancelled, run, closing };
}

describe('a notice', () => {
  it.each([
    ['one call', notice('a', '1'), ['a/1:0', 'a/1:2']],
    ['one message of a call', notice('a', '1:2'), ['a/1:2']],
    ['all calls of a client but those that are detached', notice('a'), ['a/1:0', 'a/1:2', 'a/2:0']],
    ['all clients of a relay', notice('relay'), ['relay/7/1:0', 'relay/8/1:0']],
    ['one client of a relay', notice('relay/7'), ['relay/7/1:0']],
    ['a call that is detached, by its name', notice('a', '3'), ['a/3:0']],
    ['nothing that is there', notice('b', '1'), []],
  ])('cancels %s, and no other', (_what, given, expected) => {
    const { cancellations, cancelled, run } = ground();
    run('a/1');
    run('a/1', { ordinal: 2 });
    run('a/2');
    run('a/3', { features: Feature.detached });
    run('aa/1');
    run('relay/7/1');
    run('relay/8/1');
    const over = run('a/1');
    cancellations.end(over);
    expect(cancellations.cancel(given)).toBe(expected.length);
    expect(cancelled).toEqual(expected.map((name) => `${name} CANCELLED`));
    // A second time there is nothing left of them.
    expect(cancellations.cancel(given)).toBe(0);
  });

  it('holds for calls that come later, until the client subscribes anew', () => {
    const { cancellations } = ground();
    const late = palmMessage({ client: 'a/1' });
    expect(cancellations.find(late)).toBeUndefined();
    cancellations.cancel(notice('a'));
    expect(cancellations.find(late)).toMatchObject({ code: 'CANCELLED' });
    expect(cancellations.find(palmMessage({ client: 'a/1', features: Feature.detached }))).toBeUndefined();
    expect(cancellations.find(palmMessage({ client: 'b/1' }))).toBeUndefined();
    cancellations.isThere('a/');
    expect(cancellations.find(late)).toBeUndefined();
  });

  it('is forgotten after two times as many names as are kept', () => {
    const { cancellations } = ground();
    const names = (from: number) => Array.from({ length: 1_024 }, (_, i) => String(from + i));
    cancellations.cancel(notice('a', 'first'));
    for (let i = 0; i < 20; i++) cancellations.cancel(notice('a', ...names(i * 1_024)));
    expect(cancellations.find(palmMessage({ client: 'a/first' }))).toBeUndefined();
    expect(cancellations.find(palmMessage({ client: 'a/20479' }))).toBeDefined();
  });

  it('is forgotten when it is older than it need be, and not before', () => {
    vi.useFakeTimers();
    try {
      const { cancellations } = ground();
      // Far from the time at which the first ones would be turned over anyway.
      vi.advanceTimersByTime(10 * CANCELLED_FOR);
      const find = () => cancellations.find(palmMessage({ client: 'a/1' }))?.code;
      cancellations.cancel(notice('a', '1'));
      vi.advanceTimersByTime(CANCELLED_FOR - 1);
      expect(find()).toBe('CANCELLED');
      vi.advanceTimersByTime(1);
      // It is among the older ones now.
      expect(find()).toBe('CANCELLED');
      vi.advanceTimersByTime(CANCELLED_FOR - 1);
      expect(find()).toBe('CANCELLED');
      vi.advanceTimersByTime(1);
      expect(find()).toBeUndefined();
      // Nobody has looked for long enough.
      cancellations.cancel(notice('a', '1'));
      vi.advanceTimersByTime(2 * CANCELLED_FOR - 1);
      expect(find()).toBe('CANCELLED');
      cancellations.cancel(notice('a', '1'));
      vi.advanceTimersByTime(2 * CANCELLED_FOR);
      expect(find()).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });

  it('is still known when there are as many newer ones', () => {
    vi.useFakeTimers();
    try {
      const { cancellations } = ground();
      vi.advanceTimersByTime(10 * CANCELLED_FOR);
      cancellations.cancel(notice('a', '1'));
      vi.advanceTimersByTime(CANCELLED_FOR);
      cancellations.cancel(notice('b', '1'));
      for (const client of ['a/1', 'b/1'])
        expect(cancellations.find(palmMessage({ client })), client).toMatchObject({ code: 'CANCELLED' });
    } finally {
      vi.useRealTimers();
    }
  });

  it('is still known when there are as many newer names as are kept, and is among the older ones then', () => {
    const { cancellations } = ground();
    const names = (from: number, count: number) => Array.from({ length: count }, (_, i) => String(from + i));
    cancellations.cancel(notice('a', 'first'));
    const find = () => cancellations.find(palmMessage({ client: 'a/first' }))?.code;
    for (let i = 0; i < CANCELLED_NAMES; i += 1_024)
      cancellations.cancel(notice('a', ...names(i, Math.min(1_024, CANCELLED_NAMES - 1 - i))));
    // The half is full with the first name: the next one begins another.
    for (let i = 0; i < CANCELLED_NAMES - 1_024; i += 1_024)
      cancellations.cancel(notice('b', ...names(i, 1_024)));
    expect(find()).toBe('CANCELLED');
    cancellations.cancel(notice('b', ...names(CANCELLED_NAMES, 1_024)));
    cancellations.cancel(notice('b', 'one more'));
    expect(find()).toBeUndefined();
  });

  it('is passed to all that hold messages, and what they let go of is counted', () => {
    const { cancellations, run } = ground();
    const given = notice('a', '1');
    const holders = [3, 0, 4].map((count) => ({ cancel: vi.fn(() => count) }));
    for (const holder of holders) cancellations.add(holder);
    run('a/1');
    expect(cancellations.cancel(given, notice('b'))).toBe(8);
    for (const { cancel } of holders) {
      expect(cancel).toHaveBeenCalledOnce();
      expect(cancel).toHaveBeenCalledWith(expect.any(CancelledFrames), [given, notice('b')]);
    }
  });

  it('does not count a call that goes on', () => {
    const { cancellations } = ground();
    const cancel = vi.fn(() => false);
    cancellations.begin({ message: palmMessage({ client: 'a/1' }), cancel, closing: () => {} });
    expect(cancellations.cancel(notice('a', '1'))).toBe(0);
    expect(cancel).toHaveBeenCalledWith(expect.objectContaining({ code: 'CANCELLED' }));
  });

  it('goes over the wire as it is', () => {
    const codec = new EnvelopeCodec();
    const given: CancelNotice = { client: 'a', calls: ['1', '2:7'], code: 'TIMEOUT', reason: 'late' };
    expect(readCancel(codec.decode(codec.encode(cancelMessage(given))))).toEqual(given);
  });

  it.each([
    ['no client', palmMessage({ payload: bytes('1') }), 'PROTOCOL'],
    ['a client that is too long', palmMessage({ client: 'a'.repeat(2_000) }), 'PROTOCOL'],
    ['calls that are not UTF-8', palmMessage({ client: 'a', payload: new Uint8Array([0xff]) }), 'PROTOCOL'],
    ['too many calls', palmMessage({ client: 'a', payload: bytes('1 '.repeat(2_000)) }), 'TOO_LARGE'],
    ['a call that is too long', palmMessage({ client: 'a', payload: bytes('1'.repeat(2_000)) }), 'TOO_LARGE'],
  ])('with %s is refused', (_what, message, code) => {
    expect(() => readCancel(message)).toThrow(expect.objectContaining({ code }));
  });

  it('with a reason of any length and kind is read, clipped and escaped', () => {
    const { code, reason } = readCancel(
      palmMessage({ client: 'a', errorName: 'SomethingElse', error: `\u001b${'x'.repeat(1_000)}` }),
    );
    expect(code).toBe('CANCELLED');
    expect(reason).toMatch(/^\\u001bx{255}…$/);
  });
});

it('a server that closes aborts the signals of what runs, and cancels nothing', () => {
  const { cancelled, run, closing, cancellations } = ground();
  run('a/1');
  cancellations.end(run('a/2'));
  closing.abort(new PalmError('CLOSED', 'closing'));
  expect(cancelled).toEqual(['a/1 closing']);
});

describe('among frames that wait', () => {
  const codec = new EnvelopeCodec();
  const frameOf = (client: string, fields: Partial<PalmMessage> = {}) =>
    codec.encode(palmMessage({ client, function: 'server.f', ...fields }));
  const framesOf = (...notices: CancelNotice[]) => new CancelledFrames(new CancelledCalls(notices), notices);

  it.each([
    ['a call', notice('a', '1'), ['a/1', 'a/1:2']],
    ['a message of a call', notice('a', '1:2'), ['a/1:2']],
    ['a client', notice('a'), ['a/1', 'a/1:2', 'a/2']],
    ['all clients of a relay', notice('relay'), ['relay/7/1', 'relay/8/1']],
    ['a client of a relay', notice('relay/7'), ['relay/7/1']],
    ['nobody', notice('relay/9', '1'), []],
  ])('a notice of %s finds its own, whether others come with it or not', (_what, given, expected) => {
    const waiting = {
      'a/1': frameOf('a/1'),
      'a/1:2': frameOf('a/1', { ordinal: 2 }),
      'a/2': frameOf('a/2'),
      'a/3 detached': frameOf('a/3', { features: Feature.detached }),
      'aa/1': frameOf('aa/1'),
      'relay/7/1': frameOf('relay/7/1'),
      'relay/8/1': frameOf('relay/8/1'),
      none: frameOf(''),
    };
    for (const frames of [framesOf(given), framesOf(notice('other', '1'), given, notice('another'))]) {
      const found = Object.entries(waiting).filter(([, frame]) => frames.has(frame));
      expect(found.map(([name]) => name)).toEqual(expected);
    }
  });

  it('owners none of whose messages can be meant are passed over, whole', () => {
    const frames = framesOf(notice('a', '1', '2:7'), notice('relay/7'));
    for (const owner of ['a/', 'relay/7/', 'relay/7/8/']) expect(frames.mayBeOf(owner), owner).toBe(true);
    for (const owner of ['', 'a', 'b/', 'aa/', 'relay/', 'relay/8/', 'relay/77/']) {
      expect(frames.mayBeOf(owner), owner).toBe(false);
    }
  });

  it('owners that queues may write in another way are looked at', () => {
    const frames = framesOf(notice('a', '1'));
    expect(frames.mayBeOf('\u00c3\u00a9/')).toBe(true);
    expect(frames.mayBeOf('a'.repeat(200))).toBe(true);
    expect(frames.mayBeOf('a'.repeat(199))).toBe(false);
  });

  it('no frame is decoded that no notice can mean: strangers can send any number of both', () => {
    const decode = vi.spyOn(EnvelopeCodec.prototype, 'decode');
    const frames = framesOf(notice('a', '1'), notice('relay/7'));
    const others = [bytes('x'), bytes(''), frameOf('b/1'), frameOf('a/2'), frameOf('relay/8/1'), frameOf('')];
    for (const frame of others) expect(frames.has(frame)).toBe(false);
    expect(decode).not.toHaveBeenCalled();
    expect(frames.has(frameOf('a/1'))).toBe(true);
    expect(decode).toHaveBeenCalledTimes(1);
    decode.mockRestore();
  });

  it('a frame that begins as a cancelled call and is none is left to who reads it', () => {
    const whole = frameOf('a/1', { payload: bytes('x'.repeat(100)) });
    expect(framesOf(notice('a', '1')).has(whole.slice(0, -50))).toBe(false);
  });
});
