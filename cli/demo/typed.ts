/** The demo's functions with types: one with data of errors, and one that says how far it is. The playground draws forms for them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type { JsonSchema } from '../../src/functions/contract/description.ts';
import { schemaIssues } from '../../src/functions/contract/schema-issues.ts';
import { fn, functions } from '../../src/functions/fn.ts';
import { text } from '../../src/protocol/payload.ts';

/** A schema as those of zod, valibot and arktype, checked as the command checks one that a server describes. */
interface Schema<T> extends StandardSchemaV1<T, T> {
  readonly '~standard': StandardSchemaV1.Props<T, T> & StandardJSONSchemaV1.Props<T, T>;
}

/** What a user has one of those libraries for. */
function schema<T>(described: JsonSchema): Schema<T> {
  const said = () => ({ ...described });
  return {
    '~standard': {
      version: 1,
      vendor: 'frond',
      validate: (value) => {
        const issues = schemaIssues(described, value);
        return issues.length > 0 ? { issues } : { value: value as T };
      },
      jsonSchema: { input: said, output: said },
    },
  };
}

/** A word, and how often it comes. */
interface Counted {
  readonly word: string;
  readonly times: number;
}

const COUNTED = {
  type: 'object',
  properties: { word: { type: 'string' }, times: { type: 'integer' } },
  required: ['word', 'times'],
};

/** Functions of the server `demo`, beside those of bytes. */
export const DEMO_TYPED = functions({
  frequent: fn(
    {
      description: 'The most frequent words of a text, and how often each comes.',
      input: schema<{ text: string; most?: number; shortest?: number }>({
        type: 'object',
        properties: {
          text: {
            type: 'string',
            default: 'the palm, the fern and the frond',
            description: 'Where to count.',
          },
          most: { type: 'integer', minimum: 1, maximum: 100, description: 'Words to give. Default 3.' },
          shortest: { type: 'integer', minimum: 1, description: 'Letters of the shortest. Default 1.' },
        },
        required: ['text'],
        additionalProperties: false,
      }),
      output: schema<readonly Counted[]>({ type: 'array', items: COUNTED }),
      errors: {
        NO_WORDS: schema<{ characters: number }>({
          type: 'object',
          properties: { characters: { type: 'integer', description: 'Characters that were looked at.' } },
          required: ['characters'],
        }),
      },
    },
    ({ text, most = 3, shortest = 1 }) => {
      const times = new Map<string, number>();
      for (const word of wordsOf(text.toLowerCase()))
        if (word.length >= shortest) times.set(word, (times.get(word) ?? 0) + 1);
      if (times.size === 0) {
        const data = { characters: text.length };
        throw Object.assign(new Error('the text has no such words'), { code: 'NO_WORDS', data });
      }
      const counted = [...times].map(([word, times]) => ({ word, times }));
      return counted.sort((one, other) => other.times - one.times).slice(0, most);
    },
  ),
});

/** Milliseconds that a cup takes. */
const BREWING = 250;

/** Functions of the workers of the master `crew`, beside those of bytes. */
export const CREW_TYPED = functions({
  brew: fn(
    {
      description: 'Makes some cups, one after the other, and says how far it is.',
      input: schema<{ cups: number; drink?: 'tea' | 'coffee' }>({
        type: 'object',
        properties: {
          cups: { type: 'integer', minimum: 1, maximum: 60, default: 8, description: '1 to 60.' },
          drink: { enum: ['tea', 'coffee'] },
        },
        required: ['cups'],
        additionalProperties: false,
      }),
      output: text(),
    },
    async ({ cups, drink = 'tea' }, { name, signal, progress }) => {
      for (let done = 0; done < cups; done++) {
        progress(done, cups, `${name} makes ${drink}`);
        await sleep(BREWING, undefined, { signal });
      }
      progress(cups, cups);
      return `${name} made ${cups} ${cups === 1 ? 'cup' : 'cups'} of ${drink}`;
    },
  ),
});

/** The words of a text. */
export function wordsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu) ?? [];
}
