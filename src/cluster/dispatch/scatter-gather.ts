/** What Master and Hub have in common: messages come in, are scattered to workers, gathered, and published. */

import { BatchQueue } from '../../async/batch-queue.ts';
import { ByteBudget } from '../../async/byte-budget.ts';

import { atMost } from '../../async/timers.ts';
import { checkLimit, checkTimeout } from '../../checks.ts';
import { UNGATHERED, UNGATHERED_BYTES, WORKERS_SHARE } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { inspectValue, invalidCall } from '../../protocol/errors.ts';
import { countedIds } from '../../protocol/ids.ts';
import { type PalmMessage, palmMessage, Status } from '../../protocol/message.ts';
import { isBytes } from '../../protocol/payload.ts';
import { type FailureSettings, failed } from '../runtime/failures.ts';
import { dropped, type Emit, type Step } from '../runtime/flow.ts';
import {
  type FunctionScope,
  type HandleStream,
  MessageContext,
  type MessageTransform,
} from '../runtime/functions.ts';
import { defaultStream } from '../runtime/publisher.ts';
import { handled, isIterable } from '../runtime/results.ts';
import type { RoleParts } from '../runtime/role.ts';
import type { RoleHost, ServingOptions } from '../runtime/role-host.ts';
import type { MutableCounters } from '../runtime/status.ts';
import { Dispatcher } from './dispatcher.ts';

/** What Masters and Hubs have in common: addresses, and how work is given to workers. */
export interface DispatchOptions extends ServingOptions {
  /** Where results are published; bound. */
  readonly pubAddress: string;
  /** Where workers push their results; bound. */
  readonly workerPullAddress: string;
  /** Where work is pushed to workers; bound. */
  readonly workerPushAddress: string;
  /** Results go to the next server of a pipeline and not to the client. Default false. */
  readonly pipelined?: boolean | undefined;
  /**
   * Sees each message that comes in, and gives the messages that go to the workers: none, one or several. It may give
   * back the message it was given, changed. Messages are scattered one after another.
   */
  readonly scatter?: MessageTransform | undefined;
  /** Sees each result that comes from the workers, and gives those that are published: none, one or several. */
  readonly gather?: MessageTransform | undefined;
  /** Chooses topic and message for each result, in place of what `pipelined` says. */
  readonly handleStream?: HandleStream | undefined;
  /**
   * Milliseconds between two signs of life of a worker that asks for its work. One whose link breaks, and that is not
   * back within half as many, is taken for dead, and what it held is given to others. Default 1000.
   */
  readonly heartbeat?: number | undefined;
  /**
   * Milliseconds that such a worker may be silent. While its link is there, silence is no death: a function may keep its worker
   * from everything else for as long as it likes. A worker that is silent for longer and holds messages is named in the log; one
   * that holds none is forgotten until it is heard of again. Only a worker whose link nobody can watch is taken for dead then.
   * Default 30 000.
   */
  readonly workerTimeout?: number | undefined;
  /**
   * Workers that may die with one message. Then it is answered as failed, with the name `WorkerDied`. A message that has
   * one worker left is handed over alone. `Infinity` for no limit; default 3.
   */
  readonly maxDeliveries?: number | undefined;
}

/** Where the messages come from. */
export interface DispatchSource {
  readonly batches: AsyncIterator<readonly Bytes[], undefined>;
  /** Takes in no more. */
  readonly stop: () => Promise<void>;
  /** By their keys in the cache. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Of a Hub: the previous server. */
  readonly previous?: string;
}

export interface DispatchParts extends RoleParts {
  readonly pubAddress: string;
  readonly workerPullAddress: string;
  readonly workerPushAddress: string;
}

const HEARTBEAT = 1_000;
const WORKER_TIMEOUT = 30_000;
const MAX_DELIVERIES = 3;

