import { createInterface } from 'node:readline';

/** Answers every line on stdin with the bytes of resident memory, once what is garbage is gone. Needs --expose-gc. */
export function answerMemory() {
  createInterface({ input: process.stdin }).on('line', async () => {
    for (let i = 0; i < 4; i++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    console.log(process.memoryUsage().rss);
  });
}
