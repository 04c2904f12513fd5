/** What will not do is refused with an error that says what to try. */
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { Client } from '../../src/index.ts';
import type { BindingConnection } from '../../src/transport.ts';
import { type NatsOptions, nats } from '../../transports/nats/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { NatsServer } from '../support/nats-server.ts';
import { freeAddress, portOf } from '../support/ports.ts';
import { within } from '../support/wait.ts';
import { accountWithUser } from './creds.ts';

/** What binding and dialling meet. */
async function met(options: NatsOptions): Promise<unknown[]> {
  await using connection: BindingConnection = await nats(options).open();
  const error = (promise: Promise<unknown>) =>
    within(10_000, promise, 'a refusal').catch((reason: unknown) => reason);
  return [
    await error(connection.bindPull('nats:server')),
    await error(connection.push('nats:server').send([bytes('x')])),
    await error(connection.request('nats:server', bytes('x')).reply),
  ];
}

const thrice = (expected: object) => [1, 2, 3].map(() => expect.objectContaining(expected));

it('NATS without JetStream', async () => {
  await using server = await NatsServer.start({ hasJetStream: false });
  const message = expect.stringContaining(
    'has no JetStream, which frond/nats needs: start it with --jetstream',
  );
  expect(await met({ servers: server.url })).toEqual(thrice({ code: 'INVALID_CALL', message }));
});

it('a server of NATS that is too old', async () => {
  // What Debian 12 has. It says so in its first line, and takes what the client says then.
  const info = { server_id: 'x', version: '2.9.10', headers: true, max_payload: 1_048_576, proto: 1 };
  const old = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on('data', (data) => data.includes('PING') && socket.write('PONG\r\n'));
  });
  const port = portOf(await freeAddress());
  await new Promise<void>((resolve) => old.listen(port, '127.0.0.1', resolve));
  const message = expect.stringContaining(
    'is nats-server 2.9.10, and frond/nats needs 2.11 or newer: update it',
  );
  expect(await met({ servers: `nats://127.0.0.1:${port}` })).toEqual(
    thrice({ code: 'INVALID_CALL', message }),
  );
  await new Promise((resolve) => old.close(resolve));
});

it.each<[string, string, NatsOptions, NatsOptions]>([
  ['password', 'user: u, password: right', { user: 'u', pass: 'right' }, { user: 'u', pass: 'wrong' }],
  ['token', 'token: right', { token: 'right' }, { token: 'wrong' }],
])('the wrong %s, and not the right one', async (_, authorization, right, wrong) => {
  await using server = await NatsServer.start({ config: `authorization { ${authorization} }` });
  const message = expect.stringMatching(/^NATS at nats:.* refuses the connection: /);
  expect(await met({ servers: server.url, ...wrong })).toEqual(thrice({ code: 'FORBIDDEN', message }));
  await using connection = await nats({ servers: server.url, ...right }).open();
  const { address } = await connection.bindReply('nats:*', (request) => request);
  expect(textOf(await connection.request(address, bytes('x')).reply)).toBe('x');
});

it('credentials that another operator signed, and not those of its own', async () => {
  const { config, creds } = accountWithUser();
  await using server = await NatsServer.start({ config });
  const wrong = { servers: server.url, creds: accountWithUser().creds };
  expect(await met(wrong)).toEqual(thrice({ code: 'FORBIDDEN' }));
  await using connection = await nats({ servers: server.url, creds }).open();
  const { address } = await connection.bindReply('nats:*', (request) => request);
  expect(textOf(await connection.request(address, bytes('x')).reply)).toBe('x');
});

it('NATS that is not there: binding fails at once, and dialling waits and says why', async () => {
  const servers = `nats://127.0.0.1:${portOf(await freeAddress())}`;
  await using connection = await nats({ servers }).open();
  await expect(connection.bindPull('nats:server')).rejects.toMatchObject({
    code: 'DISCONNECTED',
    message: expect.stringContaining(`NATS at ${servers} cannot be reached`),
  });
  const connecting = Client.connect({ transport: nats({ servers }), dbAddress: 'nats:server', timeout: 500 });
  await expect(connecting).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringContaining('cannot be reached'),
  });
});

