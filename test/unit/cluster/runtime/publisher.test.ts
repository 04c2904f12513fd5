/** How results are published: to whom, how many together, what is counted, and what becomes of a result that cannot be sent. */
import { describe, expect, it, vi } from 'vitest';
import { Cancellations } from '../../../../src/cluster/runtime/cancellations.ts';
import type { HandleStream } from '../../../../src/cluster/runtime/functions.ts';
import { Meter } from '../../../../src/cluster/runtime/meter.ts';
import {
  defaultStream,
  Outbox,
  Publisher,
  type PublisherSettings,
} from '../../../../src/cluster/runtime/publisher.ts';
import { tally } from '../../../../src/cluster/runtime/status.ts';
import { BATCH, BATCH_BYTES } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { NOTICES } from '../../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import { progressField } from '../../../../src/protocol/progress.ts';
import type { Delivery } from '../../../../src/transport.ts';
import { bytes } from '../../../support/bytes.ts';

const codec = new EnvelopeCodec();

function ground(settings: Partial<PublisherSettings> = {}) {
  const published: Delivery[] = [];
  const meter = new Meter();
  const counters = meter.tally;
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const publisher = new Publisher({
    name: 'server',
    cache: {} as PublisherSettings['cache'],
    logger,
    functionLogger: logger,
    cancellations: new Cancellations(new AbortController().signal),
    includeStack: false,
    publish: async (deliveries) => {
      published.push(...deliveries);
    },
    handleStream: defaultStream('server', false),
    isVerbatim: false,
    meter,
    ...settings,
  });
  const message = (fields: Partial<PalmMessage> = {}) =>
    palmMessage({ client: 'a/1', function: 'server.f', payload: bytes('x'), ...fields });
  const frameOf = (own: PalmMessage): Bytes => codec.encode(own).slice();
  const add = async (fields: Partial<PalmMessage> = {}, frame = frameOf(message(fields))) => {
    publisher.add(message(fields), frame);
    return publisher.flush();
  };
  const said = () =>
    published.flatMap(({ topic, frames }) => frames.map((frame) => ({ topic, ...codec.decode(frame) })));
  return { publisher, published, counters, meter, logger, message, frameOf, add, said };
}

