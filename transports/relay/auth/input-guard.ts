/** Judges the input of calls by what their servers say of their functions. */
import type { FunctionDescription, JsonSchema } from '../../../src/functions/contract/description.ts';
import { schemaIssues } from '../../../src/functions/contract/schema-issues.ts';
import { issuesText } from '../../../src/functions/contract/shape.ts';
import { type Bytes, decodeUtf8 } from '../../../src/protocol/bytes.ts';
import type { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { type Issue, messageOf } from '../../../src/protocol/errors.ts';
import { encodeFailure } from '../../../src/protocol/failure-details.ts';
import { NO_BYTES, Status } from '../../../src/protocol/message.ts';
import { clipped } from '../../../src/protocol/printable.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** Whether a call may pass. */
export type CallVerdict =
  /** It passes as this frame, which every reader decodes to what was judged. */
  | { readonly passes: true; readonly frame: Bytes }
  /** The relay refuses it with this answer. */
  | { readonly passes: false; readonly topic: string; readonly answer: Bytes };

/** Payload of a failed answer, as pylm gives it. */
export const SENTINEL: Bytes = new Uint8Array([0x30]);

/** Bytes of a payload that is looked at. The server looks at what is larger. */
const LARGEST = 262_144;

/** Characters of what a refusal tells: it is not much larger than what it refuses. */
const LONGEST_TOLD = 800;

/** Characters of a key that a refusal quotes, and keys of a path. */
const LONGEST_KEY = 60;
const LONGEST_PATH = 16;

/**
 * Refuses JSON that the schema of the called function does not allow. It refuses only what is certain, does a bounded amount of work for each
 * call, and runs no regular expression of a schema: the server judges all input in any case. It looks at the first function of a pipeline
 * alone, which is the one that the client's input is for.
 */
export class InputGuard {
  readonly #codec: EnvelopeCodec;

  constructor(codec: EnvelopeCodec) {
    this.#codec = codec;
  }

  /** Judges a call that may pass otherwise: at once when the server has said of late what its functions take. */
  judge(verdict: CallVerdict, upstream: Upstream): CallVerdict | Promise<CallVerdict> {
    if (!verdict.passes) return verdict;
    const offers = upstream.offers();
    return offers instanceof Promise
      ? offers.then((list) => this.#judge(verdict, list))
      : this.#judge(verdict, offers);
  }

  #judge(
    verdict: CallVerdict & { readonly passes: true },
    offers: readonly FunctionDescription[],
  ): CallVerdict {
    if (offers.length === 0) return verdict;
    const message = this.#codec.decode(verdict.frame);
    const { client: topic, function: path, payload, features } = message;
    const [stage = ''] = path.split(' ', 1);
    const name = stage.slice(stage.indexOf('.') + 1);
    const input = offers.find((one) => one.name === name)?.input;
    if (input?.codec !== 'JSON' || payload.length > LARGEST) return verdict;
    const issues = issuesOf(payload, input.schema);
    if (issues.length === 0) return verdict;
    const told = shortened(issues);
    const answer = this.#codec.encode({
      ...message,
      payload: features === 0 ? SENTINEL : encodeFailure({ issues: told }),
      status: Status.invalid,
      error: clipped(issuesText(told), LONGEST_TOLD),
      errorName: 'InvalidInput',
      features: 0,
      unknown: NO_BYTES,
    });
    return { passes: false, topic, answer };
  }
}

function issuesOf(payload: Bytes, schema: JsonSchema | undefined): readonly Issue[] {
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(payload));
  } catch (cause) {
    return [{ path: [], message: `it is not JSON: ${messageOf(cause)}` }];
  }
  return schema === undefined ? [] : schemaIssues(schema, value);
}

/** The first issues, as many as a refusal tells. */
function shortened(issues: readonly Issue[]): readonly Issue[] {
  const told: Issue[] = [];
  let room = LONGEST_TOLD;
  for (const { path, message } of issues) {
    const keys = path
      .slice(0, LONGEST_PATH)
      .map((key) => (typeof key === 'number' ? key : clipped(key, LONGEST_KEY)));
    const issue = { path: keys, message: clipped(message, 4 * LONGEST_KEY) };
    room -= JSON.stringify(issue).length;
    if (room < 0 && told.length > 0) break;
    told.push(issue);
  }
  return told;
}
