/** A page's connection: what slow readers hold up, and until when. */
import { describe, expect, it, vi } from 'vitest';
import { RELAYED_DELIVERIES } from '../../../../src/flow-control.ts';
import {
  ADOPTS,
  type ClientFrame,
  FEATURES,
  loneMessage,
  MessageWriter,
  type RelayFrame,
  readClientMessage,
  setNumbers,
  Type,
} from '../../../../transports/relay-protocol/frames.ts';
import { websocket } from '../../../../transports/websocket/index.ts';
import { RelaySession } from '../../../../transports/websocket/relay-session.ts';
import { fakePlatform } from '../../../relay/life/fake-socket.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { within } from '../../../support/wait.ts';

it('goes on with a relay when the last of its slow readers has caught up, not when the first has', async () => {
  const held: boolean[] = [];
  const isHeld = vi
    .spyOn(RelaySession.prototype, 'isHeld', 'set')
    .mockImplementation((own) => held.push(own));
  const platform = fakePlatform((socket) => {
    socket.open();
    const welcome = [
      Type.welcome,
      's',
      'relay/1',
      false,
      0,
      1_000_000,
      1_000_000,
      60_000,
      60_000,
      '',
    ] as const;
    socket.get(loneMessage(welcome).slice().buffer);
  });
  const connection = await websocket('ws://relay.example/', { WebSocket: platform.WebSocket }).open();
  try {
    await within(2_000, connection.identify(), 'the welcome');
    const subscriptions = ['first', 'second'].map((server) => connection.subscribe(server, 'relay/1/'));
    const deliveries = Array.from({ length: RELAYED_DELIVERIES }, () => ({
      topic: 'relay/1/a',
      frames: [bytes('x')],
    }));
    const writer = new MessageWriter();
    for (const number of [1, 2]) writer.add([Type.results, number, deliveries]);
    const message = writer.take().slice();
    setNumbers(message, 1, 0);
    platform.made[0]?.get(message.buffer);
    expect(held).toEqual([true, true]);
    const [first, second] = subscriptions.map((own) => own[Symbol.asyncIterator]());
    await first?.next();
    expect(held).toEqual([true, true]);
    await second?.next();
    await vi.waitFor(() => expect(held).toEqual([true, true, false]), 10_000);
  } finally {
    isHeld.mockRestore();
    await connection.close({ timeout: 0 });
  }
});

