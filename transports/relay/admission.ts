import type { Logger } from '../../src/logging.ts';
import { reasonText } from '../../src/protocol/errors.ts';
import { Identity } from './identity.ts';
import type { Authenticate, Grants, Visitor } from './options.ts';

/** Tells who a visitor is. */
export class Admission {
  readonly #authenticate: Authenticate | undefined;
  /** Whoever has no token; one for all of them. */
  readonly #anonymous: Identity | undefined;
  readonly #logger: Logger;

  constructor(
    options: { readonly authenticate?: Authenticate; readonly anonymous?: Grants },
    logger: Logger,
  ) {
    this.#authenticate = options.authenticate;
    this.#anonymous = options.anonymous && Identity.anonymous(options.anonymous);
    this.#logger = logger;
  }

  /** @returns undefined for nobody. A token that is wrong is nobody's, also where anybody may come in without one. */
  async identify(token: string | undefined, visitor: Visitor): Promise<Identity | undefined> {
    try {
      const known = await this.#authenticate?.(token, visitor);
      if (known !== undefined) {
        const identity = new Identity(known);
        return identity.expires > Date.now() ? identity : undefined;
      }
    } catch (error) {
      // What a hook throws may tell what it was asked.
      const reason = token ? reasonText(error).replaceAll(token, '(the token)') : reasonText(error);
      this.#logger.error('authentication failed', { address: visitor.address, reason });
      return undefined;
    }
    return token === undefined ? this.#anonymous : undefined;
  }
}
