/** What a server tells of its functions. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeFunction } from '../../../../src/functions/contract/description.ts';
import type { check } from '../../../../src/functions/contract/shape.ts';
import { fn } from '../../../../src/functions/fn.ts';
import { json, text } from '../../../../src/functions/index.ts';

const standard = (validate: unknown) => ({ '~standard': { version: 1, vendor: 'own', validate } });
type Schema = Parameters<typeof check>[0];
const schemaOf = (result: unknown) => standard(() => result) as Schema;

describe('a function', () => {
  it('is described by its codecs, and by the JSON Schemas that its library gives', () => {
    const own = fn(
      {
        input: z.object({ w: z.number().default(1) }),
        output: text(),
        errors: { TOO_BIG: z.object({ most: z.number() }), OTHER: json<number>() },
        description: 'Does it.',
      },
      () => 'x',
    );
    const described = describeFunction('own', own as never);
    expect(described).toMatchObject({
      name: 'own',
      description: 'Does it.',
      kind: 'one',
      input: { codec: 'JSON', schema: { type: 'object', properties: { w: { type: 'number' } } } },
      output: { codec: 'text' },
      errors: {
        TOO_BIG: { codec: 'JSON', schema: { required: ['most'] } },
        OTHER: { codec: 'JSON' },
      },
    });
    expect(described.input?.schema).not.toHaveProperty('$schema');
    // What a caller may leave out is not required of it.
    expect(described.input?.schema).not.toHaveProperty('required');
    expect(described.output).not.toHaveProperty('schema');
  });

  it('of bytes, or that is not known, is its name; what is not given is left out', () => {
    for (const own of [undefined, () => new Uint8Array()])
      expect(describeFunction('f', own)).toEqual({ name: 'f' });
    const plain = fn({ input: text(), output: text() }, (line) => line);
    expect(describeFunction('f', plain as never)).toStrictEqual({
      name: 'f',
      kind: 'one',
      input: { codec: 'text' },
      output: { codec: 'text' },
    });
  });

  it('whose library gives no JSON Schema, or throws, is described by its codec alone', () => {
    const throwing = { ...standard(() => ({ value: 1 })), toString: () => 'own' };
    Object.assign(throwing['~standard'], {
      jsonSchema: {
        input: () => {
          throw new Error('it cannot be said');
        },
      },
    });
    for (const input of [schemaOf({ value: 1 }), throwing as unknown as Schema]) {
      const own = fn({ input, output: text() }, () => 'x');
      expect(describeFunction('f', own as never).input).toEqual({ codec: 'JSON' });
    }
  });

  it('has schemas of the newest draft, of the side that a caller sees', () => {
    const asked: unknown[] = [];
    const shape = (what: string) => {
      const own = standard(() => ({ value: 1 }));
      const side = (name: string) => (options: unknown) => {
        asked.push([what, name, options]);
        return { $schema: 'a draft', title: what };
      };
      Object.assign(own['~standard'], { jsonSchema: { input: side('input'), output: side('output') } });
      return own as Schema;
    };
    const own = fn({ input: shape('in'), output: shape('out') }, () => 1);
    expect(describeFunction('f', own as never)).toStrictEqual({
      name: 'f',
      kind: 'one',
      input: { codec: 'JSON', schema: { title: 'in' } },
      output: { codec: 'JSON', schema: { title: 'out' } },
    });
    const target = { target: 'draft-2020-12' };
    expect(asked).toEqual([
      ['in', 'input', target],
      ['out', 'output', target],
    ]);
  });
});
