/** What a command says of options about NATS before it connects: none of these needs one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { clusterTransport } from '../../cli/cluster-transport.ts';
import { parseOptions } from '../../cli/command.ts';
import { COMMANDS, loadCommand } from '../../cli/commands/index.ts';
import { natsAccess, natsOptions } from '../../cli/nats-access.ts';
import { settingsOf } from '../../cli/relay/settings.ts';
import { here } from '../support/in-process.ts';
import { startServer } from '../support/tcp-server.ts';
import { expectFailure } from './failure.ts';

const folder = mkdtempSync(join(tmpdir(), 'frond-nats-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const commands = await Promise.all(COMMANDS.map(loadCommand));
const speaking = commands.filter(
  ({ options, own }) => options.includes('nats') && own?.nats?.kind !== 'flag',
);
const NATS = 'nats://127.0.0.1:1';

const commandNamed = (name: string) => {
  const command = commands.find((one) => one.name === name);
  if (command === undefined) throw new Error(`there is no command ${name}`);
  return command;
};
const optionsOf = (argv: readonly string[], env = {}, name = 'get') =>
  parseOptions(commandNamed(name), argv, env).options;

test('all commands that reach servers or serve have the options', () => {
  expect(speaking.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      ...['eval', 'job', 'map', 'get', 'set', 'delete', 'serve', 'worker', 'relay', 'inspect', 'types'],
    ]),
  );
});

const overZeromq = speaking.filter(({ options }) => options.includes('native'));

test.each(overZeromq)('frond $name uses nats() with --nats or FROND_NATS alone', async (command) => {
  const transportOf = async (argv: string[], env = {}) =>
    (await clusterTransport(parseOptions(command, argv, env).options)).name;
  expect(await transportOf([])).toBe('zmtp');
  expect(await transportOf(['--nats', NATS])).toBe('nats');
  expect(await transportOf([], { FROND_NATS: NATS })).toBe('nats');
  expect(await transportOf([], { FROND_NATS: NATS, FROND_NATIVE: '1' })).toBe('nats');
});

describe('where NATS is, and who one is there', () => {
  const read = async (argv: readonly string[], env = {}) => {
    const access = natsAccess(optionsOf(argv, env));
    const { servers, user, pass, token, cluster, creds, tls } = await natsOptions(access ?? { url: '' });
    return JSON.parse(JSON.stringify({ servers, user, pass, token, cluster, creds, tls }));
  };

  it.each<[string, object]>([
    ['nats://a:1', { servers: ['nats://a:1'] }],
    ['a:1', { servers: ['a:1'] }],
    ['nats://a:1, tls://b:2', { servers: ['nats://a:1', 'tls://b:2'] }],
    ['nats://u:p@a:1', { servers: ['nats://a:1'], user: 'u', pass: 'p' }],
    ['nats://u:p%40:q@a:1', { servers: ['nats://a:1'], user: 'u', pass: 'p@:q' }],
    ['nats://secret@a:1,nats://b:2', { servers: ['nats://a:1', 'nats://b:2'], token: 'secret' }],
    ['nats://u:p@[::1]:1,nats://u:p@b', { servers: ['nats://[::1]:1', 'nats://b'], user: 'u', pass: 'p' }],
  ])('%s', async (url, expected) => {
    expect(await read(['--nats', url])).toEqual(expected);
    expect(await read([], { FROND_NATS: url })).toEqual(expected);
  });

  it('reads credentials and certificates from files', async () => {
    const [creds, ca, cert, key] = ['creds', 'ca', 'cert', 'key'].map((name) => file(name, `a ${name}`));
    const tls = ['--nats-ca', String(ca), '--nats-cert', String(cert), '--nats-key', String(key)];
    expect(
      await read(['--nats', NATS, '--nats-cluster', 'c', '--nats-creds', String(creds), ...tls]),
    ).toEqual({
      servers: [NATS],
      cluster: 'c',
      creds: 'a creds',
      tls: { ca: 'a ca', cert: 'a cert', key: 'a key' },
    });
    const env = { FROND_NATS: NATS, FROND_NATS_CLUSTER: 'e', FROND_NATS_CREDS: String(creds) };
    expect(await read([], env)).toEqual({ servers: [NATS], cluster: 'e', creds: 'a creds' });
  });
});

const get = (...argv: string[]) => ['get', 'key', '--db', 'nats:greeter', ...argv];

test.each<[string[], RegExp]>([
  [get('--nats-cluster', 'c'), /^frond: USAGE: --nats-cluster needs --nats URL or FROND_NATS/],
  [get('--nats-creds', 'f'), /^frond: USAGE: --nats-creds needs --nats URL/],
  [
    get('--nats', NATS, '--native'),
    /^frond: USAGE: --native and --nats \(or FROND_NATS\) exclude each other/,
  ],
  [
    get('--nats', NATS, '--server-key', 'k'),
    /USAGE: --server-key and --nats .* over NATS, tls:\/\/… encrypts/,
  ],
  [get('--nats', NATS, '--relay', 'ws://a'), /USAGE: --nats and --relay exclude each other/],
  [get('--nats-creds', 'f', '--relay', 'ws://a'), /USAGE: --nats-creds and --relay exclude each other/],
  [get('--nats', NATS, '--token', 't'), /USAGE: --token needs --relay URL/],
  [get('--nats', NATS, '--nats-cert', 'f'), /USAGE: --nats-cert and --nats-key belong together/],
  [
    get('--nats', 'http://u:p@a'),
    /USAGE: --nats must be addresses such as nats:\/\/host:4222, .*not "http:\/\/…@a"/,
  ],
  [get('--nats', 'nats://a:1,'), /USAGE: --nats must be addresses/],
  [get('--nats', 'nats://u:p@a,nats://v:q@b'), /USAGE: --nats must have the same user in each/],
  [get('--nats', NATS, '--nats-creds', '/none'), /^frond: INPUT: "\/none" cannot be read: ENOENT/],
  [get('--nats', NATS, '--nats-cluster', ''), /INVALID_CALL: cluster must be a name of at most 64 bytes/],
  [get(), /INVALID_CALL: .*"?nats:greeter.*; for NATS, say where it is: --nats nats:\/\/127\.0\.0\.1:4222/],
  [
    ['get', 'key', '--db', 'tcp://a:1', '--nats', NATS],
    /INVALID_CALL: over NATS an address is 'nats:<server>'.*; leave out --nats \(and FROND_NATS\) for ZeroMQ/,
  ],
  [['get', 'key', '--db', 'nats://a:1', '--nats', NATS], /INVALID_CALL: over NATS an address is/],
  [['get', 'key', '--nats', NATS], /USAGE: the address of the server is missing/],
  [['relay', '--allow', '*', '--server', 'a=nats:a'], /USAGE: --server a: .*; for NATS, say where it is/],
  [['relay', '--allow', '*', '--server', 'a=tcp://a:1', '--nats', NATS], /USAGE: --server a: over NATS/],
  [['demo', '--nats', '--native'], /USAGE: --native and --nats exclude each other/],
  [['demo', '--nats', '--db', 'tcp://127.0.0.1:5555'], /USAGE: with --nats, --db must be nats:NAME/],
  [['demo', '--db', 'nats:demo'], /USAGE: --db "nats:demo" needs --nats/],
  [['demo', '--nats=nats://a'], /USAGE: --nats takes no value/],
  [['nats', 'setpu'], /USAGE: frond nats does setup, status or purge, not "setpu"; did you mean setup\?/],
  [['nats', 'setup'], /USAGE: frond nats setup needs the names of servers/],
  [['nats', 'setup', 'a', '--replicas', '2'], /INVALID_CALL: replicas must be 1, 3 or 5, not 2/],
  [['nats', 'setup', 'a', '--storage', 'tape'], /INVALID_CALL: storage must be 'file' or 'memory'/],
  [['nats', 'setup', 'a', '--yes'], /USAGE: --yes is for frond nats purge/],
  [['nats', 'status', '--replicas', '3'], /USAGE: --replicas is for frond nats setup/],
  [['nats', 'purge'], /USAGE: frond nats purge needs the name of one server/],
  [['nats', 'purge', 'a', 'b', '--yes'], /USAGE: frond nats purge needs the name of one server/],
])('%j is refused before anything is sent', async (argv, message) => {
  expectFailure(await here(argv), 2, message);
});

test('serve: keys of ZeroMQ, addresses of neither transport, and a module without an address', async () => {
  const role = (rest: string) =>
    `export default { role: 'server', name: 'greeter', functions: {}, ${rest} };\n`;
  const [udp, none] = [file('udp.mjs', role("dbAddress: 'udp://127.0.0.1:1'")), file('none.mjs', role(''))];
  for (const key of ['--secret-key', '--server-key'])
    expectFailure(
      await here(['serve', none, '--nats', NATS, key, 'k']),
      2,
      new RegExp(`USAGE: ${key} and --nats`),
    );
  expectFailure(
    await here(['serve', udp, '--nats', NATS]),
    2,
    /MODULE: .* server "greeter": dbAddress: over NATS an address is 'nats:<server>'.*; or .*"udp:/,
  );
  expectFailure(await here(['serve', none]), 2, /MODULE: .* lacks dbAddress/);
  // With NATS it has one, and what is missing is NATS.
  expectFailure(
    await here(['serve', none, '--nats', NATS]),
    4,
    /^frond: DISCONNECTED: server "greeter": NATS at nats:\/\/127\.0\.0\.1:1 cannot be reached/,
  );
});

test('what the command line says goes before the environment', async () => {
  await using server = await startServer();
  const env = { FROND_NATS: NATS };
  // An address of ZeroMQ in the command line overrides NATS in the environment.
  const call = ['eval', 'test.upper', 'x', '--db', server.dbAddress];
  expect((await here(call, { env })).stdout.toString()).toBe('X');
  expectFailure(await here(['get', 'key'], { env: { ...env, FROND_DB: server.dbAddress } }), 2, /over NATS/);
  // --nats overrides a relay, and --relay NATS.
  const relay = { FROND_RELAY: 'ws://127.0.0.1:1', FROND_NATS: NATS };
  const failed = async (...argv: string[]) =>
    (await here(['get', 'k', '--timeout', '100', ...argv], { env: relay })).stderr;
  expect(await failed('--db', 'a')).toMatch(/TIMEOUT: .*"?a"?/);
  expect(await failed('--db', 'nats:a')).toMatch(/TIMEOUT: .*nats:a/);
  expect(await failed('--db', 'tcp://127.0.0.1:1', '--nats', NATS)).toMatch(/over NATS/);
});

describe('the config file of a relay', () => {
  const config = (nats: object) =>
    file(
      'relay.json',
      JSON.stringify({ servers: { a: 'nats:a' }, anonymous: { servers: ['a'], functions: ['*'] }, nats }),
    );
  const settings = (path: string, ...argv: string[]) =>
    settingsOf(optionsOf(['--config', path, ...argv], {}, 'relay'));

  it('says where NATS is, with paths beside the file, and options override it', async () => {
    const path = config({ url: 'nats://a:1', cluster: 'c', creds: 'creds' });
    file('creds', 'text');
    expect(await settings(path)).toMatchObject({
      transport: { name: 'nats' },
      nats: { url: 'nats://a:1', cluster: 'c', creds: join(folder, 'creds') },
    });
    expect((await settings(path, '--nats', NATS)).nats).toMatchObject({ url: NATS, cluster: 'c' });
  });

  it.each<[object, RegExp]>([
    [{}, /nats\.url/],
    [{ url: 'http://a' }, /nats\.url must be addresses of NATS/],
    [{ url: NATS, crds: 'x' }, /there is no key nats\.crds; did you mean creds\?/],
  ])('%j is refused', async (nats, message) => {
    await expect(settings(config(nats))).rejects.toMatchObject({
      code: 'INPUT',
      message: expect.stringMatching(message),
    });
  });
});
