/** Which address a dialler dials, and when, with a socket that only notes it. */
import dns from 'node:dns/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Dialler, type Dialling } from '../../../../transports/zeromq/dialler.ts';

/** What the name leads to now. */
let found: readonly string[] | Error = [];
const lookup = vi.fn(async () => {
  if (found instanceof Error) throw found;
  return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
});

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(dns, 'lookup').mockImplementation(lookup as never);
  lookup.mockClear();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

class Noted implements Dialling {
  closed = false;
  ipv6 = false;
  said: string[] = [];
  connect(endpoint: string): void {
    this.said.push(`${endpoint}${this.ipv6 ? ' as IPv6' : ''}`);
  }
  disconnect(endpoint: string): void {
    this.said.push(`not ${endpoint}`);
  }
  /** What was done since the last look. */
  heard(): string[] {
    return this.said.splice(0);
  }
}

function ground(address: string, settings: { reconnectMaxInterval?: number } = {}) {
  const socket = new Noted();
  const lost = vi.fn();
  const dialler = new Dialler(socket as never, {
    address,
    reconnectInterval: 100,
    reconnectMaxInterval: 300,
    lost,
    ...settings,
  });
  return { socket, lost, dialler };
}

/** Lets look-ups end. */
const turn = () => vi.advanceTimersByTimeAsync(0);

describe.each(['tcp://10.0.0.1:5', 'tcp://[::1]:5', 'ipc:///tmp/x'])('the address %s', (address) => {
  it('is dialled as it is, and left to ZeroMQ when it does not answer', async () => {
    const { socket, dialler } = ground(address);
    dialler.start();
    expect(socket.heard()).toEqual([address]);
    dialler.failed();
    expect(dialler.refused()).toBe(false);
    await turn();
    expect([socket.heard(), lookup.mock.calls]).toEqual([[], []]);
  });

  it('is dialled anew when ZeroMQ has given up', () => {
    const { socket, dialler } = ground(address);
    dialler.start();
    dialler.redial();
    expect(socket.heard()).toEqual([address, `not ${address}`, address]);
  });

  it('is dialled by the next socket', () => {
    const { dialler } = ground(address);
    dialler.start();
    const next = new Noted();
    dialler.move(next as never);
    expect(next.heard()).toEqual([address]);
  });
});

