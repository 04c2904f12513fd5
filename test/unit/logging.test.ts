import { describe, expect, it, vi } from 'vitest';
import {
  atLevel,
  consoleLogger,
  jsonLogger,
  type LogFields,
  type Logger,
  sparing,
} from '../../src/logging.ts';
import { clipped, escaped, escapedLines, printableJson } from '../../src/protocol/printable.ts';

type Line = readonly [level: string, message: string, fields: LogFields | undefined];

function recorder(): { readonly lines: Line[]; readonly logger: Logger } {
  const lines: Line[] = [];
  const at = (level: string) => (message: string, fields?: LogFields) => {
    lines.push([level, message, fields]);
  };
  return {
    lines,
    logger: { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') },
  };
}

/** One of every kind that must not be shown as it is. */
const HOSTILE = [
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)),
  ...Array.from({ length: 0x21 }, (_, i) => String.fromCharCode(0x7f + i)),
  ...['\u061c', '\u200b', '\u200e', '\u200f', '\u2028', '\u2029', '\ufeff', '\u{e0041}'],
  ...['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'],
  ...['\ud800', '\udfff'],
];
const HARMLESS = 'Zoë 日本語 👩‍👩‍👧 فارسی می‌خواهم ۝ "\\" ~\u00a0\ufffd😀';

describe('a text that is shown', () => {
  it.each(HOSTILE.map((character) => [printableJson(character), character]))('has no %s', (_, character) => {
    const shown = escaped(`a${character}z`);
    expect(shown).toMatch(/^a(\\u[\da-f]{4})+z$/);
    expect(shown).not.toContain(character);
    expect(JSON.parse(`"${shown}"`)).toBe(`a${character}z`);
    expect(printableJson(character)).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(printableJson({ character }))).toEqual({ character });
  });

  it('keeps what harms nobody', () => {
    expect(escaped(HARMLESS)).toBe(HARMLESS);
    expect(printableJson(HARMLESS)).toBe(JSON.stringify(HARMLESS));
    expect(escapedLines('a\r\n\tb\r\n\u001b')).toBe('a\n\tb\n\\u001b');
  });

  it('is cut between characters', () => {
    expect(clipped('abc', 3)).toBe('abc');
    expect(clipped('abcd', 3)).toBe('abc…');
    expect(clipped('ab😀', 3)).toBe('ab…');
    expect(clipped('x'.repeat(1_000_000), 200).length).toBe(201);
  });
});

describe('events that strangers cause', () => {
  it('are logged at powers of two', () => {
    const { lines, logger } = recorder();
    const spared = sparing(logger, () => 0);
    for (let i = 0; i < 100_000; i++) spared.warning('refused', { address: `10.0.0.${i}` });
    expect(lines.map(([, , fields]) => fields?.['times'] ?? 1)).toEqual(
      Array.from({ length: 17 }, (_, i) => 2 ** i),
    );
    expect(lines[0]).toEqual(['warning', 'refused', { address: '10.0.0.0' }]);
    expect(lines[2]).toEqual(['warning', 'refused', { address: '10.0.0.3', times: 4 }]);
  });

  it('are logged once a minute while they go on, and anew after a minute without them', () => {
    const { lines, logger } = recorder();
    let now = 0;
    const spared = sparing(logger, () => now);
    // Ten a second for five minutes.
    for (; now < 300_000; now += 100) spared.info('knock');
    const times = lines.map(([, , fields]) => fields?.['times'] ?? 1);
    expect(times.length).toBeGreaterThan(12);
    expect(times.length).toBeLessThanOrEqual(Math.log2(3_000) + 5 + 1);
    const before = lines.length;
    now += 60_000;
    spared.info('knock');
    expect(lines.slice(before)).toEqual([['info', 'knock', {}]]);
  });

  it('are counted each for itself', () => {
    const { lines, logger } = recorder();
    const spared = sparing(logger, () => 0);
    for (let i = 0; i < 3; i++) spared.info('knock');
    spared.warning('knock');
    spared.error('fire');
    expect(lines.map(([level, message]) => `${level} ${message}`)).toEqual([
      'info knock',
      'info knock',
      'warning knock',
      'error fire',
    ]);
  });

  it('take no memory, and make no flood, should there be any number of kinds', () => {
    const { lines, logger } = recorder();
    const spared = sparing(logger, () => 0);
    for (let i = 0; i < 100_000; i++) spared.info(`kind ${i}`);
    expect(lines.length).toBeLessThanOrEqual(64 + 17);
  });

  it('have fields that are clipped, and not yet escaped', () => {
    const { lines, logger } = recorder();
    sparing(logger).error('bad', {
      reason: `\u001b${'x'.repeat(1_000_000)}`,
      size: 7,
      isIt: true,
      none: undefined,
    });
    expect(lines).toEqual([
      ['error', 'bad', { reason: `\u001b${'x'.repeat(199)}…`, size: 7, isIt: true, none: undefined }],
    ]);
  });
});

