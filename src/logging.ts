/** Logging through a small interface that callers may replace. No payload is ever logged. */

/** Levels, from all to nothing; pylm's names. */
export type LoggingLevel = 'debug' | 'info' | 'warning' | 'error' | 'silent';

/** Facts that belong to a line, for machines to read. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const RANK: Readonly<Record<LoggingLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3, silent: 4 };

/** A logger on the platform's console. */
export function consoleLogger(name: string): Logger {
  const line = (message: string, fields: LogFields = {}) => {
    const facts = Object.entries(fields).filter(([, value]) => value !== undefined);
    return [name, message, ...facts.map(([key, value]) => `${key}=${JSON.stringify(value)}`)].join(' ');
  };
  const say =
    (method: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: LogFields): void =>
      console[method](line(message, fields));
  return { debug: say('debug'), info: say('info'), warning: say('warn'), error: say('error') };
}

/** `logger` from `level` on; what is below goes nowhere. */
export function atLevel(logger: Logger, level: LoggingLevel): Logger {
  const from = RANK[level];
  const keep = (method: Exclude<LoggingLevel, 'silent'>): Logger[typeof method] =>
    RANK[method] >= from ? (message, fields) => logger[method](message, fields) : () => {};
  return { debug: keep('debug'), info: keep('info'), warning: keep('warning'), error: keep('error') };
}
