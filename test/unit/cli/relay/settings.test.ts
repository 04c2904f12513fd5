import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseOptions } from '../../../../cli/command.ts';
import { relayCommand } from '../../../../cli/commands/relay.ts';
import { parseHostPort } from '../../../../cli/host-port.ts';
import { isPublic, urlOf } from '../../../../cli/relay/listening.ts';
import { checkConfig, isOrigin, readConfig, settingsOf } from '../../../../cli/relay/settings.ts';
import { inspectValue } from '../../../../src/protocol/errors.ts';

const WHOLE = {
  listen: '127.0.0.1:7766',
  servers: {
    demo: 'tcp://127.0.0.1:5555',
    full: {
      dbAddress: 'tcp://a:1',
      pushAddress: 'tcp://a:2',
      subAddress: 'tcp://a:3',
      functions: ['full.*'],
    },
  },
  origins: ['https://dash.example', 'http://localhost:5173'],
  path: '/frond',
  tokens: 'tokens.json',
  anonymous: { servers: ['*'], functions: ['*.echo', '*'], cache: 'read', work: false },
  limits: { maxFrame: 1, heartbeat: 1000 },
  trustProxy: true,
  tls: { cert: 'cert.pem', key: '/etc/key.pem' },
  peers: { id: 'a', keyFile: 'peers.key', urls: { b: 'ws://10.0.0.2:7766/' } },
  serverKey: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7',
  clientKey: '{X}#>t#jRGaQ}gMhv=30r(Mw+87YGs+5%kh=i@f8',
};

