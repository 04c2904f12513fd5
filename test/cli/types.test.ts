/** `frond types`: TypeScript types of what a server offers. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { Server } from '../../src/cluster/roles/server.ts';
import { fn, functions, text } from '../../src/functions/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { here } from '../support/in-process.ts';

const ANY = 'tcp://127.0.0.1:*';
let server: Server;

beforeAll(async () => {
  server = await Server.start({
    transport: zmtp(),
    name: 'images',
    dbAddress: ANY,
    pullAddress: ANY,
    pubAddress: ANY,
    loggingLevel: 'silent',
    functions: {
      ...functions({ area: fn({ input: z.object({ w: z.number() }), output: text() }, ({ w }) => `${w}`) }),
      plain: (payload) => payload,
    },
  });
});

afterAll(() => server.close());

test('writes the types of functions with types', async () => {
  const { code, stdout, stderr } = await here(['types', server.dbAddress]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.toString().split('\n').slice(1)).toEqual([
    "import type { FunctionDefinition, PayloadCodec } from 'frond/functions';",
    '',
    'export declare const images: {',
    '  readonly "area": FunctionDefinition<PayloadCodec<{ "w": number }>, PayloadCodec<string>>;',
    '};',
    '',
  ]);
});

test('prints what the server says as JSON', async () => {
  const { code, stdout } = await here(['types', server.dbAddress, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout.toString())).toEqual([
    { name: 'echo' },
    expect.objectContaining({ name: 'area', kind: 'one', output: { codec: 'text' } }),
    { name: 'plain' },
  ]);
});

test('prints OpenAPI', async () => {
  const { code, stdout } = await here(['types', server.dbAddress, '--openapi']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout.toString())).toMatchObject({
    openapi: '3.1.0',
    info: { title: 'images' },
    paths: {
      '/call/images.area': {
        post: {
          requestBody: {
            content: { 'application/json': { schema: { $ref: '#/components/schemas/images.area.input' } } },
          },
          responses: { 200: { content: { 'text/plain': {} } } },
        },
      },
      '/call/images.plain': { post: {} },
    },
    components: { schemas: { 'images.area.input': { type: 'object', required: ['w'] } } },
  });
});
