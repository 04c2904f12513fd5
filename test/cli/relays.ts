/** Relays for tests, and what they say of themselves. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { here } from '../support/in-process.ts';
import { Running } from './running.ts';

/** What the token of each name begins with. */
export const TOKEN = 'a-token-of-some-length';
const hash = (token: string) => createHash('sha256').update(token).digest('hex');

/** What `frond relay --json` says. */
export interface Up {
  readonly url: string;
  readonly servers: Readonly<Record<string, string>>;
  readonly origins: readonly string[] | null;
  readonly anonymous: object | null;
  readonly identities: readonly string[] | null;
}

/** A relay with one server, `test`. */
export function startRelay(dbAddress: string, ...args: string[]): Running {
  return new Running([
    'relay',
    '--server',
    `test=${dbAddress}`,
    '--listen',
    '127.0.0.1:0',
    '--json',
    ...args,
  ]);
}

/** What it says when it is up. */
export async function up(running: Running): Promise<Up> {
  return JSON.parse(await running.line(/"url"/)) as Up;
}

/** What the command gives, which must go well. */
export async function output(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await here(argv, { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.toString();
}

/** An entry of a token file. */
export const entry = (name: string, others: object = {}) => ({
  name,
  sha256: hash(`${TOKEN}-${name}`),
  servers: ['test'],
  functions: ['test.*'],
  ...others,
});
