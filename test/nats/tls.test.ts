/** Connections to NATS that are encrypted, and those that must be and are not. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NatsOptions, nats } from '../../transports/nats/index.ts';
import { makeCertificate } from '../cli/certificates.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { NatsServer } from '../support/nats-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'frond-nats-tls-'));
let [ca, cert, key] = ['', '', ''];
let encrypted: NatsServer;
let plain: NatsServer;
beforeAll(async () => {
  const [own, client] = [await makeCertificate(folder, 'nats'), await makeCertificate(folder, 'client')];
  [ca, cert, key] = [own.cert, client.cert, client.key].map((path) => readFileSync(path, 'utf8')) as [
    string,
    string,
    string,
  ];
  const config = `tls { cert_file: "${own.cert}", key_file: "${own.key}", ca_file: "${client.cert}", verify: true }`;
  [encrypted, plain] = await Promise.all([NatsServer.start({ config }), NatsServer.start()]);
});
afterAll(async () => {
  await encrypted[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** What a server over NATS answers, or why NATS is not reached. */
async function met(options: NatsOptions): Promise<unknown> {
  await using connection = await nats(options).open();
  try {
    const { address } = await connection.bindReply('nats:*', (request) => request);
    return textOf(await connection.request(address, bytes('x')).reply);
  } catch (error) {
    return error;
  }
}

const refused = (text: string) => ({ code: 'DISCONNECTED', message: expect.stringContaining(text) });
const schemes = ['nats', 'tls'] as const;
const at = (server: NatsServer, scheme: string) => server.url.replace(/^nats/, scheme);

describe.each(schemes)('with %s://', (scheme) => {
  it('a NATS that verifies clients takes one with the right certificates', async () => {
    expect(await met({ servers: at(encrypted, scheme), tls: { ca, cert, key } })).toBe('x');
  });

  it('a NATS whose certificate nobody trusts is not reached, with what to try', async () => {
    const hint = 'the certificates for TLS say what is trusted (ca), and who this is (cert, key)';
    expect(await met({ servers: at(encrypted, scheme) })).toMatchObject(refused(hint));
    expect(await met({ servers: at(encrypted, scheme), tls: { cert, key } })).toMatchObject(refused(hint));
  });

  it('a NATS that verifies clients refuses one without a certificate', async () => {
    expect(await met({ servers: at(encrypted, scheme), tls: { ca } })).toMatchObject({
      code: 'DISCONNECTED',
    });
  });
});

it.each<[string, (url: string) => NatsOptions]>([
  ['tls://', (url) => ({ servers: url.replace(/^nats/, 'tls') })],
  ['tls: {}', (url) => ({ servers: url, tls: {} })],
  ['tls: { ca }', (url) => ({ servers: url, tls: { ca } })],
])('a NATS that does not encrypt is refused with %s', async (_, options) => {
  expect(await met(options(plain.url))).toMatchObject(
    refused("server does not support 'tls'; it does not encrypt: enable TLS there, or write nats://"),
  );
});
