/** How far functions are, as clients of a relay hear of it: each of its own calls alone. */
import { afterEach, describe, expect, it } from 'vitest';
import { deferred } from '../../src/async/deferred.ts';
import { type FunctionContext, Master, Server, Worker } from '../../src/cluster/index.ts';
import type { CallProgress } from '../../src/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage, Status } from '../../src/protocol/message.ts';
import { encodeMetadata, withMetadata } from '../../src/protocol/metadata.ts';
import { progressField } from '../../src/protocol/progress.ts';
import { memory } from '../../transports/memory/index.ts';
import { websocket } from '../../transports/websocket/node.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { startProxy } from '../support/proxy.ts';
import { connect, startRelay, TOKEN } from '../support/relay.ts';
import { until, within } from '../support/wait.ts';

let opened: { close(options?: { timeout: number }): Promise<unknown> }[] = [];
const own = <T extends { close(options?: { timeout: number }): Promise<unknown> }>(closable: T): T => {
  opened.push(closable);
  return closable;
};
afterEach(async () => {
  for (const closable of opened.reverse()) await within(5_000, closable.close({ timeout: 0 }), 'closing');
  opened = [];
});

/** A relay before a server whose functions say how far they are. */
async function ground(kind: 'server' | 'master' = 'server') {
  const transport = memory();
  const common = { transport, loggingLevel: 'silent' } as const;
  const gate = deferred<void>();
  const functions = {
    last: async (payload: Uint8Array, { progress }: FunctionContext) => {
      progress(0, 2, textOf(payload));
      await undefined;
      progress(2, 2, textOf(payload));
      return payload;
    },
    steps: async (payload: Uint8Array, { progress }: FunctionContext) => {
      progress(1, 2, textOf(payload));
      await gate.promise;
      return payload;
    },
    seen: (_payload: Uint8Array, { metadata }: FunctionContext) => bytes(JSON.stringify(metadata)),
  };
  let dbAddress: string;
  if (kind === 'server') {
    const server = own(await Server.start({ ...common, name: 'server', functions, concurrency: 10 }));
    dbAddress = server.dbAddress;
  } else {
    const master = own(await Master.start({ ...common, name: 'server' }));
    dbAddress = master.dbAddress;
  }
  const relay = own(await startRelay({ transport, servers: { server: { dbAddress } } }));
  return { relay, functions, open: () => gate.resolve() };
}

