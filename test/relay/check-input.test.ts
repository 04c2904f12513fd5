/** A relay that refuses input by the schemas of its servers, and one that does not. */
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Server } from '../../src/cluster/index.ts';
import { bytes, fn, functions, json, remote, text } from '../../src/functions/index.ts';
import { Client, text as textCodec } from '../../src/index.ts';
import { memory } from '../../transports/memory/index.ts';
import { websocket } from '../../transports/websocket/node.ts';
import { textOf } from '../support/bytes.ts';
import { startRelay } from '../support/relay.ts';
import { eventually, readAll, within } from '../support/wait.ts';

let opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.reverse()) await within(5_000, one.close(), 'closing');
  opened = [];
});

async function open(checkInput = true) {
  const transport = memory();
  /** What reached the server. */
  const seen: string[] = [];
  const shop = functions({
    price: fn(
      { input: z.object({ article: z.string(), count: z.int().min(1).optional() }), output: json<number>() },
      () => 1,
    ),
    code: fn({ input: z.string().regex(/^(a+)+$/), output: text() }, (line) => line),
    tags: fn({ input: z.array(z.number()), output: json<number>() }, (list) => list.length),
    named: fn({ input: z.record(z.string(), z.number()), output: json<number>() }, () => 1),
    any: fn({ input: json<unknown>(), output: json<unknown>() }, (value) => value),
    raw: fn({ input: bytes(), output: bytes() }, (own) => own),
  });
  const server = await Server.start({
    transport,
    name: 'shop',
    loggingLevel: 'silent',
    functions: { ...shop, plain: (payload) => payload },
    interceptors: [
      (next) => (call) => {
        seen.push(`${call.path} ${textOf(call.input as Uint8Array).slice(0, 30)}`);
        return next(call);
      },
    ],
  });
  opened.push(server);
  const relay = await startRelay({
    transport,
    servers: { shop: { dbAddress: server.dbAddress } },
    authenticate: () => ({ name: 'all', servers: ['*'], functions: ['*'] }),
    http: true,
    checkInput,
  });
  opened.push(relay);
  const client = await Client.connect({
    transport: websocket(relay.url, { token: 'a token of 16 or more' }),
    serverName: 'shop',
    loggingLevel: 'silent',
  });
  opened.push(client);
  const post = (name: string, body: string) =>
    fetch(`http://127.0.0.1:${relay.port}/call/shop.${name}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', authorization: 'Bearer a token of 16 or more' },
    });
  return { client, i: remote<typeof shop>(client, 'shop'), seen, post, server, transport };
}

describe('a relay that checks input', () => {
  it('refuses a call over WebSocket with the issues, and the server sees none of it', async () => {
    const { i, seen } = await open();
    await expect(i.price({ article: 7 as never, count: 0 })).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringContaining('article: it must be string, not number'),
      issues: [
        { path: ['article'], message: 'it must be string, not number' },
        { path: ['count'], message: 'it must be at least 1' },
      ],
    });
    expect(await i.price({ article: 'pear' })).toBe(1);
    expect(seen).toEqual(['shop.price {"article":"pear"}']);
  });

  it('refuses inputs of a map one by one', async () => {
    const { i, seen } = await open();
    const inputs = [{ article: 'a' }, { article: 1 as never }, { article: 'b' }];
    const outcomes = await readAll(i.price.mapSettled(inputs));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({
      reason: { code: 'INVALID_CALL', index: 1, issues: [{ path: ['article'] }] },
    });
    expect(seen).toHaveLength(2);
  });

  it('refuses a call over HTTP with 400 and the issues', async () => {
    const { post, seen } = await open();
    const response = await post('price', '{"count": 1.5}');
    expect([response.status, await response.json()]).toEqual([
      400,
      {
        error: {
          code: 'INVALID_CALL',
          message: 'article: it is missing; count: it must be integer, not number',
          remoteName: 'InvalidInput',
          issues: [
            { path: ['article'], message: 'it is missing' },
            { path: ['count'], message: 'it must be integer, not number' },
          ],
        },
      },
    ]);
    const broken = await post('any', '{');
    expect([broken.status, await broken.json()]).toMatchObject([400, { error: { issues: [{ path: [] }] } }]);
    expect(seen).toEqual([]);
  });

  it('leaves to the server what is not JSON, has no schema, or no certain answer', async () => {
    const { client, i, seen } = await open();
    const lines = client.with(textCodec());
    expect(await lines.eval('shop.plain', '{')).toBe('{');
    expect(await lines.eval('shop.raw', '{')).toBe('{');
    expect(await i.any(null)).toBe(null);
    await expect(i.code('b')).rejects.toMatchObject({ code: 'INVALID_CALL', issues: [{ path: [] }] });
    const many = Array.from({ length: 100_001 }, (_, index) => (index === 100_000 ? 'x' : index));
    await expect(i.tags(many as never)).rejects.toMatchObject({ code: 'INVALID_CALL' });
    expect(seen.map((one) => one.split(' ')[0])).toEqual(
      ['plain', 'raw', 'any', 'code', 'tags'].map((name) => `shop.${name}`),
    );
  });

  it('says little of an input with many and long names', async () => {
    const { client } = await open();
    const long = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}${'n'.repeat(5_000)}`, 'x']));
    const error = await client
      .with(json())
      .eval('shop.named', long)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'INVALID_CALL' });
    expect((error as Error).message.length).toBeLessThan(1_200);
    expect(JSON.stringify((error as { issues?: unknown }).issues).length).toBeLessThan(1_200);
  });

  it('takes what the server takes that has come back with other functions', async () => {
    const { client, server, transport } = await open();
    const prices = client.with(json());
    await expect(prices.eval('shop.price', 7)).rejects.toMatchObject({ code: 'INVALID_CALL' });
    const { dbAddress } = server;
    await server.close();
    const other = await Server.start({
      transport: transport,
      name: 'shop',
      dbAddress,
      loggingLevel: 'silent',
      functions: { price: (payload) => payload },
    });
    opened.push(other);
    // Calls fail until the link is back.
    const again = async () => (await prices.eval('shop.price', 7).catch(() => undefined)) === 7;
    await eventually(again);
  });
});

it('a relay that was not told to check does not', async () => {
  const { i, client, seen } = await open(false);
  await expect(client.with(json()).eval('shop.price', {})).rejects.toMatchObject({ code: 'INVALID_CALL' });
  await expect(i.tags(['x' as never])).rejects.toMatchObject({ code: 'INVALID_CALL', sent: true });
  expect(seen).toEqual(['shop.price {}', 'shop.tags ["x"]']);
});
