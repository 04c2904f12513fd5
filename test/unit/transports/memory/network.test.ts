/** The addresses of one process: who is told of what, and what is kept of those that are gone. */
import { describe, expect, it } from 'vitest';
import { macrotasks } from '../../../../src/async/macrotask.ts';
import type { PalmError } from '../../../../src/protocol/errors.ts';
import {
  checkMemoryAddress,
  copyReply,
  type Dialler,
  type Endpoint,
  MemoryNetwork,
} from '../../../../transports/memory/network.ts';

const endpoint = (): Endpoint => ({ kind: 'reply', answer: async (frame) => frame });

/** A dialling end that notes what it is told. */
function dialler() {
  const told: (Endpoint | PalmError)[] = [];
  const own: Dialler = { bound: (one) => void told.push(one), gone: (error) => void told.push(error) };
  return { own, told };
}

const open = () => new MemoryNetwork(macrotasks());

describe('an address', () => {
  it('is the one that was given, or a free one, another each time', () => {
    const network = open();
    expect(network.bind('memory://a', endpoint())).toBe('memory://a');
    expect([network.bind('memory://*', endpoint()), network.bind('memory://*', endpoint())]).toEqual([
      'memory://1',
      'memory://2',
    ]);
    // Each network has its own.
    expect(open().bind('memory://a', endpoint())).toBe('memory://a');
  });

  it('is bound once, until it is let go', () => {
    const network = open();
    network.bind('memory://a', endpoint());
    expect(() => network.bind('memory://a', endpoint())).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: "memory://a is already bound: choose another name, or bind 'memory://*' for a free one",
      }),
    );
    network.unbind('memory://a');
    expect(network.bind('memory://a', endpoint())).toBe('memory://a');
  });

  it('is memory:// and a name', () => {
    for (const address of ['memory://a', 'memory://*', 'memory://a/b:c'])
      expect(() => checkMemoryAddress(address)).not.toThrow();
    for (const address of ['memory://', 'memory:a', 'xmemory://a', 'memory://a b', 'memory://a\n', '', 'a'])
      expect(() => checkMemoryAddress(address)).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: `the memory transport dials 'memory://name', not ${JSON.stringify(address)}`,
        }),
      );
    for (const other of [undefined, null, 5, ['memory://a'], { toString: () => 'memory://a' }])
      expect(() => checkMemoryAddress(other)).toThrow(/^the memory transport dials/);
  });
});

describe('a dialling end', () => {
  it('is told at once of what is bound, and otherwise when it is, and of its end', () => {
    const network = open();
    const [early, late, elsewhere] = [dialler(), dialler(), dialler()];
    network.dial('memory://a', early.own);
    network.dial('memory://b', elsewhere.own);
    expect(early.told).toEqual([]);
    const first = endpoint();
    network.bind('memory://a', first);
    expect(early.told).toEqual([first]);
    network.dial('memory://a', late.own);
    expect(late.told).toEqual([first]);
    network.unbind('memory://a');
    const gone = expect.objectContaining({
      code: 'DISCONNECTED',
      message: 'the server at memory://a is gone',
      sent: 'unknown',
    });
    expect([early.told[1], late.told[1]]).toEqual([gone, gone]);
    const second = endpoint();
    network.bind('memory://a', second);
    expect([early.told[2], late.told[2]]).toEqual([second, second]);
    expect(elsewhere.told).toEqual([]);
  });

  it('is not told of the end of what was not bound', () => {
    const network = open();
    const { own, told } = dialler();
    network.dial('memory://a', own);
    network.unbind('memory://a');
    network.bind('memory://a', endpoint());
    network.unbind('memory://a');
    network.unbind('memory://a');
    expect(told).toHaveLength(2);
  });

  it('that hangs up hears no more, and others do', () => {
    const network = open();
    const [stays, leaves] = [dialler(), dialler()];
    for (const { own } of [stays, leaves]) network.dial('memory://a', own);
    network.hangUp('memory://a', leaves.own);
    network.hangUp('memory://a', leaves.own);
    network.hangUp('memory://other', leaves.own);
    network.bind('memory://a', endpoint());
    expect([stays.told.length, leaves.told.length]).toEqual([1, 0]);
    network.hangUp('memory://a', stays.own);
    network.unbind('memory://a');
    expect(stays.told).toHaveLength(1);
  });
});

it('a reply is copied: the store may keep the very value', () => {
  const kept = new Uint8Array([1, 2, 3]);
  const copy = copyReply(kept);
  expect(copy).toEqual(kept);
  kept[0] = 9;
  expect(copy[0]).toBe(1);
});
