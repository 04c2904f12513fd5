/** What a relay takes for a server: it keeps what it is sent, byte for byte. */
import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { BindingTransport } from '../../../src/transport.ts';
import type { UpstreamTarget } from '../../../transports/relay/options.ts';
import { until, within } from '../../support/wait.ts';

export interface FakeServer {
  readonly target: UpstreamTarget;
  readonly requests: readonly Bytes[];
  readonly calls: readonly Bytes[];
  /** What workers pushed back. */
  readonly results: readonly Bytes[];
  /** Gives work to whoever pulls. */
  push(frames: readonly Bytes[]): Promise<void>;
  publish(topic: string, frame: Bytes): Promise<void>;
  /** Resolves when so many calls or results have come. */
  came(what: 'calls' | 'results', count: number): Promise<void>;
  close(): Promise<void>;
}

/** @param functions - those that the relay is told of. */
export async function startFakeServer(
  transport: BindingTransport,
  functions: readonly string[] = ['*'],
): Promise<FakeServer> {
  const connection = await transport.open();
  const any = 'memory://*';
  const came = { requests: [] as Bytes[], calls: [] as Bytes[], results: [] as Bytes[] };
  const db = await connection.bindReply(any, (frame) => {
    came.requests.push(frame.slice());
    return new Uint8Array(0);
  });
  const take = async (into: Bytes[]) => {
    const pull = await connection.bindPull(any);
    const read = async () => {
      for await (const frames of { [Symbol.asyncIterator]: () => pull[Symbol.asyncIterator]() }) {
        for (const frame of frames) into.push(frame.slice());
      }
    };
    read().catch(() => {});
    return pull.address;
  };
  const work = await connection.bindPush(any);
  const publish = await connection.bindPublish(any);
  return {
    ...came,
    target: {
      dbAddress: db.address,
      pushAddress: await take(came.calls),
      subAddress: publish.address,
      workerPushAddress: work.address,
      workerPullAddress: await take(came.results),
      functions,
    },
    push: (frames) => work.send(frames),
    publish: (topic, frame) => publish.publish([{ topic, frames: [frame] }]),
    came: (what, count) =>
      within(
        4_000,
        until(() => came[what].length >= count),
        `${count} ${what}`,
      ),
    close: () => connection.close({ timeout: 0 }),
  };
}
