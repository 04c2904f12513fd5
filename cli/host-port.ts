/** Where a command listens. */
import { inspectValue } from '../src/protocol/errors.ts';
import { CommandError } from './errors.ts';

/** An address to listen at. */
export interface HostPort {
  /** Undefined for every address of the machine. */
  readonly host: string | undefined;
  /** 0 for a free port. */
  readonly port: number;
}

/**
 * Parses `127.0.0.1:7766`, `[::1]:7766`, `*:7766` and the like; the port `*` is 0.
 * @throws CommandError `USAGE` naming `option` for anything else.
 */
export function parseHostPort(text: string, option = '--listen'): HostPort {
  const [, bracketed, plain, port] = /^(?:\[([\da-f:.]+)\]|([^\s:[\]/]+)):(\d{1,5}|\*)$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = port === '*' ? 0 : Number(port);
  if (host === undefined || !(number <= 65_535)) {
    throw new CommandError(
      'USAGE',
      `${option} must be host:port, such as 127.0.0.1:7766, not ${inspectValue(text)}`,
    );
  }
  return { host: host === '*' ? undefined : host, port: number };
}
