/** What a JSON Schema refuses before a call is sent: never what the schema's own library takes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { schemaIssues } from '../../../../src/functions/contract/schema-issues.ts';

const issues = (schema: Record<string, unknown>, value: unknown) =>
  schemaIssues(schema, value).map(({ path, message }) => `${path.join('.')}: ${message}`);

const SIZE = { type: 'object', properties: { w: { type: 'number', minimum: 1 } }, required: ['w', 'h'] };

describe('what is wrong with a value', () => {
  it.each([
    [SIZE, { w: 0 }, ['h: it is missing', 'w: it must be at least 1']],
    [SIZE, [], [': it must be object, not array']],
    [{ type: ['string', 'null'] }, 7, [': it must be string or null, not number']],
    [{ type: 'integer' }, 1.5, [': it must be integer, not number']],
    [{ const: 'a' }, 'b', [': it must be "a"']],
    [{ enum: [1, null] }, 'b', [': it must be 1 or null']],
    [
      { exclusiveMinimum: 1, exclusiveMaximum: 1 },
      1,
      [': it must be more than 1', ': it must be less than 1'],
    ],
    [{ maximum: 1 }, 2, [': it must be at most 1']],
    [{ minLength: 2 }, 'a', [': it must have at least 2 characters']],
    [{ maxLength: 2 }, 'abc', [': it must have at most 2 characters']],
    [{ items: { type: 'number' } }, [1, 'a'], ['1: it must be number, not string']],
    [{ prefixItems: [{ type: 'null' }], items: false }, [null, 1], ['1: nothing is allowed here']],
    [{ minItems: 1 }, [], [': it must have at least 1 items']],
    [{ maxItems: 1 }, [1, 2], [': it must have at most 1 items']],
    [{ minProperties: 1 }, {}, [': it must have at least 1 fields']],
    [{ maxProperties: 0 }, { a: 1 }, [': it must have at most 0 fields']],
    [{ properties: {}, additionalProperties: false }, { a: 1 }, ['a: there is no such field']],
    [{ additionalProperties: { type: 'null' } }, { a: 1 }, ['a: it must be null, not number']],
    [{ allOf: [{ type: 'string' }, { minLength: 3 }] }, 'a', [': it must have at least 3 characters']],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 1, [': it fits none of the 2 alternatives']],
    [
      { oneOf: [{ type: 'string' }, { properties: { id: { type: 'number' } } }] },
      { id: 'x' },
      ['id: it must be number, not string'],
    ],
    [
      { $defs: { 'a/b': { type: 'null' } }, items: { $ref: '#/$defs/a~1b' } },
      [1],
      ['0: it must be null, not number'],
    ],
  ])('%j and %j', (schema, value, expected) => {
    expect(issues(schema, value)).toEqual(expected);
  });

  it.each([
    [{ type: ['string', 'null'] }, null],
    [{ type: 'integer' }, 2],
    [{ anyOf: [] }, 1],
    [{ pattern: '^(a+)+$', format: 'date', not: {}, if: {}, else: false }, `${'a'.repeat(40)}!`],
    [{ uniqueItems: true }, [1, 1]],
    [{ $ref: 'https://example.com/schema' }, 1],
    [{ $ref: '#/$defs/none' }, 1],
    [{ $ref: '#' }, 1],
    [{ $ref: '#/%' }, 1],
    [{ type: 'colour' }, 1],
    [{ type: [] }, 1],
    [{ enum: [[1]] }, [2]],
    [{ const: { a: 1 } }, { a: 2 }],
    [{ items: [{ type: 'null' }] }, [1]],
    [{ patternProperties: { '^x': {} }, additionalProperties: false }, { x1: 1 }],
    [{ maxLength: 2 }, '😀😀'],
    [{ properties: { a: true }, required: 'a' }, {}],
    [{ properties: null, anyOf: {}, allOf: 1 }, {}],
  ])('of %j and %j nothing is said, for the server may take it', (schema, value) => {
    expect(issues(schema, value)).toEqual([]);
  });

  it.each<[string, (size: number) => unknown, 'least' | 'most']>([
    ['minimum', (size) => size, 'least'],
    ['maximum', (size) => size, 'most'],
    ['minLength', (size) => 'x'.repeat(size), 'least'],
    ['maxLength', (size) => 'x'.repeat(size), 'most'],
    ['maxLength', (size) => '😀'.repeat(size), 'most'],
    ['minItems', (size) => Array(size).fill(0), 'least'],
    ['maxItems', (size) => Array(size).fill(0), 'most'],
    ['minProperties', (size) => Object.fromEntries(Array(size).entries()), 'least'],
    ['maxProperties', (size) => Object.fromEntries(Array(size).entries()), 'most'],
  ])('%s is held at its value, and not one beyond', (keyword, make, kind) => {
    const [within, beyond] = kind === 'least' ? [[3, 4], 2] : [[3, 2], 4];
    for (const size of within) expect(issues({ [keyword]: 3 }, make(size))).toEqual([]);
    expect(issues({ [keyword]: 3 }, make(beyond))).toHaveLength(1);
    // What is no number says nothing of sizes, and a size is of its own kind alone.
    for (const odd of ['3', null, [3]]) expect(issues({ [keyword]: odd }, make(beyond))).toEqual([]);
    expect(issues({ [keyword]: 3 }, true)).toEqual([]);
  });

  it('lies between bounds that exclude their value', () => {
    const between = { exclusiveMinimum: 1, exclusiveMaximum: 3 };
    expect([1, 2, 3].map((value) => issues(between, value).length)).toEqual([1, 0, 1]);
    for (const odd of ['3', null])
      expect(issues({ exclusiveMinimum: odd, exclusiveMaximum: odd }, 3)).toEqual([]);
  });

  it('is one of several choices, of which eight are told, each cut at 60 characters', () => {
    const numbers = Array.from({ length: 9 }, (_, i) => i);
    expect(issues({ enum: numbers }, 8)).toEqual([]);
    expect(issues({ enum: numbers.slice(0, 8) }, 9)).toEqual([
      ': it must be 0 or 1 or 2 or 3 or 4 or 5 or 6 or 7',
    ]);
    expect(issues({ enum: numbers }, 9)).toEqual([': it must be 0 or 1 or 2 or 3 or 4 or 5 or 6 or 7 …']);
    expect(issues({ const: 'x'.repeat(100) }, 1)).toEqual([`: it must be "${'x'.repeat(59)}`]);
    // Some are left to the server: then all are.
    expect(issues({ enum: [1, { a: 1 }] }, 2)).toEqual([]);
    expect(issues({ enum: [1, 2] }, [1])).toEqual([]);
    expect(issues({ enum: [] }, 1)).toEqual([]);
  });

  it('counts its choices, and the names that must be there, as steps', () => {
    const many = Array.from({ length: 1_000 }, (_, i) => i);
    const list = Array(10).fill(-1);
    expect(schemaIssues({ items: { enum: many } }, list, 20_000)).toHaveLength(10);
    expect(schemaIssues({ items: { enum: many } }, list, 5_000)).toEqual([]);
    const required = many.map((i) => `f${i}`);
    const value = Object.fromEntries(required.map((name) => [name, 0]));
    const allOf = [...Array(10).fill({ required }), { maxProperties: 1 }];
    expect(schemaIssues({ allOf }, value, 20_000)).toHaveLength(1);
    expect(schemaIssues({ allOf }, value, 5_000)).toEqual([]);
  });

  it('is read by the references of its own document alone', () => {
    const own = { $defs: { s: { $id: 'https://example.com/s', type: 'null' }, 'a b%': { type: 'null' } } };
    expect(issues({ ...own, items: { $ref: '#/$defs/s' } }, [1])).toEqual([]);
    expect(issues({ ...own, items: { $ref: '#$defs/s' } }, [1])).toEqual([]);
    expect(issues({ items: { type: 'null' }, $ref: '#anchor/items' }, 1)).toEqual([]);
    expect(issues({ ...own, items: { $ref: '#/$defs/a%20b%25' } }, [1])).toHaveLength(1);
    const tildes = { $defs: { 'a~b': { type: 'null' }, 'a~1': { type: 'null' } } };
    expect(issues({ ...tildes, items: { $ref: '#/$defs/a~0b' } }, [1])).toHaveLength(1);
    expect(issues({ ...tildes, items: { $ref: '#/$defs/a~01' } }, [1])).toHaveLength(1);
    // What cannot be decoded is taken as it is.
    expect(issues({ ...own, items: { $ref: '#/$defs/a b%' } }, [1])).toHaveLength(1);
  });

  it('is told of what comes first, and of the rest of a list by its items', () => {
    const schema = { prefixItems: [{ type: 'null' }, {}], items: { type: 'string' } };
    expect(issues(schema, [1, 1, 1, 'a'])).toEqual([
      '0: it must be null, not number',
      '2: it must be string, not number',
    ]);
    expect(issues({ prefixItems: [{ type: 'null' }] }, [null, 1, 2])).toEqual([]);
    expect(issues({ type: ['colour', 'null'] }, 1)).toEqual([]);
    expect(issues({ required: [7, 'a'] }, {})).toEqual(['a: it is missing']);
  });

  it('is told 32 times at most', () => {
    expect(issues({ items: { type: 'null' } }, Array(10_000).fill(1))).toHaveLength(32);
    const required = Array.from({ length: 40 }, (_, i) => `f${i}`);
    expect(issues({ required }, {})).toHaveLength(32);
    expect(issues({ items: { anyOf: [{ required: required.slice(20) }] } }, [{}, {}])).toHaveLength(32);
  });

  it('is what is wrong with the alternative that was meant: the first of those that fit deepest', () => {
    const at = (path: string[], schema: object): object =>
      path.reduceRight<object>((own, key) => ({ properties: { [key]: own } }), schema);
    const value = { a: { b: { c: 1 } }, x: 1 };
    const deep = at(['a', 'b', 'c'], { type: 'null' });
    const middle = at(['a', 'b'], { maxProperties: 0 });
    const found = 'a.b.c: it must be null, not number';
    for (const anyOf of [
      [deep, middle],
      [middle, deep],
    ])
      expect(issues({ anyOf }, value)).toEqual([found]);
    const both = { allOf: [at(['x'], { type: 'null' }), deep] };
    expect(issues({ anyOf: [both, middle] }, value)).toEqual(['x: it must be null, not number', found]);
    const other = at(['a', 'b', 'c'], { type: 'string' });
    expect(issues({ anyOf: [deep, other] }, value)).toEqual([found]);
    expect(issues({ anyOf: [{ type: 'null' }] }, 1)).toEqual([': it must be null, not number']);
  });

  it('takes fields of every object for what they are', () => {
    const schema = { properties: { a: {} }, required: ['toString'], additionalProperties: false };
    expect(issues(schema, JSON.parse('{"__proto__": 1}'))).toEqual([
      'toString: it is missing',
      '__proto__: there is no such field',
    ]);
  });
});

describe('a value that takes too long', () => {
  const node: Record<string, unknown> = { type: 'object', properties: { next: { $ref: '#' } } };
  const either = {
    anyOf: [
      { ...node, required: ['a'] },
      { ...node, required: ['b'] },
    ],
  };
  const nested = (depth: number): object => (depth === 0 ? {} : { next: nested(depth - 1) });

  it('is looked at in as many steps as it may take, and passes with one less', () => {
    const list = { items: { type: 'null' } };
    expect(schemaIssues(list, [1, 1], 3)).toHaveLength(2);
    expect(schemaIssues(list, [1, 1], 2)).toEqual([]);
    // Items and fields that the schema says nothing of take none.
    expect(schemaIssues({ maxItems: 1 }, Array(100).fill(0), 1)).toHaveLength(1);
    expect(schemaIssues({ maxProperties: 1 }, Object.fromEntries(Array(100).entries()), 1)).toHaveLength(1);
  });

  it('passes, within the steps that it has', () => {
    expect(schemaIssues(either, nested(200))).toEqual([]);
    expect(schemaIssues(either, nested(3))).not.toEqual([]);
  });

  it.each([
    ['a list', { items: { $ref: '#' } }, (inner: unknown) => [inner]],
    ['fields', { properties: { a: { $ref: '#' } } }, (inner: unknown) => ({ a: inner })],
    ['other fields', { additionalProperties: { $ref: '#' } }, (inner: unknown) => ({ a: inner })],
  ])('passes what lies 256 schemas deep in %s', (_where, schema, around) => {
    const nestedIn = (depth: number): unknown => (depth === 0 ? 7 : around(nestedIn(depth - 1)));
    // Each level is a schema and a reference.
    expect(issues({ ...schema, maximum: 6 }, nestedIn(128))).toHaveLength(1);
    expect(issues({ ...schema, maximum: 6 }, nestedIn(129))).toEqual([]);
  });

  it('passes where a schema holds itself', () => {
    for (const keyword of ['allOf', 'anyOf', 'oneOf'])
      expect(issues({ type: 'string', [keyword]: [{ $ref: '#' }] }, 'a')).toEqual([]);
  });

  it('passes where it is too deep', () => {
    expect(
      issues({ items: { $ref: '#' }, type: 'array' }, JSON.parse('['.repeat(300) + ']'.repeat(300))),
    ).toEqual([]);
    expect(schemaIssues({ items: { type: 'number' } }, Array(1_000).fill(1), 100)).toEqual([]);
  });
});

describe('no value that zod takes is refused', () => {
  const tree: z.ZodType = z.lazy(() => z.union([z.number(), z.object({ left: tree, right: tree })]));
  const shapes = [
    z.object({ w: z.number().min(1), unit: z.enum(['a', 'b']).optional(), tags: z.array(z.string().max(2)) }),
    z.strictObject({ id: z.union([z.int(), z.string().min(1)]), on: z.boolean().default(true) }),
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('a'), n: z.number().nullable() }),
      z.object({ kind: z.literal('b'), m: z.record(z.string(), z.number()) }),
    ]),
    z.tuple([z.string(), z.number()]).rest(z.boolean()),
    z.intersection(z.object({ a: z.string() }), z.object({ b: z.string().optional() })),
    tree,
  ];
  const KEYS = ['w', 'unit', 'tags', 'id', 'on', 'kind', 'n', 'm', 'a', 'b', 'left', 'right'];
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('a', 'b', '', 0, 1, 2, -1, 1.5, true, null),
      fc.string(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 4 }),
    ),
  }));

  it.each(shapes.map((shape, index) => [index, shape] as const))('by shape %i', (_, shape) => {
    const schema = z.toJSONSchema(shape, { io: 'input' }) as Record<string, unknown>;
    let agreed = 0;
    let all = 0;
    fc.assert(
      fc.property(value, (own) => {
        all++;
        const found = schemaIssues(schema, own);
        const { success } = shape.safeParse(own);
        if (success) expect(found).toEqual([]);
        else if (found.length > 0) agreed++;
      }),
      { numRuns: 2_000 },
    );
    expect(agreed).toBeGreaterThan(all / 4);
  });
});
