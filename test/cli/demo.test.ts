import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CREW, DEMO, demoAddresses, TALLY } from '../../cli/demo/cluster.ts';
import { SONNETS } from '../../cli/demo/sonnets.ts';
import { localAddress } from '../../cli/roles/entry.ts';
import type { FunctionContext, PalmFunction } from '../../src/cluster/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { type Child, contentOf, exitOf, frond, objectsOf, start, until } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { freeAddress } from '../support/ports.ts';

/** Starts a demo that stays until the test is over, at most. */
function startHere(args: readonly string[]): Child {
  const child = start(args);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

test('it shows everything, ends by itself, and has nothing for a terminal in it', async () => {
  const { code, stdout, stderr } = await frond(['demo', '--once', '--all'], {
    env: { FROND_DB: 'tcp://127.0.0.1:1' },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const text = stdout.toString();
  expect(text).toContain('SHALL I COMPARE THEE');
  expect(text).toMatch(/^ +8 {2}▪{8} +Shall I compare thee to a summer's day\?$/m);
  expect(text).toMatch(/^159 lines · [\d,]+ messages · [\d,]+ messages\/s · /m);
  expect(text).toContain('festina lente');
  expect(text).toMatch(/^ {2}node .*demo --db tcp:\/\/127\.0\.0\.1:5555$/m);
  expect(text).not.toContain('\u001b');
  for (const line of SONNETS.trimEnd().split('\n')) expect(text).toContain(line);
});

test("a file of one's own, and --json", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'frond-'));
  try {
    const file = join(directory, 'own.txt');
    await writeFile(file, 'one two\nthree\n');
    const { code, stdout } = await frond(['demo', '--once', file, '--json']);
    expect(code).toBe(0);
    expect(objectsOf(stdout)).toMatchObject([
      { cluster: { db: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/), roles: { length: 8 } } },
      { eval: { function: 'demo.upper' } },
      { eval: { function: 'demo.reverse', answer: 'desserts' } },
      { text: '2\tone two' },
      { text: '1\tthree' },
      { job: { lines: 2, words: 3 } },
      { again: { messages: 30_000 } },
      { shared: { key: 'motto', value: 'festina lente' } },
      { summary: { lines: 2, messages: 30_004 } },
      { next: { length: 4 } },
    ]);
    await writeFile(file, '');
    expect((await here(['demo', '--once', file])).code).toBe(0);
  } finally {
    await rm(directory, { recursive: true });
  }
  expect(await here(['demo', '/nowhere'])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^frond: INPUT: /),
  });
});

test('it leaves servers that the lines it prints can call, until SIGINT', async () => {
  const child = startHere(['demo']);
  const errors = contentOf(child.stderr);
  const text = await until(child.stdout, /\/#relay=.*\n/);
  const lines = [...text.matchAll(/--db (tcp:\S+)$/gm)];
  expect(lines.length).toBe(3);
  const env = { FROND_DB: lines[0]?.[1] ?? '' };
  expect((await frond(['eval', 'demo.reverse', 'stressed'], { env })).stdout.toString()).toBe('desserts');
  const job = await frond(['job', 'demo.longest'], { env, stdin: 'a bee\nan elephant here\n' });
  expect(job.stdout.toString()).toBe('bee\nelephant\n');
  expect((await frond(['get', 'motto'], { env })).stdout.toString()).toBe('festina lente');
  child.kill('SIGINT');
  expect(await exitOf(child)).toBe(0);
  expect((await errors).toString()).toBe('');
});

test('--db is where the server is, and an address that is taken is refused', async () => {
  const address = await freeAddress();
  const child = startHere(['demo', '--json', '--db', address]);
  await until(child.stdout, /"playground"/);
  expect((await frond(['get', 'name', '--db', address])).stdout.toString()).toBe('demo');
  const second = await here(['demo', '--db', address]);
  expect(second.code).toBe(2);
  expect(second.stderr).toMatch(/^frond: INVALID_CALL: server "demo": cannot bind tcp:.*in use/);
  child.kill('SIGTERM');
  expect(await exitOf(child)).toBe(0);
});

test('piped into head', async () => {
  const child = startHere(['demo']);
  child.stdin.end();
  const errors = contentOf(child.stderr);
  await until(child.stdout, /server/);
  child.stdout.destroy();
  expect(await exitOf(child)).toBe(0);
  expect((await errors).toString()).toBe('');
});

test('interrupted in the middle', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'frond-'));
  try {
    // Long enough not to be over before the signal arrives, however slow this side is.
    const file = join(directory, 'long.txt');
    await writeFile(file, 'the first of many\n'.repeat(1_500_000));
    const child = startHere(['demo', file]);
    const errors = contentOf(child.stderr);
    await until(child.stdout, /the first of many/);
    child.kill('SIGINT');
    expect(await exitOf(child)).toBe(130);
    expect((await errors).toString()).toBe('');
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('its functions', async () => {
  const cached = new Map<string, Uint8Array>();
  const cache = {
    get: async (key: string) => cached.get(key),
    set: async (value: Uint8Array, key: string) => cached.set(key, value),
  };
  const context = { name: 'ann', signal: new AbortController().signal, cache } as unknown as FunctionContext;
  const call = async (run: PalmFunction | undefined, text: string) =>
    textOf((await run?.(bytes(text), context)) as Uint8Array);
  expect(await call(DEMO['words'], "thou wander'st in his all-oblivious shade,")).toMatch(/^6\t/);
  expect(await call(DEMO['words'], '')).toBe('0\t');
  expect(await call(DEMO['longest'], 'to be, or not')).toBe('not');
  expect(await call(DEMO['longest'], '')).toBe('');
  expect(await call(DEMO['reverse'], 'a😀b')).toBe('b😀a');
  await expect(call(DEMO['fail'], 'so be it')).rejects.toThrow(/^so be it$/);
  expect(await call(CREW['who'], 'x')).toBe('ann: x');
  expect(await call(CREW['nap'], '1')).toBe('ann slept 1 ms');
  for (const time of ['', 'long', '-1', '60001', 'Infinity'])
    await expect(call(CREW['nap'], time)).rejects.toThrow(/0 to 60000 milliseconds, not/);
  expect(await call(TALLY['total'], '3')).toBe('3 words, 3 in all');
  expect(await call(TALLY['total'], '4')).toBe('4 words, 7 in all');
});

test('addresses to bind and to call', () => {
  const any = 'tcp://127.0.0.1:*';
  expect(demoAddresses(undefined, 'memory://*').dbAddress).toBe('memory://*');
  expect(demoAddresses('tcp://[::1]:5555', any).pullAddress).toBe('tcp://[::1]:*');
  expect(demoAddresses('ipc:///tmp/x', any)).toMatchObject({ pubAddress: 'ipc:///tmp/x.pub' });
  expect(() => demoAddresses('inproc://x', any)).toThrow(/so that other processes can reach it/);
  expect(localAddress('tcp://0.0.0.0:1')).toBe('tcp://127.0.0.1:1');
  expect(localAddress('tcp://[::]:1')).toBe('tcp://[::1]:1');
  expect(localAddress('tcp://10.0.0.1:1')).toBe('tcp://10.0.0.1:1');
});

test('a page is not for a demo that ends', async () => {
  for (const option of ['--open', '--port=1']) {
    const { code, stderr } = await here(['demo', '--once', option]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^frond: USAGE: --(open|port) and --once exclude each other/);
  }
});
