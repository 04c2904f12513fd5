import { json } from 'frond';
import { fn } from 'frond/functions';
import { textServer } from './text.js';

/** What the function below takes. A page draws a form from it. */
const POSTER = {
  type: 'object',
  properties: {
    title: { type: 'string', description: 'Stands on top.' },
    lines: { type: 'array', items: { type: 'string' }, description: 'Stand below it.' },
    width: { type: 'integer', description: 'Characters of a line, from 10 to 60. Default 30.' },
    align: { enum: ['left', 'centre'] },
    isLoud: { type: 'boolean', description: 'In capital letters.' },
  },
  required: ['title', 'lines'],
};

/**
 * What is wrong with a poster. A library such as zod or valibot would say it.
 * @param {{ title?: unknown, lines?: unknown, width?: unknown }} poster
 */
const issuesOf = ({ title, lines, width = 30 }) => {
  /** @type {{ path: (string | number)[], message: string }[]} */
  const issues = [];
  if (typeof title !== 'string' || title === '')
    issues.push({ path: ['title'], message: 'a poster needs a title' });
  for (const [index, line] of (Array.isArray(lines) ? lines : [null]).entries()) {
    if (typeof line !== 'string') issues.push({ path: ['lines', index], message: 'a line must be text' });
  }
  if (!Number.isInteger(width) || Number(width) < 10 || Number(width) > 60) {
    issues.push({ path: ['width'], message: 'it must be a whole number from 10 to 60' });
  }
  return issues;
};

/** @typedef {{ title: string, lines: string[], width?: number, align?: 'left' | 'centre', isLoud?: boolean }} Poster */

/**
 * Checks what came, as such a library does.
 * @param {unknown} value
 * @returns {{ value: Poster } | { issues: ReturnType<typeof issuesOf> }}
 */
const checkPoster = (value) => {
  /** @type {Poster} */
  const given = Object(value);
  const issues = issuesOf(given);
  return issues.length > 0 ? { issues } : { value: given };
};

/** @satisfies {import('@standard-schema/spec').StandardSchemaV1<Poster> & { '~standard': { jsonSchema: object } }} */
const posterSchema = {
  '~standard': {
    version: 1,
    vendor: 'playground',
    validate: checkPoster,
    jsonSchema: { input: () => POSTER, output: () => POSTER },
  },
};

/** Sets a title and some lines as a poster. */
const poster = fn(
  { description: 'Sets a title and some lines as a poster.', input: posterSchema, output: json() },
  ({ title, lines, width = 30, align = 'centre', isLoud = false }) =>
    [title, '', ...lines].map((line) => {
      const text = isLoud ? line.toUpperCase() : line;
      return align === 'left' ? text : text.padStart(Math.floor((width + text.length) / 2));
    }),
);

/** The server of texts, with a function that has types. */
const posterServer = { ...textServer, functions: { ...textServer.functions, poster } };

export { posterServer };