describe('behind a relay', () => {
  it('a client hears of its own calls, and no other does', async () => {
    const { relay, open } = await ground();
    const [one, two] = [own(await connect(relay.url)), own(await connect(relay.url))];
    const [ones, twos]: [string[], string[]] = [[], []];
    const first = one.eval('server.steps', bytes('one'), {
      metadata: { lang: 'de' },
      onProgress: ({ done, note }) => {
        ones.push(`${note} ${done}`);
        open();
      },
    });
    const second = two.eval('server.last', bytes('two'), {
      onProgress: ({ done, note }) => twos.push(`${note} ${done}`),
    });
    await within(5_000, Promise.all([first, second, one.eval('server.last', bytes('none'))]), 'the answers');
    expect(ones).toEqual(['one 1']);
    expect(twos).toEqual(['two 0', 'two 2']);
    expect([one.unclaimed, two.unclaimed]).toEqual([0, 0]);
  });

  it('it is no answer to what limits calls: more of it than there are places', async () => {
    const { relay } = await ground();
    const client = own(await connect(relay.url));
    const heard: CallProgress[] = [];
    const inputs = Array.from({ length: 200 }, (_, i) => bytes(`${i}`));
    const results: string[] = [];
    for await (const result of client.map('server.last', inputs, { onProgress: (own) => heard.push(own) }))
      results.push(textOf(result));
    expect(results).toEqual(inputs.map(textOf));
    expect(heard.length).toBe(400);
    expect(heard.every(({ index, note }) => note === String(index))).toBe(true);
  });

  it.each(['eval', 'map', 'job'] as const)(
    'no answer of %s passes what comes before it, when a connection takes no more',
    async (kind) => {
      const COUNT = 400;
      const transport = memory();
      const gate = deferred<void>();
      let begun = 0;
      const functions = {
        held: async (payload: Uint8Array, { progress }: FunctionContext) => {
          begun++;
          await gate.promise;
          progress(0, 2, textOf(payload));
          await undefined;
          progress(2, 2, textOf(payload));
          return payload;
        },
        quick: (payload: Uint8Array) => payload,
      };
      const server = own(
        await Server.start({
          transport,
          name: 'server',
          functions,
          concurrency: COUNT + 1,
          loggingLevel: 'silent',
        }),
      );
      const relay = own(
        await startRelay({ transport, servers: { server: { dbAddress: server.dbAddress } } }),
      );
      await using proxy = await startProxy(relay.port);
      const client = own(await connect(`ws://127.0.0.1:${proxy.port}/`));
      const other = own(await connect(relay.url));
      const heard: string[] = [];
      const onProgress = ({ done, note }: CallProgress) => heard.push(`${note} ${done}`);
      const inputs = Array.from({ length: COUNT }, (_, i) => bytes(`${i}`));
      const run = {
        eval: async () => {
          await Promise.all(
            inputs.map(async (input) => {
              const result = await client.eval('server.held', input, { onProgress });
              heard.push(`${textOf(result)} result`);
            }),
          );
        },
        map: async () => {
          for await (const _ of client.map('server.held', inputs, { onProgress, ordered: false }));
        },
        job: async () => {
          for await (const _ of client.job('server.held', inputs, { onProgress, messages: COUNT }));
        },
      };
      const running = run[kind]();
      await until(() => begun === COUNT);
      proxy.freeze();
      gate.resolve();
      // What the server published before this answer is at the relay.
      await other.eval('server.quick', bytes('after'));
      proxy.thaw();
      await within(5_000, running, 'the results');
      for (const input of inputs) {
        const note = textOf(input);
        const own = heard.filter((line) => line.startsWith(`${note} `));
        const last = kind === 'eval' ? [`${note} result`] : [];
        expect(own).toEqual([`${note} 0`, `${note} 2`, ...last]);
      }
    },
  );

  it('a worker tells its Master how far it is', async () => {
    const { relay, functions } = await ground('master');
    const worker = await Worker.start({
      transport: websocket(relay.url, { token: TOKEN }),
      dbAddress: 'server',
      functions,
      loggingLevel: 'silent',
    });
    own(worker);
    const client = own(await connect(relay.url));
    const heard: number[] = [];
    const onProgress = ({ done }: CallProgress) => heard.push(done);
    expect(textOf(await client.eval('server.last', bytes('w'), { onProgress }))).toBe('w');
    expect(heard).toEqual([0, 2]);
  });

  /** What comes for one call that a client would not send. */
  async function answered(field: Uint8Array<ArrayBuffer>) {
    const { relay } = await ground();
    const connection = own(await websocket(relay.url, { token: TOKEN }).open());
    await connection.identify();
    const subscription = connection.subscribe('server', `${connection.id}/`);
    const pusher = connection.push('server');
    await Promise.all([subscription.ready(), pusher.ready()]);
    const codec = new EnvelopeCodec();
    const call = {
      client: `${connection.id}/1`,
      function: 'server.last',
      payload: bytes('x'),
      unknown: field,
    };
    await pusher.send([codec.encode(palmMessage(call))]);
    const told: string[] = [];
    for await (const deliveries of subscription) {
      for (const { topic, frames } of deliveries) {
        for (const frame of frames)
          told.push(`${topic.slice(connection.id.length)} ${codec.decode(frame).status}`);
      }
      if (told.some((line) => line.startsWith('/1 '))) break;
    }
    return told;
  }

  it('a call that asks in the right way is told under its client', async () => {
    expect(await answered(progressField('7'))).toEqual([
      `/7~ ${Status.progress}`,
      `/7~ ${Status.progress}`,
      '/1 0',
    ]);
  });

  it.each(['', 'A', '../2/7', 'x'.repeat(17)])(
    'a call that asks under the name %j is refused',
    async (name) => {
      expect(await answered(progressField(name))).toEqual([`/1 ${Status.refused}`]);
      const metadata = encodeMetadata({ lang: 'de' });
      expect(await answered(withMetadata(progressField(name), metadata))).toEqual([`/1 ${Status.refused}`]);
    },
  );
});

describe('what limits calls', () => {
  it('counts answers alone', async () => {
    const { relay, open } = await ground();
    const client = own(await connect(relay.url));
    let heard = 0;
    const calls = Array.from({ length: 8 }, (_, i) =>
      client.eval('server.steps', bytes(`${i}`), { onProgress: () => heard++ }),
    );
    await within(
      5_000,
      until(() => heard === 8),
      'a value of each',
    );
    open();
    await within(5_000, Promise.all(calls), 'the answers');
    expect(heard).toBe(8);
  });
});
