/** The same calls to a cluster of pylm's alone, and with frond in some of its places: the same answers. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type By, startMixed } from './mixed.ts';
import { CLIENT, envelope, type Observed, observe } from './observe.ts';
import { pylmCalls, textsOf } from './pylm-calls.ts';
import { type Case, cases } from './same-answers-cases.ts';

interface Seen {
  /** What pylm's client got for each path, and for the even numbers. */
  readonly answers: readonly (readonly string[])[];
  /** What came from the last server, and then what each pipelined one published. */
  readonly observed: readonly (readonly Observed[])[];
}

/** @param by - whose the parts with the first, second, … name are. */
async function see(own: Case, by: (name: number) => By): Promise<Seen> {
  const { places, proof, times = 1, pipelined = [] } = own;
  const names = [...new Set(places.map(({ name, label }) => name ?? label))];
  const cluster = await startMixed(
    places.map((place) => ({ ...place, by: by(names.indexOf(place.name ?? place.label)) })),
    [proof],
  );
  try {
    const evals = Object.keys(own.answers).map((path) => evalWords(path, times));
    const job = own.even === undefined ? [] : [jobWords(own.even, 100, 50 * times)];
    const answers = await pylmCalls(cluster.entry, [...evals, ...job]);
    const { pushAddress, subAddress } = cluster.entry;
    const sent = [...Object.keys(own.answers), ...own.envelopes].flatMap((path) => [
      envelope(path),
      envelope(path, { cache: '' }),
    ]);
    const last = await observe(pushAddress, [{ address: subAddress, topic: CLIENT }], sent, times);
    const between = pipelined.map((label) => ({ address: cluster.addresses(label).pub ?? '', topic: label }));
    return {
      answers: answers.map((answer) => textsOf(answer).sort()),
      observed: [...last, ...(await observe(pushAddress, between, sent))],
    };
  } finally {
    await cluster.stop();
  }
}

const evalWords = (path: string, messages: number) => [
  'eval',
  ...path.split(' '),
  '--payload',
  'x',
  '--messages',
  String(messages),
];

const jobWords = (path: string, count: number, messages: number) => [
  'job',
  ...path.split(' '),
  '--count',
  String(count),
  '--messages',
  String(messages),
];

const mixes: readonly [string, (name: number) => By][] = [
  ['frond alone', () => 'frond'],
  ['frond and pylm in turn', (name) => (name % 2 === 0 ? 'frond' : 'pylm')],
  ['pylm and frond in turn', (name) => (name % 2 === 0 ? 'pylm' : 'frond')],
];

describe.each(cases)('$title', (own) => {
  const { places, answers, even, envelopes, times = 1, fills = false } = own;
  let expected: Seen;

  beforeAll(async () => {
    expected = await see(own, () => 'pylm');
  });

  it('of pylm alone answers as we say', () => {
    // Half of the numbers end on the way; if one did not, another one would be missing here.
    const evens = Array.from({ length: 50 * times }, (_, i) => String(2 * Math.floor(i / times))).sort();
    expect(expected.answers).toEqual([...Object.values(answers), ...(even === undefined ? [] : [evens])]);
    expect(new Set(expected.observed[0]?.map(({ topic }) => topic))).toEqual(new Set([`${CLIENT}1`]));
  });

  it.each(places.length === 1 ? mixes.slice(0, 1) : mixes)('of %s answers the same', async (_, by) => {
    const seen = await see(own, by);
    expect(seen.answers).toEqual(expected.answers);
    const comparable = ({ observed }: Seen) =>
      observed.map((all) => all.map(({ cache: _cache, ...rest }) => rest));
    expect(comparable(seen)).toEqual(comparable(expected));
    for (const { observed } of [seen, expected]) {
      const given = observed[0]?.map(({ cache }) => cache).filter((cache) => cache !== 'mine') ?? [];
      expect(given).toHaveLength((Object.keys(answers).length + envelopes.length) * times);
      expect(new Set(given).size).toBe(fills ? given.length : 1);
      expect(given.includes('')).toBe(!fills);
    }
  });
});
