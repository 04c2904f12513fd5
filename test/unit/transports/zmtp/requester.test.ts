/** Requests and replies: each reply finds its request, limits hold, and places come back, whatever becomes of the link. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { REPLIES, REQUEST_BYTES, REQUESTS } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import type { RequestOrigin } from '../../../../src/transport.ts';
import { ZmtpReply } from '../../../../transports/zmtp/bound-reply.ts';
import { MORE } from '../../../../transports/zmtp/frame-reader.ts';
import type { ZmtpOptions } from '../../../../transports/zmtp/options.ts';
import { ZmtpRequester } from '../../../../transports/zmtp/requester.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { GREETING, messageOf, readyOf } from '../../../support/zmtp.ts';
import { endContext, MemoryPeer, turn, type WrittenFrame } from '../../../support/zmtp-peer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** The messages that frames are, each as its parts. */
function messages(frames: readonly WrittenFrame[]): string[][] {
  const all: string[][] = [[]];
  for (const { flags, text } of frames) {
    all.at(-1)?.push(text);
    if ((flags & MORE) === 0) all.push([]);
  }
  return all.slice(0, -1);
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');

function outcomeOf(promise: Promise<Bytes>): { now: unknown } {
  const outcome: { now: unknown } = { now: 'waits' };
  promise.then(
    (reply) => {
      outcome.now = textOf(reply);
    },
    (error) => {
      outcome.now =
        error instanceof Error && 'code' in error ? [error.code, 'sent' in error && error.sent] : error;
    },
  );
  return outcome;
}

describe('a requester', () => {
  const ground = () => {
    const requester = new ZmtpRequester(endContext());
    const ask = (frame: Bytes | string) => {
      const { reply, cancel } = requester.request(typeof frame === 'string' ? bytes(frame) : frame);
      return Object.assign(outcomeOf(reply), { cancel });
    };
    return { requester, ask };
  };

  it('gives each request its own reply, in whatever order they come, and passes over what is not one', async () => {
    const { requester, ask } = ground();
    const asked = ['a', 'b', 'c'].map(ask);
    const peer = await MemoryPeer.of(requester, true, 'REP');
    // The handshake of the peer was read, and what came with it.
    asked.push(ask('d'));
    await turn();
    const [last] = messages(peer.heard());
    expect(last?.slice(1)).toEqual(['', 'd']);
    const id = latin1(last?.[0] ?? '');
    const other = Buffer.from(id);
    other.writeUInt32BE(id.readUInt32BE() - 2);
    await peer.say(
      messageOf(other, Buffer.from(''), Buffer.from('to b')),
      messageOf(Buffer.from('none'), Buffer.from(''), Buffer.from('to nobody')),
      messageOf(id, Buffer.from('x'), Buffer.from('not a reply')),
      messageOf(id, Buffer.from('')),
      messageOf(id, Buffer.from(''), Buffer.from('to d')),
      messageOf(id, Buffer.from(''), Buffer.from('again')),
    );
    expect(asked.map(({ now }) => now)).toEqual(['waits', 'to b', 'waits', 'to d']);
    await requester.close();
    await turn();
    expect(asked.map(({ now }) => now)).toEqual([
      ['CLOSED', 'unknown'],
      'to b',
      ['CLOSED', 'unknown'],
      'to d',
    ]);
  });

  it(`has ${REQUESTS} under way, and sends one more for each that is answered`, async () => {
    const { requester, ask } = ground();
    const peer = await MemoryPeer.of(requester, true, 'REP');
    for (let i = 0; i < REQUESTS + 2; i++) ask(String(i));
    await turn();
    const sent = messages(peer.heard());
    expect(sent).toHaveLength(REQUESTS);
    await peer.say(messageOf(latin1(sent[0]?.[0] ?? ''), Buffer.from(''), Buffer.from('reply')));
    expect(messages(peer.heard()).map(([, , text]) => text)).toEqual([String(REQUESTS)]);
    await requester.close();
  });

  it('has so many bytes under way, and sends more when they are answered', async () => {
    const { requester, ask } = ground();
    const peer = await MemoryPeer.of(requester, true, 'REP');
    ask(new Uint8Array(REQUEST_BYTES));
    ask('next');
    await turn();
    const [[id = ''] = []] = messages(peer.heard());
    await peer.say(messageOf(latin1(id), Buffer.from(''), Buffer.from('reply')));
    await turn();
    expect(messages(peer.heard()).map(([, , text]) => text)).toEqual(['next']);
    await requester.close();
  });

  it('has all of its bytes again when its link breaks', async () => {
    const { requester, ask } = ground();
    const peer = await MemoryPeer.of(requester, true, 'REP');
    ask(new Uint8Array(REQUEST_BYTES));
    await turn();
    await peer.hangUp();
    const next = await MemoryPeer.of(requester, true, 'REP');
    ask('next');
    await turn();
    expect(messages(next.heard()).map(([, , text]) => text)).toEqual(['next']);
    await requester.close();
  });

  it('fails what was sent when its link breaks, and sends what was not over the next', async () => {
    const { requester, ask } = ground();
    const peer = await MemoryPeer.of(requester, true, 'REP');
    const sent = Array.from({ length: REQUESTS }, (_, i) => ask(String(i)));
    const [waiting, givenUp] = [ask('waiting'), ask('given up')];
    await turn();
    givenUp.cancel('enough');
    await peer.hangUp();
    expect(new Set(sent.map(({ now }) => String(now)))).toEqual(new Set(['DISCONNECTED,unknown']));
    expect([waiting.now, givenUp.now]).toEqual(['waits', 'enough']);
    const next = new MemoryPeer(requester, true);
    await next.say(GREETING, readyOf('REP'));
    const [, ...again] = next.heard();
    expect(messages(again).map(([, , text]) => text)).toEqual(['waiting']);
    // All places are free again.
    for (let i = 0; i < REQUESTS; i++) ask(String(i));
    await turn();
    expect(messages(next.heard())).toHaveLength(REQUESTS - 1);
    await requester.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps the place of a request that is given up after it was sent, until the server answers it', async () => {
    const { requester, ask } = ground();
    const peer = await MemoryPeer.of(requester, true, 'REP');
    const asked = Array.from({ length: REQUESTS + 1 }, (_, i) => ask(String(i)));
    await turn();
    const sent = messages(peer.heard());
    asked[0]?.cancel('enough');
    await turn();
    expect([asked[0]?.now, peer.heard()]).toEqual(['enough', []]);
    await peer.say(messageOf(latin1(sent[0]?.[0] ?? ''), Buffer.from(''), Buffer.from('late')));
    expect([asked[0]?.now, messages(peer.heard()).length]).toEqual(['enough', 1]);
    await requester.close();
  });
});

describe('a bound end that answers', () => {
  const ground = (options: ZmtpOptions = {}) => {
    const asked: { readonly text: string; readonly reply: Deferred<Bytes>; readonly from: RequestOrigin }[] =
      [];
    const end = new ZmtpReply(endContext(options), (request, from) => {
      const reply = deferred<Bytes>();
      asked.push({ text: textOf(request), reply, from });
      return reply.promise;
    });
    return { end, asked };
  };
  const empty = Buffer.from('');

  it('sends each reply back the way that its request came, in whatever order they are made', async () => {
    const { end, asked } = ground();
    const [first, second] = [
      await MemoryPeer.of(end, false, 'DEALER'),
      await MemoryPeer.of(end, false, 'REQ'),
    ];
    await first.say(messageOf(Buffer.from('r1'), Buffer.from('r2'), empty, Buffer.from('a')));
    await second.say(messageOf(empty, Buffer.from('b')));
    await first.say(messageOf(Buffer.from('r3'), empty, Buffer.from('c')));
    expect(asked.map(({ text }) => text)).toEqual(['a', 'b', 'c']);
    for (const { text, reply } of asked.toReversed()) reply.resolve(bytes(`to ${text}`));
    await turn();
    expect(messages(first.heard())).toEqual([
      ['r3', '', 'to c'],
      ['r1', 'r2', '', 'to a'],
    ]);
    expect(messages(second.heard())).toEqual([['', 'to b']]);
    expect(asked[0]?.from.link).not.toBe(asked[1]?.from.link);
    expect(asked[0]?.from.link).toBe(asked[2]?.from.link);
  });

  it('passes over what is not a request', async () => {
    const { end, asked } = ground();
    const peer = await MemoryPeer.of(end, false, 'DEALER');
    await peer.say(messageOf(Buffer.from('no empty part')), messageOf(empty), messageOf(empty, empty, empty));
    await peer.say(messageOf(empty, Buffer.from('a'), Buffer.from('b')));
    expect([asked, peer.link.isUp]).toEqual([[], true]);
  });

  it(`reads no more of a peer that waits for ${REPLIES} replies, until one is there`, async () => {
    const { end, asked } = ground();
    const peer = await MemoryPeer.of(end, false, 'DEALER');
    for (let i = 0; i <= REPLIES; i++) await peer.say(messageOf(empty, Buffer.from('a')));
    expect([asked.length, peer.socket.isPaused]).toEqual([REPLIES, true]);
    asked[0]?.reply.resolve(bytes('b'));
    await turn();
    expect([asked.length, peer.socket.isPaused]).toEqual([REPLIES + 1, true]);
    for (const { reply } of asked) reply.resolve(bytes('b'));
    await turn();
    expect(peer.socket.isPaused).toBe(false);
  });

  it('refuses a peer that leaves its replies unread', async () => {
    const { end, asked } = ground({ sendHighWaterBytes: 10_000 });
    const peer = await MemoryPeer.of(end, false, 'DEALER');
    peer.goDeaf();
    for (let i = 0; i < 3; i++) {
      await peer.say(messageOf(empty, Buffer.from('a')));
      expect(peer.end).toBeUndefined();
      asked[i]?.reply.resolve(new Uint8Array(6_000));
      await turn();
    }
    expect(peer.end?.reason).toContain('of replies unread');
  });

  it('tells who answers when a peer is gone, and drops the reply', async () => {
    const { end, asked } = ground();
    const peer = await MemoryPeer.of(end, false, 'DEALER');
    await peer.say(messageOf(empty, Buffer.from('a')));
    const gone = vi.fn();
    asked[0]?.from.onGone(gone);
    await peer.hangUp();
    expect(gone).toHaveBeenCalledTimes(1);
    asked[0]?.reply.resolve(bytes('b'));
    await turn();
    expect(peer.heard()).toEqual([]);
  });

  it('takes messages of so many parts and bytes, and refuses a peer that sends one more', async () => {
    for (const [options, fine, tooMuch] of [
      [{ maxMessageParts: 3 }, ['a', '', 'b'], ['a', 'b', '', 'c']],
      [{ maxMessageSize: 4 }, ['a', '', 'bcd'], ['a', '', 'bcde']],
    ] as const) {
      const { end, asked } = ground(options);
      const peer = await MemoryPeer.of(end, false, 'DEALER');
      await peer.say(messageOf(...fine.map((part) => Buffer.from(part))));
      expect([asked.length, peer.end]).toEqual([1, undefined]);
      await peer.say(messageOf(...tooMuch.map((part) => Buffer.from(part))));
      expect(peer.end?.violation?.code).toBe('TOO_LARGE');
    }
  });
});
