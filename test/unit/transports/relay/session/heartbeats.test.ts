/** One timer for the heartbeats of all connections: each has its turn once in a heartbeat, and not all at one time. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Heartbeats } from '../../../../../transports/relay/session/heartbeats.ts';
import type { ServerSocket } from '../../../../../transports/relay/session/socket.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const HEARTBEAT = 1_600;
const SLICES = 16;

function ground(count: number, heartbeat = HEARTBEAT) {
  const beats: { readonly name: number; readonly time: number }[] = [];
  const began = performance.now();
  const socketOf = (name: number) =>
    ({ beat: () => beats.push({ name, time: performance.now() - began }) }) as unknown as ServerSocket;
  const sockets = new Set(Array.from({ length: count }, (_, name) => socketOf(name)));
  const heartbeats = new Heartbeats(heartbeat, () => sockets);
  const timesOf = (name: number) => beats.filter((beat) => beat.name === name).map(({ time }) => time);
  return { beats, sockets, socketOf, heartbeats, timesOf };
}

it('each connection has one heartbeat in each, even ones', () => {
  const { timesOf, heartbeats } = ground(40);
  vi.advanceTimersByTime(3 * HEARTBEAT);
  for (let name = 0; name < 40; name++) {
    const [first = 0, second = 0, third = 0, ...more] = timesOf(name);
    expect([second - first, third - second, more]).toEqual([HEARTBEAT, HEARTBEAT, []]);
  }
  heartbeats.stop();
});

it('those of many connections are spread over sixteen turns of a heartbeat', () => {
  const { beats, heartbeats } = ground(160);
  vi.advanceTimersByTime(HEARTBEAT);
  for (let turn = 1; turn <= SLICES; turn++)
    expect(beats.filter(({ time }) => time === turn * 100)).toHaveLength(10);
  expect(beats).toHaveLength(160);
  heartbeats.stop();
});

it('a connection keeps its turn while others come and go', () => {
  const { sockets, socketOf, timesOf, heartbeats } = ground(20);
  vi.advanceTimersByTime(HEARTBEAT);
  for (const socket of [...sockets].slice(0, 5)) sockets.delete(socket);
  for (let name = 20; name < 30; name++) sockets.add(socketOf(name));
  vi.advanceTimersByTime(2 * HEARTBEAT);
  for (let name = 5; name < 20; name++) {
    const [first = 0, second = 0, third = 0] = timesOf(name);
    expect([second - first, third - second]).toEqual([HEARTBEAT, HEARTBEAT]);
  }
  expect(timesOf(0)).toHaveLength(1);
  expect(timesOf(29)).toHaveLength(2);
  heartbeats.stop();
});

it('a heartbeat of a few milliseconds has turns of a whole one', () => {
  const { timesOf, heartbeats } = ground(1, 4);
  vi.advanceTimersByTime(48);
  expect(timesOf(0)).toEqual([16, 32, 48]);
  heartbeats.stop();
});

it('stopped, they leave no timer', () => {
  const { beats, heartbeats } = ground(3);
  heartbeats.stop();
  vi.advanceTimersByTime(HEARTBEAT);
  expect([beats, vi.getTimerCount()]).toEqual([[], 0]);
});
