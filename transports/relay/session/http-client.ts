/** A client of the relay for one call over HTTP. It speaks to its session as a WebSocket's client does, so the same rules hold. */
import { startTimer } from '../../../src/async/timers.ts';
import { BATCH } from '../../../src/flow-control.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { messageOf, type PalmErrorCode } from '../../../src/protocol/errors.ts';
import { decodeFailure } from '../../../src/protocol/failure-details.ts';
import { randomId } from '../../../src/protocol/ids.ts';
import { Feature, NO_BYTES, type PalmMessage, palmMessage, Status } from '../../../src/protocol/message.ts';
import { joined } from '../../../src/protocol/metadata.ts';
import { encodePriority } from '../../../src/protocol/priority.ts';
import { progressField, readProgress } from '../../../src/protocol/progress.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import {
  ChannelKind,
  type ClientFrame,
  type RelayFrame,
  readRelayMessage,
  Type,
} from '../../relay-protocol/frames.ts';
import { type HttpCall, HttpFailure } from '../http/call-request.ts';
import type { CallResponse } from '../http/call-response.ts';
import type { ClientSession, SessionSocket } from './session.ts';

export interface HttpClientSettings {
  readonly call: HttpCall;
  /** The function path, with the servers' own names. */
  readonly path: string;
  /** Names of the first and the last server, as the relay has them. */
  readonly first: string;
  readonly last: string;
  readonly payloads: readonly Bytes[];
  readonly session: ClientSession;
  readonly response: CallResponse;
  /** Bytes of one envelope, and bytes under way to a server, at most. */
  readonly limits: { readonly maxFrame: number; readonly window: number; readonly heartbeat: number };
  /** The call is over. */
  readonly onEnd: () => void;
}

/** What the topic of a call's progress is called. */
const PROGRESS = '1';

const PUSH = 1;
const SUBSCRIPTION = 2;

/** Bytes of a frame of the client's own, beside its envelopes, as the session counts it. */
const FRAME_SIZE = 64;

/** One call over HTTP, from its first frame to its last result. */
export class HttpClient implements SessionSocket {
  readonly #settings: HttpClientSettings;
  readonly #codec = new EnvelopeCodec();
  readonly #ready = new Set<number>();
  readonly #frames: Bytes[] = [];
  #generation = 0;
  /** Envelopes that were sent, and bytes of them that the server has not taken. */
  #sent = 0;
  #outstanding = 0;
  #received = 0;
  /** The last message that came, and whether it is to be confirmed. */
  #came = 0;
  #isConfirming = false;
  #stopTimer = () => {};
  #beats: ReturnType<typeof setInterval> | undefined;
  #isOver = false;

  constructor(settings: HttpClientSettings) {
    this.#settings = settings;
  }

  /** Bytes that the caller's side has not taken. */
  get unsent(): number {
    return this.#settings.response.unsent;
  }

