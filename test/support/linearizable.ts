/** Whether what several clients did to one key of a cache could have been done one after another. */

/** What one client did to a key, and what it was told. */
export interface Operation {
  readonly kind: 'set' | 'get' | 'delete';
  /** What it set, or got; undefined where there was nothing. For a delete, anything where something was there. */
  readonly value: string | undefined;
  /** When it was asked for, and when it was answered. */
  readonly start: number;
  readonly end: number;
  /** Whether it was answered. One that was not may have been done, at any time after its start. Such a get says nothing. */
  readonly isSure: boolean;
}

/**
 * Whether there is an order of the operations in which each answer is right, and in which each lies between its start and its end: the history is
 * that of one register. Each value is set once. The search is that of Wing and Gong, with Lowe's memory of where it has been.
 */
export function isLinearizable(history: readonly Operation[]): boolean {
  const sure = history.filter(({ isSure }) => isSure).sort((a, b) => a.start - b.start);
  const unsure = history.filter(({ isSure, kind }) => !isSure && kind !== 'get');
  /** States from which there is no way on, and those on the way. */
  const seen = new Set<string>();
  const way: Iterator<State>[] = [];
  const enter = (state: State): boolean => {
    if (state.first === sure.length) return true;
    const { first, later, used, value } = state;
    const key = `${first}|${[...later].sort().join()}|${[...used].sort().join()}|${value}`;
    if (seen.has(key)) return false;
    seen.add(key);
    way.push(statesAfter(sure, unsure, state));
    return false;
  };
  if (enter({ first: 0, later: new Set(), used: new Set(), value: undefined })) return true;
  for (let last = way.at(-1); last !== undefined; last = way.at(-1)) {
    const { done, value } = last.next();
    if (done === true) way.pop();
    else if (enter(value)) return true;
  }
  return false;
}

interface State {
  /** The first that is not done; all before it are. */
  readonly first: number;
  /** Those behind it that are done. */
  readonly later: ReadonlySet<number>;
  /** Those of which nobody was told, that are done. */
  readonly used: ReadonlySet<number>;
  readonly value: string | undefined;
}

/** The states after one more operation. */
function* statesAfter(
  sure: readonly Operation[],
  unsure: readonly Operation[],
  { first, later, used, value }: State,
): Generator<State> {
  // Those that began before each other one of them ended. What begins later has to wait for one that ended before.
  const left: number[] = [];
  let deadline = Number.POSITIVE_INFINITY;
  for (let index = first; (sure[index]?.start ?? Number.POSITIVE_INFINITY) <= deadline; index++) {
    if (later.has(index)) continue;
    left.push(index);
    deadline = Math.min(deadline, sure[index]?.end ?? 0);
  }
  for (const index of left) {
    const operation = sure[index];
    if (operation === undefined) break;
    const done = new Set(later).add(index);
    let next = first;
    while (done.delete(next)) next++;
    if (isRight(operation, value)) yield { first: next, later: done, used, value: after(operation, value) };
    // One that nobody was told of matters where the next one sees it.
    else
      for (const [number, hidden] of unsure.entries()) {
        const now = after(hidden, value);
        if (!used.has(number) && hidden.start <= deadline && isRight(operation, now))
          yield { first: next, later: done, used: new Set(used).add(number), value: after(operation, now) };
      }
  }
}

/** Whether its answer is right where the key has this value. */
function isRight({ kind, value: answer }: Operation, value: string | undefined): boolean {
  if (kind === 'get') return answer === value;
  return kind === 'set' || (answer === undefined) === (value === undefined);
}

function after({ kind, value: own }: Operation, value: string | undefined): string | undefined {
  if (kind === 'get') return value;
  return kind === 'set' ? own : undefined;
}

/** The shortest beginning of a history that is not that of a register, as lines: what was under way when it went wrong, and shortly before. */
export function faultOf(history: readonly Operation[], shown = 60): string {
  const ends = history.flatMap(({ isSure, end }) => (isSure ? [end] : [])).sort((a, b) => a - b);
  const until = (time: number) =>
    history
      .filter(({ start }) => start < time)
      .map((own) =>
        own.isSure && own.end <= time ? own : { ...own, isSure: false, end: Number.POSITIVE_INFINITY },
      );
  let [low, high] = [0, ends.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isLinearizable(until(ends[middle] ?? 0))) low = middle + 1;
    else high = middle;
  }
  const time = ends[high] ?? 0;
  const lines = until(time + 50).map(({ kind, value, start, end, isSure }) => {
    const from = (start - time).toFixed(1).padStart(9);
    const to = isSure ? (end - time).toFixed(1) : 'never';
    // What nobody was told of, and what ended just then, matters however early it began.
    const isNear = (!isSure && start < time) || end === time;
    return { start, line: `${from} to ${to.padStart(7)} ${kind} ${value ?? 'nothing'}`, isNear };
  });
  const sorted = lines.sort((a, b) => a.start - b.start);
  return sorted
    .filter(({ isNear }, index) => isNear || index >= sorted.length - shown)
    .map(({ line }) => line)
    .join('\n');
}