export async function openDispatch(
  role: string,
  host: RoleHost,
  options: DispatchOptions,
  source: DispatchSource,
): Promise<DispatchParts> {
  const { name, pipelined = false, scatter, gather } = options;
  const limits = checkLimits(options);
  const { connection, logger } = host;
  const push = await connection.bindPush(options.workerPushAddress);
  const workerPull = await connection.bindPull(options.workerPullAddress);
  const stream = options.handleStream ?? defaultStream(name, pipelined);
  const isVerbatim = !pipelined && gather === undefined && options.handleStream === undefined;
  const { publisher, address: pubAddress } = await host.publisher(options.pubAddress, stream, isVerbatim);

  const sizeOf = (frame: Bytes) => frame.length;
  const results = new BatchQueue<Bytes>(UNGATHERED, { sizeOf, bytes: UNGATHERED_BYTES });
  const onResults = (frames: readonly Bytes[]) => {
    results.push(frames);
    return results.room();
  };
  const budgets = { waiting: host.waiting, out: new ByteBudget(WORKERS_SHARE * host.waiting.limit) };
  const dispatcher = new Dispatcher({
    isVerbatim: scatter === undefined,
    push,
    onResults,
    onGivenUp: (message, deaths) => publisher.fail(failed(host, message, workerDied(deaths), Status.failed)),
    logger,
    budgets,
    ...limits,
  });

  // What fails on its way to the workers is answered as what fails on its way back.
  const onFailure = (failure: PalmMessage) => publisher.fail(failure);
  const settings = { ...host.scope, onFailure };
  const scattering = host.flow(scatterStep({ ...settings, transform: scatter }), dispatcher, {
    handsOut: scatter !== undefined,
  });
  const gathering = host.flow(gatherStep({ ...settings, transform: gather }), publisher, {
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
    functions: [],
    counters: host.counters(inFlight()),
    workers: dispatcher.workers,
    losses: dispatcher.losses,
    pushedWorkers: push.peers,
  });
  const db = await host.serveCache(addresses, describe, (request, from) => dispatcher.answer(request, from));
  const scattered = scattering.serve(host.intake([source.batches], budgets.out));
  const takePushed = (frames: readonly Bytes[]) => {
    const results = dispatcher.pushedCameBack(frames);
    for (let refused = frames.length - results.length; refused > 0; refused--)
      dropped(host.tally, logger, 'a result of nothing that was pushed', {
        worker_pull: workerPull.address,
      });
    return results;
  };
  const gathered = Promise.all([
    gathering.serve(results),
    gathering.serve(judged(workerPull[Symbol.asyncIterator](), takePushed)),
  ]);

  const drain = async (left: () => number) => {
    await source.stop();
    await atMost(left(), scattered);
    await atMost(left(), dispatcher.drained());
    dispatcher.close();
    results.end();
    await workerPull.close({ timeout: left() });
    await atMost(left(), gathered);
  };
  return {
    host,
    dbAddress: db.address,
    pubAddress,
    workerPullAddress: workerPull.address,
    workerPushAddress: push.address,
    inFlight,
    drain,
  };
}

/** @throws PalmError `INVALID_CALL` when one is not acceptable. */
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
  const error = new Error(`${workers} died with this message; it is not given to another (maxDeliveries)`);
  error.name = 'WorkerDied';
  return error;
}

/** The batches of a source as `judge` leaves them. */
function judged<T>(
  source: AsyncIterator<readonly T[], undefined>,
  judge: (items: readonly T[]) => readonly T[],
): AsyncIterator<readonly T[], undefined> {
  return {
    next: async () => {
      const { done, value } = await source.next();
      return done ? { done, value: undefined } : { done: false, value: judge(value) };
    },
  };
}

// Scatter and gather: what a Master or Hub does with messages on their way to its workers and back.

export interface TransformSettings extends FailureSettings, FunctionScope {
  readonly transform: MessageTransform | undefined;
  readonly tally: MutableCounters;
  /** Takes the answer to a message that failed here. */
  readonly onFailure: (failure: PalmMessage) => void;
}

/**
 * Transforms each message. A message without one gets a value for its `cache` field, as in pylm (pylm/parts/core.py,
 * Inbound): the parts of one message share it, so that a gather can tell them.
 */
export function scatterStep(settings: TransformSettings): Step {
  const step = gatherStep(settings);
  // The dispatcher fills it where nothing is changed.
  if (settings.transform === undefined) return step;
  const nextId = countedIds();
  return (message, emit) => {
    if (message.cache === '') message.cache = nextId();
    return step(message, emit);
  };
}

export function gatherStep(settings: TransformSettings): Step {
  const { transform } = settings;
  if (transform === undefined) return (message, emit) => emit(message);
  return (message, emit) => transformed(settings, transform, message, emit);
}

async function transformed(
  settings: TransformSettings,
  transform: MessageTransform,
  message: PalmMessage,
  emit: Emit,
): Promise<void> {
  // The transform may change the message. The answer to a failure goes to the original caller.
  const original = { ...message };
  let count = 0;
  try {
    const parts: unknown = handled(transform(message, new MessageContext(settings, message)));
    if (!isIterable(parts)) {
      throw invalidCall(`scatter and gather give messages, as generators do, not ${inspectValue(parts)}`);
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
  }
  if (count === 0) settings.tally.ended++;
}

function checked(part: unknown): PalmMessage {
  if (typeof part !== 'object' || part === null || !isBytes((part as PalmMessage).payload)) {
    throw invalidCall(
      `scatter and gather give messages whose payload is a Uint8Array, not ${inspectValue(part)}`,
    );
  }
  return part as PalmMessage;
}
