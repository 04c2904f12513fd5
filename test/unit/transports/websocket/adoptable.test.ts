/** A client's side of a session that another relay can adopt: what it keeps, what it says again, and what it has come once. */
import { describe, expect, it } from 'vitest';
import { keyRequest } from '../../../../src/protocol/cache-request.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import type { Delivery } from '../../../../src/transport.ts';
import {
  ChannelKind,
  type Frame,
  type RelayFrame,
  Type,
} from '../../../../transports/relay-protocol/frames.ts';
import { AdoptableSession } from '../../../../transports/websocket/adoptable.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

const { push, subscribe, pull } = ChannelKind;
const codec = new EnvelopeCodec();

/** A request to a server's cache. */
const keyed = (operation: string) =>
  codec.encode(keyRequest(operation, { server: 'demo', client: 'relay/1' }, 'key', 0));

const list = (texts: string) => [...texts].map(bytes);

/** Frames with texts in place of bytes, which are easier to read where they differ. */
function readable(frames: readonly Frame[]): unknown[] {
  const read = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return textOf(value);
    return Array.isArray(value) ? value.map(read) : value;
  };
  return frames.map(read);
}

function ground() {
  /** What the relays got, one after another. */
  const relays: { frames: Frame[]; flows: (string | undefined)[] }[] = [];
  const told: RelayFrame[] = [];
  const begin = () => relays.push({ frames: [], flows: [] });
  begin();
  const session = new AdoptableSession(
    (frame, flow) => {
      relays.at(-1)?.frames.push(frame);
      relays.at(-1)?.flows.push(flow?.());
    },
    (frames) => told.push(...frames),
  );
  /** What the relay that there is has got since this was last asked. */
  const got = () => readable(relays.at(-1)?.frames.splice(0) ?? []);
  const flows = () => relays.at(-1)?.flows.splice(0) ?? [];
  const hear = (...frames: RelayFrame[]) => session.took(frames);
  const openPush = (number = 1) => {
    session.post([Type.open, number, push, 'demo', '']);
    hear([Type.ready, number, 1, true]);
    got();
    flows();
  };
  const openSubscription = (number = 2) => {
    session.post([Type.open, number, subscribe, 'demo', 'relay/1/']);
    hear([Type.ready, number, 1, true]);
    got();
  };
  const send = (texts: string, flow = 'a', generation = 1, number = 1) =>
    session.post([Type.send, number, generation, list(texts)], () => flow);
  /** Another relay adopts the session. @returns what it is told at once. */
  const move = () => {
    begin();
    session.adopted();
    return got();
  };
  return { session, relays, told, got, flows, hear, openPush, openSubscription, send, move };
}

