import { BATCH, BATCH_BYTES } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { inspectValue, invalidCall, messageOf } from '../../protocol/errors.ts';
import { Feature, type PalmMessage, Status } from '../../protocol/message.ts';
import type { Delivery } from '../../transport.ts';
import { FAILED_PAYLOAD, type FailureSettings, failed } from './failures.ts';
import { dropped, type Outlet } from './flow.ts';
import { type FunctionScope, type HandleStream, MessageContext, type StreamTarget } from './functions.ts';
import type { MutableCounters } from './status.ts';

export interface PublisherSettings extends FailureSettings, FunctionScope {
  readonly publish: (deliveries: readonly Delivery[]) => Promise<void>;
  readonly handleStream: Stream;
  /** Whether results are what came in, unchanged: then they need not be encoded anew. */
  readonly isVerbatim: boolean;
  readonly tally: MutableCounters;
}

/** Where results go. */
export interface Stream extends HandleStream {
  /** What callers hear here of results that go on. */
  readonly news?: PipelineNews;
}

/** Publishes results: to the client, or to the next server. */
export class Publisher implements Outlet<Bytes> {
  readonly #settings: PublisherSettings;
  readonly #codec = new EnvelopeCodec();
  readonly #outbox = new Outbox();

  constructor(settings: PublisherSettings) {
    this.#settings = settings;
  }

  /** @param frame - the message as it came: what is made of it may be beyond sending. */
  add(result: PalmMessage, frame: Bytes): void {
    const { isVerbatim, tally } = this.#settings;
    tally.answered++;
    if (result.status !== Status.ok) tally.failed++;
    const isOk = result.status === Status.ok;
    try {
      this.#put(result, isVerbatim ? frame : undefined);
    } catch (error) {
      if (isOk) tally.failed++;
      this.#putFailure(failed(this.#settings, this.#codec.decode(frame), error));
    }
  }

  /** Publishes the answer to a message that failed on its way. */
  fail(failure: PalmMessage): void {
    const { tally } = this.#settings;
    tally.answered++;
    tally.failed++;
    this.#putFailure(failure);
    this.flush();
  }

  done(): void {}

  async flush(): Promise<boolean> {
    const deliveries = this.#outbox.take();
    if (deliveries.length === 0) return true;
    try {
      await this.#settings.publish(deliveries);
      return true;
    } catch (error) {
      // Refused only once the server is closed, when a function took longer than closing waits.
      const { tally, logger } = this.#settings;
      dropped(tally, logger, 'results too late', { reason: messageOf(error) });
      return false;
    }
  }

  #put(result: PalmMessage, encoded?: Bytes): void {
    const news = this.#settings.handleStream.news?.of(result);
    this.#outbox.add(this.#target(result), encoded);
    if (news !== undefined) this.#outbox.add({ topic: news.client, message: news });
  }

  /** Where it is to go may be what failed: then it goes to the client. */
  #putFailure(failure: PalmMessage): void {
    try {
      this.#put({ ...failure });
    } catch {
      this.#outbox.add({ topic: failure.client, message: failure });
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

/** Where results go: to the client, or under the server's own name to the next stage (pylm/servers.py, handle_stream). */
export function defaultStream(name: string, pipelined: boolean): Stream {
  if (!pipelined) return (message) => ({ topic: message.client, message });
  const stream: HandleStream = (message) => {
    message.stage++;
    return { topic: name, message };
  };
  return Object.assign(stream, { news: new PipelineNews(name) });
}

/** The error for what a handleStream gave that nothing can be sent by. */
function wrongTarget(target: unknown): Error {
  // An async one gives a promise, and nobody else listens to what that may reject with.
  if (target instanceof Promise) target.catch(() => {});
  return invalidCall(`handleStream must give { topic, message }, and at once, not ${inspectValue(target)}`);
}

// What a caller hears at the server that its message went on from: that it failed there, or goes where nothing is to be done.

/**
 * A failure goes on to the end of the pipeline, where its caller listens. One that listens at this server instead would never
 * hear of it: it is told here as well. So is one whose path ends here, although results go on. Nobody hears both, since a client
 * listens at one server. What comes of that path further on is for the servers there: as in pylm, one of the same name runs
 * it once more.
 */
export class PipelineNews {
  readonly #name: string;
  /** Most paths are those of the message before. */
  #recent = { path: '', stages: 1 };

  /** @param name - of the server. */
  constructor(name: string) {
    this.#name = name;
  }

  /** @param result - as it is before its stage is counted up. */
  of(result: PalmMessage): PalmMessage | undefined {
    if (result.status !== Status.ok) return { ...result };
    const stages = this.#stagesOf(result.function);
    // A path of one stage is that stage, whatever the message says.
    if (stages > 1 && result.stage < stages - 1) return undefined;
    const text = `server ${inspectValue(this.#name)} passes its results on to the next server of a pipeline, and ${inspectValue(result.function)} names no function of that one: call '${result.function} <next server>.<function>', and listen at the last server`;
    const payload: Bytes = new Uint8Array([FAILED_PAYLOAD]);
    return { ...result, payload, status: Status.unknownFunction, error: text, errorName: '' };
  }

  #stagesOf(path: string): number {
    if (path !== this.#recent.path) this.#recent = { path, stages: path.split(/\s+/).length };
    return this.#recent.stages;
  }
}

// Results on their way out.

interface OpenDelivery {
  readonly topic: string;
  readonly frames: Bytes[];
  bytes: number;
}

/**
 * Results on their way out, gathered by topic. Several go in one delivery only to clients that said that they take
 * it: pylm's client refuses more than one, and its servers read the first alone.
 */
export class Outbox {
  readonly #codec = new EnvelopeCodec();
  readonly #open = new Map<string, OpenDelivery>();
  #deliveries: Delivery[] = [];

  /** @param encoded - the message as it is on the wire, when that is there already. */
  add({ topic, message }: StreamTarget, encoded?: Bytes): void {
    const frame = encoded ?? this.#codec.encode(message);
    const { client, features } = message;
    const takesBatches = topic === client && (features & Feature.batches) !== 0;
    const open = takesBatches ? this.#open.get(topic) : undefined;
    if (open !== undefined && open.frames.length < BATCH && open.bytes + frame.length <= BATCH_BYTES) {
      open.frames.push(frame);
      open.bytes += frame.length;
      return;
    }
    // A client of frond's calls when its subscription is proved.
    const mayWait = !takesBatches;
    const delivery = { topic, frames: [frame], bytes: frame.length, mayWait };
    this.#deliveries.push(delivery);
    if (takesBatches) this.#open.set(topic, delivery);
  }

  /** What was gathered, in order; the outbox is empty afterwards. */
  take(): readonly Delivery[] {
    const deliveries = this.#deliveries;
    this.#deliveries = [];
    this.#open.clear();
    return deliveries;
  }
}
