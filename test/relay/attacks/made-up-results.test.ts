/** Results of workers that a server pushes to: they count for what the very client was given, and say no more than payload and status. */
import { expect, it } from 'vitest';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { palmMessage } from '../../../src/protocol/message.ts';
import { memory } from '../../../transports/memory/index.ts';
import * as CloseCode from '../../../transports/relay-protocol/close-codes.ts';
import { type RelayFrame, Type } from '../../../transports/relay-protocol/frames.ts';
import { testRelays } from '../../support/besieged-relay.ts';
import { bytes } from '../../support/bytes.ts';
import { bytesField, join } from '../../support/envelope-frames.ts';
import type { RawPeer } from '../../support/relay-peer.ts';
import { until, within } from '../../support/wait.ts';
import { startFakeServer } from './fake-server.ts';

const besieged = testRelays();
const codec = new EnvelopeCodec();

const PULL = 1;
const RESULTS = 2;

/** A worker of the server: it may pull, and push results. */
class RawWorker {
  readonly peer: RawPeer;

  constructor(peer: RawPeer) {
    this.peer = peer;
  }

  /** The work that came, once it is so much. */
  async work(count: number): Promise<readonly Bytes[]> {
    const all = () =>
      this.peer.frames.flatMap((frame: RelayFrame) => (frame[0] === Type.work ? frame[2] : []));
    await within(
      4_000,
      until(() => all().length >= count),
      'work',
    );
    return all();
  }

  give(...results: readonly Bytes[]): void {
    this.peer.send([Type.send, RESULTS, 1, results]);
  }
}

async function scene() {
  const transport = memory();
  const [fake, other] = [await startFakeServer(transport), await startFakeServer(transport)];
  const relay = await besieged({ transport, servers: { fake: fake.target, other: other.target } });
  for (const each of [fake, other]) relay.own(each);
  const worker = async (server = 'fake') => {
    const peer = await relay.peer();
    peer.send([Type.open, PULL, 3, server, ''], [Type.open, RESULTS, 1, `${server}/results`, '']);
    for (const channel of [PULL, RESULTS])
      await peer.next((frame) => frame[0] === Type.ready && frame[1] === channel);
    return new RawWorker(peer);
  };
  const refused = () => relay.figure('refusals_total{what="result"}');
  return { relay, fake, other, worker, refused };
}

const UNKNOWN = bytesField(900, 'kept');

/** A message as a Master pushes it. */
function message(client: string, payload = 'input'): Bytes {
  const head = { pipeline: 'p', client, stage: 1, function: 'a.f fake.upper', cache: `cache of ${client}` };
  return codec
    .encode(palmMessage({ ...head, payload: bytes(payload), features: 5, ordinal: 3, unknown: UNKNOWN }))
    .slice();
}

/** What a worker makes of it. */
function result(frame: Bytes, fields: object = {}): Bytes {
  return codec.encode({ ...codec.decode(frame), payload: bytes('output'), ...fields }).slice();
}

it('are passed on under the head that the server gave, as many as there are', async () => {
  const { relay, fake, worker, refused } = await scene();
  await relay.meanwhile(async () => {
    const own = await worker();
    await fake.push([message('c/1'), message('c/2')]);
    const [first, second] = (await own.work(2)) as [Bytes, Bytes];
    const failure = { payload: bytes('0'), status: 1, error: 'why', errorName: 'Oops' };
    own.give(result(first), result(second, failure));
    own.give(
      result(first, { payload: bytes('more') }),
      result(first, { features: 0, unknown: new Uint8Array(0) }),
    );
    await fake.came('results', 4);
    expect(fake.results).toEqual([
      result(message('c/1')),
      result(message('c/2'), failure),
      result(message('c/1'), { payload: bytes('more') }),
      result(message('c/1')),
    ]);
    expect(await refused()).toBeNaN();
  });
});

it('are nothing when they are of what the client was not given', async () => {
  const { relay, fake, other, worker, refused } = await scene();
  await relay.meanwhile(async () => {
    const own = await worker();
    await fake.push([message('c/1')]);
    const [given] = (await own.work(1)) as [Bytes];
    const makeUp = [
      { client: 'c/2' },
      { client: '' },
      { pipeline: 'q' },
      { stage: 0 },
      { stage: 2 },
      { function: 'a.f next.secret' },
      { cache: '' },
      { ordinal: 4 },
    ];
    own.give(...makeUp.map((fields) => result(given, fields)));
    // As another reader has it: the fields of another message under longer tags.
    own.give(join(result(given), bytesField(2, 'c/2', { tag: 1 })));
    // What another worker was given is not this one's, and what a server gave is not for another server.
    const neighbour = await worker();
    neighbour.give(result(given));
    const elsewhere = await worker('other');
    await other.push([message('o/1')]);
    const [others] = (await elsewhere.work(1)) as [Bytes];
    own.give(result(others));
    own.give(result(given, { payload: bytes('last') }));
    await within(4_000, untilCount(refused, makeUp.length + 3), 'the refusals');
    await fake.came('results', 1);
    expect(fake.results).toEqual([result(message('c/1'), { payload: bytes('last') })]);
    expect(other.results).toEqual([]);
  });
});

it('are nothing any more when the work went back before it was taken', async () => {
  const { relay, fake, worker, refused } = await scene();
  await relay.meanwhile(async () => {
    const own = await worker();
    await fake.push([message('c/1'), message('c/2')]);
    const [taken, untaken] = (await own.work(2)) as [Bytes, Bytes];
    own.peer.send([Type.taken, PULL, 1], [Type.close, PULL]);
    const heir = await worker();
    expect(await heir.work(1)).toEqual([message('c/2')]);
    own.give(result(untaken), result(taken));
    heir.give(result(untaken, { payload: bytes('by the heir') }));
    await fake.came('results', 2);
    await within(4_000, untilCount(refused, 1), 'the refusal');
    expect(new Set(fake.results.map((frame) => codec.decode(frame).client))).toEqual(new Set(['c/1', 'c/2']));
    expect(fake.results).toContainEqual(result(message('c/2'), { payload: bytes('by the heir') }));
  });
});

it('end the connection when they are no envelopes', async () => {
  const { relay, fake, worker } = await scene();
  await relay.meanwhile(async () => {
    const own = await worker();
    own.give(new Uint8Array([0xff]));
    expect((await own.peer.end()).code).toBe(CloseCode.badFrame);
    expect(fake.results).toEqual([]);
  });
});

async function untilCount(figure: () => Promise<number>, count: number): Promise<void> {
  while ((await figure()) !== count) await new Promise(setImmediate);
}