describe('a channel that pushes', () => {
  it('is opened at each relay in the same way', () => {
    const { session, got, hear, send, move } = ground();
    session.post([Type.open, 1, push, 'demo', '']);
    expect(got()).toEqual([[Type.openFrom, 1, push, 'demo', '', 0]]);
    hear([Type.ready, 1, 1, true]);
    send('abc');
    hear([Type.stored, 1, 2, [0, 2]]);
    expect(move()).toEqual([[Type.openFrom, 1, push, 'demo', '', 0]]);
  });

  it('numbers what it sends, each channel for itself, in its flow', () => {
    const { got, flows, openPush, send } = ground();
    openPush(1);
    openPush(3);
    send('abc', 'one');
    send('d', 'two');
    send('x', 'one', 1, 3);
    send('e', 'one');
    expect(got()).toEqual([
      [Type.store, 1, 1, 0, ['a', 'b', 'c']],
      [Type.store, 1, 1, 3, ['d']],
      [Type.store, 3, 1, 0, ['x']],
      [Type.store, 1, 1, 4, ['e']],
    ]);
    expect(flows()).toEqual(['one', 'two', 'one', 'one']);
  });

  it('is told the credit as ever, whatever is stored', () => {
    const { hear, openPush, send } = ground();
    openPush();
    send('abc');
    expect(hear([Type.stored, 1, 10, []], [Type.stored, 1, 20, [0, 3]], [Type.taken, 1, 5])).toEqual([
      [Type.taken, 1, 10],
      [Type.taken, 1, 20],
      [Type.taken, 1, 5],
    ]);
  });

  it.each([
    ['nothing', [[]], ['abc', 'de', 'f'], [0, 3, 5]],
    ['what was never sent', [[6, 3, 100, 1]], ['abc', 'de', 'f'], [0, 3, 5]],
    ['some of a batch', [[0, 1]], ['bc', 'de', 'f'], [1, 3, 5]],
    ['the middle of a batch', [[1, 1]], ['a', 'c', 'de', 'f'], [0, 2, 3, 5]],
    ['the end of a batch', [[1, 2]], ['a', 'de', 'f'], [0, 3, 5]],
    ['a batch and some', [[0, 4]], ['e', 'f'], [4, 5]],
    ['a batch in the middle', [[3, 2]], ['abc', 'f'], [0, 5]],
    ['the last one', [[5, 1]], ['abc', 'de'], [0, 3]],
    ['in two ranges', [[0, 1, 4, 1]], ['bc', 'd', 'f'], [1, 3, 5]],
    [
      'told twice',
      [
        [0, 2],
        [1, 2],
      ],
      ['de', 'f'],
      [3, 5],
    ],
    ['everything', [[0, 6]], [], []],
    ['everything and far more', [[0, 2 ** 53 - 1]], [], []],
    [
      'everything, from the end',
      [
        [5, 1],
        [3, 2],
        [0, 3],
      ],
      [],
      [],
    ],
    ['half of a range', [[0]], ['abc', 'de', 'f'], [0, 3, 5]],
  ] as const)('sends again what may not be stored, when stored is %s', (_, told, texts, firsts) => {
    const { got, hear, openPush, send, move } = ground();
    openPush();
    // Each in a flow of its own: what was pushed apart is sent apart.
    for (const [flow, own] of Object.entries({ one: 'abc', two: 'de', three: 'f' })) send(own, flow);
    for (const ranges of told) hear([Type.stored, 1, 1, ranges]);
    move();
    expect(hear([Type.ready, 1, 1, true])).toEqual([]);
    expect(got()).toEqual(texts.map((own, i) => [Type.store, 1, 1, firsts[i], [...own]]));
  });

  it('keeps what is pushed before the other relay has it ready, and sends all in order then', () => {
    const { got, flows, hear, openPush, send, move } = ground();
    openPush();
    send('ab', 'one');
    move();
    send('c', 'two');
    send('de', 'one');
    expect(got()).toEqual([]);
    flows();
    expect(hear([Type.ready, 1, 1, true])).toEqual([]);
    send('f', 'two');
    expect(got()).toEqual([
      [Type.store, 1, 1, 0, ['a', 'b']],
      [Type.store, 1, 1, 2, ['c']],
      [Type.store, 1, 1, 3, ['d', 'e']],
      [Type.store, 1, 1, 5, ['f']],
    ]);
    expect(flows()).toEqual(['one', 'two', 'one', 'two']);
  });

  it('sends again what may have been lost with a relay, also when the next is gone as well', () => {
    const { got, hear, openPush, send, move } = ground();
    openPush();
    send('a');
    move();
    move();
    hear([Type.ready, 1, 1, true]);
    expect(got()).toEqual([[Type.store, 1, 1, 0, ['a']]]);
    move();
    hear([Type.ready, 1, 1, true]);
    expect(got()).toEqual([[Type.store, 1, 1, 0, ['a']]]);
  });

  it.each([Type.broken, Type.refused] as const)(
    'forgets what it has sent when it fails (%i), and goes on counting',
    (type) => {
      const { got, hear, openPush, send, move } = ground();
      openPush();
      send('abc');
      expect(hear([type, 1, 'DISCONNECTED', 'gone'])).toEqual([[type, 1, 'DISCONNECTED', 'gone']]);
      expect(hear([Type.ready, 1, 2, true])).toEqual([[Type.ready, 1, 2, true]]);
      got();
      send('d', 'a', 2);
      expect(got()).toEqual([[Type.store, 1, 2, 3, ['d']]]);
      expect(move()).toEqual([[Type.openFrom, 1, push, 'demo', '', 0]]);
      hear([Type.ready, 1, 1, true]);
      expect(got()).toEqual([[Type.store, 1, 1, 3, ['d']]]);
    },
  );

  it.each([Type.broken, Type.refused] as const)(
    'that fails (%i) at the other relay is told so, and sends nothing again',
    (type) => {
      const { got, hear, openPush, send, move } = ground();
      openPush();
      send('a');
      move();
      send('b');
      expect(hear([type, 1, 'FORBIDDEN', 'no'])).toEqual([[type, 1, 'FORBIDDEN', 'no']]);
      // It is ready again then, not still.
      expect(hear([Type.ready, 1, 1, true])).toHaveLength(1);
      expect(got()).toEqual([]);
    },
  );

  it('that is closed is not opened again, and nothing of it is sent again', () => {
    const { session, got, hear, openPush, send, move } = ground();
    openPush();
    send('a');
    session.post([Type.close, 1]);
    expect(got().at(-1)).toEqual([Type.close, 1]);
    // What was under way passes.
    expect(hear([Type.stored, 1, 1, [0, 1]])).toEqual([[Type.stored, 1, 1, [0, 1]]]);
    expect(move()).toEqual([]);
  });

  it('that is closed while it waits closes at the relay that has opened it', () => {
    const { session, got, hear, openPush, send, move } = ground();
    openPush();
    send('a');
    move();
    session.post([Type.close, 1]);
    expect(got()).toEqual([[Type.close, 1]]);
    hear([Type.ready, 1, 1, true]);
    expect(got()).toEqual([]);
  });
});

