import { parseCall } from '../../src/protocol/calls.ts';
import type { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { PalmError, reasonText, show } from '../../src/protocol/errors.ts';
import { Feature, NO_BYTES, type PalmMessage, palmMessage, Status } from '../../src/protocol/message.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import { type Guest, isOf } from './guest.ts';
import type { Identity } from './identity.ts';
import type { Upstream } from './upstream.ts';

/** Paths that were judged and are remembered. */
const MOST_REMEMBERED = 256;
/** Characters of a path. Longer ones are not looked into: a stranger's could have a million stages. */
const LONGEST_PATH = 4_096;

/** Payload of a failed answer, as pylm gives it. */
const SENTINEL: Bytes = new Uint8Array([0x30]);

/** What becomes of a call. */
export type Verdict =
  | { readonly passes: true; readonly frame: Bytes }
  /** It is answered by the relay. */
  | { readonly passes: false; readonly topic: string; readonly answer: Bytes };

/** Looks into every call before it leaves for a server. One for all clients. */
export class CallGuard {
  readonly #codec: EnvelopeCodec;
  readonly #find: (name: string) => Upstream | undefined;
  /** What is against a path, or nothing, by who asks and by upstream and path. */
  #judged = new WeakMap<Identity, Map<string, string | undefined>>();

  /** @param find - gives the server of a name, for the later stages of a pipeline. */
  constructor(codec: EnvelopeCodec, find: (name: string) => Upstream | undefined) {
    this.#codec = codec;
    this.#find = find;
  }

  /** What is known of servers is not what it was. */
  forget(): void {
    // Another map: what is being judged on the old grounds is not to be remembered.
    this.#judged = new WeakMap();
  }

  /**
   * At once where the path was judged before.
   * @throws PalmError `PROTOCOL` or `FORBIDDEN` for what no well-behaved client sends: no envelope, another's id.
   */
  judge(guest: Guest, upstream: Upstream, frame: Bytes): Verdict | Promise<Verdict> {
    const message = this.#codec.decode(frame);
    if (!isOf(guest.id, message.client)) {
      throw new PalmError(
        'FORBIDDEN',
        `a call bears the client id ${show(message.client)}, which is another's`,
      );
    }
    if (message.function.length > LONGEST_PATH) {
      const against = `the functions are ${message.function.length} characters, of ${LONGEST_PATH} at most`;
      return this.#verdict(guest, message, frame, against);
    }
    const key = `${upstream.name}\n${message.function}`;
    const judged = this.#judgedFor(guest.identity);
    if (judged.has(key)) return this.#verdict(guest, message, frame, judged.get(key));
    return this.#judgePath(guest.identity, upstream, message.function).then((against) => {
      if (judged.size >= MOST_REMEMBERED) judged.clear();
      judged.set(key, against);
      return this.#verdict(guest, message, frame, against);
    });
  }

  /** The answer in place of one that is over the limit. */
  tooLarge(frame: Bytes, limit: number): Bytes {
    const message = this.#readAny(frame);
    const error = `the answer has ${frame.length} bytes, which is over the relay's limit of ${limit}`;
    const failure = { status: Status.failed, error, errorName: 'TOO_LARGE', unknown: NO_BYTES };
    return this.#codec.encode({ ...message, payload: SENTINEL, ...failure });
  }

  #judgedFor(identity: Identity): Map<string, string | undefined> {
    let judged = this.#judged.get(identity);
    if (judged === undefined) {
      judged = new Map();
      this.#judged.set(identity, judged);
    }
    return judged;
  }

  #readAny(frame: Bytes): PalmMessage {
    try {
      return this.#codec.decode(frame);
    } catch {
      return palmMessage({});
    }
  }

  #verdict({ identity }: Guest, message: PalmMessage, frame: Bytes, against: string | undefined): Verdict {
    const reason = against ?? againstMark(identity, message);
    if (reason === undefined) {
      // What the relay does not know it does not pass on.
      const clean =
        message.unknown.length === 0 ? frame : this.#codec.encode({ ...message, unknown: NO_BYTES });
      return { passes: true, frame: clean };
    }
    const { client: topic } = message;
    const refusal = { status: Status.refused, error: reason, errorName: '', features: 0, unknown: NO_BYTES };
    return {
      passes: false,
      topic,
      answer: this.#codec.encode({ ...message, payload: SENTINEL, ...refusal }),
    };
  }

  async #judgePath(identity: Identity, upstream: Upstream, path: string): Promise<string | undefined> {
    await upstream.known();
    let stages: { readonly server: string; readonly function: string }[];
    try {
      stages = parseCall(path);
    } catch (error) {
      return reasonText(error);
    }
    for (const [index, { server, function: name }] of stages.entries()) {
      const stage = `${server}.${name}`;
      if (!identity.mayCall(stage)) return `${identity.name} may not call ${stage} here`;
      if (index === 0 && server !== upstream.palmName)
        return `the first function must be one of ${upstream.palmName}`;
      const against = await this.#againstStage(index === 0 ? upstream : this.#find(server), stage);
      if (against !== undefined) return against;
    }
    return undefined;
  }

  /** A stock pylm server stops for good at a function it does not have (pylm/servers.py, Server._execution_handler). */
  async #againstStage(upstream: Upstream | undefined, stage: string): Promise<string | undefined> {
    if (upstream === undefined) return `the relay knows no server for ${stage}`;
    await upstream.known();
    if (upstream.functions !== undefined) {
      return upstream.functions.match(stage) ? undefined : `${stage} is not in the relay's list of functions`;
    }
    if (upstream.isFrond) return undefined;
    return `the relay has no list of the functions of ${upstream.name}, which is no frond server, and could stop at ${stage}`;
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
    return `the session ${show(pipeline)} is not one of ${name}`;
  }
  return undefined;
}
