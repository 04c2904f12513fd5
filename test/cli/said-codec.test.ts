/** Functions with types from the command line: payloads and answers by what the server says. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Server } from '../../src/cluster/roles/server.ts';
import { bytes, float64, fn, functions, json, msgpack, text, uint64 } from '../../src/functions/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { textOf } from '../support/bytes.ts';
import { objectsOf, type RunOptions } from '../support/command.ts';
import { here } from '../support/in-process.ts';

let server: Server;
/** What reached the function `seen`. */
let seen: unknown[] = [];

beforeAll(async () => {
  server = await Server.start({
    transport: zmtp(),
    name: 'shop',
    dbAddress: 'tcp://127.0.0.1:*',
    loggingLevel: 'silent',
    functions: {
      ...functions({
        price: fn(
          {
            input: z.object({ article: z.string(), count: z.number().min(1).default(1) }),
            output: z.object({ cents: z.number() }),
            errors: { SOLD_OUT: z.object({ until: z.string() }) },
          },
          ({ article, count }) => {
            seen.push(article);
            if (article === 'moon')
              throw Object.assign(new Error('none left'), { code: 'SOLD_OUT', data: { until: 'June' } });
            return { cents: 250 * count };
          },
        ),
        strict: fn({ input: z.string().regex(/^a/), output: text() }, (line) => line),
        upper: fn({ input: text(), output: text() }, (line) => line.toUpperCase()),
        flip: fn({ input: bytes(), output: bytes() }, (own) => own.slice().reverse()),
        double: fn({ input: float64(), output: float64() }, (list) => list.map((one) => 2 * one)),
        large: fn({ input: uint64(), output: uint64() }, (list) => list.map((one) => one + 1n)),
        packed: fn({ input: msgpack<unknown>(), output: msgpack<unknown>() }, (value) => [
          value,
          new Uint8Array([1, 2]),
        ]),
        own: fn(
          {
            input: { name: 'own', encode: () => new Uint8Array(), decode: (own: Uint8Array) => textOf(own) },
            output: json<string>(),
          },
          (line) => line,
        ),
      }),
      plain: (payload) => payload,
    },
  });
});

afterAll(() => server.close());

const run = async (args: readonly string[], options: RunOptions = {}) => {
  seen = [];
  const env = { FROND_DB: server.dbAddress };
  const { code, stdout, stderr } = await here(args, { env, ...options });
  return { code, text: stdout.toString(), stderr };
};
const call = (name: string, payload: string, ...more: readonly string[]) =>
  run(['eval', `shop.${name}`, payload, ...more]);

describe('frond eval', () => {
  test.each([
    ['price', '{"article": "pear", "count": 3}', '{"cents":750}'],
    ['upper', 'no "JSON"', 'NO "JSON"'],
    ['flip', 'abc', 'cba'],
    ['double', '[1, 2.5]', '[2,5]'],
    ['large', '[1, "18446744073709551614"]', '[2,"18446744073709551615"]'],
    ['packed', '{"a": [1, null]}', '[{"a":[1,null]},{"base64":"AQI="}]'],
    ['own', 'as it is', '"as it is"'],
    ['plain', '{', '{'],
  ])('%s of %s is %s', async (name, payload, answer) => {
    expect(await call(name, payload)).toEqual({ code: 0, text: answer, stderr: '' });
  });

  test.each([
    ['price', '{"count": 0}', /article: it is missing; count: it must be at least 1/],
    ['price', 'pear', /the function takes JSON, and this is not JSON: .*--raw/],
    ['double', '{"a": 1}', /float64 is written as a list of numbers/],
    ['double', 'x', /float64 is written as JSON here, and this is not JSON/],
    ['large', '[1.5]', /1\.5 is not a whole number that JSON can hold/],
  ])('%s of %s is refused before it is sent', async (name, payload, message) => {
    const { code, text, stderr } = await call(name, payload);
    expect({ code, text }).toEqual({ code: 2, text: '' });
    expect(stderr).toMatch(/^frond: INVALID_CALL: the payload for shop\.\w+ was not sent: /);
    expect(stderr).toMatch(message);
    expect(seen).toEqual([]);
  });

  test('what the schema cannot refuse the server does', async () => {
    const { code, stderr } = await call('strict', '"b"');
    expect(code).toBe(2);
    expect(stderr).toMatch(/INVALID_CALL/);
    const asJson = await call('strict', '"b"', '--json');
    expect(objectsOf(asJson.stderr)).toMatchObject([
      { error: { code: 'INVALID_CALL', issues: [{ path: [], message: expect.any(String) }] } },
    ]);
  });

  test('issues are in the error of --json, with their paths', async () => {
    const { stderr } = await call('price', '{}', '--json');
    expect(objectsOf(stderr)).toMatchObject([
      { error: { code: 'INVALID_CALL', issues: [{ path: ['article'], message: 'it is missing' }] } },
    ]);
  });

  test('the data of a declared error is shown', async () => {
    const { code, stderr } = await call('price', '{"article": "moon"}');
    expect(code).toBe(1);
    expect(stderr).toContain('  data: {"until":"June"}\n');
  });

  test('--raw sends and writes bytes as they are', async () => {
    const payload = new Uint8Array(new Float64Array([1.5]).buffer);
    const env = { FROND_DB: server.dbAddress };
    const { code, stdout } = await here(['eval', 'shop.double', '--raw'], { env, stdin: payload });
    expect(code).toBe(0);
    expect(stdout).toEqual(Buffer.from(new Float64Array([3]).buffer));
    const wrong = await call('price', 'pear', '--raw');
    expect(wrong.stderr).toMatch(/^frond: INVALID_CALL: /);
    expect(wrong.stderr).not.toContain('was not sent');
  });
});

test('frond job ends at a line that is refused, after the results of those before it', async () => {
  const stdin = '{"article": "pear"}\n{"article": 7}\n{"article": "plum"}\n';
  const { code, text, stderr } = await run(['job', 'shop.price'], { stdin });
  expect({ code, text }).toEqual({ code: 2, text: '{"cents":250}\n' });
  expect(stderr).toContain('article: it must be string, not number');
  expect(seen).toEqual(['pear']);
});

test('frond map tells of each line that is refused', async () => {
  const stdin = '{"article": "pear"}\n{"article": 7}\nno\n{"article": "moon"}\n';
  const { code, text } = await run(['map', 'shop.price', '--jsonl'], { stdin });
  expect(code).toBe(1);
  expect(objectsOf(text)).toMatchObject([
    { index: 0, status: 'fulfilled', value: { text: '{"cents":250}' } },
    { index: 1, error: { code: 'INVALID_CALL', issues: [{ path: ['article'] }] } },
    { index: 2, error: { code: 'INVALID_CALL' } },
    { index: 3, error: { code: 'REMOTE', remoteName: 'SOLD_OUT', data: { until: 'June' } } },
  ]);
});
