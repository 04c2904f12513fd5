/** What strangers say of functions: read up to its bounds, and refused beyond them. */
import { describe, expect, it } from 'vitest';
import { readDescriptions } from '../../../../src/functions/contract/read-descriptions.ts';

const read = (value: unknown) => readDescriptions(JSON.stringify(value));
const refused = (message: string) =>
  expect.objectContaining({ code: 'PROTOCOL', message: expect.stringContaining(message) });

/** So many objects within one another. */
const nested = (depth: number): unknown => (depth === 0 ? 1 : { items: nested(depth - 1) });
const ofErrors = (count: number, length = 1) => ({
  name: 'f',
  errors: Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`${i}`.padStart(length, 'E'), { codec: 'JSON' }]),
  ),
});

const WHOLE = {
  name: 'resize',
  versions: 2,
  description: 'Makes it smaller.',
  kind: 'one',
  input: { codec: 'JSON', schema: { type: 'object' } },
  output: { codec: 'bytes' },
  errors: { TOO_BIG: { codec: 'JSON', schema: {} } },
};

describe('what is said of functions', () => {
  it('is read whole, and what frond does not know is left out', () => {
    const own = { ...WHOLE, more: 1, input: { ...WHOLE.input, more: 2 } };
    expect(read([own, { name: 'plain' }])).toStrictEqual([WHOLE, { name: 'plain' }]);
    expect(read([])).toEqual([]);
    for (const kind of ['one', 'many']) expect(read([{ name: 'f', kind }])).toEqual([{ name: 'f', kind }]);
    expect(read([{ name: 'f', versions: 0, description: '' }])).toEqual([
      { name: 'f', versions: 0, description: '' },
    ]);
  });

  it.each([
    ['functions', 1_024, (count: number) => Array(count).fill({ name: 'f' })],
    ['characters of a name', 256, (length: number) => [{ name: 'x'.repeat(length) }]],
    [
      'characters of a description',
      4_096,
      (length: number) => [{ name: 'f', description: 'x'.repeat(length) }],
    ],
    [
      'characters of a codec’s name',
      256,
      (length: number) => [{ name: 'f', input: { codec: 'x'.repeat(length) } }],
    ],
    ['errors', 64, (count: number) => [ofErrors(count)]],
    ['characters of an error’s code', 256, (length: number) => [ofErrors(2, length)]],
    [
      'levels of a schema',
      64,
      (depth: number) => [{ name: 'f', output: { codec: 'JSON', schema: nested(depth) } }],
    ],
  ])('may have so many %s, and not one more: %i', (_what, most, make) => {
    for (const count of [most - 1, most]) expect(read(make(count))).toEqual(make(count));
    expect(() => read(make(most + 1))).toThrow(refused('what is said of functions cannot be read'));
  });

  it.each([
    ['{}', 'it is not a list of at most 1024'],
    ['null', 'it is not a list of at most 1024'],
    ['[1]', 'a function is not an object'],
    ['[null]', 'a function is not an object'],
    ['[[]]', 'a function is not an object'],
    ['[{}]', 'undefined is not a function’s name'],
    ['[{"name":"a.b"}]', '"a.b" is not a function’s name'],
    ['[{"name":"a b"}]', '"a b" is not a function’s name'],
    ['[{"name":7}]', '7 is not a function’s name'],
    ['[{"name":"f","description":7}]', 'the description of function "f" is not a string, or is too long'],
    ['[{"name":"f","description":null}]', 'the description of function "f" is not a string, or is too long'],
    ['[{"name":"f","kind":"two"}]', 'the kind of function "f" is "two"'],
    ['[{"name":"f","kind":null}]', 'the kind of function "f" is null'],
    ['[{"name":"f","versions":1.5}]', 'the versions of function "f" are 1.5'],
    ['[{"name":"f","versions":"1"}]', 'the versions of function "f" are "1"'],
    ['[{"name":"f","input":"JSON"}]', 'the input of function "f" is not an object'],
    ['[{"name":"f","input":{}}]', 'the codec of the input of function "f" is not a name'],
    ['[{"name":"f","output":{"codec":7}}]', 'the codec of the output of function "f" is not a name'],
    ['[{"name":"f","output":[]}]', 'the output of function "f" is not an object'],
    [
      '[{"name":"f","input":{"codec":"JSON","schema":true}}]',
      'the schema of the input of function "f" is not an object',
    ],
    ['[{"name":"f","errors":[]}]', 'the errors of function "f" is not an object'],
    ['[{"name":"f","errors":{"E":1}}]', 'the errors of function "f" is not an object'],
    ['[{"name":"f","errors":{"E":{}}}]', 'the codec of the errors of function "f" is not a name'],
  ])('is refused when it is %s', (said, message) => {
    expect(() => readDescriptions(said)).toThrow(
      refused(`what is said of functions cannot be read: ${message.replace('’', "'")}`),
    );
  });

  it('is refused, and says of what, when a schema is too deep', () => {
    expect(() => read([{ name: 'f', output: { codec: 'JSON', schema: nested(65) } }])).toThrow(
      refused(
        'what is said of functions cannot be read: the schema of the output of function "f" is deeper than 64',
      ),
    );
  });

  it('is refused when it is not JSON', () => {
    const error = expect.objectContaining({
      code: 'PROTOCOL',
      message: 'what is said of functions is not JSON',
      cause: expect.any(SyntaxError),
    });
    for (const said of ['', '[', 'x']) expect(() => readDescriptions(said)).toThrow(error);
  });

  it('is refused when one code among short ones is too long', () => {
    const codes = { short: { codec: 'JSON' }, ['x'.repeat(257)]: { codec: 'JSON' } };
    expect(() => read([{ name: 'f', errors: codes }])).toThrow(
      refused('are too many, or their codes too long'),
    );
  });
});
