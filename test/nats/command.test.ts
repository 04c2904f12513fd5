/** The command over NATS: roles, callers and a relay, as processes of a user would run them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { readPriority } from '../../src/protocol/priority.ts';
import { nats } from '../../transports/nats/index.ts';
import { bridge } from '../../transports/shared/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { makeCertificate } from '../cli/certificates.ts';
import { Running } from '../cli/running.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { here } from '../support/in-process.ts';
import { NatsServer } from '../support/nats-server.ts';
import { freeAddress } from '../support/ports.ts';
import { toRelay } from '../support/relay.ts';
import { within } from '../support/wait.ts';
import { accountWithUser } from './creds.ts';

let server: NatsServer;
const folder = mkdtempSync(join(tmpdir(), 'frond-nats-command-'));
beforeAll(async () => {
  server = await NatsServer.start();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function module(name: string, code: string): string {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, code);
  return path;
}
const UPPER =
  '{ upper: (payload) => new TextEncoder().encode(new TextDecoder().decode(payload).toUpperCase()) }';
const greeter = module(
  'greeter',
  `export default { role: 'server', name: 'greeter', functions: ${UPPER} };\n`,
);
const crew = module('crew', "export default { role: 'master', name: 'crew' };\n");
const functions = module('functions', `export default ${UPPER};\n`);

/** What a command says when it has ended well. */
async function said(argv: readonly string[], env = {}, stdin = ''): Promise<string> {
  const { code, stdout, stderr } = await here(argv, { env, stdin });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout.toString();
}

it('serves at the name of the role, and calls it in every way', async () => {
  const env = { FROND_NATS: server.url, FROND_DB: 'nats:greeter' };
  await using role = new Running(['serve', greeter, '--nats', server.url]);
  await role.line(/db_address +nats:greeter$/);
  const line = await role.line(/frond eval greeter\.upper/);
  expect(line).toMatch(new RegExp(`--db nats:greeter --nats '?${server.url}'?$`));
  expect(await said(['eval', 'greeter.upper', 'one'], env)).toBe('ONE');
  expect(await said(['job', 'greeter.upper'], env, 'a\nb\n')).toBe('A\nB\n');
  expect(await said(['map', 'greeter.upper'], env, 'c\nd\n')).toBe('C\nD\n');
  expect(await said(['set', 'motto', 'festina lente'], env)).toBe('motto\n');
  expect(await said(['get', 'motto'], env)).toBe('festina lente');
  expect(await said(['delete', 'motto'], env)).toBe('');
  expect(await said(['inspect', 'nats:greeter', '--nats', server.url])).toMatch(/^greeter: a frond Server/);
  expect(await role.end()).toBe(0);
});

it('serves a stage between a server on ZeroMQ and clients on NATS', async () => {
  await using first = await Server.start({
    transport: bridge(nats({ servers: server.url }), zmtp()),
    name: 'first',
    dbAddress: 'nats:first',
    pubAddress: 'tcp://127.0.0.1:*',
    pipelined: true,
    loggingLevel: 'silent',
  });
  const stage = module(
    'stage',
    `export default { role: 'pipeline', name: 'last', previous: 'first', subAddress: '${first.pubAddress}', functions: ${UPPER} };\n`,
  );
  await using role = new Running(['serve', stage, '--nats', server.url]);
  await role.line(/db_address +nats:last$/);
  const call = ['--db', 'nats:first', '--sub', 'nats:last', '--nats', server.url];
  expect(await said(['eval', 'first.echo,last.upper', 'both', ...call])).toBe('BOTH');
  expect(await role.end()).toBe(0);
});

it('a Master with a worker, in a cluster of its own', async () => {
  const own = ['--nats', server.url, '--nats-cluster', 'own'];
  await using master = new Running(['serve', crew, ...own]);
  await master.line(/db_address +nats:crew$/);
  await using worker = new Running(['worker', functions, '--db', 'nats:crew', ...own]);
  await worker.line(/works for crew/);
  expect(await said(['eval', 'crew.upper', 'x', '--db', 'nats:crew', ...own])).toBe('X');
  const other = ['--nats', server.url, '--nats-cluster', 'other', '--timeout', '500'];
  expect((await here(['eval', 'crew.upper', 'x', '--db', 'nats:crew', ...other])).stderr).toMatch(
    /TIMEOUT: .*nobody is bound at nats:crew/,
  );
});

