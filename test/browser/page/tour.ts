/** A page as a user would write it: calls a server behind a relay. Node says what to do, and reads what came of it. */
import { deferred } from '../../../src/async/deferred.ts';
import { Client, json, msgpack, PalmError, text } from '../../../src/index.ts';
import { websocket } from '../../../transports/websocket/index.ts';
import { describe } from '../wire.ts';
import { control, type Tell } from './control.ts';

export interface Place {
  readonly url: string;
  readonly token: string;
}

/** Connected by the scene `connect`, for those after it. */
let held: Client | undefined;
let goOn = () => {};

const connect = ({ url, token }: Place, session?: string) =>
  Client.connect({
    transport: websocket(url, { token, maxDelay: 100 }),
    serverName: 'demo',
    ...(session !== undefined && { session }),
  });

function client(): Client {
  if (held === undefined) throw new Error('there is no client yet');
  return held;
}

/** Streams a job, and waits for `pause` after each thousand results. Gives how many were right, in order. */
async function stream(from: Client, count: number, pause: (what: string) => Promise<void>): Promise<number> {
  const inputs = Array.from({ length: count }, (_, i) => `line ${i}`);
  let right = 0;
  for await (const result of from.with(text()).job('demo.upper', inputs, { messages: count })) {
    if (result !== `LINE ${right}`) throw new Error(`result ${right} is ${result}`);
    right++;
    if (right % 1_000 === 0) await pause(`${right} results`);
  }
  return right;
}

const scenes = {
  /** Everything that a client can do. */
  async tour({ url, token }: Place) {
    const session = 'my-session';
    const own = await connect({ url, token }, session);
    const words = own.with(text());
    const shapes = own.with(msgpack<{ n: number; deep: { list: number[] } }>());
    const structures: unknown[] = [];
    for (let n = 0; n < 20; n++)
      structures.push(await shapes.eval('demo.echo', { n, deep: { list: [n, n + 1] } }));
    const outcome = {
      hello: await words.eval('demo.upper', 'hello'),
      pipeline: await words.eval('demo.pipeline', ''),
      refused: await words.eval('demo.secret', '').catch((error: PalmError) => error.code),
      failed: await words.eval('demo.boom', '').catch(({ code, remoteName }) => `${code} ${remoteName}`),
      typed: await own.with(json<{ a: number[] }>()).eval('demo.echo', { a: [1, 2] }),
      structures: structures.length,
      last: structures.at(-1),
      job: await stream(own, 10_000, async () => {}),
      key: await words.set('festina lente', 'motto'),
      value: await words.get('motto'),
      wasThere: await words.delete('motto'),
      isThere: await words.get('motto'),
    };
    await own.close();
    const after = await words.eval('demo.upper', 'late').catch((error: PalmError) => error.code);
    return { ...outcome, after, isOwnClass: new PalmError('LOST', '') instanceof Error };
  },

  async connect(place: Place) {
    held = await connect(place);
  },

  /** Is let go on after each thousand results by the scene `goOn`. */
  job: (count: number, tell: (what: string) => void) =>
    stream(client(), count, (what) => {
      const { promise, resolve } = deferred<void>();
      goOn = resolve;
      tell(what);
      return promise;
    }),

  async goOn() {
    goOn();
  },

  upper: (word: string) => client().with(text()).eval('demo.upper', word),

  async records() {
    const { length } = await client().with(msgpack<null, unknown[]>()).eval('demo.records', null);
    return length;
  },

  async visibility() {
    return document.visibilityState;
  },

  /** Resolves once the page is hidden, or shown. */
  async becomes(state: DocumentVisibilityState) {
    while (document.visibilityState !== state) {
      await new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
    }
  },

  async close() {
    await client().close();
  },

  /** What the verbs throw at once, which the conformance suite cannot see from Node. */
  async refusals({ url, token }: Place) {
    const connection = await websocket(url, { token }).open();
    // Chromium warns of a WebSocket that is closed before it is open.
    await connection.identify();
    const codes = [
      () => connection.push('tcp://127.0.0.1:1'),
      () => connection.pull('tcp://127.0.0.1:1'),
      () => connection.request('', new Uint8Array(1)),
      () => connection.subscribe('demo', ''),
    ].map(codeOf);
    await connection.close();
    return [...codes, codeOf(() => connection.push('demo'))];
  },
};

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return error instanceof PalmError ? error.code : `no PalmError: ${error}`;
  }
  return 'nothing thrown';
}

/** Scenes by name, as Node calls them. */
export type Scenes = typeof scenes;

function begin(tell: Tell) {
  return async (order: readonly unknown[]): Promise<void> => {
    const [type, call, name, input] = order as ['run', number, keyof Scenes, never];
    if (type !== 'run') return;
    try {
      tell(['resolved', call, await scenes[name](input, (what) => tell(['told', what]))]);
    } catch (error) {
      tell(['rejected', call, describe(error, PalmError)]);
    }
  };
}

control((tell) => {
  const run = begin(tell);
  return (order) => void run(order);
});
