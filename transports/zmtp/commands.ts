/** The commands of ZMTP 3.1, without their frames. Sources: rfc.zeromq.org/spec/23 and 37. */
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { LocalSystem } from './local-system.ts';
import { Violation } from './violation.ts';

/** Bytes of the largest command, and of the largest frame of a peer that only subscribes or pulls. */
export const CONTROL_SIZE = 1_152;

export type SocketType = 'DEALER' | 'ROUTER' | 'PUSH' | 'PULL' | 'SUB' | 'XPUB';

/** The kinds of socket that each kind may talk to. */
const PEERS: Readonly<Record<SocketType, ReadonlySet<string>>> = {
  DEALER: new Set(['REP', 'ROUTER', 'DEALER']),
  ROUTER: new Set(['REQ', 'DEALER', 'ROUTER']),
  PUSH: new Set(['PULL']),
  PULL: new Set(['PUSH']),
  SUB: new Set(['PUB', 'XPUB']),
  XPUB: new Set(['SUB', 'XSUB']),
};

/** What a peer announces in READY. */
export interface Introduction {
  readonly socketType: string;
  /** Milliseconds for which it may block its event loop; undefined when it did not announce any. */
  readonly busyTimeout: number | undefined;
  /** Its process, as `hasEnded` takes it; undefined when it did not say. */
  readonly process: string | undefined;
}

const SOCKET_TYPE = 'Socket-Type';
const IDENTITY = 'Identity';
/** A property of this transport alone: libzmq sends heartbeats from a thread of its own. */
const BUSY_TIMEOUT = 'X-Busy-Timeout';
/** The same: the process of a DEALER, whose requests a server may have to give to another one when it ends. */
const PROCESS = 'X-Process';

const encoder = new TextEncoder();

/** @param properties - as {@link propertiesOf} gives them. */
export function readyCommand(properties: Bytes): Bytes {
  return commandOf('READY', properties);
}

/**
 * What this end says of itself.
 * @param system - knows this process, which a DEALER names.
 */
export function propertiesOf(type: SocketType, busyTimeout: number, system?: LocalSystem): Bytes {
  const properties: [string, string][] = [
    [SOCKET_TYPE, type],
    [BUSY_TIMEOUT, String(busyTimeout)],
  ];
  // ROUTER and REP may ask for it.
  if (type === 'DEALER') properties.push([IDENTITY, ''], [PROCESS, system?.mark ?? '']);
  const parts = properties.flatMap(([name, value]) => {
    const bytes = encoder.encode(value);
    return [shortText(name), Uint8Array.of(0, 0, 0, bytes.length), bytes];
  });
  return joined(...parts);
}

/** Makes a command. Its name may have at most 255 characters of ASCII. */
export function commandOf(name: string, ...parts: readonly Uint8Array[]): Bytes {
  return joined(shortText(name), ...parts);
}

/** @param reason - at most 255 characters of ASCII. */
export function errorCommand(reason: string): Bytes {
  return joined(shortText('ERROR'), shortText(reason));
}

/**
 * Makes a PING.
 * @param ttl - milliseconds that the peer should wait for the next one.
 */
export function pingCommand(ttl: number): Bytes {
  const tenths = Math.min(0xffff, Math.ceil(ttl / 100));
  return joined(shortText('PING'), Uint8Array.of(tenths >> 8, tenths & 0xff));
}

const LONGEST_CONTEXT = 16;

/** @param ping - what follows the name of a PING. */
export function pongCommand(ping: Uint8Array): Bytes {
  return joined(shortText('PONG'), ping.subarray(2, 2 + LONGEST_CONTEXT));
}

/** @param topic - its bytes. */
export function subscribeCommand(topic: Uint8Array): Bytes {
  return joined(shortText('SUBSCRIBE'), topic);
}

export interface Command {
  readonly name: string;
  /** What follows the name. */
  readonly data: Uint8Array;
}

/** @throws Violation when it has no name. */
export function parseCommand(body: Uint8Array): Command {
  const [length = 0] = body;
  if (length === 0 || 1 + length > body.length) {
    throw new Violation('it sent a command without a name');
  }
  return { name: latin1(body.subarray(1, 1 + length)), data: body.subarray(1 + length) };
}

/**
 * Reads what a peer says first.
 * @throws Violation when that is not READY, is malformed, or its kind of socket does not fit.
 */
export function readFirstCommand(body: Uint8Array, own: SocketType): Introduction {
  const { name, data } = parseCommand(body);
  if (name === 'ERROR') {
    const reason = readReason(data);
    throw new Violation(`it refused this end: ${reason}`, /^[345]00/.test(reason) ? 'FORBIDDEN' : 'PROTOCOL');
  }
  if (name !== 'READY') throw new Violation('its first command was not READY');
  return readIntroduction(data, own);
}

/** @throws Violation when it is malformed, or its kind of socket does not fit. */
export function readIntroduction(data: Uint8Array, own: SocketType): Introduction {
  const properties = readProperties(data);
  const socketType = properties.get(SOCKET_TYPE.toLowerCase());
  if (socketType === undefined) throw new Violation('it did not say what kind of socket it is');
  if (!PEERS[own].has(socketType)) {
    throw new Violation(`it is the wrong kind of socket: ${printable(socketType)} does not fit ${own}`);
  }
  const busy = properties.get(BUSY_TIMEOUT.toLowerCase());
  return {
    socketType,
    busyTimeout: busy !== undefined && /^\d{1,9}$/.test(busy) ? Number(busy) : undefined,
    process: properties.get(PROCESS.toLowerCase()),
  };
}

/** Whether a peer that says this of itself reads a refusal as a text. libzmq takes a number of three digits alone. */
export function readsReasons(properties: Uint8Array): boolean {
  return readProperties(properties).has(BUSY_TIMEOUT.toLowerCase());
}

/** The reason in an ERROR, in printable characters. */
export function readReason(data: Uint8Array): string {
  return printable(latin1(data.subarray(1, 1 + (data[0] ?? 0))));
}

/** Reads the properties by name. Names are in lower case, because ZMTP ignores their case. */
function readProperties(data: Uint8Array): Map<string, string> {
  const properties = new Map<string, string>();
  let at = 0;
  while (at < data.length) {
    const nameEnd = at + 1 + (data[at] ?? 0);
    const name = latin1(data.subarray(at + 1, nameEnd)).toLowerCase();
    if (nameEnd + 4 > data.length || name === '')
      throw new Violation('it introduced itself with a malformed READY');
    const length = new DataView(data.buffer, data.byteOffset + nameEnd, 4).getUint32(0);
    at = nameEnd + 4 + length;
    if (at > data.length) throw new Violation('it introduced itself with a malformed READY');
    properties.set(name, latin1(data.subarray(nameEnd + 4, at)));
  }
  return properties;
}

function shortText(text: string): Bytes {
  const bytes = encoder.encode(text);
  return joined(Uint8Array.of(bytes.length), bytes);
}

function joined(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Makes a string with one character for each byte. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}