describe('the generation of a channel', () => {
  /** A channel that pushes: the generation that its user is told, or undefined. */
  function counting() {
    const own = ground();
    own.session.post([Type.open, 1, push, 'demo', '']);
    const ready = (generation: number) => {
      const frame = own.hear([Type.ready, 1, generation, true])[0];
      return frame?.[0] === Type.ready ? frame[2] : undefined;
    };
    const broken = () => own.hear([Type.broken, 1, 'DISCONNECTED', 'gone']);
    /** The generation that the relay is sent frames for. */
    const sent = (generation: number) => {
      own.got();
      own.send('x', 'a', generation);
      return (own.got()[0] as unknown[] | undefined)?.[2];
    };
    return { ...own, ready, broken, sent };
  }

  it('is the relay`s, before another one has adopted the session', () => {
    const { ready, broken, sent } = counting();
    expect(ready(1)).toBe(1);
    expect(sent(1)).toBe(1);
    broken();
    expect(ready(2)).toBe(2);
    expect(sent(2)).toBe(2);
  });

  it('stays when the channel was ready', () => {
    const { ready, broken, sent, move } = counting();
    ready(1);
    broken();
    ready(2);
    move();
    expect(ready(1)).toBeUndefined();
    expect(sent(2)).toBe(1);
    broken();
    expect(ready(2)).toBe(3);
    expect(sent(3)).toBe(2);
  });

  it('is the next one when it was not ready', () => {
    const { ready, broken, sent, move } = counting();
    ready(1);
    broken();
    move();
    expect(ready(1)).toBe(2);
    expect(sent(2)).toBe(1);
    const never = counting();
    never.move();
    expect([never.ready(1), never.sent(1)]).toEqual([1, 1]);
  });

  it('stays when relays are gone before they have the channel ready', () => {
    const { ready, broken, sent, move } = counting();
    ready(1);
    move();
    move();
    move();
    expect(ready(1)).toBeUndefined();
    expect(sent(1)).toBe(1);
    broken();
    move();
    move();
    expect(ready(1)).toBe(2);
    expect(sent(2)).toBe(1);
  });

  it('counts on over several relays', () => {
    const { ready, broken, sent, move } = counting();
    ready(1);
    for (let i = 0; i < 3; i++) {
      move();
      expect(ready(1)).toBeUndefined();
      broken();
      expect(ready(2)).toBe(2 + i);
      expect(sent(2 + i)).toBe(2);
    }
  });

  it('and whether it is proved, are those of subscriptions too', () => {
    const { session, hear, move } = ground();
    session.post([Type.open, 2, subscribe, 'demo', 'relay/1/']);
    expect(hear([Type.ready, 2, 1, false])).toEqual([[Type.ready, 2, 1, false]]);
    move();
    expect(hear([Type.ready, 2, 1, true])).toEqual([]);
    hear([Type.broken, 2, 'DISCONNECTED', 'gone']);
    expect(hear([Type.ready, 2, 2, true])).toEqual([[Type.ready, 2, 2, true]]);
  });
});

