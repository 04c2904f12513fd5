/** The cluster of the page as source: the very files that run here. */

import { WORKERS } from '../cluster/page-cluster.ts';
import grove from '../cluster/roles/grove.js?raw';
import helpers from '../cluster/roles/helpers.js?raw';
import loom from '../cluster/roles/loom.js?raw';
import poster from '../cluster/roles/poster.js?raw';
import press from '../cluster/roles/press.js?raw';
import text from '../cluster/roles/text.js?raw';

interface Part {
  readonly source: string;
  /** Expressions for the roles that it defines. */
  readonly roles: readonly string[];
  /** Servers that it takes from. */
  readonly needs: readonly string[];
}

const PARTS: Readonly<Record<string, Part>> = {
  text: { source: text, roles: ['textServer'], needs: [] },
  grove: {
    source: grove,
    roles: ['groveMaster', ...WORKERS.map((name) => `groveWorker('${name}')`)],
    needs: [],
  },
  loom: { source: loom, roles: ['loomPipeline'], needs: ['text'] },
  press: { source: press, roles: ['pressSink'], needs: ['loom', 'grove'] },
};

/** The server of texts with its function that has types, which other calls do not need. */
const TYPED: Part = { source: `${body(text)}\n${poster}`, roles: ['posterServer'], needs: [] };

export interface ClusterSource {
  readonly source: string;
  readonly roles: readonly string[];
  /** Whether it defines functions with types. */
  readonly isTyped: boolean;
}

/**
 * The parts of the cluster that calls of these servers need.
 * @param path - the functions that are called; empty when none is.
 */
export function clusterSource(servers: readonly string[], path: string): ClusterSource {
  const isTyped = /(^|\s)text\.poster(\s|$)/.test(path);
  const partOf = (name: string) => (isTyped && name === 'text' ? TYPED : PARTS[name]);
  const needed = new Set<string>();
  const need = (name: string) => {
    const part = partOf(name);
    if (part === undefined || needed.has(name)) return;
    for (const one of part.needs) need(one);
    needed.add(name);
  };
  for (const name of servers) need(name);
  // A client needs a server, even for a function that does not exist.
  if (needed.size === 0) need('text');
  const parts = [...needed].flatMap((name) => partOf(name) ?? []);
  return {
    source: [helpers, ...parts.map(({ source }) => source)].map(body).join('\n'),
    roles: parts.flatMap(({ roles }) => roles),
    isTyped,
  };
}

/** Makes a module part of another: without its imports, its exports and its comments for the type checker. */
function body(source: string): string {
  return `${source
    .replace(/^import .*;\n/gm, '')
    .replace(/^export \{.*\};\n/gm, '')
    .replace(/^ *\/\*\* @.*\*\/\n/gm, '')
    .replace(/\/\*\* @type \{const\} \*\/ \(('\w+')\)/g, '$1')
    .replace(/ @(satisfies|type|param) .*?(?= \*\/$)/gm, '')
    .replace(/^ \* @.*\n/gm, '')
    .trim()}\n`;
}
