/** Definitions: what their types allow, and what is refused at run time. */
import { type } from 'arktype';
import { array, number, object, optional, string } from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import type { FunctionDefinition, Given, StreamDefinition, Taken } from '../../../src/functions/index.ts';
import { bytes, fn, functions, json, text } from '../../../src/functions/index.ts';

const SIZE = object({ url: string(), width: optional(number(), 300) });

const images = functions({
  resize: fn({ input: SIZE, output: bytes(), description: 'Makes it smaller.' }, ({ url, width }) => {
    expectTypeOf(width).toEqualTypeOf<number>();
    return new Uint8Array([url.length, width]);
  }),
  tags: fn({ input: text(), output: json<{ tag: string }>() }, async function* (line) {
    for (const tag of line.split(' ')) yield { tag };
  }),
  area: fn(
    { input: z.object({ w: z.number(), h: z.number() }), output: z.object({ area: z.number() }) },
    async ({ w, h }) => ({ area: w * h }),
  ),
  sum: fn({ input: type('number[]'), output: type('number') }, (list) => list.reduce((a, b) => a + b, 0)),
  letters: fn({ input: text(), output: text() }, function* (line) {
    yield* line;
  }),
});

const refusal = (message: string) => expect.objectContaining({ code: 'INVALID_CALL', message });

describe('fn', () => {
  it('gives both ends the types of the shapes', () => {
    expectTypeOf<Given<typeof images.resize.input>>().toEqualTypeOf<{
      url: string;
      width?: number | undefined;
    }>();
    expectTypeOf<Taken<typeof images.resize.input>>().toEqualTypeOf<{ url: string; width: number }>();
    expectTypeOf<Taken<typeof images.area.output>>().toEqualTypeOf<{ area: number }>();
    expectTypeOf<Given<typeof images.sum.input>>().toEqualTypeOf<number[]>();
    expectTypeOf(images.area).toExtend<FunctionDefinition>();
    expectTypeOf(images.tags).toExtend<StreamDefinition>();
    expectTypeOf(images.letters.kind).toEqualTypeOf<'many'>();
  });

  it('does not compile where the function does not fit its shapes', () => {
    // @ts-expect-error a string is not a number
    fn({ input: text(), output: z.number() }, () => 'no');
    // @ts-expect-error there is no such field
    fn({ input: SIZE, output: text() }, ({ widht }) => `${widht}`);
    // @ts-expect-error not every item fits
    fn({ input: text(), output: z.number() }, async function* () {
      yield 'no';
    });
    expect(images.resize.kind).toBe('one');
  });

  it('knows a generator', () => {
    expect([images.area.kind, images.tags.kind, images.letters.kind]).toEqual(['one', 'many', 'many']);
  });

  it('makes a plain object', () => {
    expect(Object.keys(images.resize).sort()).toEqual(
      ['description', 'errors', 'input', 'kind', 'output', 'run'].sort(),
    );
    expect(Object.getPrototypeOf(images.resize)).toBe(Object.prototype);
  });

  it.each([
    ['no shape', undefined],
    ['a name', 'JSON'],
    ['half a codec', { name: 'x', encode: () => new Uint8Array(0) }],
    ['a schema that cannot validate', { '~standard': { version: 1, vendor: 'x' } }],
  ])('refuses %s', (_name, input) => {
    // @ts-expect-error not a shape
    expect(() => fn({ input, output: text() }, () => 'x')).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: expect.stringContaining('input must be a codec'),
      }),
    );
  });

  it('refuses what is not a function, and error data that JSON cannot carry', () => {
    // @ts-expect-error not a function
    expect(() => fn({ input: text(), output: text() }, 'run')).toThrow(
      refusal('fn needs a function, not "run"'),
    );
    expect(() => fn({ input: text(), output: text(), errors: { BAD: text() } }, (line) => line)).toThrow(
      refusal('the data of an error travels as JSON: give error "BAD" a schema or json()'),
    );
  });
});

describe('functions', () => {
  const echo = fn({ input: text(), output: text() }, (line) => line);

  it('gives back what it got', () => {
    const own = { echo };
    expect(functions(own)).toBe(own);
  });

  it.each(['a.b', 'a b', '', 'a\n', 'then'])('refuses the name %j', (name) => {
    expect(() => functions({ [name]: echo })).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: expect.stringContaining("cannot be a function's name"),
      }),
    );
  });

  it('refuses what fn did not make', () => {
    const made = expect.objectContaining({
      code: 'INVALID_CALL',
      message: expect.stringContaining('must be made by fn(…)'),
    });
    // @ts-expect-error a function of bytes
    expect(() => functions({ plain: (payload: Uint8Array) => payload })).toThrow(made);
    // @ts-expect-error nothing
    expect(() => functions({ nothing: undefined })).toThrow(made);
    expect(
      functions({ list: fn({ input: array(string()), output: text() }, (list) => list.join()) }),
    ).toBeTruthy();
  });
});