describe('a subscription', () => {
  const topic = 'relay/1/x';
  const delivery = (texts: string, of = topic): Delivery => ({ topic: of, frames: list(texts) });
  /** The texts that a subscription is given, by delivery. */
  const given = (frames: readonly RelayFrame[]) =>
    frames
      .flatMap((frame) => (frame[0] === Type.results ? frame[2] : []))
      .map(({ frames: own }) => own.map(textOf).join(''));

  function placing() {
    const own = ground();
    own.openSubscription();
    /** One frame of deliveries, each a position and its texts. */
    const placed = (
      count: number,
      reached: number,
      ...deliveries: (readonly [position: number, texts: string])[]
    ) =>
      given(
        own.hear([
          Type.placed,
          2,
          count,
          reached,
          deliveries.map(([position]) => position),
          deliveries.map(([, texts]) => delivery(texts)),
        ]),
      );
    const from = () => {
      const frames = own.move();
      own.hear([Type.ready, 2, 1, true]);
      return (frames[0] as unknown[] | undefined)?.[5];
    };
    return { ...own, placed, from };
  }

  it('begins with what comes, until it knows a place', () => {
    const { session, got, move } = ground();
    session.post([Type.open, 2, subscribe, 'demo', 'relay/1/']);
    expect(got()).toEqual([[Type.openFrom, 2, subscribe, 'demo', 'relay/1/', 0]]);
    expect(move()).toEqual([[Type.openFrom, 2, subscribe, 'demo', 'relay/1/', 0]]);
  });

  it('gets what is placed as results, with their topics, and other frames as they are', () => {
    const { hear } = placing();
    const deliveries = [delivery('ab'), delivery('c', 'relay/1/y')];
    expect(hear([Type.placed, 2, 1, 7, [5, 7], deliveries])).toEqual([[Type.results, 2, deliveries]]);
    expect(hear([Type.results, 2, deliveries])).toEqual([[Type.results, 2, deliveries]]);
    // There is nothing to give of a place alone.
    expect(hear([Type.placed, 2, 2, 9, [], []])).toEqual([]);
  });

  it('goes on one behind the place up to which it has everything, also at 0', () => {
    const { placed, from } = placing();
    placed(1, 0);
    expect(from()).toBe(1);
    placed(1, 5, [5, 'a']);
    expect(from()).toBe(6);
    placed(1, 9);
    expect(from()).toBe(10);
    // A place that is behind it says nothing.
    placed(1, 8);
    expect(from()).toBe(10);
    expect(from()).toBe(10);
  });

  it('counts a place once all frames before it have come', () => {
    const { placed, from } = placing();
    placed(1, 3, [3, 'a']);
    expect(placed(3, 7, [7, 'c'])).toEqual(['c']);
    expect(from()).toBe(4);
    placed(2, 7, [7, 'c']);
    placed(3, 9, [9, 'd']);
    placed(5, 99);
    // The numbers of frames begin at each relay: these say nothing before its first.
    expect(from()).toBe(4);
    placed(2, 20);
    placed(3, 21);
    placed(4, 22);
    placed(1, 8);
    expect(from()).toBe(23);
  });

  it('is given what it has not, of what comes again', () => {
    const { placed, from } = placing();
    placed(1, 3, [3, 'a']);
    expect(placed(3, 7, [5, 'c'], [7, 'de'])).toEqual(['c', 'de']);
    expect(from()).toBe(4);
    expect(placed(1, 8, [4, 'b'], [5, 'c'], [7, 'de'], [8, 'f'])).toEqual(['b', 'f']);
    expect(from()).toBe(9);
  });

  it('is given the rest of a delivery of which some parts have come, however they are split', () => {
    for (const [first, then, rest] of [
      [['ab'], ['abcde'], ['cde']],
      [
        ['ab', 'c'],
        ['a', 'bcd', 'e'],
        ['d', 'e'],
      ],
      [['a'], ['ab', 'cd', 'e'], ['b', 'cd', 'e']],
      [['a', 'b', 'c', 'd'], ['abc', 'de'], ['e']],
      [['abcd', 'e'], ['abc', 'de'], []],
      [[], ['abc', 'de'], ['abc', 'de']],
    ] as const) {
      const { placed, from } = placing();
      let count = 0;
      placed(++count, 2);
      for (const part of first) placed(++count, 2, [5, part]);
      expect(from()).toBe(3);
      count = 0;
      expect(then.flatMap((part, i) => placed(++count, i === then.length - 1 ? 5 : 2, [5, part]))).toEqual(
        rest,
      );
      expect(from()).toBe(6);
    }
  });

  it('is given no part twice when relay after relay is gone within a delivery', () => {
    const { placed, from } = placing();
    placed(1, 2);
    expect(placed(2, 2, [5, 'ab'])).toEqual(['ab']);
    from();
    expect(placed(1, 2, [5, 'abc'])).toEqual(['c']);
    from();
    expect(placed(1, 2, [5, 'a'])).toEqual([]);
    from();
    expect(placed(1, 2, [5, 'abcd'])).toEqual(['d']);
    expect(placed(2, 5, [5, 'e'])).toEqual(['e']);
    from();
    expect(placed(1, 6, [6, 'f'])).toEqual(['f']);
  });

  it('is given all parts that one relay sends, although they look alike', () => {
    const { placed } = placing();
    expect([placed(1, 0, [5, 'a']), placed(2, 0, [5, 'a']), placed(3, 5, [5, 'a'])]).toEqual([
      ['a'],
      ['a'],
      ['a'],
    ]);
  });

  it('is given all answers of relays themselves: nobody has them again', () => {
    const { placed, from } = placing();
    expect(placed(1, 3, [0, 'no'], [3, 'a'], [0, 'no'])).toEqual(['no', 'a', 'no']);
    expect(placed(3, 3, [0, 'no'])).toEqual(['no']);
    from();
    expect(placed(1, 3, [0, 'no'])).toEqual(['no']);
    // Also before a place is known; and one without a position at all is a relay's own.
    for (const positions of [[0], []]) {
      const other = placing();
      for (let i = 0; i < 2; i++) {
        expect(given(other.hear([Type.placed, 2, 2, 3, positions, [delivery('x')]]))).toEqual(['x']);
        other.from();
      }
    }
  });

  it('is given the rest of a delivery that follows the place at once', () => {
    const { placed, from } = placing();
    placed(1, 2);
    expect(placed(2, 2, [3, 'a'])).toEqual(['a']);
    expect(from()).toBe(3);
    expect(placed(1, 3, [3, 'ab'])).toEqual(['b']);
  });

  it('is given what has a place again that it has passed: what is stored began anew', () => {
    const { placed, from } = placing();
    placed(1, 5, [4, 'a'], [5, 'b']);
    expect(placed(2, 5, [4, 'c'], [5, 'd'])).toEqual(['c', 'd']);
    from();
    expect(placed(1, 5, [4, 'e'], [5, 'f'])).toEqual(['e', 'f']);
  });

  it('knows of each channel by itself where it is', () => {
    const { hear, openSubscription, move } = ground();
    openSubscription(2);
    openSubscription(4);
    hear([Type.placed, 2, 1, 9, [9], [delivery('a')]]);
    hear([Type.placed, 4, 1, 5, [5], [delivery('b')]]);
    expect(move().map((frame) => [(frame as unknown[])[1], (frame as unknown[])[5]])).toEqual([
      [2, 10],
      [4, 6],
    ]);
    expect(given(hear([Type.placed, 4, 1, 9, [9], [delivery('a')]]))).toEqual(['a']);
  });

  it('breaks as ever, and has its place when it is ready again', () => {
    const { hear, placed, from } = placing();
    placed(1, 5, [5, 'a']);
    expect(hear([Type.broken, 2, 'LOST', 'dropped'])).toEqual([[Type.broken, 2, 'LOST', 'dropped']]);
    expect(from()).toBe(6);
  });
});

