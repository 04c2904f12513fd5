/** Requests for work that workers send to a frond Master or Hub, and their replies (docs/protocol/palm.md, "Handing over work"). */

import type { Bytes } from './bytes.ts';
import type { EnvelopeCodec } from './envelope.ts';
import { PalmError } from './errors.ts';
import { Feature, NO_BYTES, type PalmMessage, palmMessage, Status } from './message.ts';
import { varintLength, WireReader, writeVarint } from './wire.ts';

/** The `function` of requests for work, and of their replies. */
export const WORK = '_.work';

/** The `function` of a request by which a worker says what its functions take and give. */
export const OFFERS = '_.offers';

/** Bytes of what one worker says of its functions, at most. A server remembers that of each worker. */
export const LARGEST_OFFERS = 262_144;

/** What an item of work says about its lease. */
export const WorkKind = {
  /** To a worker: work to do. From a worker: a result, and more may come. */
  open: 0,
  /** From a worker: the last result, or no result when the frame is empty. */
  done: 1,
  /** From a worker: the message was not begun, and goes back. */
  returned: 2,
  /** To a worker: a notice of cancelled calls, under lease 0. */
  notice: 3,
} as const;

/** One message on its way to a worker, or a result of it on its way back. */
export interface WorkItem {
  /** Number of the lease, from 1 to {@link LAST_LEASE}. The server assigns it each time that it gives the message to a worker. */
  readonly lease: number;
  /** A {@link WorkKind}. */
  readonly kind: number;
  /** An envelope; empty when there is none. */
  readonly frame: Bytes;
}

/** UTF-16 units of a worker's id and of its name. A server remembers thousands of each. */
export const LONGEST_WORKER_ID = 256;
export const LONGEST_WORKER_NAME = 128;

/** A lease and its kind share 32 bits. */
export const LAST_LEASE = 0x3fff_ffff;

/**
 * Items of one message of work, at most: each becomes an object, and takes as little as two bytes. The bytes of a worker's request
 * keep its results far below.
 */
export const MOST_ITEMS = 16_384;

/** What a worker asks of its server. */
export interface WorkRequest {
  /** Id of the worker. */
  readonly worker: string;
  /** Name of the worker. */
  readonly name: string;
  /** Number of the request, from 1 on. A request that comes again after a break has the same number, and counts once. */
  readonly sequence: number;
  /** Items that the worker takes. With 0, a request with items is answered at once; one without is a sign of life. */
  readonly want: number;
  /** Whether the worker leaves: what it holds goes to others. */
  readonly leaves: boolean;
  /** Whether a relay says, under any number, that the link to the worker broke. The worker may come back. */
  readonly isAway: boolean;
  /** Whether the worker takes items of kind `notice`. */
  readonly takesCancels?: boolean | undefined;
  /** Results of the worker, and messages that it returns. */
  readonly items: readonly WorkItem[];
}

const LEAVES = -1;
const AWAY = -2;

/** The frame of a request for work. */
export function encodeWorkRequest(codec: EnvelopeCodec, request: WorkRequest): Bytes {
  const { worker, name, sequence, want, leaves, isAway, takesCancels = false, items } = request;
  return codec.encode(
    palmMessage({
      pipeline: name,
      client: worker,
      stage: leaves ? LEAVES : isAway ? AWAY : want,
      function: WORK,
      cache: String(sequence),
      payload: packWork(items),
      features: Feature.replies | Feature.work | (takesCancels ? Feature.cancels : 0),
    }),
  );
}

/**
 * The request for work in a message.
 * @throws PalmError `PROTOCOL` when the message is not a request for work, `TOO_LARGE` for an id, name or list beyond its limit.
 */
export function readWorkRequest(message: PalmMessage): WorkRequest {
  const { client: worker, pipeline: name, stage, cache, payload, features } = message;
  const sequence = /^[1-9]\d*$/.test(cache) ? Number(cache) : Number.NaN;
  if (worker === '' || !Number.isSafeInteger(sequence) || stage < AWAY) {
    throw new PalmError('PROTOCOL', 'a request for work needs a worker, a number and a count');
  }
  checkWorkerNames(worker, name);
  const items = unpackWork(payload);
  for (const { kind } of items) {
    if (kind > WorkKind.returned)
      throw new PalmError('PROTOCOL', `an item of work has an unknown kind: ${kind}`);
  }
  return {
    worker,
    name,
    sequence,
    want: Math.max(0, stage),
    leaves: stage === LEAVES,
    isAway: stage === AWAY,
    ...((features & Feature.cancels) !== 0 && { takesCancels: true }),
    items,
  };
}

