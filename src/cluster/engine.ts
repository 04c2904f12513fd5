/** Takes a message, runs the function of its stage, and gives the message with the result. */
import { currentStage } from '../protocol/calls.ts';
import { invalidCall, reasonText, show, told } from '../protocol/errors.ts';
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
  #recent: { readonly path: string; readonly stage: number; readonly run: PalmFunction | undefined };
  #failed = 0;

  /** @throws PalmError `INVALID_CALL` when a function has a name that no call can say, or is none. */
  constructor({ name, functions, context, includeStack }: EngineSettings) {
    this.#name = name;
    this.#context = context;
    this.#includeStack = includeStack;
    this.#recent = { path: '', stage: 0, run: undefined };
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
    const run = this.#find(message);
    if (run === undefined) return this.#unknown(message);
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
    const reason = reasonText(error);
    this.#context.logger.error('call failed', { function: message.function, reason });
    const stack = this.#includeStack ? told(() => (error as Error).stack ?? reason) : undefined;
    return {
      ...message,
      payload: new Uint8Array([FAILED_PAYLOAD]),
      status,
      error: stack ?? reason,
      errorName: told(() => (error instanceof Error ? error.name : '')) ?? '',
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

  /** Most messages call what the one before did. */
  #find(message: PalmMessage): PalmFunction | undefined {
    const { function: path, stage } = message;
    if (path === this.#recent.path && stage === this.#recent.stage) return this.#recent.run;
    const current = currentStage(path, stage);
    const run = current?.server === this.#name ? this.#functions.get(current.function) : undefined;
    this.#recent = { path, stage, run };
    return run;
  }

  #unknown(message: PalmMessage): PalmMessage {
    const text =
      currentStage(message.function, message.stage) === undefined
        ? `${show(message.function)} has no stage ${message.stage} of the form 'server.function'`
        : `server ${show(this.#name)} has no function ${show(message.function)} at stage ${message.stage}`;
    return this.fail(message, text, Status.unknownFunction);
  }
}

function finished(message: PalmMessage, result: Uint8Array): PalmMessage {
  message.payload = result as Bytes;
  return message;
}
