/** The inputs that are kept in the repository. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bytes } from '../../../src/protocol/bytes.ts';

const folder = fileURLToPath(new URL('../', import.meta.url));

/** A minimal set of inputs that together reach every branch that the fuzzer has reached. */
export const corpusOf = (target: string) => join(folder, 'corpus', target);
/** Inputs that broke a claim once. They stay as regression tests. */
export const crashesOf = (target: string) => join(folder, 'crashes', target);

/** The files of a folder by name; none where there is no folder. */
export function readInputs(path: string): ReadonlyMap<string, Bytes> {
  const names = existsSync(path) ? readdirSync(path).sort() : [];
  return new Map(names.map((name) => [name, new Uint8Array(readFileSync(join(path, name)))]));
}

/** Writes inputs to a folder, each under its hash. */
export function writeInputs(path: string, inputs: readonly Bytes[]): void {
  mkdirSync(path, { recursive: true });
  for (const input of inputs) {
    writeFileSync(join(path, createHash('sha1').update(input).digest('hex').slice(0, 16)), input);
  }
}

/** Replaces all inputs in a folder. */
export function replaceInputs(path: string, inputs: readonly Bytes[]): void {
  rmSync(path, { recursive: true, force: true });
  writeInputs(path, inputs);
}
