import { BATCH, BATCH_BYTES } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { NOTICES } from '../../protocol/cancel.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { inspectValue, invalidCall, messageOf } from '../../protocol/errors.ts';
import { Feature, NO_BYTES, type PalmMessage, Status } from '../../protocol/message.ts';
import { progressTopic } from '../../protocol/progress.ts';
import type { Delivery } from '../../transport.ts';
import { FAILED_PAYLOAD, type FailureSettings, failed } from './failures.ts';
import { dropped, type Outlet } from './flow.ts';
import {
  type FunctionScope,
  type HandleStream,
  MessageContext,
  type StreamTarget,
  wishedProgress,
} from './functions.ts';
import type { Meter } from './meter.ts';

export interface PublisherSettings extends FailureSettings, FunctionScope {
  readonly publish: (deliveries: readonly Delivery[]) => Promise<void>;
  readonly handleStream: Stream;
  /** Whether results are the messages that came in, unchanged: they need not be encoded again. */
  readonly isVerbatim: boolean;
  readonly meter: Meter;
  /** Gives a name to the next result of a message that came in. Absent where the transport has no use for it. */
  readonly nextId?: ((frame: Bytes) => string) | undefined;
}

/** Chooses where results go, and what callers hear of results that go on to the next server. */
export interface Stream extends HandleStream {
  /** News for callers that listen at this server. Undefined when results go to the client. */
  readonly news?: PipelineNews;
  /** Whether all results go to the client. Undefined when that is not known. */
  readonly isToClient?: boolean;
}

/** A call, as far as its answers go by it. */
export interface AnsweredCall {
  /** The topic of its answers. */
  readonly topic: string;
  /** What its sender understands: a set of {@link Feature} bits. */
  readonly features: number;
}

/** Publishes results to clients or to the next server. */
export class Publisher implements Outlet<Bytes> {
  readonly #settings: PublisherSettings;
  readonly #codec = new EnvelopeCodec();
  readonly #outbox = new Outbox();

  constructor(settings: PublisherSettings) {
    this.#settings = settings;
  }

  /** @param frame - the message as it came, for an answer when its result cannot be sent. */
  add(result: PalmMessage, frame: Bytes): void {
    const { isVerbatim, meter } = this.#settings;
    if (result.status === Status.progress) {
      this.tell(result);
      return;
    }
    meter.answered(result.status);
    const isOk = result.status === Status.ok;
    const id = this.#settings.nextId?.(frame);
    try {
      this.#put(result, isVerbatim ? frame : undefined, id);
    } catch (error) {
      if (isOk) meter.failed(Status.failed);
      this.#putFailure(failed(this.#settings, this.#codec.decode(frame), error), id);
    }
  }

  /**
   * Takes a result that nobody reads here. It leaves with the next flush.
   * @param status - its `Status`.
   * @param call - what it answers.
   */
  pass(frame: Bytes, status: number, call: AnsweredCall): void {
    const { meter, nextId } = this.#settings;
    const { topic, features } = call;
    meter.answered(status);
    this.#outbox.put(topic, frame, takesBatches(features), nextId?.(frame));
  }

  /**
   * Publishes how far a function is: to its caller, and where results go on, also to frond's roles behind, which pass it on. It is no
   * result, so no handleStream sees it.
   */
  tell(progress: PalmMessage): void {
    const { client, unknown } = progress;
    const { handleStream } = this.#settings;
    const name = client.includes('/') ? wishedProgress(unknown) : undefined;
    if (name === undefined) return;
    const topic = progressTopic(client, name);
    const message = { ...progress, client: topic, cache: '', unknown: NO_BYTES };
    if (handleStream.news === undefined) this.#outbox.addBeside(topic, message, client);
    if (handleStream.isToClient !== true) this.#outbox.addBeside(NOTICES, message, client);
  }

  /**
   * Publishes the answer to a message that failed on its way.
   * @param id - a name for it, where the transport has a use for names.
   */
  fail(failure: PalmMessage, id?: string): void {
    this.#settings.meter.answered(failure.status);
    this.#putFailure(failure, id);
    this.flush();
  }

  done(): void {}

  async flush(): Promise<boolean> {
    const deliveries = this.#outbox.take();
    if (deliveries.length === 0) return true;
    const { meter, logger } = this.#settings;
    meter.sent = this.#outbox.bytes;
    try {
      await this.#settings.publish(deliveries);
      return true;
    } catch (error) {
      // Only a closed server refuses: a function took longer than closing waits.
      dropped(meter.tally, logger, 'results too late', { reason: messageOf(error) });
      return false;
    }
  }

  #put(result: PalmMessage, encoded?: Bytes, id?: string): void {
    const { handleStream } = this.#settings;
    // The same for every result, so that none needs a context.
    if (handleStream.isToClient === true) {
      this.#outbox.add(result.client, result, encoded, id);
      return;
    }
    const news = handleStream.news?.of(result);
    const { topic, message } = this.#target(result);
    this.#outbox.add(topic, message, encoded, id);
    if (news !== undefined) this.#outbox.add(news.client, news);
  }

  /** The choice of a topic may be what failed: then the failure goes to the client. */
  #putFailure(failure: PalmMessage, id?: string): void {
    try {
      this.#put({ ...failure }, undefined, id);
    } catch {
      this.#outbox.add(failure.client, failure, undefined, id);
    }
  }

  #target(result: PalmMessage): StreamTarget {
    const target: Partial<StreamTarget> | undefined = this.#settings.handleStream(
      result,
      new MessageContext(this.#settings, result),
    );
    if (typeof target?.topic !== 'string' || typeof target.message !== 'object') throw wrongTarget(target);
    return target as StreamTarget;
  }
}

