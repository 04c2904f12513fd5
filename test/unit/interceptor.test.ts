/** What stands around calls: in which order interceptors see one and its outcome, and what is refused as one. */
import { expect, it } from 'vitest';
import {
  checkInterceptors,
  type InterceptedCall,
  type Interceptor,
  intercepted,
} from '../../src/interceptor.ts';

const CALL: InterceptedCall = { kind: 'eval', path: 's.f', input: 1, metadata: {}, signal: undefined };

it('the first interceptor is the outermost: it sees a call first and its outcome last', async () => {
  const seen: string[] = [];
  const named =
    (name: string): Interceptor =>
    (next) =>
    async (call) => {
      seen.push(`${name} in ${call.input}`);
      const outcome = await next({ ...call, input: Number(call.input) + 1 });
      seen.push(`${name} out ${outcome}`);
      return `${outcome} ${name}`;
    };
  const handler = intercepted(async ({ input }) => `got ${input}`, [named('a'), named('b')]);
  expect(await handler(CALL)).toBe('got 3 b a');
  expect(seen).toEqual(['a in 1', 'b in 2', 'b out got 3', 'a out got 3 b']);
  const bare = async () => 'bare';
  expect(intercepted(bare, [])).toBe(bare);
});

it('a list of interceptors is copied, and holds functions alone', () => {
  const own: Interceptor[] = [(next) => next];
  const copy = checkInterceptors(own);
  expect(copy).toEqual(own);
  expect(copy).not.toBe(own);
  for (const [value, text] of [
    [undefined, 'interceptors must be a list of functions, not undefined'],
    [own[0], /^interceptors must be a list of functions, not /],
    [[own[0], 'x'], 'an interceptor must be a function, not "x"'],
    [[null], 'an interceptor must be a function, not null'],
  ] as const)
    expect(() => checkInterceptors(value)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        sent: false,
        message: typeof text === 'string' ? text : expect.stringMatching(text),
      }),
    );
});
