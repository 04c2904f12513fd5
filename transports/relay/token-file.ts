import { readFile, stat } from 'node:fs/promises';
import { consoleLogger, type Logger } from '../../src/logging.ts';
import { PalmError, reasonText } from '../../src/protocol/errors.ts';
import type { RelayIdentity } from './options.ts';
import { parseJson } from './schema.ts';
import { readTokens, type Tokens } from './tokens.ts';

export interface TokenFileOptions {
  /** What the file is called in messages. Default: its path. */
  readonly name?: string;
  /** Is told when a file that changed was read, or cannot be. Default: the console. */
  readonly logger?: Logger;
  /** Milliseconds between two looks whether the file changed, at least. Default 1000. */
  readonly interval?: number;
}

/**
 * The tokens in a file, as JSON of what {@link readTokens} takes. When the file changes it is read again, at the next
 * greeting of a client. While the changed one cannot be read, what was read before counts on.
 * @throws PalmError `INVALID_CALL` when the file cannot be read, or what is in it is not acceptable.
 */
export async function openTokenFile(path: string, options: TokenFileOptions = {}): Promise<Tokens> {
  const { name = path, logger = consoleLogger('frond relay'), interval = 1_000 } = options;
  const file = new TokenFile(path, name, logger, interval);
  await file.read();
  return {
    get identities(): readonly RelayIdentity[] {
      return file.tokens.identities;
    },
    authenticate: async (token, visitor) => {
      if (token === undefined) return undefined;
      await file.refresh();
      return file.tokens.authenticate(token, visitor);
    },
  };
}

class TokenFile {
  readonly #path: string;
  readonly #name: string;
  readonly #logger: Logger;
  readonly #interval: number;
  #tokens: Tokens = readTokens({ tokens: [] });
  /** What tells the state of the file that was last seen from others. */
  #seen: string | undefined;
  #lookedAt = 0;
  #looking: Promise<void> | undefined;

  constructor(path: string, name: string, logger: Logger, interval: number) {
    this.#path = path;
    this.#name = name;
    this.#logger = logger;
    this.#interval = interval;
  }

  get tokens(): Tokens {
    return this.#tokens;
  }

  async read(): Promise<void> {
    this.#lookedAt = performance.now();
    try {
      // Before it is read: what changes meanwhile is seen to be different.
      this.#seen = await stateOf(this.#path);
      const file = this.#name;
      this.#tokens = readTokens(parseJson(await readFile(this.#path, 'utf8'), { file }), file);
    } catch (error) {
      if (error instanceof PalmError) throw error;
      throw new PalmError(
        'INVALID_CALL',
        `${JSON.stringify(this.#name)} cannot be read: ${reasonText(error)}`,
        {
          cause: error,
          sent: false,
        },
      );
    }
  }

  /** Reads the file again if it has changed; with the last look not long ago it is not looked at. Never rejects. */
  refresh(): Promise<void> {
    if (this.#looking === undefined && performance.now() - this.#lookedAt >= this.#interval) {
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined;
      });
    }
    return this.#looking ?? Promise.resolve();
  }

  async #look(): Promise<void> {
    this.#lookedAt = performance.now();
    const state = await stateOf(this.#path).catch((error: unknown) => reasonText(error));
    // One that is no good is told once, and not at every look.
    if (state === this.#seen) return;
    this.#seen = state;
    try {
      await this.read();
      this.#logger.info('the token file was read again', { tokens: this.#tokens.identities.length });
    } catch (error) {
      const reason = reasonText(error);
      this.#logger.warning('the token file is no good; the tokens that were read before count on', {
        reason,
      });
    }
  }
}

async function stateOf(path: string): Promise<string> {
  const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [ino, size, mtimeNs, ctimeNs].join(' ');
}
