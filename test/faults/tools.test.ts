/** The harness itself: what it would not see, no scenario could show. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { within } from '../support/wait.ts';
import { Checker, FLAWLESS } from './checker.ts';
import { growth } from './memory.ts';

describe('the checker', () => {
  it('finds nothing where each came once, in its place', () => {
    const checker = new Checker(3);
    for (let i = 0; i < 3; i++) checker.took(i, i, true);
    expect(checker.verdict).toEqual(FLAWLESS);
  });

  it('counts what is missing, what came twice, what came behind another, and what failed', () => {
    const checker = new Checker(6);
    checker.took(1, 1, true);
    checker.took(0, 0, true);
    checker.took(0, 0, true);
    checker.took(3, 2, true);
    checker.took(9, 4, true);
    checker.failed(5, 'REMOTE');
    expect(checker.verdict).toEqual({ lost: 2, duplicated: 2, misordered: 4, failed: { REMOTE: 1 } });
  });

  it('does not mind the order where none was promised', () => {
    const checker = new Checker(2);
    checker.took(1, 1, false);
    checker.took(0, 0, false);
    expect(checker.verdict).toEqual(FLAWLESS);
  });
});

describe('memory', () => {
  const mib = (values: readonly number[]) => growth(values.map((value) => value * 1_048_576));

  it('that is level, or wavers, did not grow; that which rises did', () => {
    expect(mib([100, 120, 90, 100, 130, 95])).toEqual([]);
    expect(mib([100, 110, 150, 200, 250, 300])).toHaveLength(1);
  });
});

describe('the proxy', () => {
  const undo: (() => unknown)[] = [];
  afterEach(async () => {
    for (const one of undo.splice(0).reverse()) await one();
  });

  /** Gives back what it is sent. */
  async function open() {
    const server = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    undo.push(() => server.close());
    const proxy = await startProxy((server.address() as AddressInfo).port);
    undo.push(() => proxy[Symbol.asyncDispose]());
    const dial = async () => {
      const socket = connect(proxy.port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    return { proxy, dial };
  }

  const echo = async (socket: Socket, text: string) => {
    socket.write(text);
    return String((await within(3_000, once(socket, 'data')))[0]);
  };

  it('passes on what comes, as late as it is told, and in order', async () => {
    const { proxy, dial } = await open();
    const socket = await dial();
    expect(await echo(socket, 'a')).toBe('a');
    proxy.delay(50);
    const begin = performance.now();
    expect(await echo(socket, 'b')).toBe('b');
    expect(performance.now() - begin).toBeGreaterThan(95);
    proxy.delay(0);
    expect(await echo(socket, 'c')).toBe('c');
  });

  it('passes nothing on while it is frozen, and all of it when it thaws', async () => {
    const { proxy, dial } = await open();
    const socket = await dial();
    await echo(socket, 'a');
    proxy.freeze();
    const answer = echo(socket, 'b');
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 100, 'nothing'))]);
    expect(first).toBe('nothing');
    proxy.thaw();
    expect(await answer).toBe('b');
  });

  it('cuts as one that closes, and resets as one that vanished', async () => {
    const { proxy, dial } = await open();
    const cut = await dial();
    await echo(cut, 'a');
    const ended = once(cut, 'end');
    cut.resume();
    proxy.cut();
    await within(3_000, ended);
    const reset = await dial();
    await echo(reset, 'a');
    const broken = within(3_000, once(reset, 'error'));
    proxy.reset();
    expect(String((await broken)[0])).toMatch('ECONNRESET');
  });
});
