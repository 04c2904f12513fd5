/** What our frond servers and workers can do: the twins of servers/functions.py, which give the same bytes. */
import type { FunctionContext, PalmFunctions } from '../../src/cluster/index.ts';
import { bytes, textOf } from '../support/bytes.ts';

/** @param label - tells processes apart that share a PALM name. */
export function functionsOf(label: string): PalmFunctions {
  return {
    same: (payload) => payload,
    upper: (payload) => bytes(textOf(payload).toUpperCase()),
    empty: () => bytes(''),
    tag: (payload) => bytes(`${textOf(payload)}|${label}`),
    nap: async (payload) => {
      await new Promise((resolve) => setTimeout(resolve, Number(textOf(payload))));
      return bytes(`${textOf(payload)}|${label}`);
    },
    who: () => bytes(label),
    even: (payload) => (Number(textOf(payload)) % 2 === 0 ? payload : undefined),
    boom: () => {
      throw new RangeError('boom was called');
    },
    none: () => undefined,
    /** Says how far it is, which pylm's cannot: it has no twin. */
    counted: async (payload, { progress }) => {
      progress(1, 2);
      await undefined;
      progress(2, 2);
      return payload;
    },
    *count(payload) {
      for (let i = 0; i < Number(textOf(payload)); i++) yield bytes(String(i));
    },
    *letters(payload) {
      for (const letter of textOf(payload)) yield bytes(letter);
    },
    cached: async (payload, { cache }) => (await cache.get(textOf(payload))) ?? bytes(''),
    store: async (payload, { cache }) => {
      const text = textOf(payload);
      const cut = text.indexOf('=');
      return bytes(await cache.set(bytes(text.slice(cut + 1)), text.slice(0, cut)));
    },
    forget: async (payload, { cache }) => ((await cache.delete(textOf(payload))) ? payload : bytes('')),
    envelope,
  };
}

function envelope(payload: Uint8Array, { message }: FunctionContext) {
  const { pipeline, client, stage, function: path, cache } = message;
  const hex = Buffer.from(payload).toString('hex');
  return bytes(JSON.stringify({ pipeline, client, stage, function: path, cache, payload: hex }));
}
