import type { Format } from '../state/formats.ts';
import type { InputChoice } from '../state/inputs.ts';

/** What the code does: the same as the main button of the panel. */
export type Action =
  | {
      readonly type: 'eval';
      readonly path: string;
      readonly payload: string;
      readonly format: Format;
      /** What answers are written in. */
      readonly answers: Format;
      readonly messages: number;
      readonly cache: string;
    }
  | {
      readonly type: 'job' | 'map';
      readonly path: string;
      readonly input: InputChoice;
      readonly format: Format;
      /** Undefined for a job without an end of its own. */
      readonly messages: number | undefined;
      readonly map: { readonly ordered: boolean; readonly window: number; readonly retries: number };
    }
  | {
      readonly type: 'get' | 'delete';
      readonly server: string;
      readonly key: string;
      readonly format: Format;
    }
  | {
      readonly type: 'set';
      readonly server: string;
      readonly key: string;
      readonly value: string;
      readonly format: Format;
    }
  | { readonly type: 'status'; readonly server: string };

/** Where the code does it. */
export type Setting =
  | { readonly kind: 'page'; readonly session: string }
  | { readonly kind: 'relay'; readonly session: string; readonly url: string; readonly hasToken: boolean };

export const RUNTIMES = ['browser', 'node', 'deno'] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** The first and the last server of the action. */
export function serversOf(action: Action): {
  readonly first: string;
  readonly last: string;
  readonly all: string[];
} {
  const all =
    'path' in action
      ? action.path
          .trim()
          .split(/\s+/)
          .map((stage) => stage.split('.')[0] ?? '')
      : [action.server];
  return { first: all[0] ?? '', last: all.at(-1) ?? '', all };
}