/** What a worker says of its functions. */
export interface WorkerOffer {
  /** Id of the worker. */
  readonly worker: string;
  /** Name of the worker. */
  readonly name: string;
  /** A list of descriptions of functions as JSON in UTF-8, as in a server's `frond_functions`. */
  readonly offers: Bytes;
  /** Whether the worker is pushed to, and asks for no work. Default false. */
  readonly isPushed?: boolean;
}

/** The `stage` of what a worker says that is pushed to. */
const PUSHED = 1;

/** The message by which a worker says what its functions take and give. Its reply is one to a request for work, without items. */
export function offersMessage({ worker, name, offers, isPushed = false }: WorkerOffer): PalmMessage {
  const features = Feature.replies | Feature.work;
  const stage = isPushed ? PUSHED : 0;
  return palmMessage({ pipeline: name, client: worker, stage, function: OFFERS, payload: offers, features });
}

/**
 * What a worker says in a message. The list itself is not read.
 * @throws PalmError `PROTOCOL` when no worker is named or its kind is unknown, `TOO_LARGE` for an id, name or list beyond its limit.
 */
export function readOffers({
  client: worker,
  pipeline: name,
  stage,
  payload: offers,
}: PalmMessage): WorkerOffer {
  if (worker === '' || (stage !== 0 && stage !== PUSHED)) {
    const text =
      'what functions take and give needs a worker that has them, which asks for work or is pushed to';
    throw new PalmError('PROTOCOL', text);
  }
  checkWorkerNames(worker, name);
  if (offers.length > LARGEST_OFFERS) {
    const text = `what a worker says of its functions may have ${LARGEST_OFFERS} bytes, not ${offers.length}`;
    throw new PalmError('TOO_LARGE', text);
  }
  return { worker, name, offers, ...(stage === PUSHED && { isPushed: true }) };
}

function checkWorkerNames(worker: string, name: string): void {
  if (worker.length <= LONGEST_WORKER_ID && name.length <= LONGEST_WORKER_NAME) return;
  const limits = `${LONGEST_WORKER_ID} characters, and its name ${LONGEST_WORKER_NAME}`;
  throw new PalmError('TOO_LARGE', `the id of a worker may have ${limits}; use shorter ones`);
}

/**
 * The fields of a result that a worker decides. The server knows all other fields from the message that it gave to the worker.
 */
export function resultOf({
  payload,
  status,
  error,
  errorName,
}: PalmMessage): Pick<PalmMessage, 'payload' | 'status' | 'error' | 'errorName'> {
  return { payload, status, error, errorName };
}

/** The reply to a request: the work that the worker gets now. */
export function encodeWorkReply(codec: EnvelopeCodec, items: readonly WorkItem[]): Bytes {
  return codec.encode(
    palmMessage({
      function: WORK,
      payload: packWork(items),
      features: Feature.replies | Feature.work,
    }),
  );
}

/** The reply to a request that is refused. */
export function encodeWorkRefusal(codec: EnvelopeCodec, error: string): Bytes {
  const features = Feature.replies | Feature.work;
  return codec.encode(palmMessage({ function: WORK, status: Status.failed, error, features }));
}

/**
 * The work in a reply.
 * @throws PalmError `PROTOCOL` when the frame is not such a reply, or refuses the request.
 */
export function readWorkReply(codec: EnvelopeCodec, frame: Bytes): WorkItem[] {
  const message = codec.decode(frame);
  if ((message.features & Feature.work) === 0 || message.status !== Status.ok) {
    throw new PalmError(
      'PROTOCOL',
      `the server gave no work: ${message.error || 'its reply is not one to a request for work'}`,
    );
  }
  return unpackWork(message.payload);
}

function packWork(items: readonly WorkItem[]): Bytes {
  if (items.length === 0) return NO_BYTES;
  let length = 0;
  for (const item of items)
    length += varintLength(tagOf(item)) + varintLength(item.frame.length) + item.frame.length;
  const packed = new Uint8Array(length);
  let at = 0;
  for (const item of items) {
    at = writeVarint(packed, writeVarint(packed, at, tagOf(item)), item.frame.length);
    packed.set(item.frame, at);
    at += item.frame.length;
  }
  return packed;
}

function tagOf({ lease, kind }: WorkItem): number {
  return lease * 4 + kind;
}

function unpackWork(packed: Bytes): WorkItem[] {
  const reader = new WireReader(packed);
  const { buffer, byteOffset } = packed;
  const items: WorkItem[] = [];
  while (reader.at < packed.length) {
    const tag = reader.uint32();
    const end = reader.lengthEnd();
    const frame = new Uint8Array(buffer, byteOffset + reader.at, end - reader.at);
    reader.at = end;
    if (items.length === MOST_ITEMS) {
      throw new PalmError('TOO_LARGE', `a message of work has ${MOST_ITEMS} items at most`);
    }
    items.push({ lease: tag >>> 2, kind: tag & 3, frame });
  }
  return items;
}
