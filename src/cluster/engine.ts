/** Takes a message, runs the function of its stage, and gives the message with the result. */
import { currentStage } from '../protocol/calls.ts';
import { invalidCall, show } from '../protocol/errors.ts';
import { type PalmMessage, Status } from '../protocol/message.ts';
import type { Bytes } from '../protocol/utf8.ts';
import type { FunctionContext, PalmFunction, PalmFunctions } from './functions.ts';

/** What pylm answers when a function raises or is not found: the one byte `0`. */
const FAILED_PAYLOAD = 0x30;

export interface EngineSettings {
  readonly name: string;
  readonly functions: PalmFunctions;
  readonly context: Omit<FunctionContext, 'message'>;
  /** Whether a failed answer carries the stack of the error. */
  readonly includeStack: boolean;
}

/** Runs the functions of one server. Whatever they do, a message comes back. */
export class Engine {
  readonly #name: string;
  readonly #functions: Map<string, PalmFunction>;
  readonly #context: Omit<FunctionContext, 'message'>;
  readonly #includeStack: boolean;
  #failed = 0;

  /** @throws PalmError `INVALID_CALL` when a function has a name that no call can say, or is none. */
  constructor({ name, functions, context, includeStack }: EngineSettings) {
    this.#name = name;
    this.#context = context;
    this.#includeStack = includeStack;
    this.#functions = new Map<string, PalmFunction>([['echo', (payload) => payload]]);
    for (const [own, run] of Object.entries(functions)) {
      if (currentStage(`${name}.${own}`, 0) === undefined || typeof run !== 'function') {
        throw invalidCall(
          `functions must be functions named without dots or spaces, not ${show(own)}: ${show(run)}`,
        );
      }
      this.#functions.set(own, run);
    }
  }

  /** Calls that failed. */
  get failed(): number {
    return this.#failed;
  }

  /** The message with its result: a promise only when the function gives one. */
  run(message: PalmMessage): PalmMessage | Promise<PalmMessage> {
    const stage = currentStage(message.function, message.stage);
    const run = stage?.server === this.#name ? this.#functions.get(stage.function) : undefined;
    if (run === undefined) return this.#unknown(message, stage?.server);
    try {
      const result = run(message.payload, { ...this.#context, message });
      if (result instanceof Uint8Array) return finished(message, result);
      return this.#later(message, result);
    } catch (error) {
      return this.fail(message, error);
    }
  }

  /** The message as the answer of a call that failed. */
  fail(message: PalmMessage, error: unknown, status: number = Status.failed): PalmMessage {
    this.#failed++;
    const isError = error instanceof Error;
    const text = isError ? (this.#includeStack && error.stack) || error.message : String(error);
    this.#context.logger.error('call failed', {
      function: message.function,
      reason: isError ? error.message : text,
    });
    return {
      ...message,
      payload: new Uint8Array([FAILED_PAYLOAD]),
      status,
      error: wellFormed(text),
      errorName: isError ? wellFormed(error.name) : '',
    };
  }

  async #later(message: PalmMessage, result: unknown): Promise<PalmMessage> {
    try {
      const value = await result;
      if (value instanceof Uint8Array) return finished(message, value);
      return this.fail(
        message,
        new TypeError(`the function gave back ${show(value)}, and an answer must be a Uint8Array`),
      );
    } catch (error) {
      return this.fail(message, error);
    }
  }

  #unknown(message: PalmMessage, server: string | undefined): PalmMessage {
    const text =
      server === undefined
        ? `${show(message.function)} has no stage ${message.stage} of the form 'server.function'`
        : `server ${show(this.#name)} has no function ${show(message.function)} at stage ${message.stage}`;
    return this.fail(message, text, Status.unknownFunction);
  }
}

function finished(message: PalmMessage, result: Uint8Array): PalmMessage {
  message.payload = result as Bytes;
  return message;
}

/** Text of any error can be sent: half a surrogate pair in it becomes U+FFFD. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}
