/** How libzmq is answered about the keys of clients (rfc.zeromq.org/spec/27). */
import { describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { encodeZ85 } from '../../../../transports/shared/z85.ts';
import { ClientKeys } from '../../../../transports/zeromq/client-keys.ts';
import type { Addon } from '../../../../transports/zeromq/sockets.ts';

const turn = () => new Promise(setImmediate);

class Context {}

/** The ROUTER at which libzmq asks. */
class Handler {
  closed = false;
  readonly events = {};
  readonly said: string[] = [];
  readonly answers: unknown[][] = [];
  readonly options: unknown;
  #reader: Deferred<(string | Uint8Array)[]> | undefined;
  /** Has each answer fail, as when the peer has gone. */
  isDeaf = false;

  constructor(options: unknown) {
    this.options = options;
  }
  bindSync(address: string): void {
    this.said.push(`bind ${address}`);
  }
  disconnect(address: string): void {
    this.said.push(`unbind ${address}`);
  }
  close(): void {
    this.said.push('close');
    this.closed = true;
    this.#reader?.reject(new Error('closed'));
  }
  receive(): Promise<(string | Uint8Array)[]> {
    if (this.closed) return Promise.reject(new Error('closed'));
    this.#reader = deferred();
    return this.#reader.promise;
  }
  async send(parts: unknown[]): Promise<void> {
    if (this.isDeaf) throw new Error('Host unreachable');
    this.answers.push(parts.map(String));
  }
  /** Asks, and gives what was answered. */
  async ask(...parts: readonly (string | Uint8Array)[]): Promise<unknown[][]> {
    this.#reader?.resolve(parts.map((part) => Buffer.from(part)));
    await turn();
    return this.answers.splice(0);
  }
}

function ground(allow: ConstructorParameters<typeof ClientKeys>[0]) {
  const handlers: Handler[] = [];
  const addon = {
    Context,
    Router: class extends Handler {
      constructor(options: unknown) {
        super(options);
        handlers.push(this);
      }
    },
  } as unknown as Addon;
  return { addon, handlers, keys: new ClientKeys(allow) };
}

const key = new Uint8Array(32).fill(7);
const question = (domain: string, own: Uint8Array = key, mechanism = 'CURVE') =>
  ['route', '', '1.0', 'id 7', domain, '10.0.0.1', 'identity', mechanism, own] as const;
const ALLOWED = ['route', '', '1.0', 'id 7', '200', 'OK', '', ''];
const REFUSED = ['route', '', '1.0', 'id 7', '400', 'this key is not allowed', '', ''];

describe('a question about a key', () => {
  it('is answered by the list, and a refusal is told to the socket that it was about', async () => {
    const { addon, handlers, keys } = ground([encodeZ85(key)]);
    const [first, second] = [vi.fn(), vi.fn()];
    const checks = [keys.use(addon, first), keys.use(addon, second)];
    expect(handlers).toHaveLength(1);
    const [handler] = handlers as [Handler];
    expect(await handler.ask(...question(checks[0]?.zapDomain ?? ''))).toEqual([ALLOWED]);
    const other = new Uint8Array(32).fill(8);
    expect(await handler.ask(...question(checks[1]?.zapDomain ?? '', other))).toEqual([REFUSED]);
    expect([first.mock.calls, second.mock.calls]).toEqual([[], [['the key of a client is not allowed']]]);
    // One of a socket that nobody knows is refused all the same.
    expect(await handler.ask(...question('nobody', other))).toEqual([REFUSED]);
  });

  it.each([
    ['of another mechanism', question('frond-0', key, 'PLAIN')],
    ['with a key of another length', question('frond-0', new Uint8Array(31).fill(7))],
    ['with a part more', [...question('frond-0'), '']],
    ['without a key', question('frond-0').slice(0, 8)],
  ])('%s is refused, whoever is allowed', async (_, parts) => {
    const { addon, handlers, keys } = ground(() => true);
    const refused = vi.fn();
    keys.use(addon, refused);
    expect(await handlers[0]?.ask(...(parts as string[]))).toEqual([REFUSED]);
    expect(refused.mock.calls).toEqual([['the key of a client is not allowed']]);
  });

  it.each([
    ['without its empty part', ['route', 'x', '1.0', 'id']],
    ['without an id', ['route', '', '1.0']],
    ['without anything', ['route']],
    ['with no part', []],
  ])('%s is not answered, and the next one is', async (_, parts) => {
    const { addon, handlers, keys } = ground(() => true);
    keys.use(addon, () => {});
    expect(await handlers[0]?.ask(...parts)).toEqual([]);
    expect(await handlers[0]?.ask(...question('frond-0'))).toEqual([ALLOWED]);
  });

  it('that nobody decides is refused with that', async () => {
    const { addon, handlers, keys } = ground(() => {
      throw new Error('mine');
    });
    const refused = vi.fn();
    keys.use(addon, refused);
    const text = 'nothing was decided about this key';
    expect(await handlers[0]?.ask(...question('frond-0'))).toEqual([
      ['route', '', '1.0', 'id 7', '500', text, '', ''],
    ]);
    expect(refused.mock.calls).toEqual([[text]]);
  });

  it('is not answered when the handler was closed meanwhile, and one whose peer has gone harms nobody', async () => {
    const decision = deferred<boolean>();
    const { addon, handlers, keys } = ground(() => decision.promise);
    const check = keys.use(addon, () => {});
    const [handler] = handlers as [Handler];
    expect(await handler.ask(...question('frond-0'))).toEqual([]);
    check.release();
    decision.resolve(true);
    await turn();
    expect(handler.answers).toEqual([]);
    keys.use(addon, () => {});
    const next = handlers[1] as Handler;
    next.isDeaf = true;
    await next.ask(...question('frond-1'));
    next.isDeaf = false;
    expect(await next.ask(...question('frond-1'))).toEqual([ALLOWED]);
  });
});

describe('the handler', () => {
  it('has a context that all sockets of the transport share, and waits for nobody', () => {
    const { addon, handlers, keys } = ground([]);
    const checks = [keys.use(addon, () => {}), keys.use(addon, () => {})];
    const [context] = checks.map((check) => check.context);
    expect(context).toBeInstanceOf(Context);
    expect(checks[1]?.context).toBe(context);
    expect(handlers[0]?.options).toEqual({ context, linger: 0, sendTimeout: 0 });
    expect(new Set(checks.map(({ zapDomain }) => zapDomain))).toEqual(new Set(['frond-0', 'frond-1']));
  });

  it('ends with the last socket, frees its address first, and comes again with the next', () => {
    const { addon, handlers, keys } = ground([]);
    const checks = [keys.use(addon, () => {}), keys.use(addon, () => {})];
    checks[0]?.release();
    checks[0]?.release();
    expect(handlers[0]?.said).toEqual(['bind inproc://zeromq.zap.01']);
    checks[1]?.release();
    checks[1]?.release();
    expect(handlers[0]?.said).toEqual([
      'bind inproc://zeromq.zap.01',
      'unbind inproc://zeromq.zap.01',
      'close',
    ]);
    const later = keys.use(addon, () => {});
    expect([handlers.length, later.zapDomain, later.context]).toEqual([2, 'frond-2', checks[0]?.context]);
  });

  it('says what it is for when the process has nothing left for it', () => {
    const { keys } = ground([]);
    const addon = {
      Context,
      Router: class {
        constructor() {
          throw new Error('Too many open files');
        }
      },
    } as unknown as Addon;
    expect(() => keys.use(addon, () => {})).toThrow(
      'cannot decide which clients may connect: Too many open files',
    );
  });
});