describe('the addresses of a name', () => {
  it('are asked for all at once, in the order of the system', async () => {
    found = ['10.0.0.1'];
    const { socket, dialler } = ground('tcp://two.example:5');
    dialler.start();
    // It is looked up once at a time.
    dialler.redial();
    await turn();
    expect(lookup.mock.calls).toEqual([['two.example', { all: true, verbatim: true }]]);
    expect(socket.heard()).toEqual(['tcp://10.0.0.1:5']);
  });

  it('are left alone once one has answered, though the next was to be dialled already', async () => {
    found = ['10.0.0.1', '::1'];
    const { socket, dialler } = ground('tcp://two.example:5');
    dialler.start();
    await turn();
    dialler.failed();
    await turn();
    socket.heard();
    // The end of a round: the first is dialled again after a pause. ZeroMQ dials the second by itself meanwhile.
    dialler.failed();
    await turn();
    dialler.connected();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket.heard()).toEqual([]);
    // Nor is the next one dialled after a look-up that was under way.
    dialler.disconnected();
    dialler.failed();
    dialler.connected();
    await turn();
    expect(socket.heard()).toEqual([]);
  });

  it('that were left have no news, until they are dialled again or belong to the name no more', async () => {
    found = ['10.0.0.1', '::1'];
    const { dialler } = ground('tcp://two.example:5');
    const [first, second] = ['tcp://10.0.0.1:5', 'tcp://[::1]:5'];
    const left = () => [first, second, 'tcp://10.0.0.9:5'].map((own) => dialler.hasLeft(own));
    dialler.start();
    await turn();
    expect(left()).toEqual([false, false, false]);
    dialler.failed();
    await turn();
    expect(left()).toEqual([true, false, false]);
    dialler.redial();
    await turn();
    expect(left()).toEqual([false, true, false]);
    found = ['10.0.0.1', '10.0.0.9'];
    dialler.redial();
    await turn();
    expect(left()).toEqual([true, false, false]);
    dialler.move(new Noted() as never);
    expect(left()).toEqual([false, false, false]);
    dialler.stop();
  });

  it('that were left before the last one have no news either', async () => {
    found = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
    const { dialler } = ground('tcp://three.example:5');
    dialler.start();
    await turn();
    for (let i = 0; i < 2; i++) {
      dialler.failed();
      await turn();
    }
    expect([1, 2, 3].map((own) => dialler.hasLeft(`tcp://10.0.0.${own}:5`))).toEqual([true, true, false]);
  });

  it('are dialled in turn, with longer and longer pauses between rounds', async () => {
    found = ['10.0.0.1', '::1'];
    const { socket, dialler } = ground('tcp://two.example:5');
    const [first, second] = ['tcp://10.0.0.1:5', 'tcp://[::1]:5'];
    dialler.start();
    await turn();
    expect(socket.heard()).toEqual([first]);
    for (const pause of [100, 200, 300, 300]) {
      dialler.failed();
      await turn();
      expect(socket.heard()).toEqual([`not ${first}`, `${second} as IPv6`]);
      dialler.failed();
      await vi.advanceTimersByTimeAsync(pause - 1);
      expect([pause, socket.heard()]).toEqual([pause, []]);
      await vi.advanceTimersByTimeAsync(1);
      expect(socket.heard()).toEqual([`not ${second}`, first]);
    }
  });

  it('have a longest pause that is no shorter than the first', async () => {
    found = ['10.0.0.1', '10.0.0.2'];
    const { socket, dialler } = ground('tcp://two.example:5', { reconnectMaxInterval: 10 });
    dialler.start();
    await turn();
    dialler.failed();
    await turn();
    dialler.failed();
    await vi.advanceTimersByTimeAsync(99);
    expect(socket.heard()).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(1);
    expect(socket.heard()).toHaveLength(2);
  });

  it('are not left while the link is up; after it the rounds begin anew', async () => {
    found = ['10.0.0.1', '10.0.0.2'];
    const { socket, dialler } = ground('tcp://two.example:5');
    dialler.start();
    await turn();
    dialler.failed();
    await turn();
    dialler.connected();
    socket.heard();
    dialler.failed();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket.heard()).toEqual([]);
    dialler.disconnected();
    dialler.failed();
    await turn();
    // One of two has failed since the link, so there is no pause.
    expect(socket.heard()).toEqual(['not tcp://10.0.0.2:5', 'tcp://10.0.0.1:5']);
  });

  it('are looked up anew each time, and the one that is dialled may be gone', async () => {
    found = ['10.0.0.1'];
    const { socket, dialler } = ground('tcp://two.example:5');
    dialler.start();
    await turn();
    found = ['10.0.0.7', '10.0.0.8'];
    dialler.failed();
    await turn();
    expect(socket.heard()).toEqual(['tcp://10.0.0.1:5', 'not tcp://10.0.0.1:5', 'tcp://10.0.0.7:5']);
  });

  it('are left to ZeroMQ when there is one, until it gives up', async () => {
    found = ['10.0.0.1'];
    const { socket, dialler } = ground('tcp://one.example:5');
    dialler.start();
    await turn();
    dialler.failed();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(socket.heard()).toEqual(['tcp://10.0.0.1:5']);
    dialler.redial();
    await vi.advanceTimersByTimeAsync(100);
    expect(socket.heard()).toEqual(['not tcp://10.0.0.1:5', 'tcp://10.0.0.1:5']);
  });

  it('are tried once each when peers refuse', async () => {
    found = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
    const { socket, dialler } = ground('tcp://three.example:5');
    dialler.start();
    await turn();
    for (const next of ['tcp://10.0.0.2:5', 'tcp://10.0.0.3:5']) {
      expect(dialler.refused()).toBe(true);
      await turn();
      expect(socket.heard().at(-1)).toBe(next);
    }
    expect(dialler.refused()).toBe(false);
    await turn();
    expect(socket.heard()).toEqual([]);
  });

  it('are one where the others are gone, which is dialled anew although its peer refused', async () => {
    found = ['10.0.0.1', '10.0.0.2'];
    const { socket, dialler } = ground('tcp://two.example:5');
    dialler.start();
    await turn();
    socket.heard();
    found = ['10.0.0.1'];
    expect(dialler.refused()).toBe(true);
    await vi.advanceTimersByTimeAsync(100);
    expect(socket.heard()).toEqual(['not tcp://10.0.0.1:5', 'tcp://10.0.0.1:5']);
  });

  it('are dialled although ZeroMQ has left the one before by itself', async () => {
    found = ['10.0.0.1', '10.0.0.2'];
    const { socket, dialler } = ground('tcp://two.example:5');
    socket.disconnect = () => {
      throw new Error('No such endpoint');
    };
    dialler.start();
    await turn();
    dialler.failed();
    await turn();
    expect(socket.heard()).toEqual(['tcp://10.0.0.1:5', 'tcp://10.0.0.2:5']);
  });

  it('are dialled by the next socket, from the one that the last has dialled', async () => {
    found = ['10.0.0.1', '10.0.0.2'];
    const { socket, dialler } = ground('tcp://two.example:5');
    dialler.start();
    await turn();
    dialler.connected();
    const next = new Noted();
    dialler.move(next as never);
    expect([socket.heard(), next.heard()]).toEqual([['tcp://10.0.0.1:5'], ['tcp://10.0.0.1:5']]);
    // The link of the last is not its own.
    dialler.failed();
    await turn();
    expect([socket.heard(), next.heard()]).toEqual([[], ['not tcp://10.0.0.1:5', 'tcp://10.0.0.2:5']]);
  });

  it('are dialled by the next socket alone when it comes before they are found', async () => {
    found = ['10.0.0.1'];
    const { socket, dialler } = ground('tcp://one.example:5');
    dialler.start();
    const next = new Noted();
    dialler.move(next as never);
    await turn();
    expect([socket.heard(), next.heard()]).toEqual([[], ['tcp://10.0.0.1:5']]);
  });
});

