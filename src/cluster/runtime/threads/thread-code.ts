import type { FunctionContext, PalmFunction } from '../functions.ts';
import type { CacheQuestion, FromThread, ThreadStart, ThrownError, ToThread } from './messages.ts';

/** The end of a thread that messages come to and go from. */
export interface ThreadPort {
  postMessage(message: FromThread, transfer: readonly Transferable[]): void;
  onmessage: ((event: { readonly data: ToThread }) => void) | null;
}

/**
 * What runs in a thread: it loads the module, and runs its functions as it is told.
 *
 * Threads are started with the text of this function, so that no bundler has to find a file (docs/decisions). It uses nothing from
 * outside of itself but what every platform has.
 */
export function threadCode(
  port: ThreadPort,
  load: (url: string) => Promise<Readonly<Record<string, unknown>>>,
  { module, name, window, givenFrom, progressPause }: ThreadStart,
): void {
  interface OpenCall {
    readonly controller: AbortController;
    isStopped: boolean;
    /** Results that were sent and not taken. */
    untaken: number;
    resume: () => void;
  }
  type Progress = readonly [done: number, total?: number, note?: string];
  interface Waiting {
    readonly resolve: (value: unknown) => void;
    readonly reject: (error: unknown) => void;
  }
  const calls = new Map<number, OpenCall>();
  const requests = new Map<number, Waiting>();
  let lastRequest = 0;
  /** Buffers that results were given away with. */
  const given = new WeakSet<object>();
  const functions = new Map<string, PalmFunction>();
  /** What each takes and gives, as JSON. */
  const descriptions = new Map<string, string>();

  const tell = (message: FromThread, transfer: readonly Transferable[] = []) =>
    port.postMessage(message, transfer);

  function text(value: unknown): string {
    try {
      return String(value);
    } catch {
      return 'an error that cannot be read';
    }
  }

  /** The same in all copies of frond: under it an error has how its call is to be answered. */
  const answerKey = Symbol.for('frond.answer');

  function thrown(error: unknown): ThrownError {
    try {
      if (typeof error !== 'object' || error === null || !('message' in error)) {
        return { name: '', message: text(error) };
      }
      const { name = '', message, stack, code, data } = error as Partial<ThrownError>;
      const answer: unknown = Reflect.get(error, answerKey);
      return {
        name: text(name),
        message: text(message),
        stack: stack === undefined ? undefined : text(stack),
        ...(code !== undefined && { code }),
        ...(data !== undefined && { data }),
        ...(answer !== undefined && { answer }),
      };
    } catch {
      return { name: '', message: 'an error that cannot be read' };
    }
  }

  function tellError(id: number, error: unknown): void {
    const known = thrown(error);
    try {
      tell({ type: 'error', id, error: known });
    } catch {
      // Its code or data cannot be cloned.
      const { name, message, stack } = known;
      tell({ type: 'error', id, error: { name, message, stack } });
    }
  }

  /** An error that came from the other end. */
  function errorOf({ name, message, stack, ...more }: ThrownError): Error {
    return Object.assign(new Error(message), { name, ...more });
  }

  const isBuffer = (value: unknown): value is ArrayBuffer =>
    Object.prototype.toString.call(value) === '[object ArrayBuffer]';

  function bytesOf(value: unknown): Uint8Array | undefined {
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return isBuffer(value) ? new Uint8Array(value) : undefined;
  }

  function tellResult(type: 'result' | 'item', id: number, value: unknown): void {
    const memory = ArrayBuffer.isView(value) ? value.buffer : value;
    if (typeof memory === 'object' && memory !== null && given.has(memory)) {
      throw new TypeError(
        'the function returned bytes that it has returned before; large results are given away by a thread, so return a copy of what you keep',
      );
    }
    const bytes = bytesOf(value);
    if (bytes === undefined) {
      try {
        tell({ type, id, value });
      } catch {
        throw new TypeError(
          `the function returned a ${typeof value} that cannot leave its thread; an answer must be bytes: a Uint8Array, or an iterable of them for several answers`,
        );
      }
      return;
    }
    const { buffer } = bytes;
    const isGiven =
      bytes.byteLength >= givenFrom && bytes.byteLength === buffer.byteLength && isBuffer(buffer);
    if (isGiven) {
      try {
        tell({ type, id, value: bytes }, [buffer]);
        given.add(buffer);
        return;
      } catch {
        // Some buffers cannot be given away: that of a WebAssembly memory, or one that is marked so.
      }
    }
    const copy = bytes.slice();
    tell({ type, id, value: copy }, [copy.buffer]);
  }

  function isIterable(value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> {
    return (
      typeof value === 'object' &&
      value !== null &&
      (Symbol.iterator in value || Symbol.asyncIterator in value)
    );
  }

  async function tellEach(
    id: number,
    call: OpenCall,
    results: Iterable<unknown> | AsyncIterable<unknown>,
    over: () => void,
  ): Promise<void> {
    if (Array.isArray(results) || results instanceof Set) {
      // A list may not be read to its end, and an unhandled rejection ends the thread.
      for (const one of results) if (one instanceof Promise) one.catch(() => {});
    }
    for await (const one of results) {
      if (call.isStopped) break;
      tellResult('item', id, one);
      call.untaken++;
      while (call.untaken >= window && !call.isStopped) {
        await new Promise<void>((resolve) => {
          call.resume = resolve;
        });
      }
      if (call.isStopped) break;
    }
    over();
    tell({ type: 'end', id });
  }

  function ask(question: Omit<CacheQuestion, 'type' | 'request'>): Promise<unknown> {
    const request = ++lastRequest;
    return new Promise((resolve, reject) => {
      tell({ type: 'cache', request, ...question });
      requests.set(request, { resolve, reject });
    });
  }

  function cacheFor(id: number, session: CacheQuestion['session']): FunctionContext['cache'] {
    const one = { id, session, key: undefined, value: undefined };
    return {
      get: (key) => ask({ ...one, operation: 'get', key }) as Promise<Uint8Array<ArrayBuffer> | undefined>,
      set: (value, key) => {
        // A view is sent with its whole buffer otherwise.
        const own = value instanceof Uint8Array ? value.slice() : value;
        return ask({ ...one, operation: 'set', key, value: own }) as Promise<string>;
      },
      delete: (key) => ask({ ...one, operation: 'delete', key }) as Promise<boolean>,
      withSession: (other) => cacheFor(id, { name: other }),
    };
  }

  function loggerFor(id: number): FunctionContext['logger'] {
    const at =
      (level: 'debug' | 'info' | 'warning' | 'error'): FunctionContext['logger']['info'] =>
      (line, fields) => {
        try {
          tell({ type: 'log', id, level, text: text(line), fields });
        } catch {
          tell({ type: 'log', id, level, text: text(line), fields: undefined });
        }
      };
    return { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
  }

  /** Tells the newest progress of a call, once in a pause at most, and the last of all when the call is over. */
  function progressOf(id: number): {
    readonly take: (...now: Progress) => void;
    readonly finish: () => void;
  } {
    let newest: Progress | undefined;
    let told = Number.NEGATIVE_INFINITY;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const flush = () => {
      clearTimeout(timer);
      timer = undefined;
      if (newest === undefined) return;
      const progress = newest;
      newest = undefined;
      told = performance.now();
      try {
        tell({ type: 'progress', id, progress });
      } catch {
        // What cannot be cloned is no progress.
      }
    };
    const take = (...now: Progress) => {
      if (isOver) return;
      newest = now;
      // A function that computes lets no timer in, so the time is looked at as well.
      const pause = told + progressPause - performance.now();
      if (pause <= 0) flush();
      else timer ??= setTimeout(flush, pause);
    };
    const finish = () => {
      flush();
      isOver = true;
    };
    return { take, finish };
  }

  async function run({
    id,
    name: own,
    message,
    metadata,
    wantsProgress,
  }: Extract<ToThread, { readonly type: 'call' }>): Promise<void> {
    const call: OpenCall = {
      controller: new AbortController(),
      isStopped: false,
      untaken: 0,
      resume: () => {},
    };
    calls.set(id, call);
    const progress = progressOf(id);
    try {
      const fn = functions.get(own);
      if (fn === undefined) throw new Error(`the module has no function ${own} any more`);
      const context = {
        message,
        metadata,
        progress: wantsProgress ? progress.take : () => {},
        name,
        get signal() {
          return call.controller.signal;
        },
        get cache() {
          return cacheFor(id, undefined);
        },
        get logger() {
          return loggerFor(id);
        },
      };
      const result: unknown = await fn(message.payload, context as FunctionContext);
      if (!ArrayBuffer.isView(result) && !isBuffer(result) && isIterable(result))
        await tellEach(id, call, result, progress.finish);
      else {
        progress.finish();
        tellResult('result', id, result);
      }
    } catch (error) {
      progress.finish();
      tellError(id, error);
    } finally {
      calls.delete(id);
    }
  }

  const isObject = (value: unknown): value is Readonly<Record<string | symbol, unknown>> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);

  /** The same in all copies of frond: under it a definition may have what gives its function of bytes. */
  const functionKey = Symbol.for('frond.function');

  /** Whether a value is a function, or a definition of one, as `fn` makes it. */
  function isOffered(value: unknown): boolean {
    if (typeof value === 'function') return true;
    if (!isObject(value)) return false;
    if (typeof value[functionKey] === 'function') return true;
    return typeof value['run'] === 'function' && 'input' in value && 'output' in value;
  }

  interface FrondCluster {
    asPalmFunction(offered: unknown): PalmFunction;
    /** Missing in older ones. */
    describeFunction(name: string, offered: unknown): unknown;
  }

  /** The `frond/cluster` that is found from the module. @throws where there is none, or nothing that finds it. */
  function frondCluster(): FrondCluster {
    const node = Reflect.get(globalThis, 'process') as
      | { getBuiltinModule?: (name: string) => { createRequire(from: string): (name: string) => unknown } }
      | undefined;
    return node?.getBuiltinModule?.('module').createRequire(module)('frond/cluster') as FrondCluster;
  }

  /** What a function takes and gives, as JSON; its name alone where nothing more can be said. */
  function descriptionOf(own: string, offered: unknown): string {
    if (typeof offered !== 'function') {
      try {
        const said = JSON.stringify(frondCluster().describeFunction(own, offered));
        if (said.startsWith('{')) return said;
      } catch {
        // An older frond, or one that says nothing of it. The function works all the same.
      }
    }
    return JSON.stringify({ name: own });
  }

  /** The function of bytes of what is offered. The code for definitions is that of the frond which the module itself uses. */
  async function functionOf(own: string, offered: unknown): Promise<PalmFunction> {
    if (typeof offered === 'function') return offered as PalmFunction;
    const give = (offered as Readonly<Record<symbol, unknown>>)[functionKey];
    if (typeof give === 'function') return give.call(offered);
    try {
      return frondCluster().asPalmFunction(offered);
    } catch (error) {
      throw new Error(
        `${own} is a definition, and the code for it cannot be loaded from where the module is: ${thrown(error).message}`,
      );
    }
  }

  /** Takes what an object has as functions and definitions. @returns the name of what is neither. */
  async function take(from: Readonly<Record<string, unknown>>): Promise<string | undefined> {
    for (const [own, value] of Object.entries(from)) {
      if (!isOffered(value)) return own;
      functions.set(own, await functionOf(own, value));
      descriptions.set(own, descriptionOf(own, value));
    }
    return undefined;
  }

  async function find(): Promise<void> {
    const exports = await load(module);
    let main: unknown = exports['default'];
    // In a module that was compiled to CommonJS, the default export is one level deeper.
    if (isObject(main) && main['__esModule'] === true) main = main['default'];
    if (typeof main === 'function') main = await main();
    if (main === undefined) {
      // Of named exports those count that are functions, definitions, or objects of definitions: others may be constants.
      for (const [own, value] of Object.entries(exports)) {
        if (isOffered(value)) await take({ [own]: value });
        else if (isObject(value) && Object.values(value).every((one) => isObject(one) && isOffered(one))) {
          await take(value);
        }
      }
      const others = Object.keys(exports).join(', ') || 'nothing';
      if (functions.size === 0) throw new Error(`it exports no functions, but ${others}`);
      return;
    }
    if (!isObject(main))
      throw new Error(`its default export is not an object of functions, but ${text(main)}`);
    const wrong = await take(isObject(main['functions']) ? main['functions'] : main);
    if (wrong !== undefined) throw new Error(`its default export has ${wrong}, which is not a function`);
    if (functions.size === 0) throw new Error('its default export has no functions');
  }

  const finding = find();
  finding.then(
    () => tell({ type: 'ready', functions: [...descriptions] }),
    (error) => {
      const { name: kind, message } = thrown(error);
      tell({ type: 'unusable', reason: kind === '' || kind === 'Error' ? message : `${kind}: ${message}` });
    },
  );

  port.onmessage = ({ data }) => {
    switch (data.type) {
      case 'call': {
        finding.then(
          () => run(data),
          (error) => tellError(data.id, error),
        );
        return;
      }
      case 'abort':
        calls.get(data.id)?.controller.abort(errorOf(data.reason));
        return;
      case 'stop':
      case 'taken': {
        const call = calls.get(data.id);
        if (call === undefined) return;
        if (data.type === 'stop') call.isStopped = true;
        else call.untaken--;
        call.resume();
        return;
      }
      default: {
        const waiting = requests.get(data.request);
        requests.delete(data.request);
        if (data.type === 'reply') waiting?.resolve(data.value);
        else waiting?.reject(errorOf(data.error));
      }
    }
  };
}

/** The text that a thread is started with. */
export function threadText(start: ThreadStart): string {
  // Some bundlers wrap functions in `__name`, so that they keep their names.
  const port = "globalThis['process']?.getBuiltinModule?.('worker_threads')?.parentPort ?? globalThis";
  return `var __name = (one) => one; (${threadCode})(${port}, (url) => import(url), ${JSON.stringify(start)});`;
}
