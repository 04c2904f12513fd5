/** Handing over work: the requests on the wire, how much a worker asks for, and that nothing is lost or done twice. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandOver } from '../../src/cluster/hand-over.ts';
import { Prefetch } from '../../src/cluster/prefetch.ts';
import { atLevel, consoleLogger } from '../../src/logging.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import {
  encodeWorkReply,
  encodeWorkRequest,
  LAST_LEASE,
  readWorkReply,
  readWorkRequest,
  type WorkItem,
  WorkKind,
} from '../../src/protocol/work.ts';
import { bytes, textOf } from '../bytes.ts';

const anItem = fc.record({
  lease: fc.integer({ min: 1, max: LAST_LEASE }),
  kind: fc.integer({ min: 0, max: 2 }),
  frame: fc.uint8Array({ maxLength: 300 }).map((frame) => new Uint8Array(frame)),
});

describe('requests for work', () => {
  const codec = new EnvelopeCodec();

  it('come out as they went in', () => {
    const aRequest = fc.record({
      worker: fc.string({ minLength: 1 }),
      name: fc.string(),
      sequence: fc.integer({ min: 1 }),
      want: fc.nat(100_000),
      leaves: fc.constant(false),
      isAway: fc.constant(false),
      items: fc.array(anItem, { maxLength: 20 }),
    });
    fc.assert(
      fc.property(aRequest, (request) => {
        expect(readWorkRequest(codec.decode(encodeWorkRequest(codec, request)))).toEqual(request);
        expect(readWorkReply(codec, encodeWorkReply(codec, request.items))).toEqual(request.items);
      }),
    );
  });

  it('say that a worker leaves, or that its link broke', () => {
    const away = { worker: 'w', name: 'n', sequence: 1, want: 0, leaves: false, isAway: true, items: [] };
    expect(readWorkRequest(codec.decode(encodeWorkRequest(codec, away)))).toEqual(away);
    const request = { worker: 'w', name: 'n', sequence: 3, want: 0, leaves: true, isAway: false, items: [] };
    expect(readWorkRequest(codec.decode(encodeWorkRequest(codec, request)))).toEqual(request);
  });

  it('are refused when they are none, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (payload, cache) => {
        const message = palmMessage({ client: 'w', cache, payload: new Uint8Array(payload) });
        try {
          readWorkRequest(message);
        } catch (error) {
          expect(error).toMatchObject({ code: 'PROTOCOL' });
        }
      }),
    );
    for (const fields of [
      { client: '', cache: '1' },
      { client: 'w', cache: '0' },
      { client: 'w', stage: -3 },
    ]) {
      expect(() => readWorkRequest(palmMessage({ cache: '1', ...fields }))).toThrow(
        expect.objectContaining({ code: 'PROTOCOL' }),
      );
    }
    expect(() => readWorkReply(codec, new Uint8Array(0))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    );
  });
});

describe('how much a worker asks for', () => {
  it('is what it can begin, as long as it does not know how long that takes', () => {
    expect(new Prefetch(1).want(0)).toBe(1);
    expect(new Prefetch(1).want(1)).toBe(0);
    expect(new Prefetch(4).want(1)).toBe(3);
  });

  it('is no more than that where functions take their time', () => {
    const prefetch = new Prefetch(2);
    for (let i = 0; i < 50; i++) prefetch.took(10);
    expect(prefetch.want(0)).toBe(3);
    expect(prefetch.want(2)).toBe(0);
    for (let i = 0; i < 50; i++) prefetch.took(100);
    expect(prefetch.want(0)).toBe(2);
  });

  it('is a batch where they are quick, asked for before the last is used up', () => {
    const prefetch = new Prefetch(1);
    prefetch.took(0.01);
    expect(prefetch.want(0)).toBe(257);
    expect(prefetch.want(200)).toBe(0);
    expect(prefetch.want(100)).toBe(157);
  });

  it('shrinks at once when one is slow', () => {
    const prefetch = new Prefetch(1);
    prefetch.took(0.01);
    prefetch.isSlow(20);
    expect(prefetch.want(0)).toBe(1);
  });
});

/** A worker as the model of the property below sees it. */
interface ModelWorker {
  readonly id: string;
  sequence: number;
  readonly held: WorkItem[];
}