it('a relay whose servers are at NATS', async () => {
  await using role = new Running(['serve', greeter, '--nats', server.url]);
  await role.line(/db_address/);
  const config = join(folder, 'relay.json');
  const anonymous = { servers: ['greeter'], functions: ['greeter.*'] };
  const settings = { listen: '127.0.0.1:*', servers: { greeter: 'nats:greeter' }, anonymous };
  writeFileSync(config, JSON.stringify({ ...settings, nats: { url: server.url } }));
  const given = ['--listen', '127.0.0.1:*', '--server', 'greeter=nats:greeter', '--allow', 'greeter.*'];
  for (const argv of [
    ['relay', '--config', config],
    ['relay', ...given, '--nats', server.url],
  ]) {
    await using relay = new Running([...argv, '--json']);
    const { url } = JSON.parse(await relay.line(/"url"/));
    expect(await said(['eval', 'greeter.upper', 'relayed', '--relay', url])).toBe('RELAYED');
    expect(await relay.end()).toBe(0);
  }
});

it('a relay that is started anew goes on with the clients that it had', async () => {
  await using role = new Running(['serve', greeter, '--nats', server.url]);
  await role.line(/db_address/);
  const key = join(folder, 'peers.key');
  writeFileSync(key, 'a key that the relays share and nobody else\n');
  const place = (await freeAddress()).slice('tcp://'.length);
  const start = async () => {
    const own = ['--listen', place, '--id', 'a', '--peer-key-file', key, '--drain', '100', '--json'];
    const given = ['--server', 'greeter=nats:greeter', '--allow', 'greeter.*', '--nats', server.url];
    const relay = new Running(['relay', ...own, ...given]);
    await relay.line(/"url"/);
    return relay;
  };
  const before = await start();
  const transport = toRelay(`ws://${place}/`, { token: undefined });
  await using client = await Client.connect({ transport, serverName: 'greeter', loggingLevel: 'silent' });
  const { id } = client;
  const upper = async (payload: string) => textOf(await client.eval('greeter.upper', bytes(payload)));
  expect(await upper('before')).toBe('BEFORE');
  expect(await before.end()).toBe(0);
  const meanwhile = upper('meanwhile');
  await using after = await start();
  expect(await within(10_000, meanwhile)).toBe('MEANWHILE');
  expect(await upper('after')).toBe('AFTER');
  expect(client.id).toBe(id);
  await client.close();
  expect(await after.end()).toBe(0);
});

it('a call with a priority', async () => {
  await using role = await Server.start({
    transport: nats({ servers: server.url }),
    name: 'urgent',
    dbAddress: 'nats:urgent',
    loggingLevel: 'silent',
    functions: { of: (_payload, { message }) => bytes(String(readPriority(message.unknown))) },
  });
  const own = ['--db', role.dbAddress, '--nats', server.url];
  expect(await said(['eval', 'urgent.of', 'x', '--priority', '-3', ...own])).toBe('-3');
  expect(await said(['map', 'urgent.of', '--priority', '9', ...own], {}, 'x\n')).toBe('9\n');
});

it('credentials, and certificates', async () => {
  const own = await makeCertificate(folder, 'nats');
  const { config, creds } = accountWithUser();
  await using encrypted = await NatsServer.start({
    config: `${config}\ntls { cert_file: "${own.cert}", key_file: "${own.key}" }`,
  });
  const file = join(folder, 'user.creds');
  writeFileSync(file, creds);
  const url = encrypted.url.replace(/^nats/, 'tls');
  const access = ['--nats', url, '--nats-ca', own.cert, '--nats-creds', file];
  await using role = new Running(['serve', greeter, ...access]);
  await role.line(/db_address/);
  const call = ['eval', 'greeter.upper', 'x', '--db', 'nats:greeter', '--timeout', '2000'];
  expect(await said([...call, ...access])).toBe('X');
  expect((await here([...call, '--nats', url, '--nats-creds', file])).stderr).toMatch(
    /TIMEOUT: .*self-signed certificate; the certificates for TLS say what is trusted \(ca\)/,
  );
  expect((await here([...call, '--nats', url, '--nats-ca', own.cert])).stderr).toMatch(/FORBIDDEN: NATS at/);
});