describe('a result', () => {
  it('goes to its client, and is counted', async () => {
    const { add, said, counters } = ground();
    expect(await add()).toBe(true);
    expect(said()).toMatchObject([{ topic: 'a/1', client: 'a/1', stage: 0, payload: bytes('x') }]);
    expect(counters).toEqual({ ...tally(), answered: 1 });
  });

  it('that nobody reads here goes where its call says, as it is, and is counted by what is known of it', async () => {
    const { publisher, published, counters, meter } = ground({ nextId: (frame) => `id ${frame[0]}` });
    const frames = [1, 2, 3, 4].map((own): Bytes => new Uint8Array([own]));
    const [one, two, three, four] = frames as [Bytes, Bytes, Bytes, Bytes];
    publisher.pass(one, Status.ok, { topic: 'a/1', features: Feature.batches });
    publisher.pass(two, Status.failed, { topic: 'a/1', features: Feature.batches });
    publisher.pass(three, Status.missing, { topic: 'b/1', features: 0 });
    publisher.pass(four, Status.ok, { topic: 'b/1', features: 0 });
    expect(published).toEqual([]);
    await publisher.flush();
    expect(published).toMatchObject([
      { topic: 'a/1', frames: [one, two], ids: ['id 1', 'id 2'], mayWait: false },
      { topic: 'b/1', frames: [three], ids: ['id 3'], mayWait: true },
      { topic: 'b/1', frames: [four], ids: ['id 4'], mayWait: true },
    ]);
    expect(counters).toEqual({ ...tally(), answered: 4, failed: 2 });
    expect(meter.sent).toBe(4);
    expect(new Map(meter.failures).get('missing')).toBe(1);
  });

  it('that is progress goes to the topic that its call names, and to none where that is not acceptable', async () => {
    const { add, said, counters } = ground();
    const progress = { status: Status.progress, payload: bytes('{"done":1}') };
    for (const unknown of [progressField('../b'), new Uint8Array([0xf2, 0x3e, 9]), new Uint8Array(0)])
      await add({ ...progress, unknown });
    expect(said()).toEqual([]);
    await add({ ...progress, unknown: progressField('7') });
    expect(said()).toMatchObject([{ topic: 'a/7~', status: Status.progress }]);
    expect(counters).toEqual(tally());
  });

  it('that is progress is told to who listens here, to the roles behind, or to both', async () => {
    const own: HandleStream = (message) => ({ topic: message.client, message });
    for (const [handleStream, topics] of [
      [defaultStream('server', false), ['a/7~']],
      [defaultStream('server', true), [NOTICES]],
      [own, ['a/7~', NOTICES]],
    ] as const) {
      const { publisher, published, said, message } = ground({ handleStream });
      const progress = { status: Status.progress, unknown: progressField('7'), cache: 'k' };
      publisher.tell(message(progress));
      // Of a call that names no client to listen nobody can hear.
      publisher.tell(message({ ...progress, client: 'a' }));
      await publisher.flush();
      expect(said().map(({ topic }) => topic)).toEqual(topics);
      expect(published.map(({ mayWait }) => mayWait)).toEqual(topics.map(() => false));
      for (const one of said()) expect(one).toMatchObject({ client: 'a/7~', cache: '', payload: bytes('x') });
    }
  });

  it('is counted with its bytes, as is what is told beside it', async () => {
    const { publisher, published, message, meter } = ground();
    publisher.add(message(), bytes(''));
    publisher.tell(message({ status: Status.progress, unknown: progressField('7') }));
    await publisher.flush();
    const lengths = published.flatMap(({ frames }) => frames.map(({ length }) => length));
    expect(lengths).toHaveLength(2);
    expect(meter.sent).toBe((lengths[0] ?? 0) + (lengths[1] ?? 0));
  });

  it('that failed is counted as failed, and one that says that no more come is not', async () => {
    const { add, counters } = ground();
    await add({ status: Status.failed });
    await add({ status: Status.ended });
    expect(counters).toEqual({ ...tally(), answered: 2, failed: 1 });
  });

  it('is the frame that came, where nothing was changed', async () => {
    const { publisher, published, message } = ground({ isVerbatim: true });
    const frame = bytes('as it came');
    publisher.add(message(), frame);
    await publisher.flush();
    expect(published[0]?.frames).toEqual([frame]);
  });

  it('of a server that passes results on goes on under its name, at the next stage', async () => {
    const { add, said } = ground({ handleStream: defaultStream('server', true) });
    await add({ function: 'server.f next.g' });
    expect(said()).toMatchObject([{ topic: 'server', client: 'a/1', stage: 1, status: Status.ok }]);
  });

  it('too late to be sent is counted as dropped', async () => {
    const { add, counters, logger } = ground({ publish: () => Promise.reject(new Error('closed')) });
    expect(await add()).toBe(false);
    expect(counters).toEqual({ ...tally(), answered: 1, dropped: 1 });
    expect(logger.warning).toHaveBeenCalledExactlyOnceWith('results too late', { reason: 'closed' });
  });

  it('is not published twice, and nothing is where there is none', async () => {
    const publish = vi.fn(async () => {});
    const { publisher, add } = ground({ publish });
    expect(await publisher.flush()).toBe(true);
    expect(publish).not.toHaveBeenCalled();
    await add();
    await publisher.flush();
    expect(publish).toHaveBeenCalledOnce();
  });
});

describe('a call that cannot be passed on', () => {
  const news = (own: ReturnType<typeof ground>) =>
    own.said().map(({ topic, status, error, stage }) => ({ topic, status, error, stage }));

  it('because it failed is told to callers that listen here, too', async () => {
    const own = ground({ handleStream: defaultStream('server', true) });
    await own.add({ function: 'server.f next.g', status: Status.failed, error: 'no' });
    expect(news(own)).toEqual([
      { topic: 'server', status: Status.failed, error: 'no', stage: 1 },
      { topic: 'a/1', status: Status.failed, error: 'no', stage: 0 },
    ]);
  });

  it.each([
    ['server.f', 0, true],
    ['server.f', 3, true],
    ['server.f', -1, true],
    ['first.f  server.f', 1, true],
    ['first.f server.f', 1, true],
    ['first.f server.f', 0, false],
    ['first.f server.f next.g', 1, false],
  ])('because its path %j ends here at stage %i is told so: %s', async (path, stage, isTold) => {
    const own = ground({ handleStream: defaultStream('server', true) });
    await own.add({ function: path, stage });
    const told = own.said().filter(({ topic }) => topic === 'a/1');
    expect(told).toHaveLength(isTold ? 1 : 0);
    if (isTold)
      expect(told[0]).toMatchObject({
        status: Status.unknownFunction,
        payload: bytes('0'),
        errorName: '',
        error: `server "server" passes its results on to the next server of a pipeline, but ${JSON.stringify(path)} names no function there: call '${path} <next server>.<function>', and listen at the last server`,
      });
  });

  it('tells paths apart, one after the other', async () => {
    const own = ground({ handleStream: defaultStream('server', true) });
    for (const path of ['server.f', 'server.f next.g', 'server.f']) await own.add({ function: path });
    expect(own.said().map(({ topic }) => topic)).toEqual(['server', 'a/1', 'server', 'server', 'a/1']);
  });
});

