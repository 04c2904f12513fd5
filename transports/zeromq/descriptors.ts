import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Socket } from 'zeromq';
import { invalidCall, messageOf } from '../../src/protocol/errors.ts';

/**
 * File descriptors that must be free before a socket is opened. A socket takes 3 with its monitor, 2 more when bound, and 8 more when it is the
 * first of the process. libzmq aborts the process when its threads find none, and when it binds and cannot list the network interfaces
 * (epoll.cpp, ip_resolver.cpp).
 */
const NEEDED = 16;

/** @throws PalmError `INVALID_CALL` when the process has too few file descriptors left. */
export function checkDescriptors(doing: string): void {
  const opened: number[] = [];
  try {
    for (let i = 0; i < NEEDED; i++) opened.push(openSync(devNull, 'r'));
  } catch (cause) {
    throw invalidCall(
      `cannot ${doing}: the process has fewer than ${NEEDED} file descriptors left; ` +
        'raise its limit of open files (ulimit -n), or close what it does not need',
      { cause },
    );
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

/**
 * Opens a socket and its monitor.
 * @param doing - what the socket is for, in an error: `bind tcp://…`.
 * @throws PalmError `INVALID_CALL` when the process has no file descriptors, or ZeroMQ no sockets left.
 */
export function openSocket<S extends Socket>(doing: string, make: () => S): S {
  checkDescriptors(doing);
  let socket: S | undefined;
  try {
    socket = make();
    // The first access makes the monitor.
    void socket.events;
    return socket;
  } catch (cause) {
    socket?.close();
    const hint = isShortage(cause)
      ? '; ZeroMQ counts three sockets for each address: raise context.maxSockets of the package zeromq (1023), or close some'
      : '';
    throw invalidCall(`cannot ${doing}: ${messageOf(cause)}${hint}`, { cause });
  }
}

/** Whether the system or ZeroMQ has run out of descriptors or sockets. */
function isShortage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE');
}
