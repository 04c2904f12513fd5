/** Looks at a server again and again. */

import { setTimeout as pause } from 'node:timers/promises';
import { PalmError } from '../../protocol/errors.ts';
import { unlessAborted } from '../aborted.ts';
import type { CommandContext } from '../../../cli/command.ts';
import type { ServerKeys } from '../keys.ts';
import { duration } from '../../../cli/terminal/progress.ts';
import { styleFor } from '../style.ts';
import { nameText } from '../../../cli/terminal/text.ts';
import { Block } from './block.ts';
import { type Look, lookAgain } from '../../../cli/inspect/look.ts';
import { type Rates, ratesOf } from './rates.ts';
import { describeLook, lookLine } from '../../../cli/inspect/text.ts';

/** Milliseconds between two looks, unless told otherwise. */
const EVERY = 1_000;

/** What is shown of one look. */
interface Sight {
  readonly look: Look;
  readonly rates: Rates | null;
  /** Milliseconds since there is no answer; 0 while there is one. */
  readonly silent: number;
}

/** Rejects with the signal's reason, and with what a look throws that is no silence. */
export async function watch(context: CommandContext, keys: ServerKeys, first: Look): Promise<never> {
  const { options, signal } = context;
  const every = options.number('every') ?? EVERY;
  const show = shower(context);
  let last = first;
  let seen = performance.now();
  await show({ look: first, rates: null, silent: 0 });
  for (;;) {
    await unlessAborted(signal, pause(every));
    const asked = performance.now();
    let answer = lookOrNothing(keys, last);
    for (;;) {
      const next = await unlessAborted(signal, Promise.race([answer, pause(every, 'silence' as const)]));
      const now = performance.now();
      if (next !== 'silence' && next !== undefined) {
        await show({ look: next, rates: ratesOf(last, next, now - seen), silent: 0 });
        last = next;
        seen = now;
        break;
      }
      await show({ look: last, rates: null, silent: now - asked });
      // A link that broke took the question with it; one that is not there yet still has it.
      if (next === undefined) answer = lookOrNothing(keys, last);
    }
  }
}

/** Undefined when the link broke before all was answered. */
async function lookOrNothing(keys: ServerKeys, last: Look): Promise<Look | undefined> {
  try {
    return await lookAgain(keys, last);
  } catch (error) {
    if (error instanceof PalmError && error.code === 'DISCONNECTED') return undefined;
    throw error;
  }
}

function shower({ io, options, output }: CommandContext): (sight: Sight) => Promise<void> | undefined {
  if (options.flag('json')) {
    return ({ look, rates, silent }) => {
      const at = new Date().toISOString();
      const seen = silent > 0 ? { at, name: look.name, silent: Math.round(silent) } : { at, ...look, rates };
      return output.json(seen);
    };
  }
  if (!output.isTerminal || io.env.TERM === 'dumb') {
    return ({ look, rates, silent }) => {
      const text =
        silent > 0 ? `${nameText(look.name)}: no answer for ${duration(silent)}` : lookLine(look, rates);
      return output.line(`${new Date().toISOString()} ${text}`);
    };
  }
  const block = new Block(output, io.stdout);
  const style = styleFor(io.stdout, io.env);
  return ({ look, rates, silent }) => {
    const text = describeLook(look, rates, style);
    const note = silent > 0 ? `no answer for ${duration(silent)}` : 'Ctrl-C ends this';
    return block.draw(`${text}\n\n${style.faint(note)}`);
  };
}
