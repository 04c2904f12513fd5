/** Requests behind a relay: how many and how large at once, and what each becomes when it is answered, given up, lost or closed. */
import { describe, expect, it } from 'vitest';
import { RELAYED_REQUESTS } from '../../../../src/flow-control.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { type Frame, Type } from '../../../../transports/relay-protocol/frames.ts';
import { RelayedRequester } from '../../../../transports/websocket/requester.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

const TERMS = { client: 'relay/1', maxFrame: 100, window: 1_000, heaviest: 500, keyPrefix: '' };

function ground(terms: object = {}, isOpen = true) {
  const posted: Frame[] = [];
  const requester = new RelayedRequester((frame) => posted.push(frame));
  const open = () => requester.open({ ...TERMS, ...terms });
  if (isOpen) open();
  const ask = (size = 1) => {
    const pending = requester.request('demo', new Uint8Array(size));
    const outcome = pending.reply.then(textOf, (error: unknown) => error);
    return { ...pending, outcome };
  };
  const ids = (type: number = Type.request) =>
    posted.filter((frame) => frame[0] === type).map(([, id]) => id);
  return { requester, posted, open, ask, ids };
}

const gone = new PalmError('LOST', 'gone', { sent: 'unknown' });

describe('requests', () => {
  it('are sent with numbers of their own, and answered by these', async () => {
    const { requester, ask, posted } = ground();
    const [first, second, third] = [ask(2), ask(), ask()];
    expect(posted).toEqual(
      [1, 2, 3].map((id) => [Type.request, id, 'demo', new Uint8Array(id === 1 ? 2 : 1)]),
    );
    const reply = bytes('two');
    requester.answered([Type.reply, 2, reply]);
    // The reply is not a view of the message that it came in.
    reply.fill(0);
    requester.answered([Type.failed, 1, 'FORBIDDEN', 'no']);
    requester.answered([Type.failed, 3, 'not a code', 'no']);
    expect(await second.outcome).toBe('two');
    expect(await first.outcome).toMatchObject({ code: 'FORBIDDEN', message: 'no', sent: 'unknown' });
    expect(await third.outcome).toMatchObject({ code: 'PROTOCOL', message: 'no', sent: 'unknown' });
  });

  it('that nobody sent, or that were answered already, are passed over', async () => {
    const { requester, ask } = ground();
    const { outcome } = ask();
    requester.answered([Type.reply, 7, bytes('x')]);
    requester.answered([Type.reply, 1, bytes('a')]);
    requester.answered([Type.reply, 1, bytes('b')]);
    expect(await outcome).toBe('a');
  });

  it('wait for the session', () => {
    const { ask, open, ids } = ground({}, false);
    ask();
    expect(ids()).toEqual([]);
    open();
    expect(ids()).toEqual([1]);
  });

  it('are no more at once than the relay allows: the next leaves when one is answered', () => {
    const { requester, ask, ids } = ground();
    for (let i = 0; i < RELAYED_REQUESTS + 2; i++) ask();
    expect(ids()).toHaveLength(RELAYED_REQUESTS);
    requester.answered([Type.reply, 5, bytes('')]);
    expect(ids()).toHaveLength(RELAYED_REQUESTS + 1);
    // An answer to nothing frees no place.
    requester.answered([Type.reply, 5, bytes('')]);
    expect(ids()).toHaveLength(RELAYED_REQUESTS + 1);
  });

  it('have no more bytes under way than the window: one more leaves while there is any room', () => {
    const { requester, ask, ids } = ground({ window: 20 });
    for (const size of [10, 9, 10, 1]) ask(size);
    // 19 bytes of 20 leave room for one of any size.
    expect(ids()).toEqual([1, 2, 3]);
    requester.answered([Type.reply, 2, bytes('')]);
    expect(ids()).toEqual([1, 2, 3]);
    requester.answered([Type.reply, 3, bytes('')]);
    expect(ids()).toEqual([1, 2, 3, 4]);
  });

  it('count for no more than the heaviest', () => {
    const { ask, ids } = ground({ window: 20, heaviest: 10 });
    for (const size of [50, 50, 1]) ask(size);
    expect(ids()).toEqual([1, 2]);
  });

  it('fail when they are larger than the limit, and hold up no other', async () => {
    const { ask, ids } = ground({ maxFrame: 10 });
    const [fits, over, next] = [ask(10), ask(11), ask(9)];
    expect(ids()).toEqual([1, 3]);
    expect(await over.outcome).toMatchObject({
      code: 'TOO_LARGE',
      sent: false,
      message: "a message of 11 bytes is over the relay's limit of 10; send less, or raise maxFrame there",
    });
    expect([fits, next]).toHaveLength(2);
  });
});

describe('a request that is given up', () => {
  it('is cancelled at the relay, frees its place, and its answer is passed over', async () => {
    const { requester, ask, ids } = ground({ window: 5 });
    const first = ask(5);
    ask(5);
    expect(ids()).toEqual([1]);
    first.cancel('enough');
    first.cancel('again');
    expect([ids(), ids(Type.cancel)]).toEqual([[1, 2], [1]]);
    expect(await first.outcome).toBe('enough');
    requester.answered([Type.reply, 1, bytes('late')]);
    expect(ids()).toEqual([1, 2]);
  });

  it('before it left is not sent, and not cancelled', async () => {
    const { ask, open, ids } = ground({}, false);
    const first = ask();
    first.cancel('enough');
    ask();
    open();
    expect(await first.outcome).toBe('enough');
    expect([ids(), ids(Type.cancel)]).toEqual([[2], []]);
  });

  it('after its answer is left alone', async () => {
    const { requester, ask, ids } = ground();
    const { outcome, cancel } = ask();
    requester.answered([Type.reply, 1, bytes('a')]);
    cancel('late');
    expect([await outcome, ids(Type.cancel)]).toEqual(['a', []]);
  });
});

describe('the end of a session', () => {
  it('fails requests that were sent, and those that wait are sent in the next one', async () => {
    const { requester, ask, open, ids } = ground({ window: 5 });
    const [sent, waiting] = [ask(5), ask(5)];
    requester.lost(gone);
    expect(await sent.outcome).toBe(gone);
    ask(1);
    expect(ids()).toEqual([1]);
    open();
    // The window is free again.
    expect(ids()).toEqual([1, 2]);
    requester.answered([Type.reply, 2, bytes('a')]);
    expect([await waiting.outcome, ids()]).toEqual(['a', [1, 2, 3]]);
  });

  it('for good fails all: those that were not sent say so', async () => {
    const { requester, ask, open, ids } = ground({ window: 5 });
    const [sent, waiting] = [ask(5), ask(5)];
    requester.close(gone);
    expect(await sent.outcome).toBe(gone);
    expect(await waiting.outcome).toMatchObject({ code: 'LOST', message: 'gone', sent: false });
    open();
    expect(ids()).toEqual([1]);
  });
});