it('a server that nobody serves: the time-out says so', async () => {
  await using server = await NatsServer.start();
  const transport = nats({ servers: server.url });
  await expect(Client.connect({ transport, dbAddress: 'nats:nobody', timeout: 500 })).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringContaining('nobody is bound at nats:nobody'),
  });
});

it('what NATS does not permit', async () => {
  const users = `
    { user: all, password: p },
    { user: some, password: p, permissions: { publish: { deny: ["palm.palm.at.>"] } } }`;
  await using server = await NatsServer.start({ config: `authorization { users: [ ${users} ] }` });
  await using all = await nats({ servers: server.url, user: 'all', pass: 'p' }).open();
  await using some = await nats({ servers: server.url, user: 'some', pass: 'p' }).open();
  const { address } = await all.bindReply('nats:server', (request) => request);
  const reply = within(10_000, some.request(address, bytes('x')).reply, 'the refusal');
  await expect(reply).rejects.toMatchObject({
    code: 'FORBIDDEN',
    message: expect.stringMatching(/Permissions Violation for Publish to "palm\.palm\.at\.reply\.server"/),
  });
});

it('more copies than there are servers', async () => {
  await using server = await NatsServer.start();
  await using connection = await nats({ servers: server.url, replicas: 3 }).open();
  await expect(connection.bindPull('nats:server')).rejects.toMatchObject({
    code: 'INVALID_CALL',
    message: expect.stringMatching(
      /making the stream PALM_palm_IN_server at NATS failed: .*replicas.*; try other replicas/,
    ),
  });
});

it.each<[string, NatsOptions]>([
  ['servers', { servers: 'http://a' }],
  ['servers', { servers: [] }],
  ['cluster', { cluster: '' }],
  ['cluster', { cluster: 'c'.repeat(65) }],
  ['replicas', { replicas: 2 }],
  ['storage', { storage: 'tape' as 'file' }],
  ['queueBytes', { queueBytes: 0 }],
  ['queueAge', { queueAge: Number.POSITIVE_INFINITY }],
  ['resultBytes', { resultBytes: 1.5 }],
  ['resultAge', { resultAge: -1 }],
  ['cacheBytes', { cacheBytes: 0 }],
  ['cacheAge', { cacheAge: 0.5 }],
  ['maxDeliveries', { maxDeliveries: 1 }],
  ['heartbeat', { heartbeat: Number.NaN }],
  ['user', { user: 5 as never }],
  ['tls', { tls: 5 as never }],
  ['tls', { tls: null as never }],
  ['tls.ca', { tls: { ca: new Uint8Array(3) as never } }],
  ['tls.cert', { tls: { cert: 'a certificate without its key' } }],
])('an option that is not acceptable: %s', (name, options) => {
  expect(() => nats(options)).toThrowError(
    expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(name) }),
  );
});

it('a server that has bound one of its ends is waited for, and one that binds no other is refused', async () => {
  await using server = await NatsServer.start();
  await using binder = await nats({ servers: server.url }).open();
  await using dialler = await nats({ servers: server.url, heartbeat: 300 }).open();
  await binder.bindPull('nats:server');
  const request = dialler.request('nats:server', bytes('x'));
  // It is looked for at once, and again after a heartbeat.
  for await (const status of dialler.status())
    if (status.type === 'reconnecting' && status.attempt === 1) break;
  await binder.bindReply('nats:server', (frame) => frame);
  expect(textOf(await within(5_000, request.reply, 'the reply'))).toBe('x');
  await binder.bindPull('nats:other');
  const refused = dialler.request('nats:other', bytes('x'));
  await expect(within(5_000, refused.reply, 'a refusal')).rejects.toMatchObject({
    code: 'PROTOCOL',
    message: expect.stringContaining('nats:other is bound to pull, not to reply'),
  });
});
