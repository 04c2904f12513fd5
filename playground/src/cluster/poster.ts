/** A function with types: the page draws a form for what it takes. */
import { fn, json } from 'frond/functions';

interface Poster {
  readonly title: string;
  readonly lines: readonly string[];
  readonly width?: number;
  readonly align?: 'left' | 'centre';
  readonly isLoud?: boolean;
}

const SCHEMA = {
  type: 'object',
  properties: {
    title: { type: 'string', description: 'Stands on top.' },
    lines: { type: 'array', items: { type: 'string' }, description: 'Stand below it.' },
    width: { type: 'integer', description: 'Characters of a line, from 10 to 60. Default 30.' },
    align: { enum: ['left', 'centre'] },
    isLoud: { type: 'boolean', description: 'In capital letters.' },
  },
  required: ['title', 'lines'],
} as const;

/** What is wrong with a poster. A library such as zod or valibot would say it. */
function issuesOf({ title, lines, width }: Partial<Record<keyof Poster, unknown>>) {
  const issues: { path: readonly (string | number)[]; message: string }[] = [];
  if (typeof title !== 'string' || title === '')
    issues.push({ path: ['title'], message: 'a poster needs a title' });
  if (!Array.isArray(lines)) issues.push({ path: ['lines'], message: 'a list of lines is needed' });
  else
    for (const [index, line] of lines.entries())
      if (typeof line !== 'string') issues.push({ path: ['lines', index], message: 'a line must be text' });
  const isWide =
    width === undefined || (Number.isInteger(width) && Number(width) >= 10 && Number(width) <= 60);
  if (!isWide) issues.push({ path: ['width'], message: 'it must be a whole number from 10 to 60' });
  return issues;
}

const schema = {
  '~standard': {
    version: 1 as const,
    vendor: 'playground',
    validate: (value: unknown) => {
      const issues = issuesOf(Object(value));
      return issues.length > 0 ? { issues } : { value: value as Poster };
    },
    jsonSchema: { input: () => SCHEMA, output: () => SCHEMA },
    types: undefined as unknown as { readonly input: Poster; readonly output: Poster },
  },
};

/** Sets a text as a poster. */
export const poster = fn(
  { description: 'Sets a title and some lines as a poster.', input: schema, output: json<string[]>() },
  ({ title, lines, width = 30, align = 'centre', isLoud = false }) =>
    [title, '', ...lines].map((line) => {
      const text = isLoud ? line.toUpperCase() : line;
      return align === 'left' ? text : text.padStart(Math.floor((width + text.length) / 2));
    }),
);
