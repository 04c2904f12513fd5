/** A server at `ipc://path` takes no file away. */
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { zeromq } from '../../transports/zeromq/index.ts';
import { here } from '../support/in-process.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frond-ipc-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a file, a folder and a link stay, and binding says so', async () => {
  const [file, inside, linked] = [join(folder, 'file'), join(folder, 'folder'), join(folder, 'link')];
  await writeFile(file, 'precious');
  await mkdir(inside);
  await symlink(file, linked);
  const connection = await zeromq().open();
  for (const path of [file, inside, linked]) {
    const text = /^cannot bind ipc:.*: there is a file that is not a socket$/;
    const refused = expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringMatching(text) });
    await expect(connection.bindPull(`ipc://${path}`)).rejects.toEqual(refused);
    await expect(connection.bindReply(`ipc://${path}`, (frame) => frame)).rejects.toEqual(refused);
  }
  await connection.close();
  expect(await readFile(linked, 'utf8')).toBe('precious');
  expect((await stat(inside)).isDirectory()).toBe(true);
});

test('the command says it too', async () => {
  const file = join(folder, 'also');
  await writeFile(file, 'precious');
  const { code, stderr } = await here(['demo', '--once', '--db', `ipc://${file}`]);
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('not a socket') });
  expect(await readFile(file, 'utf8')).toBe('precious');
});

test('a socket that was left behind is bound again', async () => {
  const address = `ipc://${join(folder, 'socket')}`;
  for (let round = 0; round < 2; round++) {
    const connection = await zeromq().open();
    expect((await connection.bindPull(address)).address).toBe(address);
    await connection.close();
  }
});