const silent = atLevel(consoleLogger(''), 'silent');

describe('handing over', () => {
  function open() {
    const results: string[] = [];
    const codec = new EnvelopeCodec();
    const handOver = new HandOver({
      push: {
        address: '',
        peers: 0,
        onPeers: () => {},
        send: async () => {},
        close: async () => {},
      },
      onResults: async (frames) => {
        results.push(...frames.map((frame) => textOf(codec.decode(frame).payload)));
      },
      logger: silent,
      isVerbatim: false,
      onGivenUp: () => {},
      heartbeat: 1_000,
      workerTimeout: 60_000,
      maxDeliveries: 3,
    });
    const workers = ['a', 'b', 'c'].map((id): ModelWorker => ({ id, sequence: 0, held: [] }));
    const request = (worker: ModelWorker, want: number, items: readonly WorkItem[], leaves = false) =>
      codec.decode(
        encodeWorkRequest(codec, {
          worker: worker.id,
          name: worker.id,
          sequence: worker.sequence,
          want,
          leaves,
          isAway: false,
          items,
        }),
      );
    return { handOver, results, codec, workers, request };
  }

  const aStep = fc.record({
    what: fc.constantFrom('add', 'ask', 'finish', 'return', 'leave', 'repeat'),
    worker: fc.nat(2),
    count: fc.integer({ min: 1, max: 5 }),
  });

  it('gives each message to one worker at a time, and each result once, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { maxLength: 60 }), async (steps) => {
        const { handOver, results, codec, workers, request } = open();
        let added = 0;
        const take = async (worker: ModelWorker, message: ReturnType<typeof request>) => {
          // Whoever asks in vain is not waited for: its next request ends this one.
          const waited = Promise.race([
            handOver.answer(message),
            Promise.resolve(undefined).then(() => undefined),
          ]);
          const reply = (await waited) as Bytes | undefined;
          if (reply !== undefined) worker.held.push(...readWorkReply(codec, reply));
        };
        for (const { what, worker: index, count } of steps) {
          const worker = workers[index] as ModelWorker;
          if (what === 'add') {
            for (let i = 0; i < count; i++) {
              handOver.add(palmMessage({ client: 'c', payload: bytes(String(added++)) }), bytes(''));
            }
          } else if (what === 'ask' && handOver.waiting > 0) {
            worker.sequence++;
            await take(worker, request(worker, count, []));
          } else if (what === 'repeat' && handOver.waiting > 0) {
            // The answer is lost with the link; the request comes again, and with it the same work.
            worker.sequence++;
            const lost = request(worker, count, []);
            await handOver.answer(lost);
            await take(worker, request(worker, count, []));
          } else if (what === 'finish' || what === 'return') {
            worker.sequence++;
            const kind = what === 'finish' ? WorkKind.done : WorkKind.returned;
            const items = worker.held.splice(0, count).map(({ lease, frame }) => ({ lease, kind, frame }));
            const message = request(worker, 0, items);
            await handOver.answer(message);
            await handOver.answer(message);
          } else if (what === 'leave') {
            worker.sequence++;
            worker.held.length = 0;
            await handOver.answer(request(worker, 0, [], true));
            worker.sequence = 0;
          }
          const held = workers.flatMap((own) => own.held);
          expect(new Set(held.map(({ lease }) => lease)).size).toBe(held.length);
          expect(handOver.waiting + held.length + results.length).toBe(added);
          expect(handOver.inFlight).toBe(handOver.waiting + held.length);
        }
        expect(new Set(results).size).toBe(results.length);
        handOver.close();
      }),
      { numRuns: 300 },
    );
  });
});