describe('the console', () => {
  it('gets one line, with nothing in it that acts on a terminal', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    try {
      consoleLogger('frond test').warning('a\nb', {
        key: `\u001b[2J\u009b\u202e${HOSTILE.join('.')}`,
        none: undefined,
      });
      const [[line = ''] = []] = warn.mock.calls;
      expect(line).toMatch(/^frond test a\\u000ab key="\\u001b\[2J\\u009b\\u202e[\x20-\x7e]+"$/);
    } finally {
      warn.mockRestore();
    }
  });

  it('gets what is at its level or above', () => {
    const { lines, logger } = recorder();
    const some = atLevel(logger, 'warning');
    for (const method of ['debug', 'info', 'warning', 'error'] as const) some[method](method);
    expect(lines.map(([level]) => level)).toEqual(['warning', 'error']);
  });
});

describe('a logger of JSON', () => {
  const written = (from?: string) => {
    const lines: string[] = [];
    return { lines, logger: jsonLogger((line) => lines.push(line), from) };
  };

  it('gives a line for each event, with its time, level, message and fields, in this order', () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 10, 29, 6, 2, 49, 666) });
    const { lines, logger } = written('greeter');
    logger.warning('call failed', { stage: 0, reason: 'no' });
    vi.useRealTimers();
    expect(lines).toEqual([
      '{"time":"2026-11-29T06:02:49.666Z","level":"warning","from":"greeter","message":"call failed","stage":0,"reason":"no"}',
    ]);
  });

  it.each(['debug', 'info', 'warning', 'error'] as const)(
    'has the level %s, and no name unless one is given',
    (level) => {
      const { lines, logger } = written();
      logger[level]('it');
      expect(JSON.parse(lines[0] ?? '')).toEqual({ time: expect.stringMatching(/Z$/), level, message: 'it' });
    },
  );

  it('lets no field stand for one of its own, and no string break the line', () => {
    const { lines, logger } = written();
    logger.info('it', { level: 'error', message: 'other', time: 'never', name: 'a\n\u001b[2J' });
    expect(lines[0]).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', message: 'it', name: 'a\n\u001b[2J' });
    expect(JSON.parse(lines[0] ?? '').time).not.toBe('never');
  });
});

describe('what loggers take', () => {
  it('is written to the console by its level, after the name', () => {
    const spies = (['debug', 'info', 'warn', 'error'] as const).map((method) =>
      vi.spyOn(console, method).mockImplementation(() => {}),
    );
    const logger = consoleLogger('own');
    for (const level of ['debug', 'info', 'warning', 'error'] as const)
      logger[level](`a ${level}`, { size: 1 });
    const written = spies.map((spy) => spy.mock.calls.splice(0));
    for (const spy of spies) spy.mockRestore();
    expect(written).toEqual(
      ['debug', 'info', 'warning', 'error'].map((level) => [[`own a ${level} size=1`]]),
    );
  });

  it('keeps a field called from where nobody is said to log', () => {
    const lines: string[] = [];
    jsonLogger((line) => lines.push(line)).info('m', { from: 'field' });
    jsonLogger((line) => lines.push(line), 'own').info('m', { from: 'field' });
    expect(lines.map((line) => JSON.parse(line).from)).toEqual(['field', 'own']);
  });

  it('is of a level that there is', () => {
    const { lines, logger } = recorder();
    expect(() => atLevel(logger, 'loud' as never)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: 'loggingLevel must be one of debug, info, warning, error, silent, not "loud"',
      }),
    );
    atLevel(logger, 'debug').debug('all');
    expect(lines).toEqual([['debug', 'all', undefined]]);
  });

  it('goes to the console when the logger throws', () => {
    const spy = vi.spyOn(console, 'error').mockImplementation(() => {});
    const boom = new Error('boom');
    const throwing = () => {
      throw boom;
    };
    const logger = { debug: throwing, info: throwing, warning: throwing, error: throwing };
    atLevel(logger, 'info').info('lost', { size: 1 });
    const { calls } = spy.mock;
    spy.mockRestore();
    expect(calls).toEqual([['the logger threw:', 'lost size=1', boom]]);
  });

  it('is spared by the clock of the platform, and counts anew after a whole minute', () => {
    const { lines, logger } = recorder();
    const spared = sparing(logger);
    for (let i = 0; i < 3; i++) spared.info('often');
    expect(lines).toHaveLength(2);
    const at = (times: number[]) => {
      const own = recorder();
      let now = 0;
      const clocked = sparing(own.logger, () => now);
      for (now of times) clocked.info('x');
      return own.lines.map(([, , fields]) => fields?.['times'] ?? 1);
    };
    expect(at([0, 60_000])).toEqual([1, 1]);
    expect(at([0, 59_999])).toEqual([1, 2]);
    // The sixth is a whole minute after the line of the fourth.
    expect(at([0, 1_000, 31_000, 32_000, 60_000, 92_000])).toEqual([1, 2, 4, 6]);
    expect(at([0, 1_000, 31_000, 32_000, 60_000, 91_999])).toEqual([1, 2, 4]);
  });
});
