import { type LogFields, type Logger, type LoggingLevel, logText } from '../logging.ts';
import { escaped, printableJson } from '../protocol/printable.ts';
import type { Screen } from '../../cli/terminal/screen.ts';

/**
 * A log on stderr: the console would put some of it among the results.
 * @param from - name of who logs, where there are several.
 */
export function stderrLogger(screen: Screen, asJson: boolean, from?: string): Logger {
  const at =
    (level: LoggingLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (asJson) return screen.line(printableJson({ log: { level, from, message, ...fields } }));
      const text = logText(message, fields);
      screen.line(`frond: ${level}: ${from === undefined ? text : `${escaped(from)}: ${text}`}`);
    };
  return { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
}
