/** The only writer of a socket: what travels together, what becomes of sends that are dropped, and who gets a turn. */
import { describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { Fifo } from '../../../../src/async/fifo.ts';
import { BATCH, BATCH_BYTES, SEND_RUN } from '../../../../src/flow-control.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { gatherFrames, SocketWriter, type WriterSettings } from '../../../../transports/zeromq/writer.ts';
import { within } from '../../../support/wait.ts';

/** A socket that notes what it takes, and takes it when the test says so. */
class Taking {
  closed = false;
  readonly readable = false;
  readonly writable = true;
  readonly sent: string[] = [];
  isSlow = false;
  #sending: Deferred<void> | undefined;

  send(parts: Uint8Array[]): Promise<void> {
    if (this.#sending !== undefined) throw new Error('Socket is busy writing');
    this.sent.push(parts.map((part) => String(part[0])).join(' '));
    if (!this.isSlow) return Promise.resolve();
    this.#sending = deferred();
    return this.#sending.promise;
  }

  took(error?: Error): void {
    const sending = this.#sending;
    this.#sending = undefined;
    if (error === undefined) sending?.resolve();
    else sending?.reject(error);
  }
}

const turn = () => new Promise(setImmediate);

function outcomeOf(promise: Promise<void>): { now: unknown } {
  const outcome: { now: unknown } = { now: 'waits' };
  promise.then(
    () => {
      outcome.now = 'done';
    },
    (error) => {
      outcome.now = error instanceof PalmError ? [error.code, error.sent] : error;
    },
  );
  return outcome;
}

/** One item in each message. */
const one = (items: Fifo<Uint8Array>) => ({ parts: [items.peek() as Uint8Array], taken: 1 });

function ground(settings: Partial<WriterSettings<Uint8Array>> = {}) {
  const socket = new Taking();
  const writer = new SocketWriter<Uint8Array>(socket, { gather: gatherFrames, ...settings });
  const write = (...numbers: number[]) =>
    outcomeOf(writer.write(numbers.map((own) => new Uint8Array([own]))));
  return { socket, writer, write };
}

const broken = new PalmError('DISCONNECTED', 'the link broke', { sent: 'unknown' });
const BROKEN = ['DISCONNECTED', 'unknown'];

describe('a writer', () => {
  it('sends what is written in one turn together, in order', async () => {
    const { socket, write } = ground();
    const outcomes = [write(1, 2), write(3)];
    await turn();
    expect([socket.sent, outcomes.map(({ now }) => now)]).toEqual([['1 2 3'], ['done', 'done']]);
    write(4);
    await turn();
    expect(socket.sent).toEqual(['1 2 3', '4']);
  });

  it('sends one message at a time, and what comes meanwhile together in the next', async () => {
    const { socket, writer, write } = ground();
    socket.isSlow = true;
    const first = write(1);
    await turn();
    expect([writer.isSending, writer.waiting]).toEqual([true, 0]);
    const others = [write(2), write(3)];
    await turn();
    expect([socket.sent, first.now, writer.waiting]).toEqual([['1'], 'waits', 2]);
    socket.took();
    await turn();
    expect([socket.sent, first.now, others.map(({ now }) => now)]).toEqual([
      ['1', '2 3'],
      'done',
      ['waits', 'waits'],
    ]);
    socket.took();
    await turn();
    expect(others.map(({ now }) => now)).toEqual(['done', 'done']);
    expect([writer.isSending, writer.waiting]).toEqual([false, 0]);
  });

  it('is done with a write once all of it is taken', async () => {
    const { socket, write } = ground({ gather: one });
    socket.isSlow = true;
    const [first, second] = [write(1, 2), write(3)];
    await turn();
    socket.took();
    await turn();
    expect([first.now, second.now]).toEqual(['waits', 'waits']);
    socket.took();
    await turn();
    expect([first.now, second.now]).toEqual(['done', 'waits']);
    socket.took();
    await turn();
    expect(second.now).toBe('done');
  });

  it('has nothing to do for nothing, and refuses everything once the socket is closed', async () => {
    const { socket, write } = ground();
    const nothing = write();
    await turn();
    expect([nothing.now, socket.sent]).toEqual(['done', []]);
    socket.closed = true;
    const late = [write(1), write()];
    await turn();
    expect(late.map(({ now }) => now)).toEqual([
      ['CLOSED', false],
      ['CLOSED', false],
    ]);
    expect(socket.sent).toEqual([]);
  });

  it('sends nothing for items of which nothing is to be sent, and is done with them', async () => {
    const { socket, write } = ground({ gather: () => ({ parts: [], taken: 1 }) });
    const outcome = write(1, 2);
    await turn();
    expect([outcome.now, socket.sent]).toEqual(['done', []]);
  });

  it('waits until the socket is ready, and does not wait when it is', async () => {
    const isReady = deferred<void>();
    const { socket, write } = ground({ ready: () => isReady.promise });
    const outcome = write(1);
    await turn();
    expect([outcome.now, socket.sent]).toEqual(['waits', []]);
    isReady.resolve();
    await turn();
    expect([outcome.now, socket.sent]).toEqual(['done', ['1']]);
  });

  it('waits for others where more will come soon', async () => {
    let isInCompany = true;
    const { socket, writer } = ground({ inCompany: () => isInCompany });
    writer.post(new Uint8Array([1]));
    await Promise.resolve();
    await Promise.resolve();
    writer.post(new Uint8Array([2]));
    await turn();
    await turn();
    expect(socket.sent).toEqual(['1 2']);
    isInCompany = false;
    writer.post(new Uint8Array([3]));
    await Promise.resolve();
    await Promise.resolve();
    expect(socket.sent).toEqual(['1 2', '3']);
  });

  it('leaves others a turn after so many messages that the socket takes at once', async () => {
    const { socket, write } = ground({ gather: one });
    write(...Array.from({ length: 2 * SEND_RUN + 1 }, () => 1));
    const counts: number[] = [];
    for (let i = 0; i < 3; i++) {
      await turn();
      counts.push(socket.sent.length);
    }
    expect(counts).toEqual([SEND_RUN, 2 * SEND_RUN, 2 * SEND_RUN + 1]);
  });

  it('says when nothing waits any more', async () => {
    const { socket, writer, write } = ground();
    await within(1_000, writer.idle());
    socket.isSlow = true;
    write(1);
    const [idle, also] = [outcomeOf(writer.idle()), outcomeOf(writer.idle())];
    await turn();
    expect(idle.now).toBe('waits');
    socket.took();
    await turn();
    expect([idle.now, also.now]).toEqual(['done', 'done']);
    write(2);
    const again = outcomeOf(writer.idle());
    await turn();
    expect(again.now).toBe('waits');
    socket.took();
    await turn();
    expect(again.now).toBe('done');
  });

  it('sends only what is still wanted, and is done with the rest', async () => {
    const { socket, writer, write } = ground({ gather: one });
    socket.isSlow = true;
    write(1);
    await turn();
    for (const own of [2, 3, 4]) writer.post(new Uint8Array([own]));
    writer.prune(([own]) => own !== 3);
    expect(writer.waiting).toBe(2);
    const last = write(5);
    for (let i = 0; i < 4; i++) {
      expect(last.now).toBe('waits');
      socket.took();
      await turn();
    }
    expect([socket.sent, last.now]).toEqual([['1', '2', '4', '5'], 'done']);
  });
});

describe('what is dropped', () => {
  it('is told so, while what is being sent ends as its send does', async () => {
    const onDrop = vi.fn();
    const { socket, writer, write } = ground({ onDrop });
    socket.isSlow = true;
    const sending = write(1);
    await turn();
    const waiting = [write(2), write(3)];
    writer.drop(broken);
    await turn();
    expect([sending.now, waiting.map(({ now }) => now)]).toEqual(['waits', [BROKEN, BROKEN]]);
    expect(onDrop.mock.calls).toEqual([[broken]]);
    expect(writer.waiting).toBe(0);
    const later = write(4);
    socket.took();
    await turn();
    expect([socket.sent, sending.now, later.now]).toEqual([['1', '4'], 'done', 'waits']);
    socket.took();
    await turn();
    expect(later.now).toBe('done');
  });

  it('leaves nothing behind that a later write would wait for', async () => {
    let isReady: Deferred<void> | undefined = deferred<void>();
    const { socket, writer, write } = ground({ ready: () => isReady?.promise });
    const dropped = write(1, 2, 3);
    await turn();
    writer.drop(broken);
    isReady.resolve();
    isReady = undefined;
    await turn();
    expect([dropped.now, socket.sent]).toEqual([BROKEN, []]);
    const later = write(4);
    await turn();
    expect([later.now, socket.sent]).toEqual(['done', ['4']]);
  });

  it('is everything when the socket fails, or will never be ready', async () => {
    const { socket, write, writer } = ground({ gather: one });
    socket.isSlow = true;
    const outcomes = [write(1), write(2)];
    await turn();
    socket.took(new Error('Operation was not possible'));
    await turn();
    expect(outcomes.map(({ now }) => now)).toEqual([
      ['DISCONNECTED', undefined],
      ['DISCONNECTED', undefined],
    ]);
    await within(1_000, writer.idle());
    socket.isSlow = false;
    const later = write(3);
    await turn();
    expect([later.now, socket.sent]).toEqual(['done', ['1', '3']]);
    const refusal = new PalmError('FORBIDDEN', 'refused', { sent: false });
    const other = ground({ ready: () => Promise.reject(refusal) });
    const refused = other.write(1);
    await turn();
    expect([refused.now, other.socket.sent]).toEqual([['FORBIDDEN', false], []]);
  });

  it('is told why', async () => {
    const { socket, writer } = ground();
    socket.isSlow = true;
    const [failed, late] = [writer.write([new Uint8Array(1)]), () => writer.write([new Uint8Array(1)])];
    const told = expect(failed).rejects.toThrow('sending failed: Operation was not possible');
    await turn();
    socket.took(new Error('Operation was not possible'));
    await told;
    socket.closed = true;
    await expect(late()).rejects.toThrow('the connection was closed before the message left');
  });

  it('was not sent when the socket was closed meanwhile', async () => {
    const { socket, write } = ground();
    socket.isSlow = true;
    const outcome = write(1);
    await turn();
    socket.closed = true;
    socket.took(new Error('Socket is closed'));
    await turn();
    expect(outcome.now).toEqual(['CLOSED', false]);
  });
});

it('what waits when the socket is closed is not gathered any more, and was not sent', async () => {
  const gather = vi.fn(one);
  const { socket, write } = ground({ gather });
  socket.isSlow = true;
  const outcomes = [write(1), write(2)];
  await turn();
  socket.closed = true;
  socket.took();
  await turn();
  expect(outcomes.map(({ now }) => now)).toEqual(['done', ['CLOSED', false]]);
  expect([gather.mock.calls.length, socket.sent]).toEqual([1, ['1']]);
});

describe('a writer that goes on with another socket', () => {
  it('fails the send that is under way with why, and sends the rest over the next', async () => {
    const { socket, writer, write } = ground({ gather: one });
    socket.isSlow = true;
    const outcomes = [write(1), write(2)];
    await turn();
    const next = new Taking();
    writer.replace(next, broken);
    socket.closed = true;
    socket.took(new Error('Socket is closed'));
    await turn();
    expect([socket.sent, next.sent]).toEqual([['1'], ['2']]);
    expect(outcomes.map(({ now }) => now)).toEqual([BROKEN, 'done']);
    // A later failure is the next one's own.
    next.isSlow = true;
    const later = write(3);
    await turn();
    next.took(new Error('Operation was not possible'));
    await turn();
    expect(later.now).toEqual(['DISCONNECTED', undefined]);
  });

  it('has nothing to fail when no send is under way', async () => {
    const { writer, write } = ground();
    const next = new Taking();
    writer.replace(next, broken);
    next.isSlow = true;
    const outcome = write(1);
    await turn();
    next.took(new Error('Operation was not possible'));
    await turn();
    expect([next.sent, outcome.now]).toEqual([['1'], ['DISCONNECTED', undefined]]);
  });

  it('is done with a send that its last socket took all the same', async () => {
    const { socket, writer, write } = ground();
    socket.isSlow = true;
    const outcome = write(1);
    await turn();
    const next = new Taking();
    next.isSlow = true;
    writer.replace(next, broken);
    socket.took();
    await turn();
    expect(outcome.now).toBe('done');
    const later = write(2);
    await turn();
    next.took(new Error('Operation was not possible'));
    await turn();
    expect(later.now).toEqual(['DISCONNECTED', undefined]);
  });
});

describe('a batch', () => {
  const gathered = (sizes: readonly number[]) => {
    const frames = new Fifo<Uint8Array>();
    for (const size of sizes) frames.push(new Uint8Array(size));
    const { parts, taken } = gatherFrames(frames);
    expect(parts).toHaveLength(taken);
    expect(parts.map(({ length }) => length)).toEqual(sizes.slice(0, taken));
    return taken;
  };

  it(`has at most ${BATCH} frames`, () => {
    expect(gathered(Array.from({ length: BATCH }, () => 1))).toBe(BATCH);
    expect(gathered(Array.from({ length: BATCH + 1 }, () => 1))).toBe(BATCH);
    expect(gathered([])).toBe(0);
  });

  it(`has at most ${BATCH_BYTES} bytes, unless its first frame has more`, () => {
    expect(gathered([BATCH_BYTES - 1, 1, 1])).toBe(2);
    expect(gathered([BATCH_BYTES - 1, 2])).toBe(1);
    expect(gathered([BATCH_BYTES + 1, 1])).toBe(1);
  });
});

function failing(send: () => Promise<void>) {
  const socket = { closed: false, readable: true, writable: true, send };
  const onDrop = vi.fn();
  const writer = new SocketWriter<Uint8Array>(socket, {
    ready: () => undefined,
    gather: (items) => ({ parts: [items.peek() ?? new Uint8Array(0)], taken: 1 }),
    onDrop,
  });
  return { socket, writer, onDrop };
}

describe('a write', () => {
  it('that the socket refuses fails with its reason, and so does all that waits', async () => {
    const cause = new Error('no such host');
    const { writer, onDrop } = failing(() => Promise.reject(cause));
    const failure = { code: 'DISCONNECTED', message: 'sending failed: no such host', cause };
    const writes = [writer.write([new Uint8Array(1)]), writer.write([new Uint8Array(2)])];
    for (const write of writes) await expect(write).rejects.toMatchObject(failure);
    expect(onDrop).toHaveBeenCalledExactlyOnceWith(expect.objectContaining(failure));
    expect([writer.waiting, writer.isSending]).toEqual([0, false]);
    await writer.idle();
  });

  it('to a socket that was closed meanwhile fails with CLOSED, and nothing was sent', async () => {
    const { socket, writer } = failing(() => {
      socket.closed = true;
      return Promise.reject(new Error('closed'));
    });
    const closed = { code: 'CLOSED', sent: false };
    await expect(writer.write([new Uint8Array(1)])).rejects.toMatchObject(closed);
    await expect(writer.write([new Uint8Array(1)])).rejects.toMatchObject(closed);
  });

  it('that waits fails with what it is dropped for, and what is on its way does not', async () => {
    let sent = () => {};
    const { writer } = failing(
      () =>
        new Promise<void>((resolve) => {
          sent = resolve;
        }),
    );
    const leaving = writer.write([new Uint8Array(1)]);
    await Promise.resolve();
    await Promise.resolve();
    expect(writer.isSending).toBe(true);
    const waiting = writer.write([new Uint8Array(1)]);
    const error = new PalmError('DISCONNECTED', 'the link broke', { sent: 'unknown' });
    writer.drop(error);
    await expect(waiting).rejects.toBe(error);
    sent();
    await leaving;
  });
});
