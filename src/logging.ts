/** Logging through a small interface that users may replace. No payload is ever logged. */
import { harmless } from './async/harmless.ts';
import { mustBe } from './protocol/errors.ts';
import { clipped, escaped, printableJson } from './protocol/printable.ts';

/** Levels from all lines to none, by pylm's names. */
export type LoggingLevel = 'debug' | 'info' | 'warning' | 'error' | 'silent';

/**
 * Facts of a line, for machines to read. In frond's own lines, strings have at most 200 characters, and `times` is how often
 * the event happened when it happened more than once.
 */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Takes log lines. What it throws, or rejects with, goes to the console and harms nothing. Events that others can repeat are logged
 * at the 1st, 2nd, 4th, 8th… time, and once a minute while they go on. Strings in fields may come from strangers and hold control
 * characters: escape them before you write them to a terminal or into lines of text, as the console's logger does.
 */
export interface Logger {
  /** Takes what helps to follow single messages. */
  debug(message: string, fields?: LogFields): void;
  /** Takes what happens in normal operation. */
  info(message: string, fields?: LogFields): void;
  /** Takes what somebody should look at, though work goes on. */
  warning(message: string, fields?: LogFields): void;
  /** Takes what failed. */
  error(message: string, fields?: LogFields): void;
}

type Method = keyof Logger;

const LEVELS: readonly LoggingLevel[] = ['debug', 'info', 'warning', 'error', 'silent'];

/** A logger that writes to the platform's console. It escapes characters that act on a terminal: `\u001b`. */
export function consoleLogger(name: string): Logger {
  return eachMethod(
    (method) => (message, fields) =>
      console[method === 'warning' ? 'warn' : method](`${name} ${logText(message, fields)}`),
  );
}

/**
 * A logger that gives each line as JSON, with its time: `{"time":"2026-11-29T05:43:08.123Z","level":"warning","message":…}`, and the
 * fields beside these. Control characters are escaped.
 * @param write - takes a line, without its end.
 * @param from - who logs, where there are several: it goes into each line as `from`.
 * @example
 * await Server.start({ transport, name: 'greeter', functions, logger: jsonLogger((line) => process.stderr.write(`${line}\n`)) });
 */
export function jsonLogger(write: (line: string) => void, from?: string): Logger {
  return eachMethod((level) => (message, fields) => {
    const own = { time: new Date().toISOString(), level, ...(from !== undefined && { from }), message };
    // First for the reader, and last so that no field replaces one of them.
    write(printableJson({ ...own, ...fields, ...own }));
  });
}

/** An event as one line of text for people: the message, and each field as `name=value`. */
export function logText(message: string, fields: LogFields = {}): string {
  const facts = Object.entries(fields).filter(([, value]) => value !== undefined);
  return escaped([message, ...facts.map(([name, value]) => `${name}=${JSON.stringify(value)}`)].join(' '));
}

/**
 * A logger that passes lines of `level` and above to `logger`, and drops others. It never throws: a line at which `logger` throws or
 * rejects goes to the console.
 * @throws PalmError `INVALID_CALL` when there is no such level. pylm's numbers are not levels.
 */
export function atLevel(logger: Logger, level: LoggingLevel): Logger {
  const from = LEVELS.indexOf(level);
  if (from < 0) throw mustBe('loggingLevel', `one of ${LEVELS.join(', ')}`, level);
  return eachMethod((method) =>
    LEVELS.indexOf(method) >= from
      ? (...line) =>
          harmless(
            () => logger[method](...line),
            (error) => console.error('the logger threw:', logText(...line), error),
          )
      : () => {},
  );
}

/** Milliseconds without an event after which it counts as new, and between two lines of an event that goes on. */
const QUIET = 60_000;

/** Events that are counted apart; all others count as one. Messages are constants, so there are fewer. */
const MOST_EVENTS = 64;

/** UTF-16 units of a string in the fields of a line. */
const LONGEST_FIELD = 200;

/** The occurrences of an event without a pause. */
interface Run {
  times: number;
  last: number;
  logged: number;
}

/**
 * A logger for events that strangers can cause. It logs an event at its 1st, 2nd, 4th, 8th… time, with how often it happened
 * (`times`), once a minute while it goes on, and anew after a minute without it. It clips strings in fields. Events are told apart
 * by their message, so put what varies, such as an address, into the fields. A flood of n events in m minutes makes at most
 * log₂ n + m + 1 lines, and takes no memory.
 * @param now - returns the time in milliseconds.
 */
export function sparing(logger: Logger, now: () => number = () => performance.now()): Logger {
  const runs = new Map<string, Run>();
  return eachMethod((method) => (message, fields) => {
    const time = now();
    const known = `${method} ${message}`;
    const event = runs.has(known) || runs.size < MOST_EVENTS ? known : '';
    let run = runs.get(event);
    if (run === undefined || time - run.last >= QUIET) {
      run = { times: 0, last: time, logged: Number.NEGATIVE_INFINITY };
      runs.set(event, run);
    }
    run.times++;
    run.last = time;
    if (!Number.isInteger(Math.log2(run.times)) && time - run.logged < QUIET) return;
    run.logged = time;
    logger[method](message, { ...clippedFields(fields), ...(run.times > 1 && { times: run.times }) });
  });
}

function eachMethod(make: (method: Method) => Logger[Method]): Logger {
  return { debug: make('debug'), info: make('info'), warning: make('warning'), error: make('error') };
}

function clippedFields(fields: LogFields = {}): LogFields {
  const short = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? clipped(value, LONGEST_FIELD) : value,
  ]);
  return Object.fromEntries(short);
}
