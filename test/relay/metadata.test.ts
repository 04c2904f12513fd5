/** Metadata through a relay: what a page may set, and what is set for it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client, json, type Metadata } from '../../src/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { memory } from '../../transports/memory/index.ts';
import { MetadataRules } from '../../transports/relay/auth/metadata-rules.ts';
import { type RelayIdentity, readTokens } from '../../transports/relay/index.ts';
import { websocket } from '../../transports/websocket/node.ts';
import { bytes } from '../support/bytes.ts';
import { type RunningRelay, startRelay } from '../support/relay.ts';

const transport = memory();
const MAY = { servers: ['server'], functions: ['server.*'] };

/** By token. */
const IDENTITIES: Readonly<Record<string, RelayIdentity>> = {
  plain: { ...MAY, name: 'plain' },
  forced: { ...MAY, name: 'forced', metadata: { force: { tenant: 'acme' } } },
  listed: { ...MAY, name: 'listed', metadata: { set: ['lang', 'x-*', 'user'] } },
  all: { ...MAY, name: 'all', metadata: { set: ['*'] } },
};

let server: Server;
let relay: RunningRelay;

beforeAll(async () => {
  server = await Server.start({
    transport,
    name: 'server',
    loggingLevel: 'silent',
    functions: { metadata: (_payload, { metadata }) => bytes(JSON.stringify(metadata)) },
  });
  relay = await startRelay({
    transport,
    servers: { server: { dbAddress: server.dbAddress } },
    authenticate: (token) => IDENTITIES[token ?? ''],
  });
});

afterAll(async () => {
  await relay?.close();
  await server?.close();
});

async function call(token: string, metadata?: Metadata): Promise<unknown> {
  await using client = await Client.connect({
    transport: websocket(relay.url, { token }),
    serverName: 'server',
    loggingLevel: 'silent',
  });
  return await client.with(json<unknown, unknown>()).eval('server.metadata', 1, { metadata });
}

describe('a relay', () => {
  it('passes on names that say nothing of who somebody is', async () => {
    const metadata = { traceparent: '00-1-2-01', lang: 'de' };
    expect(await call('plain', metadata)).toEqual(metadata);
    expect(await call('plain')).toEqual({});
  });

  it.each(['tenant', 'user', 'user-id', 'roles', 'authorization', 'auth.token', 'session'])(
    'refuses %s where it is not granted, also by *',
    async (name) => {
      const refused = { code: 'FORBIDDEN', message: expect.stringContaining(`"${name}" in metadata`) };
      const before = server.counters.received;
      for (const token of ['plain', 'all', 'forced'])
        if (token !== 'forced' || name !== 'tenant')
          await expect(call(token, { [name]: 'acme' })).rejects.toMatchObject(refused);
      expect(server.counters.received).toBe(before);
    },
  );

  it('sets what is forced, whatever the client did', async () => {
    expect(await call('forced')).toEqual({ tenant: 'acme' });
    expect(await call('forced', { tenant: 'other', lang: 'de' })).toEqual({ tenant: 'acme', lang: 'de' });
  });

  it('lets set what is listed, and nothing else', async () => {
    const metadata = { lang: 'de', 'x-one': '1', user: 'ann' };
    expect(await call('listed', metadata)).toEqual(metadata);
    await expect(call('listed', { traceparent: '00' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('rules of metadata', () => {
  const codec = new EnvelopeCodec();
  const field = (...content: number[]) => new Uint8Array([0xfa, 0x3e, content.length, ...content]);

  it('refuse what cannot be read, or is beyond its bounds', () => {
    const rules = new MetadataRules();
    const spoilt = [field(0x0a, 7, 0x0a, 1, 97), field(0x10, 1), field(0x0a, 6, 0x0a, 1, 65, 0x12, 1, 98)];
    for (const unknown of spoilt)
      expect(rules.apply(palmMessage({ unknown }))).toMatch(/cannot be read|not a PALM envelope/);
  });

  it('write anew what readers may read differently', () => {
    // The value first, then the name.
    const message = codec.decode(field(0x0a, 6, 0x12, 1, 98, 0x0a, 1, 97));
    expect(new MetadataRules().apply(message)).toBeUndefined();
    expect([...message.unknown]).toEqual([...field(0x0a, 6, 0x0a, 1, 97, 0x12, 1, 98)]);
  });

  it.each([
    ['a name that is none', { force: { Tenant: 'x' } }],
    ['a value that is not a string', { force: { tenant: 5 } }],
    ['another key', { forced: {} }],
    ['a list that is none', { set: 'lang' }],
  ])('are not %s in a token file', (_what, metadata) => {
    const entry = { name: 'a', token: 'x'.repeat(20), ...MAY, metadata };
    const refused = { code: 'INVALID_CALL', message: expect.stringContaining('tokens[0].metadata must be') };
    expect(() => readTokens({ tokens: [entry] })).toThrow(expect.objectContaining(refused));
  });

  it('are read from a token file', () => {
    const metadata = { set: ['lang'], force: { tenant: 'acme' } };
    const { identities } = readTokens({ tokens: [{ name: 'a', token: 'x'.repeat(20), ...MAY, metadata }] });
    expect(identities[0]).toMatchObject({ metadata });
  });
});
