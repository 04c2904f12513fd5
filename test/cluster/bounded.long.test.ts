/** What peers of a server send fills its memory up to a bound, and no further. Each server is a process of its own. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { Feature, type PalmMessage, palmMessage } from '../../src/protocol/message.ts';
import type { BindingConnection } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes } from '../support/bytes.ts';
import { startScript } from '../support/processes.ts';
import { within } from '../support/wait.ts';

const SCRIPT = fileURLToPath(new URL('attacked-process.ts', import.meta.url));

/** Mebibytes: what waits at most (`maxWaiting`), and what garbage, read-ahead and buffers of ZeroMQ add. */
const MAX_WAITING = 64;
const SLACK = 256;

/** Milliseconds without progress after which a sender counts as held up. */
const STANDSTILL = 700;

const codec = new EnvelopeCodec();
let opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.reverse()) await within(10_000, one.close(), 'closing');
  opened = [];
});

async function connection(): Promise<BindingConnection> {
  const own = await zeromq().open();
  opened.push({ close: () => own.close({ timeout: 0 }) });
  return own;
}

interface Attacked {
  readonly dbAddress: string;
  readonly pubAddress: string;
  readonly pullAddress: string;
  /** Mebibytes that it has grown by. */
  growth(): number;
}

async function attacked(...args: string[]): Promise<Attacked> {
  const started = await startScript(SCRIPT, args);
  opened.push(started);
  const { pid, ...addresses } = JSON.parse(started.said);
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
  const before = rss();
  return { ...addresses, growth: () => rss() - before };
}

/** Pushes so many messages, unless it is held up. Gives how many left. */
async function flood(pullAddress: string, count: number, message: Partial<PalmMessage>, portion = 1) {
  const pusher = (await connection()).push(pullAddress);
  await within(5_000, pusher.ready());
  const frame = codec.encode(palmMessage(message));
  let sent = 0;
  const pushOn = async () => {
    while (sent < count) {
      await pusher.send(Array.from({ length: portion }, () => frame));
      sent += portion;
      await new Promise(setImmediate);
    }
  };
  pushOn().catch(() => {});
  for (let before = -1; before < sent; ) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, STANDSTILL));
  }
  return sent;
}

const MEBIBYTE = 1_048_576;
const large = { client: 'c/1', function: 'attacked.hang', payload: new Uint8Array(MEBIBYTE) };

describe.runIf(process.platform === 'linux')('the memory of', () => {
  it.each(['server', 'master'])(
    'a %s with a function that does not end stays bounded, whatever is pushed',
    async (role) => {
      const { pullAddress, growth } = await attacked(role);
      const sent = await flood(pullAddress, 1_000, large);
      expect(sent).toBeLessThan(500);
      expect(growth()).toBeLessThan(MAX_WAITING + SLACK);
    },
    60_000,
  );

  it('a pipeline stays bounded, whatever the server before it publishes', async () => {
    const publisher = await (await connection()).bindPublish('tcp://127.0.0.1:*');
    const { growth } = await attacked('pipeline', publisher.address);
    const frame = codec.encode(palmMessage(large));
    for (let i = 0; i < 800; i++) {
      await publisher.publish([{ topic: 'first', frames: [frame] }]);
      await new Promise(setImmediate);
    }
    await new Promise((resolve) => setTimeout(resolve, STANDSTILL));
    expect(growth()).toBeLessThan(2 * MAX_WAITING + SLACK);
  }, 60_000);

  it('a master stays bounded when workers are made up, with names and ids of any length', async () => {
    const { dbAddress, growth } = await attacked('master');
    const own = await connection();
    const ask = (fields: Partial<PalmMessage>) => {
      const request = palmMessage({
        function: '_.work',
        cache: '1',
        features: Feature.work | Feature.replies,
        ...fields,
      });
      return within(5_000, own.request(dbAddress, codec.encode(request)).reply, 'a reply');
    };
    const text = 'x'.repeat(256 * 1_024);
    for (let i = 0; i < 1_500; i++) {
      const fields =
        i % 2 === 0 ? { client: `w${i}`, pipeline: text } : { client: `${i}${text}`, pipeline: 'w' };
      const reply = codec.decode(await ask({ ...fields, payload: bytes(''), stage: -1 }));
      expect(reply).toMatchObject({ status: 4 });
    }
    // Items of two bytes each: as objects they would be a hundred times as much.
    const items = new Uint8Array(8 * MEBIBYTE).fill(4).map((tag, i) => (i % 2 === 0 ? tag : 0));
    for (let i = 0; i < 4; i++)
      expect(codec.decode(await ask({ client: 'w', payload: items }))).toMatchObject({ status: 4 });
    expect(growth()).toBeLessThan(SLACK);
    const master = await Client.connect({ transport: zeromq(), dbAddress, loggingLevel: 'silent' });
    opened.push(master);
    const { workers } = JSON.parse(new TextDecoder().decode(await master.get('frond_status')));
    expect(workers).toEqual([]);
  }, 60_000);

  it('a server stays bounded when keys without values are stored without end', async () => {
    const { dbAddress, growth } = await attacked('server');
    const own = await connection();
    const set = (key: string) =>
      own.request(dbAddress, codec.encode(palmMessage({ function: 'attacked.set', cache: key })));
    for (let i = 0; i < 100_000; i += 500) {
      const batch = Array.from({ length: 500 }, (_, j) => set(`${i + j}`).reply);
      await within(10_000, Promise.all(batch));
    }
    const reply = own.request(
      dbAddress,
      codec.encode(
        palmMessage({ function: 'attacked.set', cache: 'k'.repeat(5_000), features: Feature.replies }),
      ),
    ).reply;
    expect(codec.decode(await within(5_000, reply))).toMatchObject({ status: 4 });
    expect(growth()).toBeLessThan(SLACK);
  }, 60_000);
});

it('a client with many calls does not keep the calls of another waiting', async () => {
  const any = 'tcp://127.0.0.1:*';
  const slow = (payload: Bytes) =>
    new Promise<Uint8Array>((resolve) => setTimeout(() => resolve(payload), 2));
  const transport = zeromq();
  const common = {
    transport,
    loggingLevel: 'silent',
    dbAddress: any,
    pullAddress: any,
    pubAddress: any,
  } as const;
  const server = await Server.start({ ...common, name: 'slow', functions: { slow } });
  opened.push(server);
  const connect = async () => {
    const client = await Client.connect({ transport, dbAddress: server.dbAddress, loggingLevel: 'silent' });
    opened.push(client);
    return client;
  };
  const [heavy, light] = [await connect(), await connect()];
  const job = heavy.job(
    'slow.slow',
    Array.from({ length: 2_000 }, () => bytes('x')),
    { messages: 2_000 },
  );
  const reading = (async () => {
    for await (const _ of job);
  })();
  reading.catch(() => {});
  while (job.progress.received < 10) await new Promise(setImmediate);
  for (let i = 0; i < 5; i++) await within(10_000, light.eval('slow.slow', bytes('y')), 'a call');
  // Those of the other, meanwhile, were a few for each call.
  expect(job.progress.received).toBeLessThan(1_000);
  await heavy.close();
}, 30_000);
