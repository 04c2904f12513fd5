/** Function paths: the function and the server of each stage of a call. */
import { inspectValue, invalidCall, mustBe } from './errors.ts';

/** One stage of a call: a function of a server. */
export interface Stage {
  /** Its server's name: what stands before the dot. */
  readonly server: string;
  /** The function's name: what stands after the dot. */
  readonly function: string;
}

// Exactly one dot: pylm splits at every dot and dies unless there are two parts (pylm/servers.py,
// Server._execution_handler). White space separates stages. A control character is never part of a name.
const STAGE = /^([^\s.\p{Cc}\p{Surrogate}]+)\.([^\s.\p{Cc}\p{Surrogate}]+)$/u;

const NAME = /^[^\s.\p{Cc}\p{Surrogate}]+$/u;

/** Whether a string can be the name of a server or function in a call. */
export function isName(name: string): boolean {
  return NAME.test(name);
}

/**
 * Checks a server's name: the part before the dot of every call to it.
 * @param what - names the option in the error.
 * @throws PalmError `INVALID_CALL` when it is not a name.
 */
export function checkServerName(what: string, name: unknown): void {
  if (typeof name !== 'string' || !isName(name)) {
    throw mustBe(what, 'a string without dots or spaces', name);
  }
}

/**
 * The `function` field for a call: `server.function`, or a list of them, one for each stage of a pipeline.
 * It also takes one string with the stages separated by one space, as on the wire.
 * @throws PalmError `INVALID_CALL` naming the stage that is not exactly `server.function`.
 */
export function joinPath(path: string | readonly string[]): string {
  parsePath(path);
  return typeof path === 'string' ? path : path.join(' ');
}

/**
 * The stages of a call, in order.
 * @throws PalmError `INVALID_CALL` as {@link joinPath} does.
 */
export function parsePath(path: string | readonly string[]): Stage[] {
  const stages: readonly unknown[] = typeof path === 'string' ? path.split(' ') : path;
  if (!Array.isArray(stages) || stages.length === 0) {
    throw invalidCall(`a call needs 'server.function' or a list of them, not ${inspectValue(path)}`);
  }
  return stages.map((stage, index) => {
    const parts = typeof stage === 'string' ? STAGE.exec(stage) : null;
    if (parts === null) {
      const where = stages.length > 1 ? `stage ${index} of the pipeline` : 'the function';
      throw mustBe(where, "'server.function' with exactly one dot", stage);
    }
    return { server: parts[1] as string, function: parts[2] as string };
  });
}

/**
 * The stage of a received message that runs now, or undefined when the path has no such stage or is malformed.
 * As in pylm, a path of one stage runs that stage, whatever `stage` the message has.
 */
export function currentStage(path: string, stage: number): Stage | undefined {
  const own = path.includes(' ') ? path.split(/\s+/)[stage] : path;
  const parts = own === undefined ? null : STAGE.exec(own);
  return parts === null ? undefined : { server: parts[1] as string, function: parts[2] as string };
}
