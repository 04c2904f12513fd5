import type { Logger } from '../logging.ts';
import { Feature, type PalmMessage } from '../protocol/message.ts';
import type { Cache } from './cache.ts';
import type { FunctionContext } from './runtime/functions.ts';

/** What all messages of one server or worker are run with. */
export interface Surroundings {
  /** Name of the server or worker. */
  readonly name: string;
  readonly cache: Cache;
  /** What functions log with: theirs is not spared, however often they are called. */
  readonly functionLogger: Logger;
  readonly signal: AbortSignal;
}

/** Made for each message, so that what a function does not ask for costs nothing. */
export class MessageContext implements FunctionContext {
  readonly message: PalmMessage;
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings, message: PalmMessage) {
    this.#surroundings = surroundings;
    this.message = message;
  }

  get cache(): Cache {
    const { features, pipeline } = this.message;
    const { cache } = this.#surroundings;
    return (features & Feature.session) === 0 ? cache : cache.withSession(pipeline);
  }

  get logger(): Logger {
    return this.#surroundings.functionLogger;
  }

  get signal(): AbortSignal {
    return this.#surroundings.signal;
  }

  get name(): string {
    return this.#surroundings.name;
  }
}
