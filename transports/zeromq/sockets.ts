import { lstat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Socket } from 'zeromq';
import { PalmError } from '../../src/protocol/errors.ts';
import { didNotLoad } from '../shared/peer-package.ts';
import { isIpv6 } from '../shared/zeromq-address.ts';
import type { ZeromqSettings } from './options.ts';

/**
 * Most bytes of a frame for sockets whose peers send only handshakes and subscriptions: the longest topic, with what CURVE and the frame add.
 */
const CONTROL_SIZE = 1_152;

/**
 * Domain of ZAP (rfc.zeromq.org/spec/27). With a domain, libzmq refuses peers that speak ZMTP 1 or 2, and everything that does not speak ZMTP.
 * Without one, an HTTP request, which any web page can make, counts as a ZMTP 1 message. The domain has no other effect, unless the process has a
 * ZAP handler.
 */
const ZAP_DOMAIN = 'frond';

/** Milliseconds that connecting may take. The system would try for two minutes, and the host may have another address. */
const CONNECT_TIMEOUT = 5_000;

interface OwnSocketOptions {
  linger: number;
  ipv6: boolean;
  zapDomain: string;
  heartbeatInterval: number;
  heartbeatTimeout: number;
  heartbeatTimeToLive: number;
  tcpKeepalive: number;
  reconnectInterval: number;
  reconnectMaxInterval: number;
  maxMessageSize: number;
  immediate?: boolean;
  connectTimeout?: number;
  sendHighWaterMark?: number;
  receiveHighWaterMark?: number;
  curveServer?: boolean;
  curveServerKey?: string;
  curvePublicKey?: string | null;
  curveSecretKey?: string | null;
}

/** The socket options for one side: those of every socket, and the CURVE keys. */
export function socketOptions(
  addon: Addon,
  settings: ZeromqSettings,
  address: string,
  side: 'dial' | 'bind',
): OwnSocketOptions {
  const { heartbeatInterval, reconnectInterval, reconnectMaxInterval, maxMessageSize } = settings;
  const { sendHighWaterMark, receiveHighWaterMark } = settings;
  return {
    // The process does not wait for peers at its end, unless close() gives them time.
    linger: 0,
    ipv6: isIpv6(address),
    zapDomain: ZAP_DOMAIN,
    heartbeatInterval,
    heartbeatTimeout: heartbeatInterval,
    // libzmq stores a peer's time to live in tenths of a second, in 16 bits.
    heartbeatTimeToLive: Math.min(2 * heartbeatInterval, 6_553_500),
    tcpKeepalive: 1,
    reconnectInterval,
    reconnectMaxInterval: Math.max(reconnectInterval, reconnectMaxInterval),
    maxMessageSize,
    // Messages queue only for connected peers: a call that failed must not run later.
    ...(side === 'dial' && { immediate: true, connectTimeout: CONNECT_TIMEOUT }),
    ...(sendHighWaterMark !== undefined && { sendHighWaterMark }),
    ...(receiveHighWaterMark !== undefined && { receiveHighWaterMark }),
    ...(side === 'dial' ? curveClient(addon, settings) : curveServer(settings)),
  };
}

function curveClient(addon: Addon, { curve }: ZeromqSettings) {
  if (curve === undefined) return {};
  const pair = { publicKey: curve.publicKey, secretKey: curve.secretKey };
  const { publicKey, secretKey } = pair.publicKey === undefined ? addon.curveKeyPair() : pair;
  return {
    curveServerKey: curve.serverKey,
    curvePublicKey: publicKey ?? null,
    curveSecretKey: secretKey ?? null,
  };
}

function curveServer({ curveServer: keys }: ZeromqSettings) {
  return keys === undefined ? {} : { curveServer: true, curveSecretKey: keys.secretKey };
}

/** Options for sockets that take no messages. Their peers send little. */
export function takingControl({ maxMessageSize }: ZeromqSettings): { maxMessageSize: number } {
  return { maxMessageSize: maxMessageSize === -1 ? CONTROL_SIZE : Math.min(maxMessageSize, CONTROL_SIZE) };
}

/** Closes a socket. Its messages may still leave within `timeout` milliseconds. */
export function closeSocket(socket: Socket, timeout: number): void {
  if (socket.closed) return;
  socket.linger = Math.max(0, Math.ceil(Math.min(timeout, 0x7fffffff)));
  socket.close();
}

/** The package `zeromq`, an optional peer dependency. */
export type Addon = typeof import('zeromq');

/**
 * Loads the native sockets.
 * @throws PalmError `INVALID_CALL` when the package is not installed or cannot be loaded, and on Bun, where loading it aborts the process.
 */
export function loadAddon(): Addon {
  if ('Bun' in globalThis) {
    throw new PalmError(
      'INVALID_CALL',
      "the native 'zeromq' addon aborts the process in Bun (oven-sh/bun#19549); use Node",
    );
  }
  try {
    // Twice as fast as `import('zeromq')`, which first parses the package for its exports.
    return createRequire(import.meta.url)('zeromq');
  } catch (cause) {
    throw didNotLoad('frond/zeromq', 'zeromq', cause);
  }
}

/**
 * Deno signals an addon only once that a socket is readable (denoland/deno#36317), so waiting for a message may never end there. In Deno sockets
 * are therefore polled: often after use, and less and less often while nothing happens.
 */
export const MUST_POLL: boolean = 'Deno' in globalThis;

/** Longest pause between two polls, in milliseconds. */
const LONGEST_PAUSE = 16;

interface Asked {
  readonly closed: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
}

/** Resolves when the socket can be read or written, or is closed. */
export async function untilUsable(socket: Asked, use: 'readable' | 'writable'): Promise<void> {
  for (let pause = 1; !socket.closed && !socket[use]; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/**
 * Checks the path of an `ipc:` address. ZeroMQ removes whatever is at the path that it binds, because a killed server leaves its socket there.
 * @throws Error when the path has something else, such as a file of the user.
 */
export async function checkIpcPath(address: string): Promise<void> {
  const [, path = ''] = /^ipc:\/\/([^@*].*)$/s.exec(address) ?? [];
  if (path === '') return;
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isSocket()) throw new Error('there is a file that is not a socket');
}
