import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseOptions } from '../../../../cli/command.ts';
import { relayCommand } from '../../../../cli/commands/relay.ts';
import { checkConfig, settingsOf } from '../../../../cli/relay/settings.ts';
import { parseJson } from '../../../../transports/relay/auth/schema.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, claimBounded, claimPlain, readLaterOr, readOr } from '../claims.ts';
import { type Target, textIn } from '../target.ts';

const ADDRESS = 'tcp://127.0.0.1:5555';

const SEEDS: readonly object[] = [
  {
    servers: { demo: ADDRESS },
    anonymous: { servers: ['*'], functions: ['demo.*'], cache: 'read', work: true },
  },
  {
    listen: '[::1]:7766',
    servers: {
      demo: { dbAddress: ADDRESS, pushAddress: ADDRESS, subAddress: ADDRESS, functions: ['demo.upper', '*'] },
    },
    origins: ['https://dash.example'],
    path: '/frond',
    tokens: 'tokens.json',
    trustProxy: true,
  },
  {
    servers: { m: { workerPushAddress: ADDRESS, workerPullAddress: ADDRESS } },
    tokens: 't',
    limits: { maxFrame: 1, window: 2 },
  },
  {
    servers: {},
    tls: { cert: 'a', key: 'b' },
    serverKey: 'x',
    clientKey: 'x',
    limits: { heartbeat: 1e15, resumeWindow: 5, maxChannels: 3 },
  },
  { servers: { 'a b': 1 }, listen: '', origins: ['https://a/b'], path: 'x?' },
];

const KEYS = [
  'listen',
  'metrics',
  'servers',
  'origins',
  'path',
  'tokens',
  'anonymous',
  'limits',
  'trustProxy',
  'tls',
  'serverKey',
  'clientKey',
];

/** One file for each process: `settingsOf` reads only files. */
const file = join(mkdtempSync(join(tmpdir(), 'frond-fuzz-')), 'relay.json');
const { options } = parseOptions({ name: 'relay', ...relayCommand }, ['--config', file], {});

/** The config file of `frond relay`. */
export const target: Target = {
  longest: 1_024,
  seeds: () => [
    ...SEEDS.map((seed) => bytes(JSON.stringify(seed))),
    bytes('{"__proto__":{"trustProxy":true},"servers":{"__proto__":"tcp://127.0.0.1:1","constructor":"x"}}'),
    bytes('{"servers":\n{"demo":}'),
  ],
  words: [
    ...[
      ...KEYS,
      'dbAddress',
      'pushAddress',
      'subAddress',
      'workerPushAddress',
      'functions',
      'cache',
      'work',
      'cert',
      'key',
    ].map((key) => `"${key}":`),
    ...[
      'maxFrame',
      'window',
      'maxHeld',
      'maxConnections',
      'heartbeat',
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
    ].map((key) => `"${key}":`),
    ...['true', 'false', 'null', '1e999', '9007199254740993', '"*"', `"${ADDRESS}"`, '\\ud800'],
  ],
  async check(data) {
    const text = textIn(data);
    const source = { file: 'relay.json' };
    const content = readOr(() => parseJson(text, source), 'INVALID_CALL');
    if (content === undefined) return;
    const config = readOr(() => checkConfig(content, 'relay.json'), 'INVALID_CALL');
    if (config === undefined) return;
    claimBounded(config, data, 64);
    claimPlain(config);
    for (const key of Object.keys(config)) claim(KEYS.includes(key), `${key} is accepted as a setting`);
    for (const [key, limit] of Object.entries(config.limits ?? {})) {
      claim(Number.isSafeInteger(limit) && Number(limit) > 0, `the limit ${key} is ${limit}`);
    }
    writeFileSync(file, text);
    const settings = await readLaterOr(() => settingsOf(options), 'USAGE', 'INPUT', 'INVALID_CALL');
    if (settings === undefined) return;
    const { servers, anonymous, tokens, trustProxy } = settings;
    claim(Object.keys(servers).length > 0, 'there are no servers');
    for (const [name, own] of Object.entries(servers)) {
      claim(Object.hasOwn(config.servers ?? {}, name), `${name} is accepted as a server`);
      for (const address of [
        own.dbAddress,
        own.pushAddress,
        own.subAddress,
        own.workerPushAddress,
        own.workerPullAddress,
      ]) {
        if (address !== undefined) settings.transport.checkAddress(address);
      }
    }
    claim(anonymous !== undefined || tokens !== undefined, 'nobody may connect');
    claim(
      trustProxy === (Object.hasOwn(config, 'trustProxy') ? config.trustProxy : false),
      'whether a proxy is trusted is inherited',
    );
  },
};
