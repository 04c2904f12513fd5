/** Threads as each platform has them: Node's own, and those of a platform that has the web's alone. */
import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ToThread } from '../../../../../src/cluster/runtime/threads/messages.ts';
import {
  coreCount,
  startPlatformThread,
} from '../../../../../src/cluster/runtime/threads/platform-thread.ts';
import { playThreads } from '../../../../support/played-thread.ts';
import { within } from '../../../../support/wait.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const MiB = 1_048_576;
/** Node's own. */
const node = process;

/** On a platform without Node's modules. */
function withoutNode<T>(act: () => T): T {
  vi.stubGlobal('process', undefined);
  try {
    return act();
  } finally {
    vi.stubGlobal('process', node);
  }
}

/** Hands out what a thread reports, in order. */
function reports() {
  const all: unknown[] = [];
  let wake = () => {};
  const take = (one: unknown) => {
    all.push(one);
    wake();
  };
  return {
    all,
    events: {
      onMessage: (message: unknown) => take({ message }),
      onEnd: (reason: string) => take({ reason }),
    },
    count: async (count: number) => {
      while (all.length < count) {
        const more = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await within(10_000, more, 'a report');
      }
      return all;
    },
  };
}

const stopping = (id: number): ToThread => ({ type: 'stop', id });

describe('the number of threads that run at the same time', () => {
  it('is what Node says', () => {
    expect(coreCount()).toBe(availableParallelism());
  });

  it('is what a browser says, where there is no Node', () => {
    vi.stubGlobal('navigator', { hardwareConcurrency: 7 });
    expect(withoutNode(coreCount)).toBe(7);
    expect(coreCount()).toBe(availableParallelism());
  });

  it.each([[{}], [undefined]])('is one where nobody says it: %j', (navigator) => {
    vi.stubGlobal('navigator', navigator);
    expect(withoutNode(coreCount)).toBe(1);
    // Node before 20.16 does not give its modules so.
    vi.stubGlobal('process', {});
    expect(coreCount()).toBe(1);
    vi.unstubAllGlobals();
  });
});

describe('a thread of Node', () => {
  it('runs a text, takes messages and gives them, and says with which code it has ended', async () => {
    const { events, count } = reports();
    const thread = startPlatformThread(
      `const { parentPort } = require('node:worker_threads');
       parentPort.on('message', ({ id }) => {
         parentPort.postMessage({ got: id });
         if (id === 2) process.exit(3);
       });`,
      undefined,
      events,
    );
    thread.post(stopping(1), []);
    thread.post(stopping(2), []);
    expect(await count(3)).toEqual([
      { message: { got: 1 } },
      { message: { got: 2 } },
      { reason: 'the thread ended by itself, with exit code 3' },
    ]);
  });

  it('that fails says why, and has ended', async () => {
    const { events, count } = reports();
    startPlatformThread('throw new Error("no luck")', undefined, events);
    expect(await count(1)).toEqual([{ reason: 'the thread failed: no luck' }]);
  });

  it('is given what is handed over, and ends when it is told, whatever it does', async () => {
    const { events, count, all } = reports();
    const thread = startPlatformThread(
      `const { parentPort } = require('node:worker_threads');
       parentPort.on('message', (message) => {
         parentPort.postMessage(message.message.byteLength);
         for (;;);
       });`,
      undefined,
      events,
    );
    const given = new Uint8Array(10);
    thread.post({ type: 'call', message: given } as unknown as ToThread, [given.buffer]);
    expect(given.byteLength).toBe(0);
    expect(await count(1)).toEqual([{ message: 10 }]);
    await within(10_000, thread.terminate(), 'the end');
    expect(all).toHaveLength(2);
  });

  it('has the heap that it may have, in whole mebibytes, or as much as Node gives', () => {
    const made = playThreads();
    const { events } = reports();
    for (const memory of [4 * MiB, 4 * MiB + 1, undefined]) startPlatformThread('text', memory, events);
    expect(made.map(({ text, options }) => ({ text, options }))).toEqual([
      { text: 'text', options: { eval: true, resourceLimits: { maxOldGenerationSizeMb: 4 } } },
      { text: 'text', options: { eval: true, resourceLimits: { maxOldGenerationSizeMb: 5 } } },
      { text: 'text', options: { eval: true } },
    ]);
  });

  it('has failed behind what it had said, though Node hears of the failure first', () => {
    const made = playThreads();
    const { events, all } = reports();
    startPlatformThread('text', undefined, events);
    made[0]?.send('error', new Error('no luck'));
    made[0]?.ready('f');
    made[0]?.end(1);
    expect(all).toEqual([
      { message: { type: 'ready', functions: [['f', '{}']] } },
      { reason: 'the thread failed: no luck' },
    ]);
  });

  it('whose message cannot be read is of no use any more', () => {
    const made = playThreads();
    const { events, all } = reports();
    startPlatformThread('text', undefined, events);
    made[0]?.send('messageerror', new Error('odd bytes'));
    expect(all).toEqual([{ reason: 'a message of the thread cannot be read: odd bytes' }]);
  });
});

