/** Who bearers of tokens are, by a list of tokens or a file of it. */
import { createHash } from 'node:crypto';
import { check, exactOptional, type InferOutput, pipe } from 'valibot';
import type { Authenticate, RelayIdentity } from './identity.ts';
import { checked, faultIn, GRANTS, list, type Source, shape, text } from './schema.ts';

/** Tokens, and who bears them. */
export interface Tokens {
  /** Everybody who has a token, those too whose token is over. */
  readonly identities: readonly RelayIdentity[];
  /** Knows a token that is among them and not over; everything else is nobody's. */
  readonly authenticate: Authenticate;
}

/** Characters. A token is all that it takes to come in, so it must not be guessed. */
const SHORTEST = 16;

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

const ENTRY = pipe(
  shape({
    name: text(
      'a name without slashes and spaces, and not anonymous, which is who has no token',
      (name) => /^[^\s/\p{Cc}\p{Surrogate}]+$/u.test(name) && name !== 'anonymous',
    ),
    sha256: exactOptional(
      text('the SHA-256 of a token: 64 hexadecimal digits', (hash) => /^[\da-f]{64}$/i.test(hash)),
    ),
    token: exactOptional(
      text(`a text of ${SHORTEST} characters or more`, (token) => token.length >= SHORTEST),
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
 * The tokens in a content such as `{ tokens: [{ name: 'alice', sha256: '…', servers: ['demo'], functions: ['demo.*'] }] }`:
 * of each who bears it (`name`), the token itself (`token`) or its SHA-256 (`sha256`, in hexadecimal), when it ends
 * (`expires`, if it does), and the keys of {@link Grants}. Several tokens may be of one name, as while one takes the place
 * of another. No token is kept.
 * @param file - what the content is called in messages.
 * @throws PalmError `INVALID_CALL` naming the key that is missing, unknown or not acceptable.
 */
export function readTokens(content: unknown, file = 'tokens'): Tokens {
  const source: Source = { file };
  const { tokens } = checked(CONTENT, content, source);
  // Looked up by hash: how long that takes tells nothing of the token.
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
