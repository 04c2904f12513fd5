/** Commands as a user runs them. */
import { execFile } from 'node:child_process';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** The environment of a terminal, and not of the test runner or of the npm that started it. */
export function environment(own: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const foreign = /^(npm_(?!config_(registry|cache)$)|VITEST|TEST$|NODE_ENV$|FORCE_COLOR$|FROND_)/i;
  const others = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return { ...Object.fromEntries(others), NO_COLOR: '1', ...own };
}

/** Runs a command to its end. Rejects when it cannot be run, or takes too long. */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<Ran> {
  const { cwd, env, timeout = 30_000 } = options;
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd, env: environment(env), timeout, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        if (error === null) resolve({ code: 0, stdout, stderr });
        else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
        else reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${stdout}\n${stderr}`));
      },
    );
  });
}
