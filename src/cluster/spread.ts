/** Scatter and gather: what a Master or Hub does with messages on their way to its workers and back. */
import { invalidCall, show } from '../protocol/errors.ts';
import { countedIds } from '../protocol/ids.ts';
import { type PalmMessage, palmMessage } from '../protocol/message.ts';
import { isBytes } from '../protocol/payload.ts';
import { MessageContext, type Surroundings } from './context.ts';
import type { Tally } from './counters.ts';
import { type FailureSettings, failed } from './runtime/failures.ts';
import type { Emit, Step } from './runtime/flow.ts';
import { heard, isIterable } from './function-result.ts';
import type { Spread } from './runtime/functions.ts';

export interface SpreadSettings extends FailureSettings, Surroundings {
  readonly spread: Spread | undefined;
  readonly tally: Tally;
  /** Takes the answer to a message that failed here. */
  readonly onFailure: (failure: PalmMessage) => void;
}

/**
 * Has each message spread. A message without one gets a value for its `cache` field, as in pylm (pylm/parts/core.py,
 * Inbound): the parts of one message share it, so that a gather can tell them.
 */
export function scatterStep(settings: SpreadSettings): Step {
  const step = gatherStep(settings);
  // The hand-over fills it where nothing is changed.
  if (settings.spread === undefined) return step;
  const nextId = countedIds();
  return (message, emit) => {
    if (message.cache === '') message.cache = nextId();
    return step(message, emit);
  };
}

export function gatherStep(settings: SpreadSettings): Step {
  const { spread } = settings;
  if (spread === undefined) return (message, emit) => emit(message);
  return (message, emit) => each(settings, spread, message, emit);
}

async function each(
  settings: SpreadSettings,
  spread: Spread,
  message: PalmMessage,
  emit: Emit,
): Promise<void> {
  // A spread may change the message it was given; the answer to a failure goes to who asked.
  const original = { ...message };
  let count = 0;
  try {
    const parts: unknown = heard(spread(message, new MessageContext(settings, message)));
    if (!isIterable(parts)) {
      throw invalidCall(`scatter and gather give messages, as generators do, not ${show(parts)}`);
    }
    for await (const part of parts) {
      count++;
      // A copy: the next part may be the same message, changed.
      const own = checked(part);
      if ((await emit(palmMessage({ ...own, cache: own.cache || original.cache }))) === false) return;
    }
  } catch (error) {
    settings.onFailure(failed(settings, original, error));
    return;
  }
  if (count === 0) settings.tally.ended++;
}

function checked(part: unknown): PalmMessage {
  if (typeof part !== 'object' || part === null || !isBytes((part as PalmMessage).payload)) {
    throw invalidCall(`scatter and gather give messages whose payload is a Uint8Array, not ${show(part)}`);
  }
  return part as PalmMessage;
}