describe("a worker's channels", () => {
  it.each([
    ['work', pull, 'demo'],
    ['results', push, 'demo/results'],
  ] as const)('for %s are opened plainly, and break with their relay', (_, kind, address) => {
    const { session, got, hear, told, move } = ground();
    const open = [Type.open, 3, kind, address, ''] as const;
    session.post(open);
    expect(got()).toEqual([open]);
    const frames = [
      [Type.ready, 3, 1, true],
      [Type.work, 3, list('a')],
      [Type.taken, 3, 1],
      [Type.stored, 3, 1, [0, 1]],
    ] as const;
    expect(hear(...frames)).toEqual(frames);
    const send = [Type.send, 3, 1, list('r')] as const;
    session.post(send, () => 'r');
    session.post([Type.taken, 3, 1]);
    expect(got()).toEqual(readable([send, [Type.taken, 3, 1]]));
    expect(told).toEqual([]);
    expect(move()).toEqual([open]);
    expect(told).toEqual([[Type.broken, 3, 'LOST', 'the relay is gone']]);
    // Its generations begin anew.
    expect(hear([Type.ready, 3, 1, true])).toEqual([[Type.ready, 3, 1, true]]);
    expect(got()).toEqual([]);
  });
});

describe('a request', () => {
  const set = () => [Type.request, 7, 'demo', keyed('set')] as const;
  const get = () => [Type.request, 8, 'demo', keyed('get')] as const;
  const gone = [
    Type.failed,
    7,
    'DISCONNECTED',
    'the relay is gone, and nobody knows what became of the request',
  ];

  it('that reads is asked again; any other fails, as it may have been done', () => {
    const { session, got, told, move } = ground();
    session.post(set());
    session.post(get());
    expect(got()).toEqual(readable([set(), get()]));
    expect(move()).toEqual(readable([get()]));
    expect(told).toEqual([gone]);
    // It is asked again each time, and the other one is over.
    expect(move()).toEqual(readable([get()]));
    expect(told).toEqual([gone]);
  });

  it('fails with the relay that it was made at', () => {
    const { session, told, move } = ground();
    session.post(set());
    move();
    session.post([Type.request, 9, 'demo', keyed('delete')]);
    expect(move()).toEqual([]);
    expect(told.map(([, id]) => id)).toEqual([7, 9]);
  });

  it.each([
    ['answered', [Type.reply, 8, bytes('x')]],
    ['failed', [Type.failed, 8, 'FORBIDDEN', 'no']],
  ] as const)('that is %s is not asked again', (_, answer) => {
    const { session, hear, told, move } = ground();
    session.post(get());
    expect(hear(answer)).toEqual([answer]);
    expect(move()).toEqual([]);
    expect(told).toEqual([]);
  });

  it('that is cancelled is not asked again, and does not fail', () => {
    const { session, got, told, move } = ground();
    session.post(get());
    session.post(set());
    session.post([Type.cancel, 8]);
    session.post([Type.cancel, 7]);
    expect(got().slice(2)).toEqual([
      [Type.cancel, 8],
      [Type.cancel, 7],
    ]);
    expect(move()).toEqual([]);
    expect(told).toEqual([]);
  });

  it('has an id of its own, whatever channel has the same number', () => {
    const { session, hear, openSubscription, move } = ground();
    openSubscription(8);
    session.post(get());
    hear([Type.placed, 8, 1, 3, [], []], [Type.broken, 8, 'LOST', 'gone']);
    expect(move()).toEqual([[Type.openFrom, 8, subscribe, 'demo', 'relay/1/', 4], ...readable([get()])]);
  });
});

