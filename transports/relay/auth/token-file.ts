import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { harmless } from '../../../src/async/harmless.ts';
import { atLevel, consoleLogger, type Logger } from '../../../src/logging.ts';
import { messageOf, PalmError } from '../../../src/protocol/errors.ts';
import type { Authenticate, RelayIdentity } from './identity.ts';
import { parseJson } from './schema.ts';
import { readTokens, type Tokens } from './tokens.ts';

/** Options of `openTokenFile`. */
export interface TokenFileOptions {
  /** The name of the file in errors. Default: its path. */
  readonly name?: string;
  /** Logs when a changed file was read, or cannot be read. Default: the console. */
  readonly logger?: Logger;
  /** Milliseconds between two checks whether the file has changed. Default 1000. */
  readonly interval?: number;
}

/**
 * Reads tokens from a file, which holds as JSON what {@link readTokens} takes. While a relay uses them the file is watched, and
 * changes apply at once, also to connected clients. Otherwise a changed file is read again when a token is checked. While a
 * changed file is missing or cannot be read, the tokens that were read before stay valid.
 * @throws PalmError `INVALID_CALL` when the file cannot be read, or its content is not acceptable.
 */
export async function openTokenFile(path: string, options: TokenFileOptions = {}): Promise<Tokens> {
  const { name = path, logger = consoleLogger('frond relay'), interval = 1_000 } = options;
  const file = new TokenFile(path, name, atLevel(logger, 'debug'), interval);
  await file.open();
  const authenticate: Authenticate = async (token, info) => {
    if (token === undefined) return undefined;
    await file.refresh();
    return file.tokens.authenticate(token, info);
  };
  return {
    get identities(): readonly RelayIdentity[] {
      return file.tokens.identities;
    },
    authenticate: Object.assign(authenticate, {
      onChange: (listener: () => void) => file.onChange(listener),
    }),
  };
}

/** Milliseconds after a change in which a file may change again without a new timestamp, where timestamps are coarse. */
const FRESH = 2_000;

/** A file at the last check. */
interface State {
  /** Differs from that of other states of the file. */
  readonly id: string;
  /** Whether it may have changed since without a new {@link id}. */
  readonly isFresh: boolean;
}

class TokenFile {
  readonly #path: string;
  readonly #name: string;
  readonly #logger: Logger;
  readonly #interval: number;
  readonly #listeners = new Set<() => void>();
  #stopWatching = () => {};
  #tokens: Tokens = readTokens({ tokens: [] });
  #seen: State = { id: '', isFresh: true };
  /** Hash of the content that was last read, valid or not. */
  #content: string | undefined;
  #lookedAt = 0;
  #looking: Promise<void> | undefined;
  /** Whether something changed since the check under way began. */
  #isDue = false;

  constructor(path: string, name: string, logger: Logger, interval: number) {
    this.#path = path;
    this.#name = name;
    this.#logger = logger;
    this.#interval = interval;
  }

  get tokens(): Tokens {
    return this.#tokens;
  }

  /** Reads the file for the first time. */
  async open(): Promise<void> {
    this.#lookedAt = performance.now();
    await this.#read(await this.#state());
  }

  /** Calls `listener` when other tokens were read. The file is watched while there are listeners. Returns a function that stops this. */
  onChange(listener: () => void): () => void {
    // A new function for each call, since the same listener may be added twice.
    const own = () => listener();
    if (this.#listeners.size === 0) {
      this.#stopWatching = watchFile(this.#path, this.#interval, () => this.#look());
    }
    this.#listeners.add(own);
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#stopWatching();
    };
  }

  /** Reads the file again if it has changed, unless it was checked within the interval. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#looking !== undefined) return this.#looking;
    if (performance.now() - this.#lookedAt >= this.#interval) await this.#look();
  }

  #look(): Promise<void> {
    this.#isDue = true;
    this.#looking ??= this.#lookWhileDue().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookWhileDue(): Promise<void> {
    while (this.#isDue) {
      this.#isDue = false;
      this.#lookedAt = performance.now();
      await this.#lookOnce();
    }
  }

  async #lookOnce(): Promise<void> {
    const before = this.#seen;
    try {
      // Before it is read, so that the next check notices a change meanwhile.
      const state = await this.#state();
      const isSame = state.id === before.id && !before.isFresh;
      if (isSame || !(await this.#read(state))) return;
    } catch (error) {
      this.#tellFault(messageOf(error), before);
      return;
    }
    this.#logger.info('the token file was read again', { tokens: this.#tokens.identities.length });
    for (const listener of [...this.#listeners]) harmless(listener);
  }

  /** A bad file is logged once, not at every check. One that could not be read is tried again at the next check. */
  #tellFault(reason: string, before: State): void {
    if (this.#seen === before) {
      if (before.id === reason) return;
      this.#seen = { id: reason, isFresh: false };
    }
    const message = 'the token file cannot be used; the tokens that were read before stay valid';
    this.#logger.warning(message, { reason });
  }

  /** @returns whether the content has changed. */
  async #read(state: State): Promise<boolean> {
    const file = this.#name;
    const text = await readFile(this.#path, 'utf8').catch((error: unknown) => {
      throw this.#unreadable(error);
    });
    this.#seen = state;
    const content = createHash('sha256').update(text).digest('hex');
    if (content === this.#content) return false;
    this.#content = content;
    this.#tokens = readTokens(parseJson(text, { file }), file);
    return true;
  }

  async #state(): Promise<State> {
    try {
      const { ino, size, mtimeNs, ctimeNs, ctimeMs } = await stat(this.#path, { bigint: true });
      const age = Date.now() - Number(ctimeMs);
      return { id: [ino, size, mtimeNs, ctimeNs].join(' '), isFresh: age < FRESH };
    } catch (error) {
      throw this.#unreadable(error);
    }
  }

  #unreadable(cause: unknown): PalmError {
    const text = `${JSON.stringify(this.#name)} cannot be read: ${messageOf(cause)}`;
    return new PalmError('INVALID_CALL', text, { cause, sent: false });
  }
}

/** Milliseconds after a change in the folder: a file that is written in several steps is complete by then. */
const SETTLE = 50;

/**
 * Calls `look` every `interval` milliseconds, and soon after a change in the file's folder, where the system reports it. The
 * folder is watched because a file that replaces another by its name would escape a watch on the other. Returns a function that
 * stops this.
 */
export function watchFile(path: string, interval: number, look: () => void): () => void {
  const timer = setInterval(look, interval);
  timer.unref();
  let settling: ReturnType<typeof setTimeout> | undefined;
  const stopWatching = watchFolder(dirname(path), () => {
    settling ??= setTimeout(() => {
      settling = undefined;
      look();
    }, SETTLE);
  });
  return () => {
    clearInterval(timer);
    clearTimeout(settling);
    stopWatching();
  };
}

/** Where the folder cannot be watched, as on some network drives or with too many watches, the interval has to do. */
function watchFolder(folder: string, changed: () => void): () => void {
  try {
    const watcher = watch(folder, { persistent: false }, changed);
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => {};
  }
}
