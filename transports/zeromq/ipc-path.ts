import { lstat } from 'node:fs/promises';

/**
 * ZeroMQ removes whatever is at the path that it binds, since a server that was killed leaves its socket there.
 * @throws Error when there is something else: a file of the user's would be gone.
 */
export async function checkIpcPath(address: string): Promise<void> {
  const [, path = ''] = /^ipc:\/\/([^@*].*)$/s.exec(address) ?? [];
  if (path === '') return;
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isSocket()) throw new Error('there is a file that is not a socket');
}
