/** A worker's link to a Master that pushes work, held to a plain model: what comes, what goes, what is lost. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { BatchQueue } from '../../../../src/async/batch-queue.ts';
import { Readiness } from '../../../../src/async/readiness.ts';
import { PushedLink } from '../../../../src/cluster/worker-link/work-link.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { palmMessage, Status } from '../../../../src/protocol/message.ts';
import type { CloseOptions, Puller } from '../../../../src/transport.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { BROKEN, FakePusher } from '../../../support/fake-connection.ts';

const codec = new EnvelopeCodec();

class FakePuller extends Readiness implements Puller {
  readonly queue: BatchQueue<Bytes> = new BatchQueue<Bytes>(1_000);

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return this.queue;
  }

  async close(): Promise<void> {
    this.queue.end();
    this.setClosed(new PalmError('CLOSED', 'closed'));
  }
}

class CountedPusher extends FakePusher {
  readonly closings: (CloseOptions | undefined)[] = [];

  override async close(options?: CloseOptions): Promise<void> {
    this.closings.push(options);
    await super.close();
  }
}

function ground() {
  const [puller, pusher] = [new FakePuller(), new CountedPusher()];
  const lost = vi.fn<(count: number, error: unknown) => void>();
  const link = new PushedLink({ puller, pusher, onLost: lost });
  puller.setReady();
  pusher.setReady();
  const sent = () => pusher.sent.map((frame) => textOf(codec.decode(frame).payload));
  return { link, puller, pusher, lost, sent };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

const aStep = fc.record({
  what: fc.constantFrom('push', 'push', 'next', 'next', 'add', 'add', 'flush', 'flush', 'break', 'mend'),
  count: fc.integer({ min: 1, max: 4 }),
});

describe('a link that work is pushed over', () => {
  it('is there while work can come and results can go', () => {
    const { link, puller, pusher } = ground();
    expect(link.isThere).toBe(true);
    for (const channel of [puller, pusher]) {
      channel.setBroken(BROKEN);
      expect(link.isThere).toBe(false);
      channel.setReady();
      expect(link.isThere).toBe(true);
    }
  });

  it('says how many bytes a result has', () => {
    const { link, pusher } = ground();
    const result = palmMessage({ client: 'c/1', payload: bytes('result') });
    const size = link.add(result, { lease: 0, frame: bytes(''), isAnswered: false });
    void link.flush();
    expect(size).toBe(pusher.sent[0]?.length);
  });

  it('hands out all that came in its order, and sends each result once or counts it as lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(aStep, { maxLength: 40, size: 'max' }),
        fc.constantFrom('leave', 'abandon'),
        async (steps, end) => {
          const { link, puller, pusher, lost, sent } = ground();
          const model = { pushed: [] as string[], gathered: [] as string[], sent: [] as string[], lost: 0 };
          const handed: string[] = [];
          let [isReading, isOver, number] = [false, false, 0];
          const read = () => {
            if (isReading || isOver) return;
            isReading = true;
            link.next().then(({ done, value }) => {
              isReading = false;
              isOver = done === true;
              for (const work of value ?? []) {
                expect(work.lease).toBe(0);
                handed.push(textOf(link.begin(work)));
              }
            });
          };
          const flush = async () => {
            expect(await link.flush()).toBe(true);
            if (pusher.isReady) model.sent.push(...model.gathered);
            else model.lost += model.gathered.length;
            model.gathered = [];
          };
          for (const { what, count } of steps) {
            if (what === 'push') {
              const frames = Array.from({ length: count }, () => `m${++number}`);
              puller.queue.push(frames.map(bytes));
              model.pushed.push(...frames);
            } else if (what === 'next') read();
            else if (what === 'add') {
              for (let i = 0; i < count; i++) {
                const result = `r${++number}`;
                link.add(palmMessage({ payload: bytes(result) }), {
                  lease: 0,
                  frame: bytes(''),
                  isAnswered: false,
                });
                model.gathered.push(result);
              }
            } else if (what === 'flush') await flush();
            else if (what === 'break') pusher.setBroken(BROKEN);
            else pusher.setReady();
            await settle();
            expect(handed).toEqual(model.pushed.slice(0, handed.length));
            if (isReading) expect(handed).toEqual(model.pushed);
            expect(sent()).toEqual(model.sent);
            expect(lost.mock.calls.reduce((sum, [own]) => sum + own, 0)).toBe(model.lost);
          }
          await flush();
          if (end === 'leave') {
            link.stop();
            // What came before is still handed out: nobody else gets it.
            for (let turn = 0; turn < 3; turn++) {
              read();
              await settle();
            }
            expect([isOver, handed]).toEqual([true, model.pushed]);
            await link.leave(50);
            expect(pusher.closings).toEqual([{ timeout: 50 }]);
          } else {
            link.abandon();
            // Nothing is to go to a Master that has moved.
            expect(pusher.closings).toEqual([{ timeout: 0 }]);
          }
          expect([puller.isClosed, pusher.isClosed]).toEqual([true, true]);
          expect(sent()).toEqual(model.sent);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('tells progress to a Master that takes it, in order among the results, and loses none when that is lost', async () => {
    const { link, pusher, lost, sent } = ground();
    const work = { lease: 0, frame: bytes(''), isAnswered: false };
    const progress = palmMessage({ payload: bytes('half'), status: Status.progress });
    link.tell(progress);
    await link.flush();
    expect(sent()).toEqual([]);
    link.takesProgress = true;
    link.tell(progress);
    link.add(palmMessage({ payload: bytes('whole') }), work);
    await link.flush();
    expect(sent()).toEqual(['half', 'whole']);
    pusher.setBroken(BROKEN);
    link.tell(progress);
    await link.flush();
    expect(lost).not.toHaveBeenCalled();
    link.tell(progress);
    link.add(palmMessage({ payload: bytes('whole') }), work);
    await link.flush();
    expect(lost.mock.calls).toEqual([[1, BROKEN]].map(([count]) => [count, expect.anything()]));
  });

  it('tells of the breaks of both of its channels', () => {
    const { link, puller, pusher } = ground();
    const broke = vi.fn();
    link.onBreak(broke);
    puller.setBroken(BROKEN);
    pusher.setBroken(BROKEN);
    expect(broke).toHaveBeenCalledTimes(2);
  });

  it('answers a message that is done without a result as cancelled: the Master counts results', async () => {
    const { link, puller, pusher, sent } = ground();
    const message = codec.encode(palmMessage({ client: 'c/1', function: 'm.f', payload: bytes('x') }));
    puller.queue.push([message, message, new Uint8Array([0xff])]);
    const { value = [] } = await link.next();
    const [answered, cancelled, unreadable] = value as [never, never, never];
    link.add(palmMessage({ payload: bytes('result') }), answered);
    for (const work of [answered, cancelled, unreadable]) link.done(work);
    expect(await link.flush()).toBe(true);
    expect(sent()).toHaveLength(2);
    expect(sent()[0]).toBe('result');
    expect(codec.decode(pusher.sent[1] ?? bytes(''))).toMatchObject({
      client: 'c/1',
      status: Status.cancelled,
    });
    // Nothing is left to send.
    const send = vi.spyOn(pusher, 'send');
    await link.flush();
    expect(send).not.toHaveBeenCalled();
  });

  it('closes what is to end with it, once, or at once where it has stopped', () => {
    const { link } = ground();
    const [before, behind] = [vi.fn(), vi.fn()];
    link.onStop(before);
    expect(before).not.toHaveBeenCalled();
    link.stop();
    expect(before).toHaveBeenCalledTimes(1);
    link.onStop(behind);
    expect(behind).toHaveBeenCalledTimes(1);
  });
});
