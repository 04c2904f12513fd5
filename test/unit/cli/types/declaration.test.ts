import { describe, expect, it } from 'vitest';
import { declarationOf } from '../../../../cli/types/declaration.ts';
import { readDescriptions } from '../../../../src/functions/contract/read-descriptions.ts';

const JSON_OF = (schema: Record<string, unknown>) => ({ codec: 'JSON', schema });

describe('the types of a server', () => {
  it('are those of its functions with types', () => {
    const text = declarationOf('images', [
      { name: 'echo' },
      {
        name: 'resize',
        description: 'Makes it smaller.',
        kind: 'one',
        input: JSON_OF({
          type: 'object',
          properties: {
            url: { type: 'string' },
            width: { type: 'integer' },
            tags: { type: 'array', items: { enum: ['a', 1, null] } },
          },
          required: ['url'],
        }),
        output: { codec: 'Uint8Array' },
        errors: { GONE: JSON_OF({ type: 'object', properties: { at: { type: ['number', 'null'] } } }) },
      },
      { name: 'tags', kind: 'many', input: { codec: 'text' }, output: { codec: 'JSON' } },
    ]);
    expect(text.split('\n')).toEqual([
      '/** The functions of server "images", as it says: written by `frond types`. */',
      "import type { FunctionDefinition, PayloadCodec, StreamDefinition } from 'frond/functions';",
      '',
      'export declare const images: {',
      '  /** Makes it smaller. */',
      '  readonly "resize": FunctionDefinition<PayloadCodec<{ "url": string; "width"?: number; "tags"?: (("a" | 1 | null))[] }>, PayloadCodec<Uint8Array>, { readonly "GONE": PayloadCodec<{ "at"?: (number | null) }>; }>;',
      '  readonly "tags": StreamDefinition<PayloadCodec<string>, PayloadCodec<unknown>>;',
      '};',
    ]);
  });

  it('hold nothing of what a server says as code', () => {
    const evil = '*/ export const own = process.exit(); /*\n\u2028"`';
    const schema = { type: 'object', properties: { [evil]: { const: evil } } };
    const text = declarationOf(`class`, [
      { name: evil, description: evil, kind: 'one', input: JSON_OF(schema), output: { codec: evil } },
    ]);
    const lines = text.split('\n');
    expect(lines).toHaveLength(7);
    expect(text).not.toContain('\u2028');
    expect(lines[4]?.indexOf('*/')).toBe((lines[4] ?? '').length - 2);
    expect(text).toContain('export declare const server_class');
  });

  it('end in a schema that has no end', () => {
    let schema: Record<string, unknown> = { type: 'string' };
    for (let i = 0; i < 1_000; i++) schema = { type: 'array', items: schema };
    const text = declarationOf('s', [
      { name: 'f', kind: 'one', input: JSON_OF(schema), output: { codec: 'text' } },
    ]);
    expect(text).toContain('unknown');
    expect(text.length).toBeLessThan(600);
  });

  it.each(['{}', '[1]', '[{"name":1}]', 'no JSON', '[{"name":"f","kind":"all"}]'])(
    'are not read from %s',
    (text) => {
      expect(() => readDescriptions(text)).toThrow();
    },
  );
});