describe('a connection', () => {
  /** Opens one whose relay is a test. */
  async function open() {
    const platform = fakePlatform((socket) => socket.open());
    const connection = await websocket('ws://relay.example/', {
      WebSocket: platform.WebSocket,
      maxDelay: 1,
    }).open();
    const socket = async (index: number) => {
      await vi.waitFor(() => expect(platform.made[index]?.sent.length).toBeGreaterThan(0), 10_000);
      return platform.made[index] as (typeof platform.made)[number];
    };
    const welcome = async (index = 0, client = 'relay/1', features = 0) => {
      const own = await socket(index);
      const frame = [Type.welcome, 's', client, false, 0, 1_000, 1_000, 60_000, 60_000, 'key/'] as const;
      own.get(loneMessage(frame, features).slice().buffer);
    };
    /** Messages that were heard of each relay. */
    const heard = [0, 0];
    const hear = (index: number, ...frames: RelayFrame[]) => {
      const writer = new MessageWriter();
      for (const frame of frames) writer.add(frame);
      const message = writer.take().slice();
      const sequence = (heard[index] ?? 0) + 1;
      heard[index] = sequence;
      setNumbers(message, sequence, 0);
      platform.made[index]?.get(message.buffer);
    };
    const framesOf = async (index = 0): Promise<readonly ClientFrame[]> => {
      await new Promise(setImmediate);
      const sent = platform.made[index]?.sent ?? [];
      return sent.flatMap((message) => readClientMessage(message as never).frames);
    };
    return { connection, platform, welcome, hear, framesOf };
  }

  it('has the id and the prefix that the relay gives, and takes no other', async () => {
    const { connection, welcome } = await open();
    expect([connection.id, connection.keyPrefix]).toEqual(['', '']);
    await expect(connection.identify('own')).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: 'behind a relay the relay gives the id: leave out id',
    });
    await welcome();
    await within(2_000, connection.identify());
    expect([connection.id, connection.keyPrefix]).toEqual(['relay/1', 'key/']);
    await connection.close({ timeout: 0 });
  });

  it('opens channels of each kind, also those that were dialled before, and asks servers', async () => {
    const { connection, welcome, hear, framesOf } = await open();
    connection.push('first');
    await welcome();
    connection.subscribe('first', 'relay/1/');
    connection.pull('first');
    const { reply } = connection.request('first', bytes('x'));
    const frames = (await framesOf()).slice(1);
    expect(frames).toEqual([
      [Type.open, 1, 1, 'first', ''],
      [Type.open, 2, 2, 'first', 'relay/1/'],
      [Type.open, 3, 3, 'first', ''],
      [Type.request, 1, 'first', bytes('x')],
    ]);
    hear(0, [Type.reply, 1, bytes('y')]);
    expect(await within(2_000, reply)).toEqual(bytes('y'));
    for (const address of ['', 'tcp://a'])
      for (const use of [() => connection.request(address, bytes('')), () => connection.push(address)])
        expect(use).toThrow(expect.objectContaining({ code: 'INVALID_CALL' }));
    await connection.close({ timeout: 0 });
  });

  it('opens its channels anew in another session, under its new id, and breaks what it had', async () => {
    const { connection, platform, welcome, hear, framesOf } = await open();
    await welcome();
    const subscription = connection.subscribe('first', 'relay/1/');
    const { reply } = connection.request('first', bytes('x'));
    const lost = reply.catch((error) => error);
    hear(0, [Type.ready, 1, 1, true]);
    await within(2_000, subscription.ready());
    const broke = vi.fn();
    subscription.onBreak(broke);
    await framesOf();
    platform.made[0]?.end(1001);
    expect(await within(2_000, lost)).toMatchObject({ code: 'LOST', sent: 'unknown' });
    expect(broke).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'LOST' }));
    await welcome(1, 'relay/2');
    expect(await framesOf(1)).toContainEqual([Type.open, 1, 2, 'first', 'relay/2/']);
    await connection.close({ timeout: 0 });
  });

  it('goes on at another relay that adopts its session: no channel breaks, and what it may be owed is asked for again', async () => {
    const { connection, platform, welcome, hear, framesOf } = await open();
    await welcome(0, 'relay/1', FEATURES + ADOPTS);
    await within(2_000, connection.identify());
    const pusher = connection.push('first');
    const subscription = connection.subscribe('first', 'relay/1/');
    const broke = vi.fn();
    for (const channel of [pusher, subscription]) channel.onBreak(broke);
    hear(0, [Type.ready, 1, 1, true], [Type.placed, 2, 1, 6, [], []], [Type.ready, 2, 1, true]);
    await within(2_000, Promise.all([pusher.ready(), subscription.ready()]));
    await within(2_000, pusher.send([bytes('a'), bytes('b')]));
    await framesOf();
    hear(
      0,
      [Type.stored, 1, 1, [0, 1]],
      [Type.placed, 2, 2, 6, [8], [{ topic: 'relay/1/a', frames: [bytes('x')] }]],
    );
    platform.made[0]?.end();
    await within(2_000, pusher.send([bytes('c')]));
    await welcome(1, 'relay/1', FEATURES + ADOPTS);
    expect(connection.id).toBe('relay/1');
    hear(1, [Type.ready, 1, 1, true], [Type.ready, 2, 1, true]);
    expect((await framesOf(1)).slice(1)).toEqual([
      [Type.openFrom, 1, 1, 'first', '', 0],
      [Type.openFrom, 2, 2, 'first', 'relay/1/', 7],
      [Type.store, 1, 1, 1, [bytes('b')]],
      [Type.store, 1, 1, 2, [bytes('c')]],
    ]);
    hear(1, [
      Type.placed,
      2,
      1,
      8,
      [7, 8],
      [
        { topic: 'relay/1/b', frames: [bytes('y')] },
        { topic: 'relay/1/a', frames: [bytes('x'), bytes('z')] },
      ],
    ]);
    const reader = subscription[Symbol.asyncIterator]();
    const { value } = await within(2_000, reader.next());
    expect(value?.map(({ topic, frames }) => [topic, ...frames.map(textOf)])).toEqual([
      ['relay/1/a', 'x'],
      ['relay/1/b', 'y'],
      ['relay/1/a', 'z'],
    ]);
    expect(broke).not.toHaveBeenCalled();
    await connection.close({ timeout: 0 });
  });

  it('opens a channel once in each session, when there is one, and none that was closed', async () => {
    const { connection, platform, welcome, framesOf } = await open();
    const opens = async (index: number) =>
      (await framesOf(index)).flatMap((frame) => (frame[0] === Type.open ? [frame[1]] : []));
    const states: string[] = [];
    const reading = (async () => {
      for await (const status of connection.status())
        if ('address' in status && ['first', 'third'].includes(status.address))
          states.push(`${status.address} ${status.type}`);
    })();
    connection.push('first');
    await new Promise(setImmediate);
    expect(states, 'nothing is opened without a session').toEqual([]);
    await welcome();
    const closed = connection.pull('second');
    expect(await opens(0)).toEqual([1, 2]);
    await closed.close();
    platform.made[0]?.end(1001);
    await new Promise(setImmediate);
    connection.pull('third');
    await welcome(1);
    expect(await opens(1)).toEqual([1, 3]);
    await connection.close({ timeout: 0 });
    await within(2_000, reading);
    expect(states).toEqual([
      'first connecting',
      'first disconnected',
      'first connecting',
      'third connecting',
    ]);
  });

  it('passes over frames for a channel that is closed, and is dropped for a second greeting', async () => {
    const { connection, platform, welcome, hear } = await open();
    await welcome();
    const subscription = connection.subscribe('first', 'relay/1/');
    await subscription.close();
    hear(0, [Type.ready, 1, 1, true]);
    expect(platform.made[0]?.closes).toEqual([]);
    hear(0, [Type.welcome, 's', 'relay/1', false, 0, 1, 1, 1, 1, '']);
    expect(platform.made[0]?.closes).toEqual([4400]);
    expect(await within(2_000, connection.closed)).toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining(`frame ${Type.welcome} is out of place`),
    });
  });

  it('fails what is under way when it is closed, and says what was sent', async () => {
    const { connection } = await open();
    const identified = connection.identify().catch((error) => error);
    const early = connection.request('first', bytes('x')).reply.catch((error) => error);
    await connection.close({ timeout: 0 });
    expect(await identified).toMatchObject({
      code: 'CLOSED',
      message: 'the connection to the relay is closed',
      sent: false,
    });
    expect(await early).toMatchObject({ code: 'CLOSED', sent: false });
    const other = await open();
    await other.welcome();
    const asked = other.connection.request('first', bytes('x')).reply.catch((error) => error);
    await other.connection.close({ timeout: 0 });
    expect(await asked).toMatchObject({
      code: 'CLOSED',
      message: 'the connection to the relay is closed',
      sent: 'unknown',
    });
  });

  it('ends with all it has when the relay will not have it', async () => {
    const { connection, platform, welcome } = await open();
    await welcome();
    const waiting = connection.subscribe('first', 'relay/1/').ready();
    const refused = waiting.catch((error) => error);
    const asked = connection.request('first', bytes('x')).reply.catch((error) => error);
    platform.made[0]?.end(4403, 'no');
    expect(await within(2_000, connection.closed)).toMatchObject({ code: 'FORBIDDEN' });
    for (const failed of [refused, asked]) expect(await failed).toMatchObject({ code: 'FORBIDDEN' });
  });
});
