/** A flood of frames is read in turns: links share each turn of the event loop. */
import { afterEach, expect, it, vi } from 'vitest';
import { ReadTurns } from '../../src/async/read-turns.ts';
import { READ_TURN, UNTIMED_FRAMES } from '../../src/flow-control.ts';
import { frameOf, GREETING, messageOf, readyOf } from '../support/zmtp.ts';
import { MemoryLink } from '../support/zmtp-ends.ts';

/** Milliseconds between two looks at the clock. */
const STEP = READ_TURN / 4;
/** Frames that one turn reads at most: the clock begins after the first few. */
const MOST = UNTIMED_FRAMES * (READ_TURN / STEP + 1);
/** Frames of a request: an empty one, and the request. */
const FRAMES = 2;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Has each look at the clock find it a little later: what is read does not depend on how fast the machine is. */
function stepClock(): void {
  let time = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => {
    time += STEP;
    return time;
  });
}

function dial(kind: string, type: string, turns: ReadTurns, options = {}): MemoryLink {
  const link = new MemoryLink(kind, options, false, turns);
  link.receive(Buffer.concat([GREETING, readyOf(type)]));
  return link;
}

const requester = (turns: ReadTurns) => dial('a bound ROUTER', 'DEALER', turns);

const numbered = (count: number) => Array.from({ length: count }, (_, i) => Uint8Array.of(i >> 8, i & 0xff));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const nextTurn = () => new Promise(setImmediate);
const asked = (requests: readonly Uint8Array[]) =>
  Buffer.concat(requests.map((request) => messageOf(new Uint8Array(0), request)));

it('a peer that floods its socket leaves each turn to the peers that send little', async () => {
  stepClock();
  const turns = new ReadTurns(READ_TURN);
  const [flooding, honest] = [requester(turns), requester(turns)];
  const requests = numbered(1_000);
  flooding.receive(asked(requests));
  expect(flooding.given.length).toBeLessThanOrEqual(MOST / FRAMES);
  for (let answered = 1; flooding.given.length < requests.length; answered++) {
    honest.receive(asked(numbered(1)));
    expect(honest.given).toHaveLength(answered);
    const before = flooding.given.length;
    await nextTurn();
    expect(flooding.given.length).toBeGreaterThan(before);
    expect(flooding.given.length - before).toBeLessThanOrEqual(MOST / FRAMES);
  }
  expect(flooding.given).toEqual(requests.map(hex));
  await nextTurn();
  expect(flooding.isPaused).toBe(false);
});

it('all floods together take no more of a turn than one', async () => {
  stepClock();
  const turns = new ReadTurns(READ_TURN);
  const flooding = Array.from({ length: 8 }, () => requester(turns));
  const requests = numbered(300);
  for (const link of flooding) link.receive(asked(requests));
  const given = () => flooding.map((link) => link.given.length);
  const all = () => given().reduce((sum, count) => sum + count);
  while (all() < flooding.length * requests.length) {
    const before = all();
    await nextTurn();
    expect(all()).toBeGreaterThan(before);
    expect(all() - before).toBeLessThanOrEqual((2 * MOST) / FRAMES);
    // They take turns.
    expect(Math.max(...given()) - Math.min(...given())).toBeLessThanOrEqual((2 * MOST) / FRAMES);
  }
  for (const link of flooding) expect(link.given).toEqual(requests.map(hex));
});

it('a link that is held up while it waits for its turn loses nothing and keeps the order', async () => {
  stepClock();
  const link = dial('a bound PULL', 'PUSH', new ReadTurns(READ_TURN), { receiveHighWaterMark: 8 });
  const frames = numbered(2_000);
  await link.receive(Buffer.concat(frames.map((frame) => frameOf(frame))));
  expect(link.isPaused).toBe(true);
  expect((await link.outcome()).given).toEqual(frames.map(hex));
});

it('a link that ends while it waits for its turn is left alone', async () => {
  stepClock();
  const turns = new ReadTurns(READ_TURN);
  const [ending, other] = [requester(turns), requester(turns)];
  const requests = numbered(500);
  ending.receive(asked(requests));
  other.receive(asked(requests));
  const { given, end } = await ending.outcome();
  expect(end).toBeUndefined();
  expect(given.length).toBeLessThanOrEqual(requests.length);
  while (other.given.length < requests.length) await nextTurn();
  expect(other.given).toEqual(requests.map(hex));
});

it('what a peer sent before it hung up is read, though its turn had not come', async () => {
  stepClock();
  const pull = dial('a bound PULL', 'PUSH', new ReadTurns(READ_TURN));
  const frames = numbered(1_000);
  pull.receive(Buffer.concat(frames.map((frame) => frameOf(frame))));
  expect(pull.isPaused).toBe(true);
  pull.hangUp();
  await pull.outcome();
  expect(pull.given).toEqual(frames.map(hex));
});