test('a config file is given back as it is, with the paths in it whole', async () => {
  expect(checkConfig(WHOLE, 'relay.json')).toEqual(WHOLE);
  expect(checkConfig({}, 'relay.json')).toEqual({});
  const folder = await mkdtemp(join(tmpdir(), 'frond-'));
  const path = join(folder, 'relay.json');
  try {
    await writeFile(path, JSON.stringify(WHOLE));
    expect(await readConfig(path)).toEqual({
      ...WHOLE,
      tokens: join(folder, 'tokens.json'),
      tls: { cert: join(folder, 'cert.pem'), key: '/etc/key.pem' },
      peers: { ...WHOLE.peers, keyFile: join(folder, 'peers.key') },
    });
    await writeFile(path, '{ "tls": ');
    await expect(readConfig(path)).rejects.toMatchObject({ code: 'INPUT', message: `"${path}" is not JSON` });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each([
  [null, 'it must be an object, not null'],
  [{ lsten: 'a:1' }, 'there is no key lsten; did you mean listen?'],
  [{ listen: 7766 }, 'listen must be a string that is not empty, not 7766'],
  [{ servers: ['tcp://a:1'] }, 'servers must be an object, not a list of 1'],
  [
    { servers: { demo: 5 } },
    "servers.demo must be an address such as 'tcp://127.0.0.1:5555', or { dbAddress, … }, not 5",
  ],
  [
    { servers: { demo: { dbAddress: 5 } } },
    "servers.demo.dbAddress must be an address such as 'tcp://127.0.0.1:5555', not 5",
  ],
  [
    { servers: { demo: { dbAdress: 'tcp://a:1' } } },
    'there is no key servers.demo.dbAdress; did you mean dbAddress?',
  ],
  [
    { servers: { demo: { x: 1 } } },
    'there is no key servers.demo.x, but dbAddress, pushAddress, subAddress, workerPushAddress, workerPullAddress, functions',
  ],
  [{ servers: { demo: {} } }, 'servers.demo must be an object with the address of the server, as dbAddress'],
  [
    { servers: { 'a.b': 'tcp://a:1' } },
    'a key of servers must be a name without dots, colons, slashes or spaces, not "a.b"',
  ],
  [
    { servers: { demo: { dbAddress: 'tcp://a:1', functions: ['upper'] } } },
    'servers.demo.functions[0] must be \'server.function\', with * for any part of it, or * for all, not "upper"',
  ],
  [{ origins: 'https://a.example' }, 'origins must be a list of origins of pages, not "https://a.example"'],
  [
    { origins: ['https://a.example', '*'] },
    'origins[1] must be an origin such as https://dash.example, not "*"',
  ],
  [{ path: 'frond' }, 'path must be a path such as /frond, not "frond"'],
  [{ path: '/a?b' }, 'path must be a path such as /frond, not "/a?b"'],
  [{ tokens: {} }, 'tokens must be a string that is not empty, not an object'],
  [{ anonymous: {} }, 'anonymous.servers is missing'],
  [{ anonymous: { server: ['*'] } }, 'there is no key anonymous.server; did you mean servers?'],
  [
    { anonymous: { servers: ['*'], cache: 'write' } },
    'anonymous.cache must be none, read, session or all, not "write"',
  ],
  [{ limits: { maxFrame: 0 } }, 'limits.maxFrame must be a whole number of at least 1, not 0'],
  [{ limits: { maxFrame: 1.5 } }, 'limits.maxFrame must be a whole number of at least 1, not 1.5'],
  [{ limits: { maxFrame: '1' } }, 'limits.maxFrame must be a whole number of at least 1, not "1"'],
  [{ limits: { maxFrames: 1 } }, 'there is no key limits.maxFrames; did you mean maxFrame?'],
  ...['yes', -1, 1.5, ['10.0.0.0/33'], ['here'], [10]].map(
    (trustProxy) =>
      [
        { trustProxy },
        `trustProxy must be true, the number of proxies, or a list of networks such as 10.0.0.0/8, loopback or private, not ${inspectValue(trustProxy)}`,
      ] as const,
  ),
  [{ tls: { cert: 'cert.pem' } }, 'tls.key is missing'],
  [{ tls: null }, 'tls must be an object, not null'],
] as const)('%j: %s', (content, message) => {
  const error = expect.objectContaining({ code: 'INVALID_CALL', message: `"relay.json": ${message}` });
  expect(() => checkConfig(content, 'relay.json')).toThrow(error);
});

test('origins, as browsers say them', () => {
  for (const one of ['https://a.example', 'http://localhost:5173', 'http://[::1]:81']) {
    expect(isOrigin(one)).toBe(true);
  }
  for (const one of [
    'https://a.example/',
    'https://a.example:443',
    'HTTPS://a.example',
    'a.example',
    '*',
    'null',
  ]) {
    expect(isOrigin(one), one).toBe(false);
  }
});

describe('where it listens', () => {
  test.each([
    ['127.0.0.1:7766', { host: '127.0.0.1', port: 7766 }, false, 'ws://127.0.0.1:7766/'],
    ['localhost:0', { host: 'localhost', port: 0 }, false, 'ws://localhost:7766/'],
    ['[::1]:*', { host: '::1', port: 0 }, false, 'ws://[::1]:7766/'],
    ['*:7766', { host: undefined, port: 7766 }, true, 'ws://127.0.0.1:7766/'],
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }, true, 'ws://127.0.0.1:7766/'],
    ['[::]:80', { host: '::', port: 80 }, true, 'ws://127.0.0.1:7766/'],
    ['relay.example:443', { host: 'relay.example', port: 443 }, true, 'ws://relay.example:7766/'],
  ] as const)('%s', (text, place, reachesOut, url) => {
    expect(parseHostPort(text)).toEqual(place);
    expect(isPublic(place)).toBe(reachesOut);
    expect(urlOf('ws', place, 7766, '/')).toBe(url);
  });
});

describe('the relays beside a relay', () => {
  const KEY = '0123456789abcdef0123456789abcdef';
  const peersOf = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const usual = ['--server', 'demo=tcp://127.0.0.1:5555', '--allow', 'demo.*'];
    const { options } = parseOptions({ name: 'relay', ...relayCommand }, [...usual, ...args], env);
    return (await settingsOf(options, env)).peers;
  };
  const given = ['--id', 'a', '--peer', 'b=ws://10.0.0.2:7766/', '--peer', 'c=wss://c.example/frond'];
  const urls = { b: 'ws://10.0.0.2:7766/', c: 'wss://c.example/frond' };

  test('are those of the options, with the key of a file or of the environment', async () => {
    expect(await peersOf([], { FROND_PEER_KEY: KEY })).toBeUndefined();
    expect(await peersOf(given, { FROND_PEER_KEY: KEY })).toEqual({ id: 'a', key: KEY, urls });
    const folder = await mkdtemp(join(tmpdir(), 'frond-'));
    try {
      const file = join(folder, 'peers.key');
      await writeFile(file, `${KEY}\n`);
      const named = [...given, '--peer-key-file', file];
      expect(await peersOf(named, { FROND_PEER_KEY: 'not this one' })).toEqual({ id: 'a', key: KEY, urls });
      const config = join(folder, 'relay.json');
      await writeFile(
        config,
        JSON.stringify({ peers: { id: 'x', keyFile: 'peers.key', urls: { d: 'ws://d/' } } }),
      );
      expect(await peersOf(['--config', config, '--id', 'a', '--peer', 'b=ws://b/'])).toEqual({
        id: 'a',
        key: KEY,
        urls: { d: 'ws://d/', b: 'ws://b/' },
      });
      await writeFile(file, 'short');
      await expect(peersOf(named)).rejects.toMatchObject({
        code: 'INPUT',
        message: expect.not.stringContaining('short'),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test.each([
    [['--peer', 'b=ws://b/'], '--peer needs --id ID'],
    [['--id', 'a.b'], '--id must be a name'],
    [['--id', 'a', '--peer', 'ws://b/'], '--peer must be ID=URL'],
    [['--id', 'a', '--peer', 'b=http://b/'], '--peer b must be the URL of a WebSocket'],
    [['--id', 'a', '--peer', 'a=ws://b/'], 'is this relay itself'],
    [['--id', 'a', '--peer', 'b=ws://b/'], 'give --peer-key-file FILE, or set FROND_PEER_KEY'],
  ])('are refused: %j', async (args, text) => {
    await expect(peersOf(args)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(text),
    });
  });

  test('need a key that cannot be guessed', async () => {
    await expect(peersOf(given, { FROND_PEER_KEY: 'short' })).rejects.toMatchObject({
      code: 'INPUT',
      message: 'FROND_PEER_KEY: the key that relays share must have 32 characters or more',
    });
  });
});
