import type { CommandContext } from '../../cli/command.ts';
import { readAll } from '../../cli/input.ts';

/**
 * The bytes that a command sends: those of its argument, or what stdin gives.
 * @param what - what is read, for people at a terminal: `payload`, `value`.
 */
export async function payloadOf(
  context: CommandContext,
  argument: string | undefined,
  what: string,
): Promise<Uint8Array> {
  if (argument !== undefined) return new TextEncoder().encode(argument);
  announceTerminal(context, what);
  return readAll(context.io.stdin, 'stdin', context.signal);
}

/** Says what a command that seems to hang is waiting for. */
export function announceTerminal({ io, screen }: CommandContext, what: string): void {
  if (io.stdin.isTTY === true) screen.line(`frond: type the ${what}; Ctrl-D ends it`);
}
