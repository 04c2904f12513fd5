/** The module that Jazzer.js loads and calls. FUZZ_TARGET names the target; with FUZZ_MINIMIZE its corpus is rebuilt instead. */
import { minimized } from './minimized.ts';
import { attempt } from './target.ts';
import { loadTarget } from './targets.ts';

const name = process.env['FUZZ_TARGET'] ?? '';
const target = await loadTarget(name);

const from = process.env['FUZZ_MINIMIZE'];
if (from !== undefined) await minimized(name, target, from.split('\n'));

export function fuzz(data: Buffer): void | Promise<void> {
  // A copy in a plain Uint8Array: a view of a Buffer would share memory with the fuzzer.
  return attempt(target, new Uint8Array(data), true);
}
