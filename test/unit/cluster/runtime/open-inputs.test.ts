/** When inputs are settled. */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import { OpenInputs } from '../../../../src/cluster/runtime/open-inputs.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Inputs, and how they are settled. */
function inputsOf(stored: () => Promise<void> = async () => {}, countsWhole = false) {
  const settled: string[] = [];
  let give: (frame: Bytes, deaths: number) => void = () => {};
  const inputs = new OpenInputs({
    stored,
    countsWhole,
    settler: {
      settle: (frames, outcome) => settled.push(...frames.map((frame) => `${textOf(frame)} ${outcome}`)),
      idOf: (frame) => `queue/${textOf(frame)}`,
      onGivenUp: (listener) => {
        give = listener;
      },
    },
  });
  return { inputs, settled, giveUp: (frame: Bytes, deaths: number) => give(frame, deaths) };
}

describe('an input', () => {
  it('is settled when it is over and its results are stored', async () => {
    const stored = deferred<void>();
    const { inputs, settled } = inputsOf(() => stored.promise);
    const frame = bytes('1');
    inputs.begin(frame);
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
    const { inputs, settled } = inputsOf(() => Promise.reject(new Error('closed')));
    const frame = bytes('1');
    inputs.begin(frame);
    inputs.end(frame);
    await turn();
    expect(settled).toEqual(['1 again']);
  });

  it('is settled once, when all of its parts and their results are done', async () => {
    const { inputs, settled } = inputsOf();
    const frame = bytes('1');
    inputs.begin(frame);
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
    const { inputs } = inputsOf(undefined, true);
    const frame = bytes('1');
    inputs.begin(frame);
    const names = [0, 1].map(() => {
      const part = inputs.part(frame);
      return part && inputs.nameOf(part);
    });
    expect(names).toEqual(['queue/1/0', 'queue/1/1']);
  });

  it('that is given up is settled as failed, behind its answer', async () => {
    const { inputs, settled, giveUp } = inputsOf();
    const told: unknown[] = [];
    inputs.onGivenUp((frame, id, deaths) => told.push([textOf(frame), id, deaths, [...settled]]));
    giveUp(bytes('1'), 4);
    await turn();
    expect(told).toEqual([['1', 'queue/1/0', 4, []]]);
    expect(settled).toEqual(['1 failed']);
  });
});
