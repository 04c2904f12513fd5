import type { Logger } from '../../../src/logging.ts';
import { reasonText } from '../../../src/protocol/errors.ts';
import { Identity } from '../auth/identity.ts';
import type { Authenticate, Grants, Visitor } from '../options.ts';

/** Characters of a token. It is kept as long as its session, so that it can be asked for again. */
const LONGEST_TOKEN = 8_192;

/** Tells who a visitor is. */
export class Admission {
  readonly #authenticate: Authenticate | undefined;
  /** Whoever has no token; one for all of them. */
  #anonymous: Identity | undefined;
  readonly #logger: Logger;
  /** How often it was said that answers may have changed. */
  #changes = 0;

  constructor(
    options: { readonly authenticate?: Authenticate | undefined; readonly anonymous?: Grants | undefined },
    logger: Logger,
  ) {
    this.#authenticate = options.authenticate;
    this.#anonymous = options.anonymous && Identity.anonymous(options.anonymous);
    this.#logger = logger;
  }

  /** What those without a token may do from now on. {@link changed} is due. */
  set anonymous(identity: Identity | undefined) {
    this.#anonymous = identity;
  }

  /** Answers may have changed: what is being asked at the moment is asked again. */
  changed(): void {
    this.#changes++;
  }

  /** @returns undefined for nobody. A token that is wrong is nobody's, also where anybody may come in without one. */
  async identify(token: string | undefined, visitor: Visitor): Promise<Identity | undefined> {
    for (;;) {
      const before = this.#changes;
      const identity = await this.ask(token, visitor).catch((error: Error) => {
        this.#logger.error('authentication failed', { address: visitor.address, reason: error.message });
        return undefined;
      });
      if (before === this.#changes) return identity;
    }
  }

  /**
   * Asks the hook once.
   * @returns undefined for nobody.
   * @throws Error when the hook fails, or gives what cannot be read. Its message does not contain the token.
   */
  async ask(token: string | undefined, visitor: Visitor): Promise<Identity | undefined> {
    if (token !== undefined && token.length > LONGEST_TOKEN) return undefined;
    try {
      const known = await this.#authenticate?.(token, visitor);
      if (known !== undefined) {
        const identity = new Identity(known);
        return identity.expires > Date.now() ? identity : undefined;
      }
    } catch (error) {
      // What a hook throws may tell what it was asked.
      throw new Error(token ? reasonText(error).replaceAll(token, '(the token)') : reasonText(error));
    }
    return token === undefined ? this.#anonymous : undefined;
  }
}
