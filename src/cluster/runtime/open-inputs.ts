/** What a role still has to do for the inputs that its transport wants settled. */
import { macrotasks } from '../../async/macrotask.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { clientIn } from '../../protocol/envelope-head.ts';
import { asksForProof, clientOf } from '../../protocol/topics.ts';
import type { BoundPull, Settlement, Settler } from '../../transport.ts';

/** An input, or a part of one that goes to a worker: what is under way for it. */
export interface OpenInput {
  /** The frame that came in, and what settles it. */
  readonly frame: Bytes;
  readonly settler: Settler;
  readonly id: string;
  /** The input that this is a part of. */
  readonly whole: OpenInput | undefined;
  /** Things that are not done: the input itself, its parts, results of workers. */
  left: number;
  /** Parts and results so far: they give names to the next. */
  parts: number;
  results: number;
  outcome: Settlement;
}

export interface OpenInputsSettings {
  /** Resolves when all that was published before is stored; rejects when that cannot be said. */
  readonly stored: () => Promise<void>;
  /**
   * Whether results are counted by input. Else they are counted by part, since parts come back in any order; a gather of the user's gives
   * results of several parts.
   */
  readonly countsWhole?: boolean;
}

/**
 * Knows what is left to do for each input, and has it settled once its last result is stored. Nothing of this is made where the transport
 * settles nothing.
 */
export class OpenInputs {
  readonly #settings: OpenInputsSettings;
  /** By the frame that flows have: of an input, or of a worker's result. */
  readonly #open = new Map<Bytes, OpenInput>();
  /** Inputs with something left to do. */
  readonly #unsettled = new Set<OpenInput>();
  /** Inputs whose results are on their way to the transport. */
  #over: OpenInput[] = [];
  readonly #later = macrotasks();
  #answer: ((frame: Bytes, id: string, deaths: number) => void) | undefined;

  constructor(settings: OpenInputsSettings) {
    this.#settings = settings;
  }

  /** Inputs and results of workers that are not done. */
  get size(): number {
    return this.#open.size;
  }

  /** What the clients have subscribed to whose inputs are not done. One with several inputs comes several times. */
  *subscriptions(): Generator<string> {
    for (const { frame } of this.#unsettled) {
      const subscription = subscriptionOf(frame);
      if (subscription !== undefined) yield subscription;
    }
  }

  /** Has `answer` called for each frame that is given up, with a name for the answer. The frame is settled once that is stored. */
  onGivenUp(answer: (frame: Bytes, id: string, deaths: number) => void): void {
    this.#answer = answer;
  }

  /** Hears what a source gives up, of which frames will come. */
  hear(settler: Settler): void {
    settler.onGivenUp((frame, deaths) => {
      this.begin(frame, settler);
      this.#answer?.(frame, this.nextId(frame), deaths);
      this.end(frame, 'failed');
    });
  }

  /** The batches of a source, each noted. */
  batches(
    source: AsyncIterator<readonly Bytes[], undefined>,
    settler: Settler,
  ): AsyncIterator<readonly Bytes[], undefined> {
    return {
      next: async () => {
        const result = await source.next();
        for (const frame of result.value ?? []) this.begin(frame, settler);
        return result;
      },
    };
  }

  /** An input has come. It stays open until {@link end}. */
  begin(frame: Bytes, settler: Settler): void {
    const id = settler.idOf(frame);
    const rest = { whole: undefined, left: 1, parts: 0, results: 0, outcome: 'done' } as const;
    const input = { frame, settler, id, ...rest };
    this.#open.set(frame, input);
    this.#unsettled.add(input);
  }

  /** A part of an input goes its own way, until {@link close}. Undefined when there is no such input. */
  part(of: Bytes): OpenInput | undefined {
    const whole = this.#open.get(of);
    if (whole === undefined) return undefined;
    whole.left++;
    const { frame, settler, id } = whole;
    return {
      frame,
      settler,
      id: `${id}/${whole.parts++}`,
      whole,
      left: 1,
      parts: 0,
      results: 0,
      outcome: 'done',
    };
  }

  /** A worker has given a result of a part. It stays open until {@link end}. */
  result(part: OpenInput, frame: Bytes): void {
    part.left++;
    this.#open.set(frame, part);
  }

  /** Nothing more comes of a frame: its step is over, or it was dropped. */
  end(frame: Bytes, outcome?: Settlement): void {
    const input = this.#open.get(frame);
    if (input === undefined) return;
    this.#open.delete(frame);
    if (outcome !== undefined) input.outcome = outcome;
    this.close(input);
  }

  /** One thing is done for an input or part. Once everything is, the input is settled, behind the results of this turn of events. */
  close(input: OpenInput): void {
    if (--input.left > 0) return;
    if (input.whole !== undefined) {
      this.close(input.whole);
      return;
    }
    this.#unsettled.delete(input);
    // A flow flushes before it waits for anything: by then the transport has the results.
    if (this.#over.push(input) === 1) this.#later(() => this.#settle());
  }

  /** A name for the next result of a frame; `''` for one of no input. */
  nextId(frame: Bytes): string {
    const input = this.#open.get(frame);
    return input === undefined ? '' : this.nameOf(input);
  }

  /** A name for the next result of an input. */
  nameOf(input: OpenInput): string {
    const counted = (this.#settings.countsWhole && input.whole) || input;
    return `${counted.id}/${counted.results++}`;
  }

  async #settle(): Promise<void> {
    const over = this.#over;
    this.#over = [];
    // Its results may not be stored. What comes twice for that has the same names, and is seen once.
    const isStored = await this.#settings.stored().then(
      () => true,
      () => false,
    );
    const done = new Map<Settler, Bytes[]>();
    for (const { frame, settler, outcome } of over) {
      if (!isStored) settler.settle([frame], 'again');
      else if (outcome !== 'done') settler.settle([frame], outcome);
      else {
        const frames = done.get(settler);
        if (frames === undefined) done.set(settler, [frame]);
        else frames.push(frame);
      }
    }
    for (const [settler, frames] of done) settler.settle(frames, 'done');
  }
}

/** What the client of a frond call has subscribed to. */
export function subscriptionOf(frame: Bytes): string | undefined {
  // Where it cannot be read, the frame is refused when its turn comes.
  const topic = clientOf(clientIn(frame) ?? '');
  return asksForProof(topic) ? topic : undefined;
}

/** What a bound end gives. */
export interface PulledBatches {
  /** The usual batches, and those of its lanes. */
  readonly sources: readonly AsyncIterator<readonly Bytes[], undefined>[];
  /** Those of clients that wait for few. */
  readonly prompt: AsyncIterator<readonly Bytes[], undefined> | undefined;
}

/** The batches of a bound end; noted, where it settles what it gives. */
export function batchesOf(pull: BoundPull, inputs: OpenInputs | undefined): PulledBatches {
  const { settler } = pull;
  const sources = [pull, ...(pull.lanes ?? [])].map((own) => own[Symbol.asyncIterator]());
  const prompt = pull.prompt?.[Symbol.asyncIterator]();
  if (inputs === undefined || settler === undefined) return { sources, prompt };
  inputs.hear(settler);
  return {
    sources: sources.map((own) => inputs.batches(own, settler)),
    prompt: prompt && inputs.batches(prompt, settler),
  };
}