describe('a choice of the owner', () => {
  it('is where the result goes, with what else is in the message', async () => {
    const { add, said } = ground({
      handleStream: (message, { name }) => ({ topic: `${name}/x`, message: { ...message, cache: 'c' } }),
    });
    await add();
    expect(said()).toMatchObject([{ topic: 'server/x', cache: 'c' }]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no choice');
      },
      'no choice',
    ],
    ['is nothing', () => undefined, 'handleStream must return { topic, message } at once, not undefined'],
    ['has no topic', (message: PalmMessage) => ({ message }), 'handleStream must return'],
    ['has no message', () => ({ topic: 'x' }), 'handleStream must return'],
    ['comes late', () => Promise.reject(new Error('late')), 'handleStream must return'],
  ])('that %s fails the call, once, and its client hears of it', async (_what, handleStream, reason) => {
    const { add, said, counters } = ground({ handleStream: handleStream as never });
    await add();
    expect(said()).toMatchObject([
      { topic: 'a/1', status: Status.failed, error: expect.stringContaining(reason), payload: bytes('0') },
    ]);
    expect(counters).toEqual({ ...tally(), answered: 1, failed: 1 });
    await add({ status: Status.failed, error: 'before' });
    expect(counters).toEqual({ ...tally(), answered: 2, failed: 2 });
  });
});

describe('the answer to a message that failed on its way', () => {
  it('is published at once, and counted', async () => {
    const { publisher, said, counters, message } = ground();
    publisher.fail(message({ status: Status.failed, error: 'no' }));
    await Promise.resolve();
    expect(said()).toMatchObject([{ topic: 'a/1', status: Status.failed, error: 'no' }]);
    expect(counters).toEqual({ ...tally(), answered: 1, failed: 1 });
    const passing = ground({ handleStream: defaultStream('server', true) });
    passing.publisher.fail(passing.message({ status: Status.failed, error: 'no' }));
    await Promise.resolve();
    expect(passing.said().map(({ topic }) => topic)).toEqual(['server', 'a/1']);
  });
});

describe('what waits to be published', () => {
  const plain = (client: string, features = 0) => palmMessage({ client, features });
  const lengths = (outbox: Outbox) =>
    outbox.take().map(({ topic, frames, mayWait }) => [topic, frames.length, mayWait]);

  it('is gathered for clients that take several, each with its own, and may wait for others', () => {
    const outbox = new Outbox();
    for (const client of ['a', 'b', 'a']) outbox.add(client, plain(client, Feature.batches));
    for (let i = 0; i < 2; i++) outbox.add('c', plain('c'));
    // Not under its client's own topic.
    for (let i = 0; i < 2; i++) outbox.add('server', plain('d', Feature.batches));
    expect(lengths(outbox)).toEqual([
      ['a', 2, false],
      ['b', 1, false],
      ['c', 1, true],
      ['c', 1, true],
      ['server', 1, true],
      ['server', 1, true],
    ]);
    outbox.add('a', plain('a', Feature.batches));
    expect(lengths(outbox)).toEqual([['a', 1, false]]);
    expect(lengths(outbox)).toEqual([]);
  });

  it('has so many frames and bytes in one delivery at most', () => {
    const outbox = new Outbox();
    for (let i = 0; i <= BATCH; i++) outbox.add('a', plain('a', Feature.batches));
    expect(lengths(outbox).map(([, count]) => count)).toEqual([BATCH, 1]);
    const half = new Uint8Array(BATCH_BYTES / 2) as Bytes;
    for (const frame of [half, half, bytes('x')]) outbox.add('a', plain('a', Feature.batches), frame);
    expect(lengths(outbox).map(([, count]) => count)).toEqual([2, 1]);
  });
});
