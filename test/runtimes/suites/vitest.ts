/**
 * What the suites take from Vitest, for any runtime: Vitest's own runner and its own matchers, which need no Node, in place of the
 * command that starts workers of Node.
 */
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  customMatchers,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
} from '@vitest/expect';
import type { ExpectStatic } from 'vitest';

export { afterAll, afterEach, beforeAll, beforeEach, describe, it, test } from '@vitest/runner';

function makeExpect(): ExpectStatic {
  chai.use(JestExtend);
  chai.use(JestChaiExpect);
  chai.use(JestAsymmetricMatchers);
  const expect = ((value: unknown, message?: string) =>
    chai.expect(value, message)) as unknown as ExpectStatic;
  Object.assign(expect, chai.expect);
  Object.assign(expect, Reflect.get(globalThis, ASYMMETRIC_MATCHERS_OBJECT));
  Reflect.set(globalThis, GLOBAL_EXPECT, expect);
  Reflect.apply(Reflect.get(chai.expect, 'extend'), chai.expect, [expect, customMatchers]);
  return expect;
}

export const expect: ExpectStatic = makeExpect();
