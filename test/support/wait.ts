import { setTimeout as pause } from 'node:timers/promises';

/**
 * Fails when `promise` has not settled within `timeout` milliseconds: every wait in the tests is bounded.
 * @param what - names what is waited for; a function is asked when it is late.
 */
export async function within<T>(
  timeout: number,
  promise: Promise<T>,
  what: string | (() => string) = 'it',
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const told = typeof what === 'string' ? what : what();
      reject(new Error(`${told} took longer than ${timeout} ms`));
    }, timeout);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads batches until `count` items have come. */
export async function collect<T>(source: AsyncIterable<readonly T[]>, count: number): Promise<T[]> {
  const items: T[] = [];
  const iterator = source[Symbol.asyncIterator]();
  while (items.length < count) {
    const { done, value } = await within(10_000, iterator.next(), `item ${items.length} of ${count}`);
    if (done) break;
    items.push(...value);
  }
  return items;
}

/** Reads a source to its end. */
export async function readAll<T>(results: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const result of results) all.push(result);
  return all;
}

/** Resolves with the first value that fits. */
export async function first<T>(source: AsyncIterable<T>, fits: (value: T) => boolean): Promise<T> {
  for await (const value of source) if (fits(value)) return value;
  throw new Error('the source ended before a value that fits');
}

/** Turns of events after which a wait is no longer a matter of turns. */
const TURNS = 1_000;

/**
 * Resolves once `isSo`, which is asked after each turn of events. After {@link TURNS} it is asked every millisecond, so that
 * a long wait leaves the processor to what it waits for.
 */
export async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; !isSo(); turn++) {
    if (turn < TURNS) await new Promise(setImmediate);
    else await pause(1);
  }
}

/** Resolves once `isSo` resolves with true, which is asked again and again within `timeout` milliseconds. */
export async function eventually(isSo: () => Promise<boolean>, timeout = 5_000): Promise<void> {
  const end = performance.now() + timeout;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`it was not so within ${timeout} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
