/** The config file of `frond relay`, checked key by key. */

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  check,
  custom,
  exactOptional,
  type InferOutput,
  lazy,
  minValue,
  number,
  pipe,
  safeInteger,
} from 'valibot';
import type { RelayLimits, RelayOptions } from '../../../transports/relay/options.ts';
import { Proxies, TRUST_FORM } from '../../../transports/relay/http/proxies.ts';
import {
  checked,
  FUNCTIONS,
  GRANTS,
  list,
  named,
  parseJson,
  SERVER,
  type Source,
  shape,
  TEXT,
  text,
} from '../../../transports/relay/auth/schema.ts';
import { PalmError } from '../../protocol/errors.ts';
import { nearest } from '../../protocol/nearest.ts';
import { CommandError } from '../../../cli/errors.ts';
import { unreadable } from '../../../cli/input.ts';
import { quoted } from '../../../cli/terminal/text.ts';

const COUNT = 'a whole number from 1 on';
const LIMIT = exactOptional(pipe(number(COUNT), safeInteger(COUNT), minValue(1, COUNT)));

const LIMITS = shape({
  maxFrame: LIMIT,
  window: LIMIT,
  maxHeld: LIMIT,
  maxHeldTotal: LIMIT,
  maxConnections: LIMIT,
  maxConnectionsPerAddress: LIMIT,
  maxChannels: LIMIT,
  maxRequests: LIMIT,
  greetingTimeout: LIMIT,
  heartbeat: LIMIT,
  resumeWindow: LIMIT,
} satisfies Record<keyof RelayLimits, typeof LIMIT>);

const ADDRESS = exactOptional(text("an address such as 'tcp://127.0.0.1:5555'", (value) => value !== ''));

const TARGET = pipe(
  shape({
    dbAddress: ADDRESS,
    pushAddress: ADDRESS,
    subAddress: ADDRESS,
    workerPushAddress: ADDRESS,
    workerPullAddress: ADDRESS,
    functions: exactOptional(list(FUNCTIONS, "a list such as ['demo.upper']")),
  }),
  check(
    ({ functions: _, ...addresses }) => Object.keys(addresses).length > 0,
    'an object that says where the server is, with dbAddress',
  ),
);

const TRUST = custom<NonNullable<RelayOptions['trustProxy']>>((value) => {
  try {
    new Proxies(value as NonNullable<RelayOptions['trustProxy']>);
    return true;
  } catch {
    return false;
  }
}, TRUST_FORM);

const SHORT_TARGET = text("an address such as 'tcp://127.0.0.1:5555', or { dbAddress, … }", isWritten);

const CONFIG = shape({
  listen: exactOptional(TEXT),
  metrics: exactOptional(TEXT),
  servers: exactOptional(
    named(
      SERVER,
      lazy((value) => (typeof value === 'object' && value !== null ? TARGET : SHORT_TARGET)),
    ),
  ),
  origins: exactOptional(
    list(text('an origin such as https://dash.example', isOrigin), 'a list of origins of pages'),
  ),
  path: exactOptional(text('a path such as /frond', (path) => /^\/[^\s?#]*$/.test(path))),
  tokens: exactOptional(TEXT),
  anonymous: exactOptional(shape(GRANTS)),
  limits: exactOptional(LIMITS),
  trustProxy: exactOptional(TRUST),
  tls: exactOptional(shape({ cert: TEXT, key: TEXT })),
  serverKey: exactOptional(TEXT),
});

export type RelayConfig = InferOutput<typeof CONFIG>;

/** @throws PalmError `INVALID_CALL` naming the file, and the key that is unknown, missing or of the wrong kind. */
export function checkConfig(content: unknown, file: string): RelayConfig {
  const source: Source = { file, suggest: nearest };
  return checked(CONFIG, content, source);
}

/**
 * A config file. The paths in it are relative to it, and given back whole.
 * @throws CommandError `INPUT` when it cannot be read, or what is in it is not acceptable.
 */
export async function readConfig(path: string): Promise<RelayConfig> {
  const json = await readFile(path, 'utf8').catch((error) => {
    throw unreadable(quoted(path), error);
  });
  const { tokens, tls, ...others } = asInput(() => checkConfig(parseJson(json, { file: path }), path));
  const near = (name: string) => resolve(dirname(path), name);
  return {
    ...others,
    ...(tokens !== undefined && { tokens: near(tokens) }),
    ...(tls !== undefined && { tls: { cert: near(tls.cert), key: near(tls.key) } }),
  };
}

/** Gives what `read` gives. @throws CommandError `INPUT` in place of `INVALID_CALL`: it is a file that is at fault. */
export function asInput<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw inputError(error);
  }
}

/** What to throw for a file at fault. */
export function inputError(error: unknown): unknown {
  const isFault = error instanceof PalmError && error.code === 'INVALID_CALL';
  return isFault ? new CommandError('INPUT', error.message, 'see frond relay --help', error) : error;
}

/** Whether a page's origin can be written so: browsers say it in this form alone. */
export function isOrigin(value: string): boolean {
  try {
    return new URL(value).origin === value;
  } catch {
    return false;
  }
}

function isWritten(value: string): boolean {
  return value !== '';
}
