import { describe, expect, it, vi } from 'vitest';
import { Readiness } from '../../../src/async/readiness.ts';
import { PalmError } from '../../../src/protocol/errors.ts';

const broken = new PalmError('DISCONNECTED', 'broken');
const refused = new PalmError('FORBIDDEN', 'refused');
const closed = new PalmError('CLOSED', 'closed');

/** How a promise stands by now. */
async function stateOf(promise: Promise<void>): Promise<unknown> {
  return Promise.race([promise.then(() => 'ready'), Promise.resolve().then(() => 'waiting')]).catch(
    (error: unknown) => error,
  );
}

function ground() {
  const readiness = new Readiness();
  const breaks = vi.fn();
  const leave = readiness.onBreak(breaks);
  return { readiness, breaks, leave, is: () => [readiness.isReady, readiness.isClosed] };
}

describe('readiness', () => {
  it('is waited for by all, and there at once afterwards', async () => {
    const { readiness, is } = ground();
    expect(is()).toEqual([false, false]);
    const waiting = [readiness.ready(), readiness.ready()];
    expect(await Promise.all(waiting.map(stateOf))).toEqual(['waiting', 'waiting']);
    readiness.setReady();
    expect(is()).toEqual([true, false]);
    expect(await Promise.all([...waiting, readiness.ready()].map(stateOf))).toEqual([
      'ready',
      'ready',
      'ready',
    ]);
  });

  it('that breaks is told to listeners once a break, and waited for anew', async () => {
    const { readiness, breaks, is } = ground();
    readiness.setBroken(broken);
    expect(breaks).not.toHaveBeenCalled();
    readiness.setReady();
    readiness.setBroken(broken);
    readiness.setBroken(broken);
    expect(breaks.mock.calls).toEqual([[broken]]);
    expect(is()).toEqual([false, false]);
    const waiting = readiness.ready();
    expect(await stateOf(waiting)).toBe('waiting');
    readiness.setReady();
    expect(await stateOf(waiting)).toBe('ready');
  });

  it('that is refused fails those that wait and those that come, until it is there', async () => {
    const { readiness, breaks, is } = ground();
    const waiting = readiness.ready();
    readiness.setRefused(refused);
    expect([await stateOf(waiting), await stateOf(readiness.ready())]).toEqual([refused, refused]);
    expect(breaks).not.toHaveBeenCalled();
    readiness.setReady();
    expect([await stateOf(readiness.ready()), is()]).toEqual(['ready', [true, false]]);
    readiness.setRefused(refused);
    expect(breaks.mock.calls).toEqual([[refused]]);
    expect(is()).toEqual([false, false]);
  });

  it('that is closed stays so, and tells nobody of a break', async () => {
    const { readiness, breaks, is } = ground();
    readiness.setReady();
    readiness.setClosed(closed);
    readiness.setClosed(broken);
    readiness.setReady();
    readiness.setBroken(broken);
    readiness.setRefused(refused);
    expect(is()).toEqual([false, true]);
    expect(await stateOf(readiness.ready())).toBe(closed);
    expect(breaks).not.toHaveBeenCalled();
  });

  it('fails those that wait when it is closed, and no rejection is left alone', async () => {
    const { readiness } = ground();
    const waiting = readiness.ready();
    readiness.setClosed(closed);
    await new Promise(setImmediate);
    await expect(waiting).rejects.toBe(closed);
  });

  it('tells a listener that has left nothing, and all others', () => {
    const { readiness, breaks, leave } = ground();
    const other = vi.fn();
    const leaveOther = readiness.onBreak(() => {
      leaveOther();
      other();
    });
    leave();
    readiness.setReady();
    readiness.setBroken(broken);
    expect([breaks.mock.calls.length, other.mock.calls.length]).toEqual([0, 1]);
  });
});
