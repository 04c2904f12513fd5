import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { readPlain } from '../../../src/protocol/envelope-plain.ts';
import { inspectValue, messageOf, PalmError } from '../../../src/protocol/errors.ts';
import { parsePath } from '../../../src/protocol/function-path.ts';
import { Feature, NO_BYTES, type PalmMessage, palmMessage, Status } from '../../../src/protocol/message.ts';
import { LONGEST_TOPIC, topicBelongsTo } from '../../../src/protocol/topics.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Identity, JudgedClient } from './identity.ts';

/** Characters of a path. Longer ones are not looked into: a stranger's could have a million stages. */
const LONGEST_PATH = 4_096;

const NO_CALL = { grants: '', server: '', path: '' };

/** Payload of a failed answer, as pylm gives it. */
const SENTINEL: Bytes = new Uint8Array([0x30]);

/** What becomes of a call. */
export type CallVerdict =
  /** The frame says just what was judged, whoever reads it. */
  | { readonly passes: true; readonly frame: Bytes }
  /** It is answered by the relay. */
  | { readonly passes: false; readonly topic: string; readonly answer: Bytes };

/** Looks into every call before it leaves for a server. One for all clients. */
export class CallGuard {
  readonly #codec: EnvelopeCodec;
  readonly #find: (name: string) => Upstream | undefined;
  #verdicts = new Verdicts();
  /** The one that was looked up last: most calls are like the one before. */
  #recent = NO_CALL;
  /** Servers that were waited for to say what they are: one that does not is not waited for by each call. */
  #asked = new WeakSet<Upstream>();

  /** @param find - gives the server of a name, for the later stages of a pipeline. */
  constructor(codec: EnvelopeCodec, find: (name: string) => Upstream | undefined) {
    this.#codec = codec;
    this.#find = find;
  }

  /** What is known of servers is not what it was. */
  forget(): void {
    // Others: what is being judged on the old grounds is not to be remembered.
    this.#verdicts = new Verdicts();
    this.#recent = NO_CALL;
    this.#asked = new WeakSet();
  }

  /**
   * At once where such a call passed before.
   * @throws PalmError `PROTOCOL` or `FORBIDDEN` for what no well-behaved client sends: no envelope, one that readers take
   * differently, another's id.
   */
  judge(sender: JudgedClient, upstream: Upstream, frame: Bytes): CallVerdict | Promise<CallVerdict> {
    const { message, frame: plain } = readPlain(this.#codec, frame);
    const { client, function: path } = message;
    if (!topicBelongsTo(client, sender.id)) {
      throw new PalmError(
        'FORBIDDEN',
        `a call bears the client id ${inspectValue(client)}, which is another's`,
      );
    }
    if (client.length > LONGEST_TOPIC) {
      throw new PalmError('PROTOCOL', `a topic has ${client.length} characters, of ${LONGEST_TOPIC} at most`);
    }
    if (path.length > LONGEST_PATH) {
      const against = `the functions are ${path.length} characters, of ${LONGEST_PATH} at most`;
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
      // What the client may do has changed meanwhile.
      if (sender.identity !== identity) return this.judge(sender, upstream, frame);
      if (against === undefined) verdicts.add(call);
      return this.#verdict(sender, message, plain, against);
    });
  }

  /** The answer in place of one that is over the limit. */
  tooLarge(frame: Bytes, limit: number): Bytes {
    const message = this.#readAny(frame);
    const error = `the answer has ${frame.length} bytes, which is over the relay's limit of ${limit}`;
    const failure = { payload: SENTINEL, status: Status.failed, error, errorName: 'TOO_LARGE' };
    const answer = this.#codec.encode({ ...message, ...failure, unknown: NO_BYTES });
    if (answer.length <= limit) return answer;
    const { client, ordinal } = message;
    return this.#codec.encode(palmMessage({ client, ordinal, ...failure }));
  }

  #readAny(frame: Bytes): PalmMessage {
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
    const reason = against ?? againstMark(identity, message);
    if (reason === undefined) return { passes: true, frame };
    const { client: topic } = message;
    const refusal = { status: Status.refused, error: reason, errorName: '', features: 0 };
    return {
      passes: false,
      topic,
      answer: this.#codec.encode({ ...message, payload: SENTINEL, ...refusal }),
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

/** A client sends stage 0 and no status: with others it would choose where in the pipeline it comes in. */
function againstMark(
  { keyPrefix, cache, name }: Identity,
  { stage, status, pipeline, features }: PalmMessage,
): string | undefined {
  if (stage !== 0 || status !== 0) return 'a call begins at stage 0, with no status';
  const isSession = (features & Feature.session) !== 0;
  if (isSession && cache !== 'all' && !(cache === 'session' && pipeline.startsWith(keyPrefix))) {
    return `the session ${inspectValue(pipeline)} is not one of ${name}`;
  }
  return undefined;
}

/** Bytes that a relay remembers of calls that it let through, of all clients together. */
const MOST_BYTES = 1_048_576;
/** Characters of a call that is remembered: names of functions, not what a stranger makes as long as it may be. */
const LONGEST = 512;
/** Bytes that one takes beside its characters: the entry of the set, and the string's own header. */
const ENTRY = 96;

/**
 * Calls that were judged and may pass, for all clients of a relay: the least recently used go first. One that is refused is
 * not remembered, so nobody can fill this with what is not granted; and what somebody makes up within a grant goes before
 * what is in use.
 */
export class Verdicts {
  readonly #passing = new Set<string>();
  #bytes = 0;

  /** Bytes that they take, as far as that can be told. */
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

/** Two bytes a character: one that is not in Latin 1 makes all of them so. */
function sizeOf(call: string): number {
  return 2 * call.length + ENTRY;
}
