import { REPLIES, REPLY_BYTES } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { Answer, RequestOrigin } from '../../src/transport.ts';
import { type BindContext, Bound } from './bound.ts';
import { gatherMessage } from './gather.ts';
import type { Link } from './link.ts';
import { Violation } from './violation.ts';

/** What is known of a peer that asks. */
interface Asker {
  unanswered: number;
  readonly origin: RequestOrigin;
}

/** Answers REQ and DEALER alike; a ROUTER, so that one slow answer holds up no other. */
export class ZmtpReply extends Bound {
  readonly socketType = 'ROUTER';
  override readonly isHeldUp = false;
  readonly #answer: Answer;
  readonly #askers = new Map<Link, Asker>();

  constructor(context: BindContext, answer: Answer) {
    super(context);
    this.#answer = answer;
  }

  override up(link: Link): void {
    super.up(link);
    this.#askers.set(link, { unanswered: 0, origin: { link, onGone: (listener) => link.onGone(listener) } });
  }

  override down(...args: Parameters<Bound['down']>): void {
    super.down(...args);
    this.#askers.delete(args[0]);
  }

  frame(link: Link, flags: number, bytes: Uint8Array, start: number, end: number, isOwn: boolean): void {
    const parts = gatherMessage(link, this, flags, bytes, start, end, isOwn);
    if (parts === undefined) return;
    const asker = this.#askers.get(link);
    const empty = parts.findIndex(({ length }) => length === 0);
    const request = parts[empty + 1];
    // Anything but [route…, '', request] is no request; without its form there is nobody to answer.
    if (asker === undefined || empty < 0 || request === undefined || parts.length !== empty + 2) return;
    parts.pop();
    asker.unanswered++;
    const reply = this.#answer(request, asker.origin);
    if (reply instanceof Promise) reply.then((later) => this.#send(link, asker, parts, later));
    else this.#send(link, asker, parts, reply);
    if (asker.unanswered >= REPLIES || link.waiting >= REPLY_BYTES) link.pause();
  }

  override writable(link: Link): void {
    super.writable(link);
    const asker = this.#askers.get(link);
    if (asker !== undefined) this.#readOn(link, asker);
  }

  #send(link: Link, asker: Asker, route: readonly Bytes[], reply: Bytes): void {
    asker.unanswered--;
    if (!link.isUp) return;
    for (const part of route) link.send(part, true);
    link.send(reply, false);
    const { sendHighWaterBytes } = this.settings;
    // Answers to what was read before: its own fault, who asks and does not read.
    if (link.waiting > sendHighWaterBytes + reply.length) {
      link.refuse(new Violation(`it left ${link.waiting} bytes of replies unread`, 'TOO_LARGE'));
      return;
    }
    if (!link.hasRoom) this.hold(link);
    this.#readOn(link, asker);
  }

  #readOn(link: Link, asker: Asker): void {
    if (asker.unanswered < REPLIES && link.waiting < REPLY_BYTES) link.resumeSoon();
  }
}
