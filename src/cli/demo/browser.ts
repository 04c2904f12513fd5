import { spawn } from 'node:child_process';
import type { Environment } from '../../../cli/io.ts';

/** What opens a URL with the program that the user has chosen for it. */
const OPENERS: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/** Opens a page in the user's browser, if there is one: it is nothing that the command depends on. */
export function openInBrowser(url: string, env: Environment): void {
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  const child = spawn(command, [...args, url], { env, stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
