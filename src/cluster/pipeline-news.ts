/** What a caller hears at the server that its message went on from: that it failed there, or goes where nothing is to be done. */
import { show } from '../protocol/errors.ts';
import { type PalmMessage, Status } from '../protocol/message.ts';
import type { Bytes } from '../protocol/bytes.ts';
import { FAILED_PAYLOAD } from './runtime/failures.ts';

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
    const text = `server ${show(this.#name)} passes its results on to the next server of a pipeline, and ${show(result.function)} names no function of that one: call '${result.function} <next server>.<function>', and listen at the last server`;
    const payload: Bytes = new Uint8Array([FAILED_PAYLOAD]);
    return { ...result, payload, status: Status.unknownFunction, error: text, errorName: '' };
  }

  #stagesOf(path: string): number {
    if (path !== this.#recent.path) this.#recent = { path, stages: path.split(/\s+/).length };
    return this.#recent.stages;
  }
}
