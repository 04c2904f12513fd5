/** What Master and Hub share: messages come in, are scattered to workers, gathered, and published. */

import { BatchQueue } from '../../async/batch-queue.ts';
import { ByteBudget } from '../../async/byte-budget.ts';
import { atMost } from '../../async/timers.ts';
import { checkLimit, checkTimeout } from '../../checks.ts';
import { PULLED, UNGATHERED, UNGATHERED_BYTES, WORKERS_SHARE } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { inspectValue, invalidCall, type PalmError } from '../../protocol/errors.ts';
import { countedIds } from '../../protocol/ids.ts';
import { type PalmMessage, palmMessage, Status } from '../../protocol/message.ts';
import { isBytes } from '../../protocol/payload.ts';
import { cancelledAnswer, type FailureSettings, failed } from '../runtime/failures.ts';
import { dropped, type Emit, type Source, type Step } from '../runtime/flow.ts';
import {
  type FunctionScope,
  type HandleStream,
  MessageContext,
  type MessageTransform,
} from '../runtime/functions.ts';
import type { Intake } from '../runtime/intake.ts';
import { FunctionMeters } from '../runtime/meter.ts';
import type { OpenInputs } from '../runtime/open-inputs.ts';
import { defaultStream, type Publisher } from '../runtime/publisher.ts';
import { handled, isIterable } from '../runtime/results.ts';
import type { RoleParts } from '../runtime/role.ts';
import type { RoleHost } from '../runtime/role-host.ts';
import type { Addressed, ServingOptions } from '../runtime/serving-options.ts';
import type { MutableCounters } from '../runtime/status.ts';
import { Dispatcher } from './dispatcher.ts';
import type { WorkerResult } from './worker-results.ts';

/** Options that Master and Hub share. */
export interface DispatchOptions extends ServingOptions {
  /** Address to bind, where results are published. Default: a free one beside `dbAddress`. */
  readonly pubAddress?: string | undefined;
  /** Address to bind, where workers push their results. Default: a free one beside `dbAddress`. */
  readonly workerPullAddress?: string | undefined;
  /** Address to bind, where work is pushed to workers. Default: a free one beside `dbAddress`. */
  readonly workerPushAddress?: string | undefined;
  /** Whether results go to the next server of a pipeline and not to the client. Default false. */
  readonly pipelined?: boolean | undefined;
  /**
   * Takes each message that comes in, and returns the messages that go to workers: none, one or several. It may return the same
   * message, changed. Messages are scattered one after another.
   */
  readonly scatter?: MessageTransform | undefined;
  /** Takes each result of the workers, and returns those that are published: none, one or several. */
  readonly gather?: MessageTransform | undefined;
  /** Chooses topic and message for each result, in place of `pipelined`. */
  readonly handleStream?: HandleStream | undefined;
  /**
   * Milliseconds between two signs of life of a worker that asks for its work. When its link breaks and it is not back within half
   * of that time, it counts as dead, and others get its messages. Default 1000.
   */
  readonly heartbeat?: number | undefined;
  /**
   * Milliseconds that such a worker may be silent. While it has a link, a silent worker is not dead: a function may block its event
   * loop for any time. After this time a worker with messages is named in the log, and one without is forgotten until it is heard of
   * again. Only a worker whose link cannot be watched counts as dead then. Default 30 000.
   */
  readonly workerTimeout?: number | undefined;
  /**
   * Workers that may die with one message. Then its answer is a failure with the name `WorkerDied`. A message with one worker left
   * goes to it alone. `Infinity` for no limit; default 3.
   */
  readonly maxDeliveries?: number | undefined;
}

/** Where the messages of a Master or Hub come from. */
export interface DispatchSource {
  /** The frames that come in. */
  readonly sources: readonly AsyncIterator<readonly Bytes[], undefined>[];
  /** Those of clients that wait for few. */
  readonly prompt?: AsyncIterator<readonly Bytes[], undefined> | undefined;
  /** What has to be settled of them. Absent where the transport settles nothing. */
  readonly inputs?: OpenInputs | undefined;
  /** Ends the sources, within the milliseconds that are left. */
  readonly stop: (left: () => number) => Promise<void>;
  /** The addresses that messages come to, by their keys in the cache. */
  readonly addresses: Readonly<Record<string, string>>;
  /** For a Hub: name of the previous server. */
  readonly previous?: string;
  /** For a Hub: what it needs and is not there, in a few words. */
  readonly missing?: () => readonly string[];
}

/** The opened parts of a Master or Hub. */
export interface DispatchParts extends RoleParts {
  readonly pubAddress: string;
  readonly workerPullAddress: string;
  readonly workerPushAddress: string;
}

/** Defaults of the options of the same names. */
const HEARTBEAT = 1_000;
const WORKER_TIMEOUT = 30_000;
const MAX_DELIVERIES = 3;

