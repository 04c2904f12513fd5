import { createHash } from 'node:crypto';
import { Identity } from '../../../../transports/relay/auth/identity.ts';
import { parseJson } from '../../../../transports/relay/auth/schema.ts';
import { readTokens } from '../../../../transports/relay/auth/tokens.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, claimBounded, claimPlain, readOr } from '../claims.ts';
import { type Target, textIn } from '../target.ts';

const TOKEN = 'sixteen-letters!';
const HASH = createHash('sha256').update(TOKEN).digest('hex');

const SEEDS: readonly object[] = [
  { tokens: [] },
  { tokens: [{ name: 'alice', token: TOKEN, servers: ['demo'], functions: ['demo.*'], cache: 'session' }] },
  { tokens: [{ name: 'bob', sha256: HASH, servers: ['*'], work: true, expires: '2027-01-01T00:00:00Z' }] },
  { tokens: [{ name: 'bob', sha256: HASH.toUpperCase(), servers: [], expires: '2001-01-01T00:00+01:00' }] },
  {
    tokens: [
      { name: 'a/b', token: 'short', servers: 'demo' },
      { name: 'x', token: TOKEN, sha256: HASH, servers: [] },
    ],
  },
];

const KEYS = ['name', 'expires', 'servers', 'functions', 'cache', 'work'];

/** The token file of a relay, and the identities of its tokens. */
export const target: Target = {
  longest: 1_024,
  seeds: () => [
    ...SEEDS.map((seed) => bytes(JSON.stringify(seed))),
    bytes(`{"tokens":[{"__proto__":{"name":"eve","servers":["*"],"work":true},"token":"${TOKEN}"}]}`),
  ],
  words: [
    ...['tokens', 'token', 'sha256', ...KEYS, '__proto__', 'constructor', 'toString'].map(
      (key) => `"${key}":`,
    ),
    ...[
      '"none"',
      '"read"',
      '"session"',
      '"all"',
      'true',
      'null',
      `"${TOKEN}"`,
      `"${HASH}"`,
      '"anonymous"',
      '\\ud800',
    ],
    ...['2027-01-01T00:00:00Z', '+23:59', '.5Z', '2001-02-30T24:00Z'],
  ],
  check(data) {
    const content = readOr(() => parseJson(textIn(data), { file: 'tokens.json' }), 'INVALID_CALL');
    if (content === undefined) return;
    const tokens = readOr(() => readTokens(content), 'INVALID_CALL');
    if (tokens === undefined) return;
    claimBounded(tokens.identities, data, 128);
    claimPlain(tokens.identities);
    for (const identity of tokens.identities) {
      for (const key of Object.keys(identity)) claim(KEYS.includes(key), `${key} is accepted as a grant`);
      const known = new Identity(identity);
      claim(
        !known.keyPrefix.slice(0, -1).includes('/'),
        'a name contains a slash, and so reaches keys of another',
      );
      claim(known.name !== 'anonymous', 'a token makes its bearer anonymous');
      claim(!Number.isNaN(known.expires), 'the time when a token expires is not a number');
      claim(
        known.mayWork === (Object.hasOwn(identity, 'work') && identity.work === true),
        'the grant to work is inherited',
      );
    }
    const wrong = ['', 'no token at all', '__proto__', 'constructor', HASH];
    for (const token of [undefined, ...wrong]) {
      claim(
        tokens.authenticate(token, VISITOR) === undefined || isIn(content, token),
        'an unknown token is accepted',
      );
    }
    const bearer = tokens.authenticate(TOKEN, VISITOR);
    claim(
      bearer === undefined || isIn(content, TOKEN, HASH),
      'a token that the file does not contain is accepted',
    );
  },
};

const VISITOR = { address: '127.0.0.1', origin: undefined };

/** Whether the content contains one of the strings, in any case. */
function isIn(content: unknown, ...texts: readonly (string | undefined)[]): boolean {
  const whole = JSON.stringify(content).toLowerCase();
  return texts.some((text) => text !== undefined && text !== '' && whole.includes(text.toLowerCase()));
}