describe('another relay that adopts a session', () => {
  it('opens all channels before anybody hears of the move, who may use them at once', () => {
    const frames: Frame[] = [];
    const told: number[] = [];
    const session = new AdoptableSession(
      (frame) => frames.push(frame),
      (own) => {
        for (const [type] of own) {
          told.push(type);
          if (type !== Type.broken) continue;
          session.post([Type.send, 2, 1, list('a')]);
          session.post([Type.open, 9, push, 'demo', '']);
        }
      },
    );
    session.post([Type.open, 1, pull, 'demo', '']);
    session.post([Type.open, 2, push, 'demo', '']);
    session.took([[Type.ready, 2, 1, true]]);
    session.post([Type.request, 1, 'demo', keyed('set')]);
    frames.length = 0;
    session.adopted();
    session.took([[Type.ready, 2, 1, true]]);
    expect(frames.map(([type, number]) => [type, number])).toEqual([
      [Type.open, 1],
      [Type.openFrom, 2],
      [Type.openFrom, 9],
      [Type.store, 2],
    ]);
    expect(told).toEqual([Type.broken, Type.failed]);
  });

  it('has the frames that came together taken one after another', () => {
    const { session, got, hear } = ground();
    session.post([Type.open, 1, push, 'demo', '']);
    const passed = [
      [Type.ping],
      [Type.pong],
      [Type.ready, 1, 1, true],
      [Type.reply, 1, bytes('x')],
      [Type.results, 77, []],
    ] as const;
    expect(hear(...passed)).toEqual(passed);
    got();
  });
});
