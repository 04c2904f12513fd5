/** What the playground is made of and needs no browser for. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { highlight } from '../../playground/src/code/highlight.ts';
import { quoted } from '../../playground/src/code/quoted.ts';
import { inFieldNames } from '../../playground/src/parts/field-names.ts';
import { readCapture, writeCapture } from '../../playground/src/state/capture.ts';
import type { ServerInfo } from '../../playground/src/state/discovery.ts';
import { goneWorkers } from '../../playground/src/state/gone-workers.ts';
import { bytesOfHex, hexDump, hexOf } from '../../playground/src/state/hex.ts';
import { Latencies } from '../../playground/src/state/latencies.ts';
import { Series } from '../../playground/src/state/series.ts';
import { StatusLog, YOU } from '../../playground/src/state/status-log.ts';
import { wholeNumber } from '../../playground/src/state/whole-number.ts';
import { WireLog } from '../../playground/src/state/wire-log.ts';
import { previewOf, type Way, WireView } from '../../playground/src/state/wire-view.ts';
import { CLIENT, keyOf, topologyOf } from '../../playground/src/topology/model.ts';
import { type Box, boxOf, curvesOf, hitsOf } from '../../playground/src/topology/paths.ts';
import type { ServerStatus } from '../../src/cluster/index.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { bytes } from '../support/bytes.ts';

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

describe('the status log', () => {
  const told = (log: StatusLog) => log.lines.value.map(({ who, text, count }) => `${who} ${text} × ${count}`);

  it('counts what goes on happening in one line, the last time of it at the end', () => {
    const log = new StatusLog();
    const logger = log.logger('role');
    for (let n = 1; n <= 30; n++) {
      log.add('a', `cut: reason ${n}`, 'bad', 'cut');
      log.add('a', `trying for the ${n}th time`, 'busy', 'trying');
      log.add('b', 'cut', 'bad');
    }
    for (const times of [1, 2, 4, 8]) logger.error('call failed', { reason: `of ${times}`, times });
    expect(told(log)).toEqual([
      'a cut: reason 30 × 30',
      'a trying for the 30th time × 30',
      'b cut × 30',
      'role call failed: of 8 × 8',
    ]);
    expect(new Set(log.lines.value.map(({ number }) => number)).size).toBe(4);
  });

  it('begins anew after what was well, and after what the user did', () => {
    const log = new StatusLog();
    log.add('a', 'cut', 'bad');
    log.add('a', 'connected', 'good');
    log.add('a', 'cut', 'bad');
    log.add(YOU, 'cuts it again', 'busy');
    log.add('a', 'cut', 'bad');
    expect(told(log)).toEqual([
      'a cut × 1',
      'a connected × 1',
      'a cut × 1',
      'you cuts it again × 1',
      'a cut × 1',
    ]);
  });

  it('keeps 200 lines of 500 characters', () => {
    const log = new StatusLog();
    for (let n = 0; n < 300; n++) log.add(`client ${n}`, 'x'.repeat(10_000));
    expect(log.lines.value.length).toBe(200);
    expect(log.lines.value.at(-1)).toMatchObject({ who: 'client 299', text: `${'x'.repeat(500)}…` });
  });
});

describe('errors', () => {
  it('name the fields of the page in place of the options of the SDK', () => {
    expect(inFieldNames('check serverName and dbAddress')).toBe('check “Servers” and “Servers”');
    expect(inFieldNames('a token in a URL would show in logs: give the option token')).toBe(
      'a token in a URL would show in logs: give the field “Token”',
    );
    expect(inFieldNames('is it up, and is this its db_address? (no)')).toBe(
      'is it up, and is this the name that the relay has for it? (no)',
    );
    expect(inFieldNames('idleTimeout must be milliseconds')).toBe('“Time-out in ms” must be milliseconds');
    expect(inFieldNames('text.boom failed: RangeError')).toBe('text.boom failed: RangeError');
    expect(wholeNumber('Retries', ' 7 ', 0)).toBe(7);
    for (const written of ['', ' ', '-1', '1.5', 'x', '1e99', 'Infinity'])
      expect(() => wholeNumber('Retries', written, 0)).toThrow('“Retries” takes a whole number from 0 on');
    expect(() => wholeNumber('Retries', 'x'.repeat(70_000), 0)).toThrow(/^.{1,100}$/);
  });
});

describe('the wire', () => {
  const event = (text: string, size: number, direction: 'in' | 'out' = 'out') => ({
    direction,
    channel: 'push' as const,
    address: 'x',
    topic: undefined,
    size,
    message: { ...palmMessage({ function: 'a.b' }), payload: bytes(text) },
  });

  it('keeps so many envelopes, and so many bytes of them', () => {
    const wire = new WireLog();
    for (let n = 0; n < 6_000; n++) wire.add('c', event(`${n}`, 10));
    expect([...wire.newest()].map(({ number }) => number)).toEqual(
      Array.from({ length: 5_000 }, (_, index) => 5_999 - index),
    );
    for (let n = 0; n < 20; n++) wire.add('c', event('large', 1_048_576));
    expect(wire.kept).toBe(16);
    expect([...wire.newest()].length).toBe(16);
    // The newest is kept in any case.
    wire.add('c', event('huge', 100_000_000));
    expect([...wire.newest()].map(({ size }) => size)).toEqual([100_000_000]);
    wire.load([...wire.newest()]);
    expect(wire.kept).toBe(1);
  });

  it('finds what fits, and looks at each envelope once', () => {
    const wire = new WireLog();
    const view = new WireView(wire);
    const naive = (filter: string, way: Way) =>
      [...wire.newest()]
        .filter(({ direction }) => way === 'all' || direction === way)
        .filter((entry) => `a.b ${previewOf(entry)}`.includes(filter))
        .slice(0, 200);
    for (let round = 0; round < 20; round++) {
      for (let n = 0; n < 150; n++) wire.add('c', event(`n${n % 7}`, 10, n % 2 === 0 ? 'in' : 'out'));
      expect(view.rows('n3', 'in')).toEqual(naive('n3', 'in'));
    }
    expect(view.rows('', 'all')).toEqual(naive('', 'all'));
    const looked = vi.spyOn(wire, 'newest');
    wire.add('c', event('n3', 10));
    expect(view.rows('', 'all')).toEqual(naive('', 'all'));
    expect(looked.mock.calls[0]).toEqual([3_000]);
    wire.clear();
    expect(view.rows('', 'all')).toEqual([]);
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
  interface Told {
    readonly addresses?: Record<string, string>;
    readonly workers?: readonly string[];
    readonly previous?: readonly string[];
    readonly deaths?: number;
    readonly uptime?: number;
  }
  const statusOf = (name: string, told: Told): ServerStatus => ({
    role: 'Server',
    name,
    functions: [],
    addresses: told.addresses ?? {},
    uptime: told.uptime ?? 0,
    counters: { received: 0, answered: 0, failed: 0, ended: 0, dropped: 0, inFlight: 0 },
    ...(told.previous && { previous: told.previous }),
    ...(told.workers && {
      workers: told.workers.map((worker) => ({ name: worker, holds: 0, silent: 0 })),
      losses: { workers: told.deaths ?? 0, redelivered: 0, givenUp: 0 },
    }),
  });
  const server = (name: string, told: Told): ServerInfo => ({
    name,
    trouble: undefined,
    functions: [],
    gone: [],
    status: statusOf(name, told),
  });
  const flowsOf = (servers: readonly ServerInfo[]) =>
    topologyOf(servers, [])
      .edges.filter(({ kind }) => kind === 'flow')
      .map(({ from, to }) => `${from} ${to}`)
      .sort();

  it('joins who publishes to who subscribes there', () => {
    const first = server('first', { addresses: { pull_address: '1', pub_address: '2' } });
    const second = server('second', { addresses: { sub_address: '2', pub_address: '3' } });
    const sink = server('sink', { addresses: { sub_address_0: '3', sub_address_1: '2' } });
    const servers = [first, second, sink];
    expect(flowsOf(servers)).toEqual(['first second', 'first sink', 'second sink']);
    const { nodes } = topologyOf(servers, []);
    const rowOf = (id: string) => nodes.find((node) => node.id === id)?.y ?? 0;
    expect(rowOf('second')).toBeGreaterThan(rowOf('first'));
    expect(rowOf('sink')).toBeGreaterThan(rowOf('second'));
  });

  it('joins them by name where addresses are the relay’s to know', () => {
    const first = server('first', { addresses: { pull_address: 'first', pub_address: 'first' } });
    const second = server('second', { addresses: { sub_address: 'second' }, previous: ['first'] });
    const sink = server('sink', { addresses: { sub_address_0: 'sink' }, previous: ['second', 'elsewhere'] });
    expect(flowsOf([first, second, sink])).toEqual(['first second', 'second sink']);
  });

  it('learns from calls what servers do not tell, and ends where they go in a circle', () => {
    const { edges } = topologyOf([], ['a.f b.g', 'b.g a.f']);
    const drawn = edges.map(({ kind, from, to }) => `${kind} ${from} ${to}`);
    expect(drawn).toContain('flow a b');
    expect(drawn).toContain(`call ${CLIENT} a`);
    expect(drawn).toContain(`answer b ${CLIENT}`);
  });

  it('draws the workers of a master, and says of those it had what became of them', () => {
    const addresses = { pull_address: '1' };
    const before = server('crew', { addresses, workers: ['ada', 'bob', 'cyd', 'dan'], uptime: 1 });
    const now = statusOf('crew', { addresses, workers: ['cyd'], deaths: 1, uptime: 2 });
    const gone = goneWorkers(before, now, 0);
    expect(gone.map(({ name, isDead }) => [name, isDead])).toEqual([
      ['ada', true],
      ['bob', false],
      ['dan', false],
    ]);
    const crew = { ...before, status: now, gone };
    const drawn = topologyOf([crew], [], new Set(['dan'])).nodes.filter(({ kind }) => kind === 'worker');
    expect(drawn.map(({ label, health }) => `${label} ${health}`)).toEqual([
      'ada dead',
      'bob left',
      'cyd up',
      'dan dead',
    ]);
  });

  it('forgets workers that are back, that are gone for long, or that another run of the master had', () => {
    const before = server('crew', { workers: ['ada', 'bob'], uptime: 10 });
    const gone = goneWorkers(before, statusOf('crew', { workers: [], uptime: 20 }), 0);
    const crew = { ...server('crew', { workers: [], uptime: 20 }), gone };
    const names = (status: ServerStatus, now: number) =>
      goneWorkers(crew, status, now).map(({ name }) => name);
    expect(names(statusOf('crew', { workers: [], uptime: 30 }), 1_000)).toEqual(['ada', 'bob']);
    expect(names(statusOf('crew', { workers: ['ada'], uptime: 30 }), 1_000)).toEqual(['bob']);
    expect(names(statusOf('crew', { workers: [], uptime: 30 }), 300_000)).toEqual([]);
    expect(names(statusOf('crew', { workers: [], uptime: 3 }), 1_000)).toEqual([]);
  });

  it('shows a few of many workers, and how many more there are', () => {
    const workers = Array.from({ length: 40 }, (_, index) => `w${index}`);
    const { nodes } = topologyOf([server('crew', { workers })], []);
    expect(nodes.filter(({ kind }) => kind === 'worker').length).toBe(5);
    expect(nodes.find(({ kind }) => kind === 'more')?.label).toBe('and 35 more');
  });

  it('has every edge, and no name on another, in clusters as they come', () => {
    const role = fc.record({
      workers: fc.nat({ max: 8 }),
      takes: fc.array(fc.nat({ max: 4 }), { maxLength: 2 }),
      isFirst: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(role, { minLength: 1, maxLength: 6 }), (roles) => {
        const servers = roles.map(({ workers, takes, isFirst }, index) => {
          const previous = takes.filter((one) => one < index).map((one) => `s${one}`);
          const isCalled = isFirst || previous.length === 0;
          return server(`s${index}`, {
            addresses: isCalled ? { pull_address: 'x' } : {},
            previous,
            ...(workers > 0 && { workers: Array.from({ length: workers }, (_, one) => `worker${one}`) }),
          });
        });
        const topology = topologyOf(servers, []);
        const curves = curvesOf(topology);
        expect([...curves.keys()].sort()).toEqual(topology.edges.map(keyOf).sort());
        const boxes = topology.nodes.map((node) => ({ id: node.id, box: boxOf(node) }));
        for (const [at, { id, box }] of boxes.entries()) {
          expect(box.left, id).toBeGreaterThanOrEqual(0);
          expect(box.right, id).toBeLessThanOrEqual(topology.width);
          for (const other of boxes.slice(at + 1))
            expect(areApart(box, other.box), `${id} ${other.id}`).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('has no edge that lies on a server or a name, in the page’s cluster and in that of frond demo', () => {
    const first = { addresses: { pull_address: 'x' } };
    const here = [
      server('text', first),
      server('grove', { ...first, workers: ['ash', 'birch', 'cedar'] }),
      server('loom', { previous: ['text'] }),
      server('press', { previous: ['loom', 'grove'] }),
    ];
    const demo = [
      server('demo', first),
      server('crew', { ...first, workers: ['ann', 'ben', 'cat'] }),
      server('clean', first),
      server('count', { previous: ['clean'] }),
      server('tally', { previous: ['count'] }),
    ];
    const calls = ['text.f loom.f press.f', 'grove.f', 'demo.f', 'crew.f', 'clean.f count.f tally.f'];
    for (const servers of [here, demo]) {
      const names = servers.map(({ name }) => name);
      const seen = calls.filter((path) => names.includes(path.split('.')[0] ?? ''));
      const topology = topologyOf(servers, seen);
      const curves = curvesOf(topology);
      for (const edge of topology.edges.filter(({ kind }) => kind !== 'work')) {
        const others = topology.nodes.filter(({ id }) => id !== edge.from && id !== edge.to).map(boxOf);
        const curve = curves.get(keyOf(edge));
        expect(curve && hitsOf(curve, others), keyOf(edge)).toBe(0);
      }
    }
  });

  const areApart = (one: Box, other: Box) =>
    one.right <= other.left || other.right <= one.left || one.bottom <= other.top || other.bottom <= one.top;
});
