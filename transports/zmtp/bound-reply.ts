import { REPLIES, REPLY_BYTES } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { Answer, RequestOrigin } from '../../src/transport.ts';
import { type BindContext, Bound } from './bound.ts';
import { gatherMessage } from './gather.ts';
import type { Link } from './link.ts';
import { Violation } from './violation.ts';

/** Parts of a request: each proxy on the way adds one, which names the way back. `maxMessageParts` may set fewer. */
const REQUEST_PARTS = 64;

/** A peer that sends requests. */
interface RequestingPeer {
  unanswered: number;
  readonly origin: RequestOrigin;
}

/** Answers REQ and DEALER sockets. It is a ROUTER, so that a slow answer does not delay others. */
export class ZmtpReply extends Bound {
  readonly socketType = 'ROUTER';
  override readonly isHeldUp = false;
  readonly #answer: Answer;
  readonly #peers = new Map<Link, RequestingPeer>();

  constructor(context: BindContext, answer: Answer) {
    super(context);
    this.#answer = answer;
  }

  override up(link: Link): void {
    super.up(link);
    const origin: RequestOrigin = {
      link,
      onGone: (listener) => link.onGone(listener),
      isDead: () => link.isPeerDead,
    };
    this.#peers.set(link, { unanswered: 0, origin });
  }

  override down(...args: Parameters<Bound['down']>): void {
    super.down(...args);
    this.#peers.delete(args[0]);
  }

  frame(link: Link, flags: number, bytes: Uint8Array, start: number, end: number, isOwn: boolean): void {
    if (link.parts.length === REQUEST_PARTS) {
      throw new Violation(`it sent a request of more than ${REQUEST_PARTS} parts`, 'TOO_LARGE');
    }
    const parts = gatherMessage(link, this, flags, bytes, start, end, isOwn);
    if (parts === undefined) return;
    const peer = this.#peers.get(link);
    const empty = parts.findIndex(({ length }) => length === 0);
    const request = parts[empty + 1];
    // Anything but [route…, '', request] is not a request, and cannot be answered.
    if (peer === undefined || empty < 0 || request === undefined || parts.length !== empty + 2) return;
    parts.pop();
    peer.unanswered++;
    const reply = this.#answer(request, peer.origin);
    if (reply instanceof Promise) reply.then((later) => this.#send(link, peer, parts, later));
    else this.#send(link, peer, parts, reply);
    if (peer.unanswered >= REPLIES || link.waiting >= REPLY_BYTES) link.pause();
  }

  override writable(link: Link): void {
    super.writable(link);
    const peer = this.#peers.get(link);
    if (peer !== undefined) this.#readOn(link, peer);
  }

  #send(link: Link, peer: RequestingPeer, route: readonly Bytes[], reply: Bytes): void {
    peer.unanswered--;
    if (!link.isUp) return;
    for (const part of route) link.send(part, true);
    link.send(reply, false);
    const { sendHighWaterBytes } = this.settings;
    // The peer sends requests and does not read the replies.
    if (link.waiting > sendHighWaterBytes + reply.length) {
      link.refuse(new Violation(`it left ${link.waiting} bytes of replies unread`, 'TOO_LARGE'));
      return;
    }
    if (!link.hasRoom) this.hold(link);
    this.#readOn(link, peer);
  }

  #readOn(link: Link, peer: RequestingPeer): void {
    if (peer.unanswered < REPLIES && link.waiting < REPLY_BYTES) link.resumeSoon();
  }
}
