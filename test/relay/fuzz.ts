/**
 * The long form of attacks/fuzz.test.ts: `npx tsx test/relay/fuzz.ts [messages]`. Sends a million spoilt messages, or so many,
 * to a relay in a process of its own, and says what that came to. FUZZ_SEED has it repeated.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [messages = '1000000'] = process.argv.slice(2);
const root = fileURLToPath(new URL('../../', import.meta.url));
const vitest = fileURLToPath(new URL('node_modules/vitest/vitest.mjs', new URL('../../', import.meta.url)));
const child = spawn(process.execPath, [vitest, 'run', 'test/relay/attacks/fuzz.test.ts'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, RELAY_FUZZ: messages },
});
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
