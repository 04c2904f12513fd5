/** When inputs are settled. */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import { OpenInputs, subscriptionOf } from '../../../../src/cluster/runtime/open-inputs.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { palmMessage } from '../../../../src/protocol/message.ts';
import type { Settler } from '../../../../src/transport.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

const codec = new EnvelopeCodec();
const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Inputs, and how they are settled. */
function inputsOf(stored: () => Promise<void> = async () => {}, countsWhole = false) {
  const settled: string[] = [];
  let give: (frame: Bytes, deaths: number) => void = () => {};
  const settlerOf = (queue: string): Settler => ({
    settle: (frames, outcome) => {
      settled.push(...frames.map((frame) => `${textOf(frame)} ${outcome}`));
    },
    idOf: (frame) => `${queue}/${textOf(frame)}`,
    onGivenUp: (listener) => {
      give = listener;
    },
  });
  const inputs = new OpenInputs({ stored, countsWhole });
  const begin = (frame: Bytes, queue = 'queue') => inputs.begin(frame, settlerOf(queue));
  const hear = () => inputs.hear(settlerOf('queue'));
  return { inputs, settled, begin, hear, giveUp: (frame: Bytes, deaths: number) => give(frame, deaths) };
}

describe('an input', () => {
  it('is settled when it is over and its results are stored', async () => {
    const stored = deferred<void>();
    const { inputs, settled, begin } = inputsOf(() => stored.promise);
    const frame = bytes('1');
    begin(frame);
    expect([inputs.nextId(frame), inputs.nextId(frame)]).toEqual(['queue/1/0', 'queue/1/1']);
    inputs.end(frame);
    await turn();
    expect(settled).toEqual([]);
    stored.resolve();
    await turn();
    expect(settled).toEqual(['1 done']);
    expect(inputs.size).toBe(0);
  });

  it('is given again when its results may not be stored', async () => {
    const { inputs, settled, begin } = inputsOf(() => Promise.reject(new Error('closed')));
    const frame = bytes('1');
    begin(frame);
    inputs.end(frame);
    await turn();
    expect(settled).toEqual(['1 again']);
  });

  it('is settled once, when all of its parts and their results are done', async () => {
    const { inputs, settled, begin } = inputsOf();
    const frame = bytes('1');
    begin(frame);
    const parts = [inputs.part(frame), inputs.part(frame)];
    inputs.end(frame);
    const results = [bytes('a'), bytes('b'), bytes('c')];
    const [first, second] = parts;
    if (first === undefined || second === undefined) throw new Error('an open input has parts');
    inputs.result(second, results[0] as Bytes);
    inputs.result(second, results[1] as Bytes);
    inputs.close(second);
    inputs.result(first, results[2] as Bytes);
    inputs.close(first);
    expect(results.map((result) => inputs.nextId(result))).toEqual([
      'queue/1/1/0',
      'queue/1/1/1',
      'queue/1/0/0',
    ]);
    for (const result of results) {
      await turn();
      expect(settled).toEqual([]);
      inputs.end(result);
    }
    await turn();
    expect(settled).toEqual(['1 done']);
  });

  it('names its results by input where a gather makes them of several parts', () => {
    const { inputs, begin } = inputsOf(undefined, true);
    const frame = bytes('1');
    begin(frame);
    const names = [0, 1].map(() => {
      const part = inputs.part(frame);
      return part && inputs.nameOf(part);
    });
    expect(names).toEqual(['queue/1/0', 'queue/1/1']);
  });

  it('is settled where it came from', async () => {
    const { inputs, begin } = inputsOf();
    const by: string[] = [];
    const settler = (name: string): Settler => ({
      settle: (frames, outcome) => void by.push(`${name}: ${frames.map(textOf).join('+')} ${outcome}`),
      idOf: (frame) => `${name}/${textOf(frame)}`,
      onGivenUp: () => {},
    });
    const [one, two] = [settler('one'), settler('two')];
    const frames = ['a', 'b', 'c', 'd'].map(bytes);
    frames.forEach((frame, i) => {
      inputs.begin(frame, i % 2 === 0 ? one : two);
    });
    begin(bytes('other'));
    expect(frames.map((frame) => inputs.nextId(frame))).toEqual(['one/a/0', 'two/b/0', 'one/c/0', 'two/d/0']);
    frames.forEach((frame, i) => {
      inputs.end(frame, i === 3 ? 'failed' : undefined);
    });
    await turn();
    expect(by.sort()).toEqual(['one: a+c done', 'two: b done', 'two: d failed']);
  });

  it('that is given up is settled as failed, behind its answer', async () => {
    const { inputs, settled, hear, giveUp } = inputsOf();
    hear();
    const told: unknown[] = [];
    inputs.onGivenUp((frame, id, deaths) => told.push([textOf(frame), id, deaths, [...settled]]));
    giveUp(bytes('1'), 4);
    await turn();
    expect(told).toEqual([['1', 'queue/1/0', 4, []]]);
    expect(settled).toEqual(['1 failed']);
  });
});

describe('what the clients have subscribed to', () => {
  const frameOf = (client: string) => codec.encode(palmMessage({ client, payload: bytes('x') })).slice();

  it('is known of each input until it is settled, also while its parts are elsewhere', async () => {
    const { inputs, begin } = inputsOf();
    const [one, two] = [frameOf('a/1'), frameOf('relay/7/2')];
    begin(one);
    begin(two);
    expect([...inputs.subscriptions()]).toEqual(['a/', 'relay/7/']);
    const part = inputs.part(one);
    inputs.end(one);
    inputs.end(two);
    expect([...inputs.subscriptions()]).toEqual(['a/']);
    if (part === undefined) throw new Error('there is no part');
    inputs.close(part);
    expect([...inputs.subscriptions()]).toEqual([]);
  });

  it('is nothing for what no frond client sends', () => {
    expect(subscriptionOf(frameOf('pylm'))).toBeUndefined();
    expect(subscriptionOf(bytes('no envelope'))).toBeUndefined();
    // Field 2 with two bytes that are no UTF-8.
    expect(subscriptionOf(Uint8Array.of(0x12, 2, 0xff, 0x2f))).toBeUndefined();
  });
});
