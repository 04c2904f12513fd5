/** From what a module gives to definitions of roles, checked key by key. */

import type { RoleDefinition } from '../../src/cluster/roles/start-role.ts';
import { isName } from '../../src/protocol/function-path.ts';
import { reasonText, show } from '../../src/protocol/errors.ts';
import { nearest } from '../../src/protocol/nearest.ts';
import type { Transport } from '../../src/transport.ts';
import { CommandError } from '../errors.ts';
import { quoted } from '../terminal/text.ts';
import { isRoleName, ROLE_NAMES, type RoleName, shapeOf } from '../../src/cli/roles/shapes.ts';

/** What options say in place of the module, by the definition's keys. */
export type Overrides = Readonly<Record<string, string | number>>;

export interface Checks {
  /** The module's name, for messages. */
  readonly file: string;
  readonly transport: Transport;
}

/** What a module gives, as a list. @throws CommandError `MODULE` for an empty list. */
export function listOf(gift: unknown, file: string): readonly unknown[] {
  if (!Array.isArray(gift)) return [gift];
  if (gift.length > 0) return gift;
  throw new CommandError('MODULE', `${quoted(file)} gives an empty list, and so nothing to run`);
}

/**
 * A definition, with the overrides in it.
 * @param which - which one of the module's it is, for messages: empty when there is one alone.
 * @throws CommandError `MODULE` naming the key that is missing, unknown, or of the wrong kind.
 */
export function readDefinition(
  value: unknown,
  which: string,
  overrides: Overrides,
  checks: Checks,
): RoleDefinition {
  const where = `${quoted(checks.file)}${which}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const text = `${where} must give { role, name, dbAddress, … }, or a list of them, not ${show(value)}`;
    throw new CommandError('MODULE', text);
  }
  const given: Readonly<Record<string, unknown>> = { ...value };
  const role = checkRole(given['role'], given, where);
  const definition: Readonly<Record<string, unknown>> = { ...given, ...overrides };
  const { name } = definition;
  checkKeys(role, definition, `${where}: ${titleOf(role, name)}`, checks.transport);
  return definition as unknown as RoleDefinition;
}

/** How a role is spoken of: `server "greeter"`. */
export function titleOf(role: string, name: unknown): string {
  return typeof name === 'string' ? `${role} ${show(name)}` : role;
}

function checkRole(role: unknown, given: Readonly<Record<string, unknown>>, where: string): RoleName {
  if (isRoleName(role)) return role;
  const known = `${ROLE_NAMES.slice(0, -1).join(', ')} or ${ROLE_NAMES.at(-1)}`;
  if (role === undefined) {
    const values = Object.values(given);
    const isFunctions = values.length > 0 && values.every((one) => typeof one === 'function');
    const hint = isFunctions ? 'functions alone are what frond worker runs' : undefined;
    throw new CommandError('MODULE', `${where} gives no role: it must be ${known}`, hint);
  }
  const near = typeof role === 'string' ? nearest(role, ROLE_NAMES) : undefined;
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  throw new CommandError('MODULE', `${where}: role must be ${known}, not ${show(role)}${meant}`);
}

function checkKeys(
  role: RoleName,
  definition: Readonly<Record<string, unknown>>,
  title: string,
  transport: Transport,
): void {
  const fail = (text: string) => new CommandError('MODULE', `${title}${text}`);
  const shape = shapeOf(role);
  for (const [key, value] of Object.entries(definition)) {
    if (key === 'role' || Object.hasOwn(shape, key) || value === undefined) continue;
    const near = nearest(key, Object.keys(shape));
    throw fail(`: a ${role} has no ${shortened(key)}${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
  for (const [key, kind] of Object.entries(shape)) {
    const value = definition[key];
    if (value === undefined && kind.isOptional) continue;
    if (value === undefined) throw fail(` lacks ${key}, which must be ${kind.is}`);
    if (!kind.fits(value)) throw fail(`: ${key} must be ${kind.is}, not ${show(value)}`);
    if (kind.isAddress) checkAddresses(transport, value, (reason) => fail(`: ${key}: ${reason}`));
  }
  checkFunctions(definition['functions'], fail);
}

function checkAddresses(transport: Transport, value: unknown, fail: (reason: string) => CommandError): void {
  for (const address of [value].flat()) {
    try {
      transport.checkAddress(String(address));
    } catch (error) {
      throw fail(reasonText(error));
    }
  }
}

function checkFunctions(functions: unknown, fail: (text: string) => CommandError): void {
  for (const [name, run] of Object.entries(functions ?? {})) {
    if (typeof run !== 'function')
      throw fail(`: functions.${shortened(name)} must be a function, not ${show(run)}`);
    if (!isName(name)) {
      throw fail(`: the name of a function holds no dots or spaces, and so cannot be ${show(name)}`);
    }
  }
}

/** Characters of a key that an error quotes. */
const LONGEST_KEY = 60;

function shortened(key: string): string {
  return key.length > LONGEST_KEY ? `${key.slice(0, LONGEST_KEY)}…` : key;
}