  /**
   * Begins, once the session has this as its socket.
   * @throws HttpFailure for a payload that is too large.
   */
  begin(): void {
    const { call, path, first, last, payloads, session, limits, response } = this.#settings;
    const pipeline = randomId();
    const isSeveral = call.kind === 'lines';
    for (const [index, payload] of payloads.entries()) {
      const ordinal = isSeveral ? index + 1 : 0;
      const { cache } = call;
      const client = `${session.id}/1`;
      const fields = { pipeline, client, function: path, cache, payload, ordinal };
      // Events alone have a name for what is no result.
      const progress = call.form === 'events' ? progressField(PROGRESS) : NO_BYTES;
      const unknown = joined(encodePriority(call.priority), progress);
      const frame = this.#codec.encode(palmMessage({ ...fields, features: Feature.batches, unknown }));
      if (frame.length > limits.maxFrame) {
        const text = `a message has ${frame.length} bytes, more than the relay's limit of ${limits.maxFrame}`;
        throw new HttpFailure(413, 'TOO_LARGE', text);
      }
      this.#frames.push(frame);
    }
    this.#wait();
    if (call.form === 'events') this.#beats = setInterval(() => response.beat(), limits.heartbeat);
    session.resume(this, 0, false);
    this.#tell([
      [Type.open, PUSH, ChannelKind.push, first, ''],
      [Type.open, SUBSCRIPTION, ChannelKind.subscribe, last, `${session.id}/`],
    ]);
  }

  send(message: Bytes): void {
    try {
      const { sequence, frames } = readRelayMessage(message);
      if (sequence > 0) this.#came = sequence;
      for (const frame of frames) this.#take(frame);
      this.#confirmSoon();
    } catch (error) {
      this.#fail(new HttpFailure(500, 'PROTOCOL', messageOf(error)));
    }
  }

  close(code: number, reason: string): void {
    this.#fail(failureOfClose(code, reason));
  }

  /** Ends the call: nobody waits for it any more, or the relay goes down. */
  giveUp(failure: HttpFailure): void {
    this.#fail(failure);
  }

  #take(frame: RelayFrame): void {
    switch (frame[0]) {
      case Type.ready: {
        const [, channel, generation] = frame;
        if (channel === PUSH) this.#generation = generation;
        this.#ready.add(channel);
        this.#pump();
        return;
      }
      case Type.taken:
        this.#outstanding -= frame[2];
        this.#pump();
        return;
      case Type.results:
        for (const { frames } of frame[2]) for (const own of frames) this.#result(own);
        return;
      case Type.broken:
        this.#ready.delete(frame[1]);
        // What had left may be lost. What had not waits for the link.
        if (this.#sent > 0) this.#fail(new HttpFailure(502, 'DISCONNECTED', frame[3]));
        return;
      case Type.refused: {
        const [, , code, text] = frame;
        this.#fail(new HttpFailure(code === 'FORBIDDEN' ? 403 : 502, code as PalmErrorCode, text));
      }
    }
  }

  /** Sends as many envelopes as there is room for, when both channels are ready. */
  #pump(): void {
    if (this.#ready.size < 2 || this.#isOver) return;
    const { window } = this.#settings.limits;
    // One batch after the other has been taken: the session bounds what waits in it.
    if (this.#outstanding > 0) return;
    const batch: Bytes[] = [];
    while (batch.length < BATCH) {
      const frame = this.#frames[this.#sent];
      if (frame === undefined || (batch.length > 0 && this.#outstanding + frame.length > window)) break;
      batch.push(frame);
      this.#outstanding += frame.length;
      this.#sent++;
    }
    if (batch.length > 0) this.#tell([[Type.send, PUSH, this.#generation, batch]]);
  }

  /** Has the session take frames, in a turn of their own: it may be in the middle of sending. */
  #tell(frames: readonly ClientFrame[]): void {
    queueMicrotask(() => {
      if (this.#isOver) return;
      let size = FRAME_SIZE;
      for (const frame of frames) if (frame[0] === Type.send) for (const own of frame[3]) size += own.length;
      try {
        this.#settings.session.take({ sequence: 0, confirmed: this.#confirmable, frames }, size);
      } catch (error) {
        this.#fail(new HttpFailure(400, 'PROTOCOL', messageOf(error)));
      }
    });
  }

  /** Confirms what came once the caller's side has room, so that the session knows what it has not taken. */
  #confirmSoon(): void {
    const { response } = this.#settings;
    if (this.#isConfirming || this.#isOver) return;
    this.#isConfirming = true;
    const confirm = () => {
      this.#isConfirming = false;
      this.#tell([]);
    };
    if (response.isBackedUp) response.onDrain(confirm);
    else confirm();
  }

  get #confirmable(): number {
    return this.#settings.response.isBackedUp ? 0 : this.#came;
  }

  #result(frame: Bytes): void {
    const { call, response, payloads } = this.#settings;
    if (this.#isOver) return;
    const message = this.#codec.decode(frame);
    const index = call.kind === 'lines' && message.ordinal > 0 ? message.ordinal - 1 : undefined;
    if (message.status === Status.progress) {
      const progress = readProgress(message.payload);
      if (progress !== undefined) response.progress(progress, index);
      return;
    }
    if (message.status === Status.ok) response.result(message.payload, index);
    else response.failedResult(failureOf(message), index);
    const wanted = call.messages ?? (call.kind === 'lines' ? payloads.length : Number.POSITIVE_INFINITY);
    const isFailed = message.status !== Status.ok && call.kind !== 'lines';
    if (++this.#received >= wanted || isFailed) this.#end();
    else this.#wait();
  }

  /** The time for the next result begins. */
  #wait(): void {
    this.#stopTimer();
    const { timeout } = this.#settings.call;
    this.#stopTimer = startTimer(timeout, () =>
      this.#fail(new HttpFailure(504, 'TIMEOUT', `no result came within ${timeout} ms`)),
    );
  }

  #fail(failure: HttpFailure): void {
    if (this.#isOver) return;
    this.#settings.response.fail(failure);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#stopTimer();
    clearInterval(this.#beats);
    this.#settings.response.end();
    this.#settings.onEnd();
  }
}

/** HTTP statuses for those of a failed answer. */
const STATUSES: Readonly<Record<number, readonly [status: number, code: PalmErrorCode]>> = {
  [Status.failed]: [502, 'REMOTE'],
  [Status.unknownFunction]: [404, 'REMOTE'],
  [Status.missing]: [404, 'REMOTE'],
  [Status.refused]: [403, 'FORBIDDEN'],
  [Status.invalid]: [400, 'INVALID_CALL'],
};

function failureOf({ status, error, errorName, payload }: PalmMessage): HttpFailure {
  const [code, kind] = STATUSES[status] ?? [502, 'REMOTE' as const];
  const remoteName = errorName === '' ? undefined : errorName;
  return new HttpFailure(code, kind, error, { remoteName, ...decodeFailure(payload) });
}

function failureOfClose(code: number, reason: string): HttpFailure {
  switch (code) {
    case CloseCode.unauthorized:
      return new HttpFailure(401, 'FORBIDDEN', reason);
    case CloseCode.forbidden:
      return new HttpFailure(403, 'FORBIDDEN', reason);
    case CloseCode.tooBig:
      return new HttpFailure(413, 'TOO_LARGE', reason);
    case CloseCode.slowConsumer:
    case CloseCode.tooMany:
      return new HttpFailure(429, 'LOST', reason);
    case CloseCode.goingAway:
      return new HttpFailure(503, 'CLOSED', reason);
    case CloseCode.relayFailed:
      return new HttpFailure(500, 'PROTOCOL', reason);
    default:
      return new HttpFailure(400, 'PROTOCOL', reason);
  }
}
