import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { differsInInputAlone } from '../../../src/protocol/envelope-alike.ts';
import { readPlain } from '../../../src/protocol/envelope-plain.ts';
import { inspectValue, messageOf, PalmError } from '../../../src/protocol/errors.ts';
import { parsePath } from '../../../src/protocol/function-path.ts';
import { Feature, NO_BYTES, type PalmMessage, palmMessage, Status } from '../../../src/protocol/message.ts';
import { LONGEST_TOPIC, topicBelongsTo } from '../../../src/protocol/topics.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Identity, JudgedClient } from './identity.ts';
import { type CallVerdict, type InputGuard, SENTINEL } from './input-guard.ts';

/** The most characters of a path. A longer one is refused unread: it could have a million stages. */
const LONGEST_PATH = 4_096;

const NO_CALL = { grants: '', server: '', path: '' };

/** Bytes of the largest call that is kept to compare the next with. Larger ones are few, and would be kept for long. */
const LARGEST_KEPT = 1_024;

/** A call that passed as it came, whose it was, and where it went. Of a client that has gone no more is kept. */
interface PassedCall {
  readonly frame: Bytes;
  /** The id of the client. */
  readonly id: string;
  readonly identity: Identity;
  readonly upstream: Upstream;
}

export type { CallVerdict } from './input-guard.ts';

/** Checks every call before it leaves for a server. One for all clients. */
export class CallGuard {
  readonly #codec: EnvelopeCodec;
  readonly #find: (name: string) => Upstream | undefined;
  readonly #inputs: InputGuard | undefined;
  #verdicts = new Verdicts();
  /** The last call that passed: most calls are like the one before. */
  #recent = NO_CALL;
  /** The last one that passed as it came: of one that differs in its input alone, nothing need be read. */
  #passed: PassedCall | undefined;
  /** Servers that were asked what they are, so that not every call waits for one that does not answer. */
  #asked = new WeakSet<Upstream>();

  /**
   * @param find - looks up the servers of a pipeline's later stages by name.
   * @param inputs - judges the input of calls that may pass otherwise.
   */
  constructor(codec: EnvelopeCodec, find: (name: string) => Upstream | undefined, inputs?: InputGuard) {
    this.#codec = codec;
    this.#find = find;
    this.#inputs = inputs;
  }

  /** Forgets all verdicts, because something about a server has changed. */
  forget(): void {
    // New sets: calls that are being judged still add to the old ones.
    this.#verdicts = new Verdicts();
    this.#recent = NO_CALL;
    this.#passed = undefined;
    this.#asked = new WeakSet();
  }

  /**
   * Judges a call, without a promise if one like it passed before.
   * @throws PalmError `PROTOCOL` or `FORBIDDEN` for frames that no well-behaved client sends: not an envelope, an envelope that
   * readers decode differently, or another client's id.
   */
  judge(sender: JudgedClient, upstream: Upstream, frame: Bytes): CallVerdict | Promise<CallVerdict> {
    const verdict = this.#judge(sender, upstream, frame);
    const inputs = this.#inputs;
    if (inputs === undefined) return verdict;
    if (!(verdict instanceof Promise)) return inputs.judge(verdict, upstream);
    return verdict.then((own) => inputs.judge(own, upstream));
  }

  #judge(sender: JudgedClient, upstream: Upstream, frame: Bytes): CallVerdict | Promise<CallVerdict> {
    if (this.#isLikePassed(sender, upstream, frame)) return { passes: true, frame };
    const verdict = this.#read(sender, upstream, frame);
    if (
      !(verdict instanceof Promise) &&
      verdict.passes &&
      verdict.frame === frame &&
      frame.length <= LARGEST_KEPT
    ) {
      // A copy: the frame is a part of all that came with it.
      this.#passed = { frame: frame.slice(), id: sender.id, identity: sender.identity, upstream };
    }
    return verdict;
  }

