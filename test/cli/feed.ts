/** The input of a command, as fast as it is taken. */

import type { Child } from '../support/command.ts';
import { within } from '../support/wait.ts';

/** The same line without end. */
export function* forever(line: string): Generator<string> {
  for (;;) yield line;
}

/** Writes lines until there are no more, or the command has gone. */
export async function feed(child: Child, lines: Iterable<string>): Promise<void> {
  for (const line of lines) {
    if (child.stdin.destroyed) return;
    if (!child.stdin.write(line)) await room(child);
  }
}

/** Milliseconds without room for more input that count as: it takes no more. */
const STALL = 500;

/** Writes lines until the command takes no more, and gives how many; the iterator can be used on. */
export async function feedUntilStalled(child: Child, lines: Iterator<string>): Promise<number> {
  for (let taken = 0; ; taken++) {
    const { done, value } = lines.next();
    if (done) return taken;
    if (child.stdin.write(value)) continue;
    const hasRoom = await within(STALL, room(child)).then(
      () => true,
      () => false,
    );
    if (!hasRoom) return taken;
  }
}

/** Resolves when the command takes more, or nothing any more. */
function room(child: Child): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of EVENTS) child.stdin.off(event, done);
      resolve();
    };
    for (const event of EVENTS) child.stdin.on(event, done);
  });
}

const EVENTS = ['drain', 'close', 'error'] as const;
