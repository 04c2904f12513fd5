/** Which messages the notices of cancelled calls name, and what it costs strangers to have them looked through. */
import { describe, expect, it, vi } from 'vitest';
import { CancelledCalls } from '../../../src/protocol/cancelled-calls.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { Feature } from '../../../src/protocol/message.ts';

const notice = (client: string, ...calls: string[]) =>
  ({ client, calls, code: 'CANCELLED', reason: '' }) as const;
const call = (client: string, ordinal = 0, features = 1) => ({ client, ordinal, features });

describe('cancelled calls', () => {
  it('are named by call, by one message of a call, or by client, and by the relay in front of clients', () => {
    const calls = new CancelledCalls([
      notice('a', '1', '2:3'),
      notice('b'),
      notice('relay'),
      notice('other/7', '1'),
    ]);
    const found = ['a/1', 'a/2', 'a/9', 'b/1', 'relay/7/1', 'other/7/1', 'other/8/1', 'c/1', 'bare'].filter(
      (client) => calls.find(call(client)) !== undefined,
    );
    expect(found).toEqual(['a/1', 'b/1', 'relay/7/1', 'other/7/1']);
    expect([calls.find(call('a/2', 3)), calls.find(call('a/2', 4))]).toEqual([expect.anything(), undefined]);
  });

  it('are forgotten with what they begin with, and with nothing else', () => {
    const calls = new CancelledCalls([notice('relay/1', 'x'), notice('relay/2', 'x', 'y'), notice('b')]);
    expect(calls.size).toBe(4);
    calls.forget('relay/2/');
    calls.forget('relay/x/1/');
    expect([calls.size, calls.find(call('relay/1/x')) !== undefined]).toEqual([2, true]);
    calls.forget('relay/');
    expect([calls.size, calls.find(call('relay/1/x'))]).toEqual([1, undefined]);
    calls.forget('b/');
    expect(calls.size).toBe(0);
  });

  it('are forgotten with all that begins so, and not with what ends so', () => {
    const calls = new CancelledCalls([notice('r/1/2', 'x'), notice('r/r/1', 'x')]);
    calls.forget('r/1/');
    expect([calls.find(call('r/1/2/x')), calls.find(call('r/r/1/x')) !== undefined]).toEqual([
      undefined,
      true,
    ]);
  });

  it('may be told from most others by their topics alone', () => {
    const calls = new CancelledCalls([notice('a', '1', '2:3'), notice('b'), notice('relay/7')]);
    const topics = ['a/1', 'a/2', 'b/1', 'relay/7/1', 'a/3', 'a/', 'relay/8/1', 'c/1', 'bare', ''];
    expect(topics.filter((topic) => calls.mayHave(topic))).toEqual(['a/1', 'a/2', 'b/1', 'relay/7/1']);
  });

  it('are looked for by topics that begin with a slash, or have many, too', () => {
    const calls = new CancelledCalls([notice('', '1'), notice('/a', '1'), notice('//', '1')]);
    const topics = ['/1', '/a/1', '///1', '/', '//', '/2', '/a/2', '/a/b/1', '///'];
    const cancelled = ['/1', '/a/1', '///1'];
    expect(topics.filter((topic) => calls.mayHave(topic))).toEqual(cancelled);
    expect(topics.filter((topic) => calls.find(call(topic)) !== undefined)).toEqual(cancelled);
  });

  it('count as many names as notices have, and a whole client as one', () => {
    const calls = new CancelledCalls([notice('a', '1', '2'), notice('a', '3'), notice('b'), notice('b')]);
    expect(calls.size).toBe(4);
    calls.add(notice('b', '1'));
    calls.forget('a/');
    expect([calls.size, calls.find(call('a/3')), calls.find(call('b/1'))]).toEqual([
      2,
      undefined,
      expect.objectContaining({ code: 'CANCELLED' }),
    ]);
    calls.forget('b/');
    expect(calls.size).toBe(0);
  });

  it('are looked at only for clients that have messages here', () => {
    const split = vi.spyOn(String.prototype, 'indexOf');
    const names = Array.from({ length: 1_000 }, (_, i) => String(i));
    const calls = new CancelledCalls();
    for (let i = 0; i < 100; i++) calls.add(notice(`stranger${i}`, ...names));
    expect(calls.mayHave('a/1')).toBe(false);
    const looks = split.mock.calls.length;
    split.mockRestore();
    expect(looks).toBeLessThan(1_000);
    expect(calls.mayHave('stranger7/999')).toBe(true);
  });

  it('are found with their own reason, the nearest one', () => {
    const calls = new CancelledCalls();
    calls.add({ client: 'r', calls: [], code: 'DISCONNECTED', reason: 'relay' });
    expect(calls.find(call('r/1/2/3'))).toMatchObject({ code: 'DISCONNECTED' });
    calls.add({ client: 'r/1/2', calls: [], code: 'TIMEOUT', reason: 'late' });
    calls.add({ client: 'r/1', calls: ['9'], code: 'CANCELLED', reason: 'left' });
    expect(calls.find(call('r/1/9'))).toMatchObject({ message: expect.stringContaining('left') });
    expect(calls.find(call('r/2/3'))).toMatchObject({ message: expect.stringContaining('relay') });
    expect(calls.find(call('r'))).toBeUndefined();
    // Each beginning up to a slash counts, also where a longer one is there.
    const two = new CancelledCalls([notice('r/1/2')]);
    expect([two.find(call('r/1/2/3')) !== undefined, two.find(call('r/1/9'))]).toEqual([true, undefined]);
  });

  it('that are detached are found by their own name alone', () => {
    const calls = new CancelledCalls([notice('a'), notice('b', '1', '2:3')]);
    const detached = (client: string, ordinal = 0) => calls.find(call(client, ordinal, Feature.detached | 1));
    expect(detached('a/1')).toBeUndefined();
    expect([detached('b/1'), detached('b/2', 3)]).toEqual([expect.any(PalmError), expect.any(PalmError)]);
    expect(calls.find(call('a/1', 0, 1 | Feature.ends))).toBeDefined();
  });

  it('are found with a number only where the message has one', () => {
    const calls = new CancelledCalls([notice('b', '2:0')]);
    expect(calls.find(call('b/2', 0))).toBeUndefined();
  });

  it('of a group of 256 clients are looked through; a larger group is forgotten whole', () => {
    for (const [count, left] of [
      [256, 255],
      [257, 0],
    ] as const) {
      const calls = new CancelledCalls();
      for (let i = 0; i < count; i++) calls.add(notice(`crowd/${i}`, 'x'));
      calls.forget('crowd/7/');
      expect([count, calls.size]).toEqual([count, left]);
    }
  });

  it('are not looked through for each subscription of a stranger', () => {
    const calls = new CancelledCalls();
    for (let i = 0; i < 2_000; i++) {
      calls.add(notice(`gone${i}`));
      calls.add(notice(`crowd/${i}`, '1'));
    }
    const looks = vi.spyOn(String.prototype, 'startsWith');
    for (let i = 0; i < 2_000; i++) {
      calls.forget(`stranger${i}/`);
      calls.forget(`crowd/none${i}/`);
    }
    expect(looks.mock.calls.length).toBeLessThan(1_000);
    expect(calls.size).toBe(2_000);
  });
});