  #isLikePassed({ id, identity }: JudgedClient, upstream: Upstream, frame: Bytes): boolean {
    const passed = this.#passed;
    return (
      passed !== undefined &&
      id === passed.id &&
      identity === passed.identity &&
      upstream === passed.upstream &&
      differsInInputAlone(passed.frame, frame)
    );
  }

  #read(sender: JudgedClient, upstream: Upstream, frame: Bytes): CallVerdict | Promise<CallVerdict> {
    const { message, frame: plain } = readPlain(this.#codec, frame, true);
    const { client, function: path } = message;
    if (!topicBelongsTo(client, sender.id)) {
      throw new PalmError(
        'FORBIDDEN',
        `a call has the client id ${inspectValue(client)}, which is another client's`,
      );
    }
    if (client.length > LONGEST_TOPIC) {
      throw new PalmError(
        'PROTOCOL',
        `a topic has ${client.length} characters, and may have at most ${LONGEST_TOPIC}`,
      );
    }
    if (path.length > LONGEST_PATH) {
      const against = `the functions have ${path.length} characters, and may have at most ${LONGEST_PATH}`;
      return this.#verdict(sender, message, plain, against);
    }
    const { callGrants: grants } = sender.identity;
    const { grants: before, server, path: pathBefore } = this.#recent;
    if (path === pathBefore && server === upstream.name && grants === before) {
      return this.#verdict(sender, message, plain, undefined);
    }
    const verdicts = this.#verdicts;
    const call = `${grants} ${upstream.name} ${path}`;
    if (verdicts.has(call)) {
      this.#recent = { grants, server: upstream.name, path };
      return this.#verdict(sender, message, plain, undefined);
    }
    const { identity } = sender;
    return this.#judgePath(identity, upstream, path).then((against) => {
      // The client's grants have changed meanwhile.
      if (sender.identity !== identity) return this.#judge(sender, upstream, frame);
      if (against === undefined) verdicts.add(call);
      return this.#verdict(sender, message, plain, against);
    });
  }

  /** A failed answer in place of one that is larger than the limit. */
  tooLarge(frame: Bytes, limit: number): Bytes {
    const message = this.read(frame);
    const error = `the answer has ${frame.length} bytes, more than the relay's limit of ${limit} (maxFrame)`;
    const failure = { payload: SENTINEL, status: Status.failed, error, errorName: 'TOO_LARGE' };
    const answer = this.#codec.encode({ ...message, ...failure, unknown: NO_BYTES });
    if (answer.length <= limit) return answer;
    const { client, ordinal } = message;
    return this.#codec.encode(palmMessage({ client, ordinal, ...failure }));
  }

  /** The message in a frame; an empty one when there is none. */
  read(frame: Bytes): PalmMessage {
    try {
      return this.#codec.decode(frame);
    } catch {
      return palmMessage({});
    }
  }

  #verdict(
    { identity }: JudgedClient,
    message: PalmMessage,
    frame: Bytes,
    against: string | undefined,
  ): CallVerdict {
    let reason = against ?? againstMark(identity, message);
    if (reason === undefined && identity.metadata.passes(message)) return { passes: true, frame };
    reason ??= identity.metadata.apply(message);
    if (reason === undefined) return { passes: true, frame: this.#codec.encode(message) };
    const { client: topic } = message;
    const refusal = { status: Status.refused, error: reason, errorName: '', features: 0 };
    return {
      passes: false,
      topic,
      answer: this.#codec.encode({ ...message, payload: SENTINEL, ...refusal, unknown: NO_BYTES }),
    };
  }

  async #judgePath(identity: Identity, upstream: Upstream, path: string): Promise<string | undefined> {
    await this.#known(upstream);
    let stages: { readonly server: string; readonly function: string }[];
    try {
      stages = parsePath(path);
    } catch (error) {
      return messageOf(error);
    }
    for (const [index, { server, function: name }] of stages.entries()) {
      const stage = `${server}.${name}`;
      if (!identity.mayCall(stage)) return `${identity.name} may not call ${inspectValue(stage)} here`;
      if (index === 0 && server !== upstream.palmName)
        return `the first function must be one of ${upstream.palmName}`;
      const against = await this.#againstStage(index === 0 ? upstream : this.#find(server), stage);
      if (against !== undefined) return against;
    }
    return undefined;
  }

  async #known(upstream: Upstream): Promise<void> {
    const asked = this.#asked;
    if (asked.has(upstream)) return;
    await upstream.known();
    asked.add(upstream);
  }

  /** A stock pylm server stops for good at a function it does not have (pylm/servers.py, Server._execution_handler). */
  async #againstStage(upstream: Upstream | undefined, stage: string): Promise<string | undefined> {
    if (upstream === undefined) return `the relay knows no server for ${inspectValue(stage)}`;
    await this.#known(upstream);
    if (upstream.functions !== undefined) {
      return upstream.functions.match(stage)
        ? undefined
        : `${inspectValue(stage)} is not in the relay's list of functions`;
    }
    if (upstream.isFrond) return undefined;
    return `the relay has no list of the functions of ${upstream.name}, which is not a frond server, and could stop at ${inspectValue(stage)}`;
  }
}

/** A client must send stage 0 and no status: otherwise it could enter a pipeline at any stage. */
function againstMark(
  { keyPrefix, cache, name }: Identity,
  { stage, status, pipeline, features }: PalmMessage,
): string | undefined {
  if (stage !== 0 || status !== 0) return 'a call must have stage 0 and no status';
  const isSession = (features & Feature.session) !== 0;
  if (isSession && cache !== 'all' && !(cache === 'session' && pipeline.startsWith(keyPrefix))) {
    return `the session ${inspectValue(pipeline)} does not belong to ${name}`;
  }
  return undefined;
}

/** The most bytes that a relay remembers of calls that passed, of all clients together. */
const MOST_BYTES = 1_048_576;
/** The most characters of a call that is remembered: enough for names of functions. */
const LONGEST = 512;
/** Bytes of a remembered call beside its characters: the entry of the set, and the string's header. */
const ENTRY = 96;

/**
 * Calls that were judged and may pass, for all clients of a relay. The least recently used are forgotten first. Refused calls
 * are not remembered, so clients cannot fill this with calls that are not granted; calls that a client makes up within a grant
 * are forgotten before those in use.
 */
export class Verdicts {
  readonly #passing = new Set<string>();
  #bytes = 0;

  /** An estimate of their bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  has(call: string): boolean {
    if (!this.#passing.delete(call)) return false;
    this.#passing.add(call);
    return true;
  }

  add(call: string): void {
    if (call.length > LONGEST || this.has(call)) return;
    this.#passing.add(call);
    this.#bytes += sizeOf(call);
    for (const oldest of this.#passing) {
      if (this.#bytes <= MOST_BYTES) return;
      this.#passing.delete(oldest);
      this.#bytes -= sizeOf(oldest);
    }
  }
}

/** Two bytes a character, which V8 uses for a string with any character outside of Latin 1. */
function sizeOf(call: string): number {
  return 2 * call.length + ENTRY;
}