/**
 * Binds the addresses of a Master or Hub, all but where its messages come from, and serves.
 * @param role - its class, for its status.
 * @throws PalmError `INVALID_CALL` for an option that is not acceptable or an address that is taken.
 */
export async function openDispatch(
  role: string,
  host: RoleHost,
  options: Addressed<DispatchOptions, 'pubAddress' | 'workerPullAddress' | 'workerPushAddress'>,
  source: DispatchSource,
): Promise<DispatchParts> {
  const { name, pipelined = false, scatter, gather } = options;
  const { inputs } = source;
  const limits = checkLimits(options);
  const { connection, logger } = host;
  const push = await connection.bindPush(options.workerPushAddress);
  const workerPull = await connection.bindPull(options.workerPullAddress);
  const stream = options.handleStream ?? defaultStream(name, pipelined);
  const isVerbatim = !pipelined && gather === undefined && options.handleStream === undefined;
  const { publisher, address: pubAddress } = await host.publisher(options.pubAddress, stream, isVerbatim);

  const sizeOf = ({ frame }: WorkerResult) => frame.length;
  const results = new BatchQueue<WorkerResult>(UNGATHERED, { sizeOf, bytes: UNGATHERED_BYTES });
  const onResults = (came: readonly WorkerResult[]) => {
    results.push(came);
    return results.room();
  };
  const budgets = { waiting: host.waiting, out: new ByteBudget(WORKERS_SHARE * host.waiting.limit) };
  let intake: Intake | undefined;
  const meters: FunctionMeters = new FunctionMeters(() => dispatcher.offers);
  const dispatcher: Dispatcher = new Dispatcher({
    meters,
    isVerbatim: scatter === undefined,
    push,
    onResults,
    onProgress: (progress) => {
      publisher.tell(progress);
      void publisher.flush();
    },
    inputs,
    onGivenUp: (message, deaths, id) =>
      publisher.fail(failed(host, message, workerDied(deaths), Status.failed), id),
    refuses: (message, frame) => {
      const reason = host.cancellations.find(message);
      if (reason !== undefined) publisher.fail(cancelledAnswer(message, reason), inputs?.nextId(frame));
      return reason !== undefined;
    },
    onCancelled: (count) => {
      host.tally.cancelled += count;
    },
    onRoom: () => intake?.letOn(),
    logger,
    budgets,
    ...limits,
  });
  host.cancellations.add(dispatcher);
  host.addQueue(() => dispatcher.waiting);

  // A message that fails in scatter is answered as one that fails in gather.
  const onFailure = (failure: PalmMessage) => publisher.fail(failure);
  const settings = { ...host.scope, onFailure };
  const scattering = host.flow(scatter && scatterStep({ ...settings, transform: scatter }), dispatcher, {
    handsOut: scatter !== undefined,
  });
  const gathering = host.flow(gather && gatherStep({ ...settings, transform: gather }), publisher, {
    handsOut: gather !== undefined || options.handleStream !== undefined,
    isIntake: false,
  });

  const inFlight = () => dispatcher.inFlight + scattering.running + gathering.running;
  const addresses = {
    ...source.addresses,
    pub_address: pubAddress,
    worker_pull_address: workerPull.address,
    worker_push_address: push.address,
  };
  const describe = () => ({
    role,
    ...(options.handleStream === undefined && { pipelined }),
    ...(source.previous !== undefined && { previous: [source.previous] }),
    functions: dispatcher.offers.map(({ name: own }) => own),
    counters: host.meter.counters(inFlight()),
    workers: dispatcher.workers,
    losses: dispatcher.losses,
    pushedWorkers: push.peers,
  });
  const db = await host.serveCache(addresses, describe, {
    work: (request, from) => dispatcher.answer(request, from),
    offers: () => dispatcher.offers,
  });
  const ahead = inputs && PULLED;
  const bounds = { other: budgets.out, gate: dispatcher.gate, ahead };
  intake = host.intake(source.sources, bounds, source.prompt);
  const scattered = scattering.serve(intake);
  const takePushed = (frames: readonly Bytes[]) => {
    const { results, refused } = dispatcher.pushedCameBack(frames);
    for (let left = refused; left > 0; left--)
      dropped(host.tally, logger, 'a result of nothing that was pushed', {
        worker_pull: workerPull.address,
      });
    return results;
  };
  const gathered = Promise.all([
    isVerbatim ? passOn(results, publisher, inputs) : gathering.serve(framesOf(results, inputs)),
    gathering.serve(mapped(workerPull[Symbol.asyncIterator](), takePushed)),
  ]);

  const drain = async (left: () => number) => {
    await source.stop(left);
    await atMost(left(), scattered);
    await atMost(left(), dispatcher.drained());
    dispatcher.close();
    results.end();
    await workerPull.close({ timeout: left() });
    await atMost(left(), gathered);
  };
  const measured = () => ({
    functions: meters.entries,
    workers: { asking: dispatcher.workers.length, pushed: push.peers, losses: dispatcher.losses },
  });
  return {
    host,
    role: role.toLowerCase(),
    measured,
    missing: source.missing,
    dbAddress: db.address,
    pubAddress,
    workerPullAddress: workerPull.address,
    workerPushAddress: push.address,
    inFlight,
    drain,
  };
}

