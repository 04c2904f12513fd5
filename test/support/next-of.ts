/** What becomes of the next result of a job or map, as far as it is known. Waits for nothing, so that tests can move the time. */
export function nextOf(results: AsyncIterator<unknown, undefined>) {
  const own = {
    value: undefined as unknown,
    error: undefined as unknown,
    isDone: undefined as boolean | undefined,
  };
  results.next().then(
    ({ value, done = false }) => Object.assign(own, { value, isDone: done }),
    (error: unknown) => Object.assign(own, { error, isDone: true }),
  );
  return own;
}
