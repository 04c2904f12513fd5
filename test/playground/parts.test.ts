/** What the playground is made of and needs no browser for. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Latencies } from '../../playground/src/charts/latencies.ts';
import { Series } from '../../playground/src/charts/series.ts';
import { highlight } from '../../playground/src/code/highlight.ts';
import { quoted } from '../../playground/src/code/quoted.ts';
import { readCapture, writeCapture } from '../../playground/src/state/capture.ts';
import { bytesOfHex, hexDump, hexOf } from '../../playground/src/state/hex.ts';
import { CLIENT, topologyOf } from '../../playground/src/topology/model.ts';

describe('a series', () => {
  it('counts every result once, however long the job takes', () => {
    const times = fc.array(fc.nat({ max: 400_000 }), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(times, (list) => {
        const series = new Series();
        for (const at of list.toSorted((a, b) => a - b)) series.add(at, at % 97);
        const { times: ends, rates, p50, p95 } = series.data(true);
        const width = ends[0] ?? 0;
        const counted = rates.reduce((sum, rate) => sum + rate * width, 0);
        expect(counted).toBeCloseTo(list.length, 6);
        expect(ends.length).toBeLessThanOrEqual(240);
        for (const [index, half] of p50.entries())
          if (half !== null) expect(half).toBeLessThanOrEqual(p95[index] ?? -1);
      }),
      { numRuns: 50 },
    );
  });

  it('leaves out the stretch that is not over', () => {
    const series = new Series();
    series.add(10, 1);
    expect(series.data(false).times).toEqual([]);
    expect(series.data(true).times).toEqual([0.1]);
  });
});

describe('latencies', () => {
  it('have the right mean in any order', () => {
    const latencies = new Latencies();
    for (const at of [0, 10, 20]) latencies.sent(at);
    // The answers to the third, the first and the second.
    const told = [30, 40, 70].map((at) => latencies.received(at) ?? 0);
    expect(told.reduce((sum, one) => sum + one, 0) / 3).toBeCloseTo((10 + 40 + 60) / 3);
    expect(latencies.received(80)).toBeUndefined();
  });
});

describe('hex', () => {
  it('says bytes and takes them back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(bytesOfHex(hexOf(bytes))).toEqual(new Uint8Array(bytes));
      }),
    );
    expect(() => bytesOfHex('6')).toThrow('two digits');
    expect(() => bytesOfHex('xy')).toThrow('two digits');
  });

  it('is dumped in rows, up to a limit', () => {
    expect(hexDump(new TextEncoder().encode('frond'))).toMatch(/^0000 {2}66 72 6f 6e 64 +frond$/);
    expect(hexDump(new Uint8Array(40), 32).split('\n').at(-1)).toBe('… 8 bytes more');
  });
});

describe('captures', () => {
  it('are read as they were written', () => {
    const message = {
      pipeline: 'p',
      client: 'c/1',
      stage: 1,
      function: 'a.b c.d',
      cache: '',
      payload: new Uint8Array([0, 255]),
      features: 1,
      status: 0,
      error: '',
      errorName: '',
      ordinal: 0,
      unknown: new Uint8Array(),
    };
    const entry = { direction: 'out', channel: 'push', address: 'x', size: 9, at: 1.5, client: 'a' } as const;
    const entries = [
      { ...entry, number: 0, topic: undefined, message },
      { ...entry, number: 1, topic: 'c/1', message: undefined },
    ];
    expect(readCapture(writeCapture(entries))).toEqual(entries);
  });

  it('that are none are refused in words', () => {
    expect(() => readCapture('{"format":"other"}')).toThrow('this is no capture');
    expect(() => readCapture('{"format":"frond-capture-1","envelopes":[{"direction":"up"}]}')).toThrow(
      'envelope 0',
    );
  });
});

describe('code', () => {
  it('says any text as JavaScript says it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const [only] = highlight(quoted(text));
        // One literal from its first quote to its last.
        expect(only).toEqual({ kind: 'text', text: quoted(text) });
        expect(new Function(`return ${quoted(text)}`)()).toBe(text);
      }),
    );
  });

  it('is coloured without a change to it', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const pieces = highlight(text).map((token) => token.text);
        expect(pieces.join('')).toBe(text);
      }),
    );
  });
});

describe('the topology', () => {
  const server = (name: string, addresses: Record<string, string>, workers: string[] = []) => ({
    name,
    trouble: undefined,
    functions: [],
    status: {
      role: 'Server',
      name,
      functions: [],
      addresses,
      uptime: 0,
      counters: { received: 0, answered: 0, failed: 0, ended: 0, dropped: 0, inFlight: 0 },
      workers: workers.map((worker) => ({ name: worker, holds: 0, silent: 0 })),
    },
  });

  it('joins who publishes to who subscribes there', () => {
    const first = server('first', { pull_address: '1', pub_address: '2' });
    const second = server('second', { sub_address: '2', pub_address: '3' });
    const sink = server('sink', { sub_address_0: '3', sub_address_1: '2' });
    const { edges, nodes } = topologyOf([first, second, sink], []);
    const flows = edges.filter(({ kind }) => kind === 'flow').map(({ from, to }) => `${from} ${to}`);
    expect(flows.sort()).toEqual(['first second', 'first sink', 'second sink']);
    const rowOf = (id: string) => nodes.find((node) => node.id === id)?.y ?? 0;
    expect(rowOf('second')).toBeGreaterThan(rowOf('first'));
    expect(rowOf('sink')).toBeGreaterThan(rowOf('second'));
  });

  it('learns from calls what servers do not tell, and ends where they go in a circle', () => {
    const { edges } = topologyOf([], ['a.f b.g', 'b.g a.f']);
    const drawn = edges.map(({ kind, from, to }) => `${kind} ${from} ${to}`);
    expect(drawn).toContain('flow a b');
    expect(drawn).toContain(`call ${CLIENT} a`);
    expect(drawn).toContain(`answer b ${CLIENT}`);
  });

  it('draws the workers of a master', () => {
    const { nodes } = topologyOf([server('crew', { pull_address: '1' }, ['ada', 'bob'])], []);
    expect(nodes.filter(({ kind }) => kind === 'worker').map(({ label }) => label)).toEqual(['ada', 'bob']);
  });
});
