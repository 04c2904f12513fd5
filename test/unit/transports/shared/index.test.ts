/** What `frond/transport` gives to those who write a transport. */
import { readFileSync } from 'node:fs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { Server } from '../../../../src/cluster/index.ts';
import type * as frond from '../../../../src/index.ts';
import { Client } from '../../../../src/index.ts';
import type * as contract from '../../../../src/transport.ts';
import type * as transport from '../../../../transports/shared/index.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { loopback } from '../../../support/loopback.ts';

describe('a transport written from frond/transport', () => {
  it('imports nothing else', () => {
    const source = readFileSync(new URL('../../../support/loopback.ts', import.meta.url), 'utf8');
    const imported = [...source.matchAll(/from '([^']+)'/g)].map((match) => match[1]);
    expect(imported).toEqual(['../../transports/shared/index.ts']);
  });

  it('carries calls, jobs and the cache', async () => {
    const wire = loopback();
    const any = 'loop:*';
    await using server = await Server.start({
      transport: wire,
      name: 'server',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      functions: { upper: (payload) => bytes(textOf(payload).toUpperCase()) },
    });
    await using client = await Client.connect({ transport: wire, dbAddress: server.dbAddress });
    expect(textOf(await client.eval('server.upper', bytes('once')))).toBe('ONCE');
    const results: string[] = [];
    const words = ['one', 'two', 'three'].map(bytes);
    for await (const own of client.job('server.upper', words, { messages: 3 })) results.push(textOf(own));
    expect(results.sort()).toEqual(['ONE', 'THREE', 'TWO']);
    await client.set(bytes('kept'), 'key');
    expect(textOf((await client.get('key')) ?? bytes(''))).toBe('kept');
  });
});

it('frond and frond/transport export the types of the contract', () => {
  expectTypeOf<frond.PendingReply>().toEqualTypeOf<contract.PendingReply>();
  expectTypeOf<frond.Answer>().toEqualTypeOf<contract.Answer>();
  expectTypeOf<frond.RequestOrigin>().toEqualTypeOf<contract.RequestOrigin>();
  expectTypeOf<frond.SubscribeOptions>().toEqualTypeOf<contract.SubscribeOptions>();
  expectTypeOf<frond.BoundPull>().toEqualTypeOf<contract.BoundPull>();
  expectTypeOf<frond.BoundPush>().toEqualTypeOf<contract.BoundPush>();
  expectTypeOf<frond.ChannelStatus>().toEqualTypeOf<contract.ChannelStatus>();
  expectTypeOf<frond.Batches<string>>().toEqualTypeOf<contract.BatchSource<string>>();
  expectTypeOf<transport.BindingConnection>().toEqualTypeOf<contract.BindingConnection>();
});
