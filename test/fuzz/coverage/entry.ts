/** What Jazzer.js loads and calls: one target, named by FUZZ_TARGET. */
import { minimized } from './minimized.ts';
import { attempt } from './target.ts';
import { loadTarget } from './targets.ts';

const name = process.env['FUZZ_TARGET'] ?? '';
const target = await loadTarget(name);

const from = process.env['FUZZ_MINIMIZE'];
if (from !== undefined) await minimized(name, target, from.split('\n'));

export function fuzz(data: Buffer): void | Promise<void> {
  // A copy, and no Buffer: what is read must not depend on where it lies.
  return attempt(target, new Uint8Array(data), true);
}
