/** What all connections have in common: their channels and states, and one end for all of them. */
import { describe, expect, it, vi } from 'vitest';
import { invalidCall, PalmError } from '../../../../src/protocol/errors.ts';
import type { ConnectionStatus } from '../../../../src/transport.ts';
import { BaseConnection, type Closable } from '../../../../transports/shared/base-connection.ts';
import { within } from '../../../support/wait.ts';

class Connection extends BaseConnection {
  readonly hungUp = vi.fn(async () => {});

  open(): Closable & { readonly close: ReturnType<typeof vi.fn> } {
    return this.keep({ close: vi.fn(async () => {}) });
  }

  use(address: string): void {
    this.checkUse(address);
  }

  force(error: PalmError): Promise<void> {
    return this.end(error, 7);
  }

  protected checkAddress(address: string): void {
    if (address !== 'a') throw invalidCall('not an address');
  }

  protected override hangUp(): Promise<void> {
    return this.hungUp();
  }
}

/** What a reader of the status has got so far. */
function watch(connection: Connection) {
  const got: ConnectionStatus[] = [];
  const ended = (async () => {
    for await (const status of connection.status()) got.push(status);
  })();
  return { got, ended };
}

const turn = () => new Promise(setImmediate);

describe('a connection', () => {
  it('closes its channels with the time that they have, once, and then what they share', async () => {
    const connection = new Connection();
    const [kept, released] = [connection.open(), connection.open()];
    connection.release(released);
    expect(connection.hungUp).not.toHaveBeenCalled();
    await Promise.all([connection.close({ timeout: 5 }), connection.close({ timeout: 9 })]);
    expect(kept.close.mock.calls).toEqual([[{ timeout: 5 }]]);
    expect(released.close).not.toHaveBeenCalled();
    expect(connection.hungUp).toHaveBeenCalledTimes(1);
    expect(await connection.closed).toBeUndefined();
  });

  it('gives its channels a second unless it is told otherwise, also where its end is that of a block', async () => {
    const connection = new Connection();
    const channel = connection.open();
    await connection[Symbol.asyncDispose]();
    expect(channel.close.mock.calls).toEqual([[{ timeout: 1_000 }]]);
  });

  it('is closed when its channels are', async () => {
    const connection = new Connection();
    let closeChannel = () => {};
    connection.open().close.mockReturnValue(new Promise<void>((resolve) => (closeChannel = resolve)));
    let isClosed = false;
    const closing = connection.close().then(() => {
      isClosed = true;
    });
    await turn();
    expect([isClosed, connection.hungUp.mock.calls.length]).toEqual([false, 0]);
    closeChannel();
    await within(1_000, closing);
  });

  it('says what forced its end', async () => {
    const connection = new Connection();
    const { got, ended } = watch(connection);
    await turn();
    const error = new PalmError('LOST', 'gone');
    await connection.force(error);
    await within(1_000, ended);
    expect(got).toEqual([{ type: 'closed', error }]);
    expect(await connection.closed).toBe(error);
    expect(() => connection.use('a')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  it('takes addresses of its transport alone', () => {
    const connection = new Connection();
    connection.use('a');
    expect(() => connection.use('b')).toThrow('not an address');
  });

  it('has one id: the first that is wished, or a random one', async () => {
    const connection = new Connection();
    expect([connection.id, connection.keyPrefix]).toEqual(['', '']);
    await connection.identify('mine');
    await connection.identify('another');
    expect(connection.id).toBe('mine');
    const other = new Connection();
    await other.identify();
    expect(other.id).toMatch(/^[\w-]{20,}$/);
  });
});

describe('the status of a connection', () => {
  it('begins with the state of each channel, and has every change', async () => {
    const connection = new Connection();
    const [one, two] = [connection.open(), connection.open()];
    connection.report({ type: 'connecting', address: 'a' }, one);
    connection.report({ type: 'connected', address: 'a' }, one);
    connection.report({ type: 'connecting', address: 'a' }, two);
    connection.report({ type: 'connecting', address: 'b' });
    const { got } = watch(connection);
    await turn();
    expect(got.map((status) => [status.type, 'address' in status && status.address])).toEqual([
      ['connected', 'a'],
      ['connecting', 'a'],
      ['connecting', 'b'],
    ]);
    connection.report({ type: 'connected', address: 'b' });
    connection.release(one);
    await turn();
    expect(got.at(-1)).toEqual({ type: 'connected', address: 'b' });
    const later = watch(connection);
    await turn();
    expect(later.got).toHaveLength(2);
    await connection.close();
    expect(later.got.at(-1)).toEqual({ type: 'closed', error: undefined });
    // The states ended with it.
    const last = watch(connection);
    await within(1_000, last.ended);
    expect(last.got.filter(({ type }) => type !== 'closed')).toEqual([]);
  });

  it.each([
    { type: 'refused', address: 'a', reason: 'r', count: 1 },
    { type: 'slow', address: 'a', queued: 1 },
    { type: 'lost', address: 'a', topic: 't', count: 1 },
  ] as const)('is told of what has happened, which is no state: $type', async (event) => {
    const connection = new Connection();
    const before = watch(connection);
    await turn();
    connection.report(event);
    await turn();
    expect(before.got).toEqual([event]);
    const after = watch(connection);
    await turn();
    expect(after.got).toEqual([]);
    await connection.close();
  });

  it('says why a channel that dials again went down', async () => {
    const connection = new Connection();
    const channel = connection.open();
    const { got } = watch(connection);
    await turn();
    connection.report({ type: 'disconnected', address: 'a', reason: 'broken' }, channel);
    connection.report({ type: 'reconnecting', address: 'a', attempt: 1, delay: 5 }, channel);
    await turn();
    expect(got.at(-1)).toEqual({
      type: 'reconnecting',
      address: 'a',
      attempt: 1,
      delay: 5,
      reason: 'broken',
    });
    await connection.close();
  });
});

it('the trouble of a connection is why links are down, each reason once', () => {
  const connection = new Connection();
  expect(connection.trouble).toBe('');
  connection.report({ type: 'connected', address: 'a' }, connection.open());
  connection.report({ type: 'disconnected', address: 'b', reason: '' }, connection.open());
  expect(connection.trouble).toBe('');
  for (const reason of ['one', 'two', 'one'])
    connection.report({ type: 'disconnected', address: 'b', reason }, connection.open());
  expect(connection.trouble).toBe(' (one; two)');
});
