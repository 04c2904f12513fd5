/**
 * Gives the results of a job or map as a stream, for what takes one: a `Response`, `pipeTo`, a page's other threads. Each result is taken
 * when the stream is read from, and no earlier. Cancelling the stream leaves the job.
 * @example return new Response(readable(client.job('images.frames', frames)));
 */
export function readable<T>(results: AsyncIterable<T>): ReadableStream<T> {
  let iterator: AsyncIterator<T> | undefined;
  const open = () => {
    iterator ??= results[Symbol.asyncIterator]();
    return iterator;
  };
  return new ReadableStream<T>(
    {
      pull: async (controller) => {
        const { done, value } = await open().next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => {
        await open().return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