describe("a thread of the web's", () => {
  interface Played {
    readonly url: string;
    readonly options: object;
    readonly posted: unknown[];
    isTerminated: boolean;
    onmessage?: (event: { data: unknown }) => void;
    onmessageerror?: () => void;
    onerror?: (event: object) => void;
  }

  function open(text = 'the text') {
    const blobs: Blob[] = [];
    vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => {
      blobs.push(blob as Blob);
      return 'blob:own';
    });
    const revoke = vi.spyOn(URL, 'revokeObjectURL').mockImplementation(() => {});
    let made: Played | undefined;
    class Worker {
      readonly posted: unknown[] = [];
      isTerminated = false;
      readonly url: string;
      readonly options: object;
      constructor(url: string, options: object) {
        this.url = url;
        this.options = options;
        made = this;
      }
      postMessage(...message: unknown[]) {
        this.posted.push(message);
      }
      terminate() {
        this.isTerminated = true;
      }
    }
    vi.stubGlobal('Worker', Worker);
    const { events, all } = reports();
    const thread = withoutNode(() => startPlatformThread(text, 5, events));
    const worker = made as unknown as Played;
    return { thread, worker, blobs, revoke, all };
  }

  it('is a module that runs the text', async () => {
    const { worker, blobs, all } = open();
    expect(worker).toMatchObject({ url: 'blob:own', options: { type: 'module' } });
    expect([await blobs[0]?.text(), blobs[0]?.type, blobs.length]).toEqual([
      'the text',
      'text/javascript',
      1,
    ]);
    expect(all).toEqual([]);
  });

  it('takes messages with what is handed over, and gives them', () => {
    const { thread, worker, all } = open();
    const { buffer } = new Uint8Array(1);
    thread.post(stopping(1), [buffer]);
    expect(worker.posted).toEqual([[stopping(1), [buffer]]]);
    worker.onmessage?.({ data: { type: 'end', id: 1 } });
    expect(all).toEqual([{ message: { type: 'end', id: 1 } }]);
  });

  it('that fails says so here, and not on the console as well', () => {
    const { worker, all } = open();
    const preventDefault = vi.fn();
    worker.onerror?.({ preventDefault, message: 'no luck' });
    worker.onerror?.({ preventDefault });
    worker.onmessageerror?.();
    expect(preventDefault).toHaveBeenCalledTimes(2);
    expect(all).toEqual([
      { reason: 'the thread failed: no luck' },
      { reason: 'the thread failed: it could not be started' },
      { reason: 'a message of the thread cannot be read' },
    ]);
  });

  it('ends when it is told, and its text is let go', async () => {
    const { thread, worker, revoke } = open();
    expect([worker.isTerminated, revoke.mock.calls]).toEqual([false, []]);
    await thread.terminate();
    expect([worker.isTerminated, revoke.mock.calls]).toEqual([true, [['blob:own']]]);
  });

  it('is not there on a platform without threads', () => {
    vi.stubGlobal('Worker', undefined);
    const start = () => withoutNode(() => startPlatformThread('text', undefined, reports().events));
    expect(start).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: 'this platform has no threads: leave threads and module out',
        sent: false,
      }),
    );
  });
});

it('a platform without threads says so, and what to leave out', () => {
  const builtin = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never);
  try {
    expect(() => startPlatformThread('', undefined, { onMessage: () => {}, onEnd: () => {} })).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: 'this platform has no threads: leave threads and module out',
        sent: false,
      }),
    );
  } finally {
    builtin.mockRestore();
  }
});
