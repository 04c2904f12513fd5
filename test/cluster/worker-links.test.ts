/** A worker is the link that it came over, and its id only what it calls itself. On every transport that binds. */
import { describe, expect, it } from 'vitest';
import type { Master } from '../../src/cluster/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import type { PalmMessage } from '../../src/protocol/message.ts';
import {
  encodeWorkRequest,
  readWorkReply,
  type WorkItem,
  WorkKind,
  type WorkRequest,
} from '../../src/protocol/work-request.ts';
import type { Connection } from '../../src/transport.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { grounds, testCluster } from '../support/cluster.ts';
import { eventually, within } from '../support/wait.ts';

const HEARTBEAT = 200;
const WORKER = 'the id of a worker';
const codec = new EnvelopeCodec();

describe.each(grounds)('a worker on %s', (_, make) => {
  const cluster = testCluster(make);

  async function open() {
    const { start, connect, transport, own } = cluster();
    const master = await start<Master>({ role: 'master', name: 'master', heartbeat: HEARTBEAT });
    const { dbAddress } = master;
    const client = await connect({ dbAddress, timeout: 5_000 });
    const link = async () => own(await transport.open());
    const send = async (connection: Connection, request: Partial<WorkRequest>) => {
      const whole = {
        worker: WORKER,
        name: 'w',
        sequence: 1,
        want: 0,
        leaves: false,
        isAway: false,
        items: [],
      };
      const frame = encodeWorkRequest(codec, { ...whole, ...request });
      return readWorkReply(codec, await connection.request(dbAddress, frame).reply);
    };
    /** Takes the only message that waits. */
    const take = async (connection: Connection, request: Partial<WorkRequest> = {}) => {
      const [item, ...more] = await within(3_000, send(connection, { want: 1, ...request }));
      if (item === undefined || more.length > 0) throw new Error(`${more.length} messages more than one`);
      return item;
    };
    return { master, client, link, send, take };
  }

  it.each([
    ['that it leaves', { leaves: true }],
    ['that its link broke', { isAway: true }],
  ])('keeps what it has when a stranger says %s', async (_what, lie) => {
    const { master, client, link, send, take } = await open();
    const [own, stranger, other] = [await link(), await link(), await link()];
    const answers = ['first', 'second'].map((text) => client.eval('master.echo', bytes(text)));
    const first = await take(own);
    expect(await within(3_000, send(stranger, { ...lie, sequence: 7 }))).toEqual([]);
    const second = await take(other, { worker: 'another', want: 4 });
    // Two heartbeats, after which a worker that is gone would have been missed.
    for (let sequence = 2; sequence <= 4; sequence++)
      expect(await within(3_000, send(other, { worker: 'another', sequence, want: 4 }))).toEqual([]);
    expect(master.counters).toMatchObject({ received: 2, answered: 0, inFlight: 2 });
    await send(own, { sequence: 2, items: [done(first)] });
    await send(other, { worker: 'another', sequence: 5, items: [done(second)] });
    expect((await Promise.all(answers)).map(textOf)).toEqual(['first', 'second']);
    expect(master.counters).toMatchObject({ received: 2, answered: 2, inFlight: 0 });
  });

  it('gets its work while a stranger asks in its name and gets nothing', async () => {
    const { client, link, send } = await open();
    const [own, stranger] = [await link(), await link()];
    let sequence = 0;
    // A request that waited for a while is answered without work. A worker asks again then.
    const asking = (async () => {
      for (;;) {
        const [item] = await send(own, { sequence: ++sequence, want: 1 });
        if (item !== undefined) return item;
      }
    })();
    await eventually(async () => (await statusOf(client)).workers?.length === 1);
    const stolen = send(stranger, { sequence: 1_000, want: 9 });
    const answer = client.eval('master.echo', bytes('x'));
    const item = await within(3_000, asking);
    expect(await within(3_000, stolen)).toEqual([]);
    await send(own, { sequence: ++sequence, items: [done(item)] });
    expect(textOf(await answer)).toBe('x');
  });

  it('may send results over a new link once the old one is gone, and not before', async () => {
    const { master, client, link, send, take } = await open();
    const [before, after] = [await link(), await link()];
    const answer = client.eval('master.echo', bytes('x'));
    const item = await take(before);
    let isTaken = false;
    const giving = send(after, { sequence: 2, items: [done(item)] }).then(() => {
      isTaken = true;
    });
    const asking = send(after, { sequence: 3, want: 1 });
    expect(await within(3_000, asking)).toEqual([]);
    expect(isTaken).toBe(false);
    expect(master.counters).toMatchObject({ answered: 0, inFlight: 1 });
    await before.close();
    await within(3_000, giving);
    expect(textOf(await answer)).toBe('x');
    expect((await statusOf(client)).losses).toEqual({ workers: 0, redelivered: 0, givenUp: 0 });
  });

  it('has only a few requests waiting for the end of its old link', async () => {
    const { client, link, send, take } = await open();
    const [own, stranger] = [await link(), await link()];
    const answer = client.eval('master.echo', bytes('x'));
    const item = await take(own);
    const made = { ...item, kind: WorkKind.done, frame: codec.encode(lie(item)) };
    const waiting = Array.from({ length: 4 }, (_v, i) => send(stranger, { sequence: 10 + i, items: [made] }));
    for (const one of waiting) one.catch(() => {});
    await expect(within(3_000, send(stranger, { sequence: 20, items: [made] }))).rejects.toThrow(/wait/);
    await stranger.close();
    await send(own, { sequence: 2, items: [done(item)] });
    expect(textOf(await answer)).toBe('x');
  });

  it('that left gets no call through a request that it sent before', async () => {
    const { master, client, link, send, take } = await open();
    const [own, other] = [await link(), await link()];
    const answer = client.eval('master.echo', bytes('first'));
    await send(own, { sequence: 2, items: [done(await take(own))] });
    expect(textOf(await answer)).toBe('first');
    await send(own, { sequence: 3, leaves: true });
    await expect(within(3_000, send(own, { sequence: 1, want: 1 }))).rejects.toThrow(/has left/);
    // Its good-bye may come again, after a break.
    expect(await within(3_000, send(own, { sequence: 3, leaves: true }))).toEqual([]);
    expect((await statusOf(client)).workers).toEqual([]);
    const second = client.eval('master.echo', bytes('second'));
    const item = await take(other, { worker: 'another' });
    await send(other, { worker: 'another', sequence: 2, items: [done(item)] });
    expect(textOf(await second)).toBe('second');
    expect(master.counters).toMatchObject({ received: 2, answered: 2, inFlight: 0 });
  });

  it('that is not known cannot leave', async () => {
    const { client, link, send, take } = await open();
    const [stranger, own] = [await link(), await link()];
    await send(stranger, { leaves: true });
    await send(stranger, { isAway: true });
    const answer = client.eval('master.echo', bytes('x'));
    await send(own, { sequence: 2, items: [done(await take(own))] });
    expect(textOf(await answer)).toBe('x');
  });
});

const done = (item: WorkItem): WorkItem => ({ ...item, kind: WorkKind.done });
const lie = ({ frame }: WorkItem): PalmMessage => ({ ...codec.decode(frame), payload: bytes('a lie') });

interface Status {
  readonly workers?: readonly unknown[];
  readonly losses?: object;
}

async function statusOf(client: { get(key: string): Promise<Uint8Array | undefined> }): Promise<Status> {
  return JSON.parse(textOf((await client.get('frond_status')) ?? bytes('{}'))) as Status;
}
