/** Identities by token, from a list. */
import { createHash } from 'node:crypto';
import { check, exactOptional, type InferOutput, pipe } from 'valibot';
import type { Authenticate, RelayIdentity } from './identity.ts';
import { checked, faultIn, GRANTS, list, type Source, shape, text } from './schema.ts';

/** Tokens, and the identities that they belong to. */
export interface Tokens {
  /** The identities of all tokens, also of expired ones. */
  readonly identities: readonly RelayIdentity[];
  /** Accepts the tokens that have not expired, and refuses all others. */
  readonly authenticate: Authenticate;
}

/** The fewest characters of a token: a token is all that a client needs, so it must not be guessable. */
const SHORTEST = 16;

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

const ENTRY = pipe(
  shape({
    name: text(
      'a name without slashes and spaces, and not anonymous, which stands for clients without a token',
      (name) => /^[^\s/\p{Cc}\p{Surrogate}]+$/u.test(name) && name !== 'anonymous',
    ),
    sha256: exactOptional(
      text('the SHA-256 of a token: 64 hexadecimal digits', (hash) => /^[\da-f]{64}$/i.test(hash)),
    ),
    token: exactOptional(
      text(`a string of ${SHORTEST} characters or more`, (token) => token.length >= SHORTEST),
    ),
    expires: exactOptional(
      text(
        'a time such as 2027-01-01T00:00:00Z',
        (time) => TIME.test(time) && Number.isFinite(Date.parse(time)),
      ),
    ),
    ...GRANTS,
  }),
  check(
    ({ token, sha256 }) => (token === undefined) !== (sha256 === undefined),
    'an entry with either token or sha256',
  ),
);

const CONTENT = shape({ tokens: list(ENTRY, 'a list of tokens') });

type TokenEntry = InferOutput<typeof ENTRY>;

/**
 * Reads tokens from a content such as `{ tokens: [{ name: 'alice', sha256: '…', servers: ['demo'], functions: ['demo.*'] }] }`.
 * An entry has the name of the identity (`name`), the token itself (`token`) or its SHA-256 (`sha256`, in hexadecimal), the time
 * when it expires (`expires`, optional), and the keys of {@link Grants}. Several tokens may have one name, as while a new one
 * replaces an old one. Only hashes of tokens are kept.
 * @param file - the name of the content in errors.
 * @throws PalmError `INVALID_CALL` naming the key that is missing, unknown or not acceptable.
 */
export function readTokens(content: unknown, file = 'tokens'): Tokens {
  const source: Source = { file };
  const { tokens } = checked(CONTENT, content, source);
  // Looked up by hash, so that the time it takes says nothing about the token.
  const byHash = new Map<string, RelayIdentity>();
  const places = new Map<string, number>();
  for (const [index, entry] of tokens.entries()) {
    const hash = entry.sha256?.toLowerCase() ?? hashOf(entry.token ?? '');
    const other = places.get(hash);
    if (other !== undefined) throw faultIn(source, `tokens[${index}] has the same token as tokens[${other}]`);
    places.set(hash, index);
    byHash.set(hash, identityOf(entry));
  }
  return {
    identities: [...byHash.values()],
    authenticate: (token) => {
      const identity = token === undefined ? undefined : byHash.get(hashOf(token));
      return isOver(identity) ? undefined : identity;
    },
  };
}

function identityOf({ expires, token: _, sha256: __, ...others }: TokenEntry): RelayIdentity {
  return { ...others, ...(expires !== undefined && { expires: Date.parse(expires) }) };
}

function isOver(identity: RelayIdentity | undefined): boolean {
  return identity?.expires !== undefined && identity.expires <= Date.now();
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