/**
 * Checks the options that limit workers, and fills in their defaults.
 * @throws PalmError `INVALID_CALL` when one is not acceptable.
 */
function checkLimits(options: DispatchOptions) {
  const { heartbeat = HEARTBEAT, workerTimeout = WORKER_TIMEOUT, maxDeliveries = MAX_DELIVERIES } = options;
  return {
    heartbeat: checkTimeout('heartbeat', heartbeat),
    workerTimeout: checkTimeout('workerTimeout', workerTimeout),
    maxDeliveries: checkLimit('maxDeliveries', maxDeliveries),
  };
}

function workerDied(deaths: number): Error {
  const workers = deaths === 1 ? '1 worker' : `${deaths} workers`;
  const error = new Error(`${workers} died with this message; no other worker gets it (maxDeliveries)`);
  error.name = 'WorkerDied';
  return error;
}

/** The frames of workers' results, each of which is one thing less to do for its input when it is gathered. */
function framesOf(results: BatchQueue<WorkerResult>, inputs: OpenInputs | undefined): Source<Bytes> {
  const source = mapped(results, (came) => came.map(({ frame }) => frame));
  return inputs === undefined ? source : { ...source, release: (frame) => inputs.end(frame) };
}

/** Publishes each result of a worker as it came. Nothing decodes it: without a gather only its call and its status are needed. */
async function passOn(
  results: BatchQueue<WorkerResult>,
  publisher: Publisher,
  inputs: OpenInputs | undefined,
): Promise<void> {
  for (;;) {
    const { done, value } = await results.next();
    if (done) return;
    for (const { frame, status, call } of value) {
      publisher.pass(frame, status, call);
      inputs?.end(frame);
    }
    await publisher.flush();
  }
}

/** The batches of a source, each as `map` returns it. */
function mapped<T, U>(
  source: AsyncIterator<readonly T[], undefined>,
  map: (items: readonly T[]) => readonly U[],
): AsyncIterator<readonly U[], undefined> {
  return {
    next: async () => {
      const { done, value } = await source.next();
      return done ? { done, value: undefined } : { done: false, value: map(value) };
    },
  };
}

// Scatter and gather: what a Master or Hub does with messages on their way to its workers and back.

export interface TransformSettings extends FailureSettings, FunctionScope {
  readonly transform: MessageTransform;
  readonly tally: MutableCounters;
  /** Takes the answer to a message that failed in the transform. */
  readonly onFailure: (failure: PalmMessage) => void;
}

/**
 * Transforms each message. A message with an empty `cache` field gets a value for it, as in pylm (pylm/parts/core.py,
 * Inbound): all parts of one message share it, so that a gather can tell which belong together.
 */
export function scatterStep(settings: TransformSettings): Step {
  const step = gatherStep(settings);
  const nextId = countedIds();
  return (message, emit) => {
    if (message.cache === '') message.cache = nextId();
    return step(message, emit);
  };
}

/** Transforms each message. */
export function gatherStep(settings: TransformSettings): Step {
  return (message, emit) => transformed(settings, message, emit);
}

async function transformed(settings: TransformSettings, message: PalmMessage, emit: Emit): Promise<void> {
  // The transform may change the message. The answer to a failure goes to the original caller.
  const original = { ...message };
  const context = new TransformContext(settings, message);
  settings.cancellations.begin(context);
  let count = 0;
  try {
    const parts: unknown = handled(settings.transform(message, context));
    if (!isIterable(parts)) {
      throw invalidCall(
        `scatter and gather must return an iterable of messages, as generators do, not ${inspectValue(parts)}`,
      );
    }
    for await (const part of parts) {
      count++;
      // A copy: the next part may be the same message, changed.
      const own = checked(part);
      if ((await emit(palmMessage({ ...own, cache: own.cache || original.cache }))) === false) return;
    }
  } catch (error) {
    settings.onFailure(failed(settings, original, error));
    return;
  } finally {
    settings.cancellations.end(context);
  }
  if (count === 0) settings.tally.ended++;
}

/** A transform may give messages of other calls, too, so they are passed on though this call is cancelled. */
class TransformContext extends MessageContext {
  override cancel(reason: PalmError): boolean {
    super.cancel(reason);
    return false;
  }
}

function checked(part: unknown): PalmMessage {
  if (typeof part !== 'object' || part === null || !isBytes((part as PalmMessage).payload)) {
    throw invalidCall(
      `scatter and gather must give messages whose payload is a Uint8Array, not ${inspectValue(part)}`,
    );
  }
  return part as PalmMessage;
}
