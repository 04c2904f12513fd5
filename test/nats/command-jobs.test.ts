/** `frond job --detach` and `frond results` over NATS. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { textOf } from '../support/bytes.ts';
import { here } from '../support/in-process.ts';
import { NatsServer } from '../support/nats-server.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await NatsServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const run = async (args: readonly string[], stdin = '') => {
  const { code, stdout, stderr } = await here([...args, '--nats', server.url], { stdin });
  return { code, stdout: stdout.toString(), stderr };
};

it('a detached job prints its id, and its results are read from where a reader was', async () => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  await using _ = await Server.start({
    transport: nats({ servers: server.url }),
    name: 'letters',
    dbAddress: 'nats:letters',
    loggingLevel: 'silent',
    functions: {
      upper: async (payload) => {
        const text = textOf(payload);
        if (text === 'c') await gate;
        return new TextEncoder().encode(text.toUpperCase());
      },
    },
  });
  const detach = ['job', 'letters.upper', '--detach', '--db', 'nats:letters'];
  expect(await run([...detach, '--priority', '10'], 'a\n')).toMatchObject({
    stdout: '',
    stderr: expect.stringMatching(/^frond: USAGE: --priority must be/),
  });
  const job = await run([...detach, '--priority', '9'], 'a\nb\nc\nd\n');
  expect([job.code, job.stderr]).toEqual([0, '']);
  const id = job.stdout.trim();
  expect(id).toMatch(/^letters\/[\w-]{21}\/[\w-]{21}$/);
  const read = (...more: string[]) => run(['results', id, '--db', 'nats:letters', ...more]);
  const first = await read();
  expect([first.code, first.stdout]).toEqual([0, 'A\nB\n']);
  const [, position = ''] = /2 results so far.* --after (2@\d+(?:\.\d+)?)$/m.exec(first.stderr) ?? [];
  expect(position).not.toBe('');
  const following = read('--after', position, '--follow');
  release();
  expect(await following).toMatchObject({ code: 0, stdout: 'C\nD\n', stderr: '' });
  expect(await read('--after', '3')).toMatchObject({ code: 0, stdout: 'D\n', stderr: '' });
});
