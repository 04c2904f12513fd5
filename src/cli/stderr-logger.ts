import type { LogFields, Logger, LoggingLevel } from '../logging.ts';
import type { Screen } from './screen.ts';
import { oneLine } from './terminal-text.ts';

/**
 * A log on stderr: the console would put some of it among the results.
 * @param from - name of who logs, where there are several.
 */
export function stderrLogger(screen: Screen, asJson: boolean, from?: string): Logger {
  const at =
    (level: LoggingLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (asJson) return screen.line(JSON.stringify({ log: { level, from, message, ...fields } }));
      const facts = Object.entries(fields).filter(([, value]) => value !== undefined);
      const text = [message, ...facts.map(([key, value]) => `${key}=${JSON.stringify(value)}`)].join(' ');
      screen.line(`frond: ${level}: ${oneLine(from === undefined ? text : `${from}: ${text}`)}`);
    };
  return { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
}
