import { Readiness } from '../../src/async/readiness.ts';
import { PalmError, type PalmErrorCode } from '../../src/protocol/errors.ts';
import { remoteReason } from '../../src/protocol/printable.ts';
import type { Channel, CloseOptions } from '../../src/transport.ts';
import type { ChannelHost } from '../shared/base-connection.ts';
import { type ChannelKind, type Frame, Type } from '../relay-protocol/frames.ts';
import type { Terms } from './relay-session.ts';
import { broken } from '../relay-protocol/msgpack.ts';

/** What a channel needs of its connection. */
export interface ChannelContext {
  readonly host: ChannelHost & { release(channel: RelayedChannel): void };
  /** Number of the channel. */
  readonly number: number;
  readonly address: string;
  /** @param flow - names what the frame is to stay in order with. */
  post(frame: Frame, flow?: () => string): void;
}

/** A channel that the relay opens on this side's behalf. */
export abstract class RelayedChannel extends Readiness implements Channel {
  protected readonly context: ChannelContext;
  /** How often the relay has said that the channel is ready. */
  protected generation = 0;
  protected terms: Terms | undefined;

  constructor(context: ChannelContext) {
    super();
    this.context = context;
  }

  /** One of {@link ChannelKind}. */
  protected abstract readonly kind: number;

  protected get topic(): string {
    return '';
  }

  get number(): number {
    return this.context.number;
  }

  /** A session is there to open it in. */
  open(terms: Terms): void {
    const { number, address, post, host } = this.context;
    this.terms = terms;
    host.report({ type: 'connecting', address }, this);
    post([Type.open, number, this.kind, address, this.topic]);
  }

  /** What the relay says of it. */
  said(frame: Frame): void {
    switch (frame[0]) {
      case Type.ready:
        this.generation = frame[2];
        this.becameReady(frame[3]);
        this.context.host.report({ type: 'connected', address: this.context.address }, this);
        this.setReady();
        return;
      case Type.broken:
        this.break(relayedError(frame[2], frame[3]));
        return;
      case Type.refused:
        this.refused(relayedError(frame[2], frame[3]));
        return;
      default:
        this.took(frame);
    }
  }

  refused(error: PalmError): void {
    this.setRefused(error);
    this.ended(error);
  }

  break(error: PalmError): void {
    const { host, address } = this.context;
    host.report({ type: 'disconnected', address, reason: error.message }, this);
    this.setBroken(error);
  }

  async close(options: CloseOptions = {}): Promise<void> {
    if (this.isClosed) return;
    await this.drain(options.timeout ?? 0);
    const { number, address, post, host } = this.context;
    const error = new PalmError('CLOSED', `the connection to ${address} is closed`, { sent: false });
    this.setClosed(error);
    this.ended(error);
    post([Type.close, number]);
    host.release(this);
  }

  protected becameReady(_isProved: boolean): void {}

  /** What waits will not be sent. */
  protected ended(_error: PalmError): void {}

  protected async drain(_timeout: number): Promise<void> {}

  /** What only some kinds of channel get. */
  protected took(frame: Frame): void {
    throw broken(`frame ${frame[0]} is not for this channel`);
  }
}

/** The error that a relay tells of. A later relay may have codes that are not known here; they are as good as any. */
export function relayedError(code: string, text: string): PalmError {
  const known = /^[A-Z_]{1,32}$/.test(code) ? code : 'PROTOCOL';
  return new PalmError(known as PalmErrorCode, remoteReason(text), { sent: 'unknown' });
}

/** The error for a frame that the relay would not take. */
export function tooLarge(size: number, limit: number): PalmError {
  const text = `a message of ${size} bytes is over the relay's limit of ${limit}; send less, or raise maxFrame there`;
  return new PalmError('TOO_LARGE', text, { sent: false });
}
