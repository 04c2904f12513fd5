/** What a worker makes up reaches nobody: its results have a payload and a status, and are of what it holds. */
import { describe, expect, it } from 'vitest';
import type { Hub, Pipeline, Server } from '../../src/cluster/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { Feature, type PalmMessage, palmMessage } from '../../src/protocol/message.ts';
import {
  encodeWorkRequest,
  readWorkReply,
  type WorkItem,
  WorkKind,
} from '../../src/protocol/work-request.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { grounds, type TestCluster, testCluster } from '../support/cluster.ts';
import { until, within } from '../support/wait.ts';

const WAIT = 5_000;
const codec = new EnvelopeCodec();
const PATH = ['first.echo', 'hub.work', 'next.shown'];

/** A pipeline of three with a Hub in the middle, and who asks it. */
async function open(own: TestCluster) {
  const { start, connect, transport } = own;
  const ran: string[] = [];
  const first = await start<Server>({ role: 'server', name: 'first', pipelined: true });
  const hub = await start<Hub>({
    role: 'hub',
    name: 'hub',
    subAddress: first.pubAddress,
    previous: 'first',
    pipelined: true,
  });
  const next = await start<Pipeline>({
    role: 'pipeline',
    name: 'next',
    subAddress: hub.pubAddress,
    previous: 'hub',
    functions: {
      shown: (payload) => payload,
      secret: (payload) => {
        ran.push(textOf(payload));
        return payload;
      },
    },
  });
  await within(WAIT, Promise.all([hub.ready(), next.ready()]), 'the pipeline');
  const client = await connect({ dbAddress: first.dbAddress, subAddress: next.pubAddress });
  const connection = own.own(await transport.open());
  const victim = connection.subscribe(next.pubAddress, 'victim/');
  await within(WAIT, victim.ready());
  const heard: unknown[] = [];
  const hear = async () => {
    for await (const deliveries of victim) heard.push(...deliveries);
  };
  hear();
  return { hub, next, client, connection, ran, heard };
}

/** A worker that asks as frond's do, and gives what it likes. */
function rogue(connection: Awaited<ReturnType<typeof open>>['connection'], dbAddress: string) {
  let sequence = 0;
  return async (worker: string, want: number, items: readonly WorkItem[] = []) => {
    const request = { worker, name: worker, sequence: ++sequence, want, leaves: false, isAway: false, items };
    const reply = await within(
      WAIT,
      connection.request(dbAddress, encodeWorkRequest(codec, request)).reply,
      'a reply',
    );
    return readWorkReply(codec, reply);
  };
}

const elsewhere: Partial<PalmMessage> = {
  pipeline: 'victim',
  client: 'victim/1',
  stage: 1,
  function: 'first.echo hub.work next.secret',
  cache: 'theirs',
  features: Feature.session,
  ordinal: 7,
};

describe.each(grounds)('on %s', (_ground, make) => {
  const cluster = testCluster(make);

  it('a result of leased work changes the payload of the message, and nothing else', async () => {
    const { hub, client, connection, ran, heard } = await open(cluster());
    const ask = rogue(connection, hub.dbAddress);
    const asking = ask('rogue', 4);
    const answers = Promise.all(
      ['a', 'b', 'c'].map((call) => client.eval(PATH, bytes(call)).then((answer) => textOf(answer))),
    );
    const held = await asking;
    while (held.length < 3) held.push(...(await ask('rogue', 4)));
    const made = held.map(({ lease, frame }, i) => {
      const { payload } = codec.decode(frame);
      const result = codec.encode(
        palmMessage({ ...elsewhere, payload: bytes(`made of ${textOf(payload)}`) }),
      );
      // The last says it beside the truth, in a field that comes again after the payload, under a longer tag.
      const again = [0xa2, 0, 11, ...bytes('next.secret')];
      const whole = i < 2 ? result : new Uint8Array([...frame, ...again]);
      return { lease, kind: WorkKind.done, frame: whole };
    });
    await ask('rogue', 0, made);
    const got = await within(WAIT, answers, 'the answers');
    expect(got.filter((answer) => answer.startsWith('made of '))).toHaveLength(2);
    expect({ ran, heard }).toEqual({ ran: [], heard: [] });
  });

  it('results for the leases of another worker, or for no lease, are ignored', async () => {
    const { hub, client, connection, ran, heard } = await open(cluster());
    const ask = rogue(connection, hub.dbAddress);
    const asking = ask('honest', 1);
    const answer = client.eval(PATH, bytes('x'));
    const [item] = await asking;
    if (item === undefined) throw new Error('no work');
    const frame = codec.encode(palmMessage({ ...elsewhere, payload: bytes('stolen') }));
    for (const kind of [WorkKind.open, WorkKind.done, WorkKind.returned, 3]) {
      const leases = [item.lease, item.lease + 1, 1, 0x3fff_ffff];
      const items = leases.map((lease) => ({
        lease,
        kind,
        frame: kind === WorkKind.returned ? bytes('') : frame,
      }));
      // A kind that there is none of is refused.
      await ask('rogue', 0, items).catch(() => {});
    }
    expect(hub.counters.inFlight).toBe(1);
    const honest = codec.encode({ ...codec.decode(item.frame), payload: bytes('honest') });
    await ask('honest', 0, [{ ...item, kind: WorkKind.done, frame: honest }]);
    expect(textOf(await within(WAIT, answer, 'the answer'))).toBe('honest');
    expect({ ran, heard }).toEqual({ ran: [], heard: [] });
  });

  it('a pushed result is dropped unless its call was pushed to that worker', async () => {
    const own = cluster();
    const { hub, next, client, connection, ran, heard } = await open(own);
    const puller = connection.pull(hub.workerPushAddress);
    const pusher = connection.push(hub.workerPullAddress);
    await within(WAIT, Promise.all([puller.ready(), pusher.ready()]));
    const answer = client.eval(PATH, bytes('x'));
    const { value: [frame] = [] } = await within(WAIT, puller[Symbol.asyncIterator]().next(), 'work');
    if (frame === undefined) throw new Error('no work');
    const message = codec.decode(frame);
    const made = [
      { ...message, ...elsewhere },
      { ...message, function: 'first.echo hub.work next.secret' },
      { ...message, client: 'victim/1' },
      { ...message, stage: 0 },
    ];
    await pusher.send(made.map((one) => codec.encode({ ...one, payload: bytes('made up') })));
    await within(
      WAIT,
      until(() => hub.counters.dropped >= made.length),
      'what is made up to be dropped',
    );
    await pusher.send([codec.encode({ ...message, payload: bytes('honest') })]);
    expect(textOf(await within(WAIT, answer, 'the answer'))).toBe('honest');
    expect({ ran, heard, received: next.counters.received }).toEqual({ ran: [], heard: [], received: 1 });
  });
});
