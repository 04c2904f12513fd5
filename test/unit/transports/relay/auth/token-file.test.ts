import { createHash } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Logger } from '../../../../../src/logging.ts';
import { openTokenFile } from '../../../../../transports/relay/auth/token-file.ts';
import { readTokens } from '../../../../../transports/relay/auth/tokens.ts';

const ALICE = 'token-of-alice-0001';
const BOB = 'token-of-bob-000002';
const VISITOR = { address: '127.0.0.1', origin: undefined };

const hash = (token: string) => createHash('sha256').update(token).digest('hex');
const alice = { name: 'alice', token: ALICE, servers: ['demo'] };

describe('who bears a token', () => {
  const { authenticate, identities } = readTokens({
    tokens: [
      { ...alice, functions: ['demo.*'], cache: 'session', work: false },
      { name: 'bob', sha256: hash(BOB).toUpperCase(), servers: ['*'], expires: '2027-01-01T00:00:00Z' },
    ],
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test('by the token itself, and by its hash; the token is not kept', () => {
    expect(authenticate(ALICE, VISITOR)).toEqual({
      name: 'alice',
      servers: ['demo'],
      functions: ['demo.*'],
      cache: 'session',
      work: false,
    });
    vi.useFakeTimers({ now: Date.parse('2026-12-31T23:59:59.999Z') });
    expect(authenticate(BOB, VISITOR)).toEqual({
      name: 'bob',
      servers: ['*'],
      expires: Date.parse('2027-01-01T00:00:00Z'),
    });
    expect(JSON.stringify(identities)).not.toMatch(/token|[\da-f]{64}/);
  });

  test('nobody: no token, another one, a hash, and one that is over', () => {
    vi.useFakeTimers({ now: Date.parse('2027-01-01T00:00:00Z') });
    for (const token of [undefined, '', `${ALICE} `, ALICE.toUpperCase(), hash(ALICE), hash(BOB), BOB]) {
      expect(authenticate(token, VISITOR)).toBeUndefined();
    }
  });

  test('one name may have several tokens', () => {
    const both = readTokens({ tokens: [alice, { ...alice, token: BOB }] });
    expect(both.identities.length).toBe(2);
    expect(both.authenticate(ALICE, VISITOR)).toEqual(both.authenticate(BOB, VISITOR));
  });
});

describe('what is refused names the file and the key', () => {
  const entry = (others: object) => ({ tokens: [{ ...alice, ...others }] });
  test.each([
    [5, 'it must be an object, not 5'],
    [[], 'it must be an object, not an empty list'],
    [{}, 'tokens is missing'],
    [{ tokens: {} }, 'tokens must be a list of tokens, not an object'],
    [{ tokens: [], more: 1 }, 'there is no key more, but tokens'],
    [{ tokens: ['x'] }, 'tokens[0] must be an object, not "x"'],
    [{ tokens: [{ token: ALICE, servers: [] }] }, 'tokens[0].name is missing'],
    [{ tokens: [{ name: 'a', token: ALICE }] }, 'tokens[0].servers is missing'],
    [
      entry({ expire: 'x' }),
      'there is no key tokens[0].expire, but name, sha256, token, expires, servers, functions, cache, work, priority, metadata',
    ],
    ...['', 'a b', 'a/b', 'a\tb', 'anonymous'].map(
      (name) =>
        [
          entry({ name }),
          `tokens[0].name must be a name without slashes and spaces, and not anonymous, which stands for clients without a token, not ${JSON.stringify(name)}`,
        ] as const,
    ),
    [entry({ token: 'short-secret-15' }), 'tokens[0].token must be a string of 16 characters or more'],
    [entry({ token: 5 }), 'tokens[0].token must be a string of 16 characters or more'],
    [entry({ sha256: hash(BOB) }), 'tokens[0] must be an entry with either token or sha256'],
    [{ tokens: [{ name: 'a', servers: [] }] }, 'tokens[0] must be an entry with either token or sha256'],
    [
      { tokens: [{ name: 'a', sha256: hash(BOB).slice(1), servers: [] }] },
      'tokens[0].sha256 must be the SHA-256 of a token: 64 hexadecimal digits',
    ],
    ...['2027-01-01', 'tomorrow', '2027-13-01T00:00:00Z', '2027-01-01T00:00:00', 5].map(
      (expires) =>
        [
          entry({ expires }),
          `tokens[0].expires must be a time such as 2027-01-01T00:00:00Z, not ${JSON.stringify(expires)}`,
        ] as const,
    ),
    [entry({ servers: 'demo' }), 'tokens[0].servers must be a list of names of servers, not "demo"'],
    [
      entry({ servers: ['demo', 'tcp://a:1'] }),
      'tokens[0].servers[1] must be the name of a server, with * for any part of it, not "tcp://a:1"',
    ],
    [
      entry({ functions: ['demo'] }),
      'tokens[0].functions[0] must be \'server.function\', with * for any part of it, or * for all, not "demo"',
    ],
    [entry({ cache: 'write' }), 'tokens[0].cache must be none, read, session or all, not "write"'],
    [entry({ work: 1 }), 'tokens[0].work must be true or false, not 1'],
    [{ tokens: [alice, { ...alice, name: 'bob' }] }, 'tokens[1] has the same token as tokens[0]'],
    [
      { tokens: [alice, { name: 'bob', sha256: hash(ALICE).toUpperCase(), servers: [] }] },
      'tokens[1] has the same token as tokens[0]',
    ],
  ] as const)('%j: %s', (content, message) => {
    const error = expect.objectContaining({ code: 'INVALID_CALL', message: `"who.json": ${message}` });
    expect(() => readTokens(content, 'who.json')).toThrow(error);
  });
});

describe('a file of tokens', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'frond-'));
  });

  afterAll(() => rm(folder, { recursive: true }));

  const content = (token: string, name = 'alice') => JSON.stringify({ tokens: [{ ...alice, name, token }] });

  function recorder(lines: string[]): Logger {
    const at = (level: string) => (message: string, fields?: object) => {
      lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
    };
    return { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
  }

  test('is read again when it has changed, and counts on while the new one is no good', async () => {
    const path = join(folder, 'tokens.json');
    await writeFile(path, content(ALICE));
    const lines: string[] = [];
    const file = await openTokenFile(path, { logger: recorder(lines), interval: 0, name: 'tokens.json' });
    const nameOf = async (token: string) => (await file.authenticate(token, VISITOR))?.name;
    expect(await nameOf(ALICE)).toBe('alice');
    // Of the same length, as editors write it: a new file in place of the old.
    await writeFile(`${path}.new`, content(BOB));
    await rename(`${path}.new`, path);
    expect([await nameOf(ALICE), await nameOf(BOB)]).toEqual([undefined, 'alice']);
    await writeFile(path, `{ "tokens": [ { "token": "${ALICE}"`);
    expect([await nameOf(BOB), await nameOf(BOB)]).toEqual(['alice', 'alice']);
    await rm(path);
    expect([await nameOf(BOB), await nameOf(BOB)]).toEqual(['alice', 'alice']);
    await writeFile(path, content(ALICE, 'carol'));
    expect([await nameOf(ALICE), await nameOf(BOB)]).toEqual(['carol', undefined]);
    expect(file.identities.map(({ name }) => name)).toEqual(['carol']);
    expect(lines.map((line) => line.replace(/ \{.*/, ''))).toEqual([
      'info: the token file was read again',
      'warning: the token file cannot be used; the tokens that were read before stay valid',
      'warning: the token file cannot be used; the tokens that were read before stay valid',
      'info: the token file was read again',
    ]);
    expect(lines[1]).toContain('\\"tokens.json\\" is not JSON');
    expect(lines[2]).toMatch(/cannot be read: ENOENT/);
    for (const line of lines) expect(line).not.toContain('token-of');
  });

  test('is looked at once a second at most, however many come', async () => {
    const path = join(folder, 'quiet.json');
    await writeFile(path, content(ALICE));
    const lines: string[] = [];
    const file = await openTokenFile(path, { logger: recorder(lines) });
    await writeFile(path, content(BOB));
    expect(await file.authenticate(BOB, VISITOR)).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    const all = await Promise.all(Array.from({ length: 20 }, () => file.authenticate(BOB, VISITOR)));
    expect(all.every((identity) => identity?.name === 'alice')).toBe(true);
    expect(lines.length).toBe(1);
  });

  test('that cannot be read, or has no JSON in it, is an error that quotes none of it', async () => {
    const path = join(folder, 'bad.json');
    await rm(path, { force: true });
    await expect(openTokenFile(path)).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringMatching(/bad\.json" cannot be read: ENOENT/),
      sent: false,
    });
    await writeFile(path, `{\n"tokens": [ { "token": "${ALICE}" "name": "x" } ] }`);
    const error = await openTokenFile(path).catch((reason: unknown) => String(reason));
    expect(error).toMatch(/bad\.json" is not JSON: there is an error in line 2$/);
    await writeFile(path, content('short'));
    await expect(openTokenFile(path)).rejects.toThrow(/tokens\[0\]\.token must be .* 16 characters or more$/);
  });
});