/** The stream of pylm (pylm/servers.py, handle_stream): to the client, or under the server's own name to the next stage. */
export function defaultStream(name: string, pipelined: boolean): Stream {
  if (!pipelined) {
    const toClient: HandleStream = (message) => ({ topic: message.client, message });
    return Object.assign(toClient, { isToClient: true });
  }
  const stream: HandleStream = (message) => {
    message.stage++;
    return { topic: name, message };
  };
  return Object.assign(stream, { news: new PipelineNews(name) });
}

/** The error when a handleStream returns something that is not a target. */
function wrongTarget(target: unknown): Error {
  // An async handleStream returns a promise. Nobody else handles its rejection.
  if (target instanceof Promise) target.catch(() => {});
  return invalidCall(`handleStream must return { topic, message } at once, not ${inspectValue(target)}`);
}

/**
 * What a caller hears at a server that passes its results on. A failure goes on to the end of the pipeline, where callers listen.
 * A caller that listens at this server would never hear of it, so the failure is published here as well. The same is true of a path
 * that ends here although results go on. No caller hears both, since a client listens at one server. As in pylm, a later server
 * of the same name runs such a path once more.
 */
export class PipelineNews {
  readonly #name: string;
  /** The path of the message before, which most messages share. */
  #recent = { path: '', stages: 1 };

  /** @param name - of the server. */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * The message that callers hear here; undefined for none.
   * @param result - before its stage is counted up.
   */
  of(result: PalmMessage): PalmMessage | undefined {
    if (result.status !== Status.ok) return { ...result };
    const stages = this.#stagesOf(result.function);
    // A path of one stage runs that stage, whatever `stage` the message has.
    if (stages > 1 && result.stage < stages - 1) return undefined;
    const text = `server ${inspectValue(this.#name)} passes its results on to the next server of a pipeline, but ${inspectValue(result.function)} names no function there: call '${result.function} <next server>.<function>', and listen at the last server`;
    const payload: Bytes = new Uint8Array([FAILED_PAYLOAD]);
    return { ...result, payload, status: Status.unknownFunction, error: text, errorName: '' };
  }

  #stagesOf(path: string): number {
    if (path !== this.#recent.path) this.#recent = { path, stages: path.split(/\s+/).length };
    return this.#recent.stages;
  }
}

/** Whether a client takes several answers in one delivery. */
function takesBatches(features: number): boolean {
  return (features & Feature.batches) !== 0;
}

/** A delivery that may get more frames. */
interface OpenDelivery {
  readonly topic: string;
  readonly frames: Bytes[];
  readonly ids?: string[];
  bytes: number;
}

/**
 * Results that wait to be published, gathered by topic. Only clients that asked for it get several in one delivery:
 * pylm's client refuses more than one, and its servers read only the first.
 */
export class Outbox {
  readonly #codec = new EnvelopeCodec();
  readonly #open = new Map<string, OpenDelivery>();
  #deliveries: Delivery[] = [];
  /** Bytes of all frames that were added so far. */
  bytes = 0;

  /**
   * @param encoded - the frame of the message, when there is one.
   * @param id - its name: give one to all that go under one topic, or to none.
   */
  add(topic: string, message: PalmMessage, encoded?: Bytes, id?: string): void {
    const frame = encoded ?? this.#codec.encode(message);
    this.put(topic, frame, topic === message.client && takesBatches(message.features), id);
  }

  /** @param isGathered - whether whoever listens under the topic takes several frames in one delivery. */
  put(topic: string, frame: Bytes, isGathered: boolean, id?: string): void {
    this.bytes += frame.length;
    const open = isGathered ? this.#open.get(topic) : undefined;
    if (open !== undefined && open.frames.length < BATCH && open.bytes + frame.length <= BATCH_BYTES) {
      open.frames.push(frame);
      open.ids?.push(id ?? '');
      open.bytes += frame.length;
      return;
    }
    // A frond client calls once its subscription is confirmed. Others may be late: their answers wait for them.
    const mayWait = !isGathered;
    const bytes = frame.length;
    const delivery =
      id === undefined
        ? { topic, frames: [frame], bytes, mayWait }
        : { topic, frames: [frame], ids: [id], bytes, mayWait };
    this.#deliveries.push(delivery);
    if (isGathered) this.#open.set(topic, delivery);
  }

  /**
   * Adds something that is no answer, under a topic of its own, behind all that was added so far.
   * @param client - topic of the call's answers: those that come later leave later.
   */
  addBeside(topic: string, message: PalmMessage, client: string): void {
    const frame = this.#codec.encode(message);
    this.bytes += frame.length;
    this.#deliveries.push({ topic, frames: [frame], mayWait: false });
    this.#open.delete(client);
  }

  /** Takes all deliveries out, in order. */
  take(): readonly Delivery[] {
    const deliveries = this.#deliveries;
    this.#deliveries = [];
    this.#open.clear();
    return deliveries;
  }
}