describe('a name without an address', () => {
  it.each([
    ['', new Error('ENOTFOUND'), 'ENOTFOUND'],
    [' that is found', [], 'it has no address'],
  ])('%s is told, and looked up again after longer and longer pauses', async (_, none, why) => {
    found = none;
    const { socket, lost, dialler } = ground('tcp://none.example:5');
    dialler.start();
    await turn();
    const told = `the host of tcp://none.example:5 cannot be found: ${why}`;
    expect(lost.mock.calls).toEqual([[told, 1, 100]]);
    await vi.advanceTimersByTimeAsync(99);
    expect(lost).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(lost.mock.calls.slice(1)).toEqual([[told, 2, 200]]);
    found = ['10.0.0.1'];
    await vi.advanceTimersByTimeAsync(200);
    await vi.advanceTimersByTimeAsync(300);
    expect(socket.heard()).toEqual(['tcp://10.0.0.1:5']);
  });

  it('is dialled at the one that ZeroMQ had given up, once it has it again', async () => {
    found = ['10.0.0.1'];
    const { socket, dialler } = ground('tcp://one.example:5');
    dialler.start();
    await turn();
    socket.heard();
    found = new Error('ENOTFOUND');
    dialler.redial();
    await turn();
    found = ['10.0.0.1'];
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket.heard()).toEqual(['not tcp://10.0.0.1:5', 'tcp://10.0.0.1:5']);
  });
});

describe('after the end', () => {
  it('nothing is dialled that waits', async () => {
    found = new Error('ENOTFOUND');
    const { lost, dialler } = ground('tcp://none.example:5');
    dialler.start();
    await turn();
    expect(vi.getTimerCount()).toBe(1);
    dialler.stop();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(lost).toHaveBeenCalledTimes(1);
  });

  it('nothing is dialled that was being looked up, or whose pause is over', async () => {
    found = ['10.0.0.1', '10.0.0.2'];
    const { socket, dialler } = ground('tcp://two.example:5');
    dialler.start();
    socket.closed = true;
    await turn();
    expect(socket.heard()).toEqual([]);
    socket.closed = false;
    dialler.start();
    await turn();
    dialler.failed();
    await turn();
    dialler.failed();
    await turn();
    socket.heard();
    socket.closed = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket.heard()).toEqual([]);
  });

  it('a pause that a later round replaces ends nothing', async () => {
    found = new Error('ENOTFOUND');
    const { socket, dialler } = ground('tcp://none.example:5');
    dialler.start();
    await turn();
    found = ['10.0.0.1'];
    dialler.redial();
    await turn();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket.heard()).toEqual(['tcp://10.0.0.1:5']);
  });
});
