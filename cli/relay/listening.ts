/** Where a relay listens. */

import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { PalmError, reasonText, show } from '../../src/protocol/errors.ts';
import { CommandError } from '../errors.ts';
import { unreadable } from '../input.ts';
import { quoted } from '../terminal/text.ts';
import { SERVER_OPTIONS, TLS_TIMEOUT } from '../../src/cli/relay/doorkeeper.ts';

/** A place to listen at. */
export interface Place {
  /** Undefined for every address of the machine. */
  readonly host: string | undefined;
  /** 0 for a free one. */
  readonly port: number;
}

/** Paths of PEM files. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/**
 * The place that a text such as `127.0.0.1:7766`, `[::1]:7766` or `*:7766` names.
 * @throws CommandError `USAGE`.
 */
export function parsePlace(text: string, option = '--listen'): Place {
  const [, bracketed, plain, port] = /^(?:\[([\da-f:.]+)\]|([^\s:[\]/]+)):(\d{1,5}|\*)$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = port === '*' ? 0 : Number(port);
  if (host === undefined || !(number <= 65_535)) {
    throw new CommandError('USAGE', `${option} must be host:port, such as 127.0.0.1:7766, not ${show(text)}`);
  }
  return { host: host === '*' ? undefined : host, port: number };
}

/** Whether others than this machine's own processes can reach it. */
export function isOpen({ host }: Place): boolean {
  return host === undefined || !/^(localhost|127\.[\d.]+|::1)$/i.test(host);
}

/** A certificate and its key, as PEM. */
export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** @throws CommandError `INPUT` for keys that are none, or not of one pair. */
export async function readKeyPair(tls: Tls): Promise<KeyPair> {
  const [cert, key] = await Promise.all([readKey(tls.cert), readKey(tls.key)]);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const text = `${quoted(tls.cert)} and ${quoted(tls.key)} are no pair for TLS: ${reasonText(error)}`;
    throw new CommandError('INPUT', text, undefined, error);
  }
  return { cert, key };
}

/** A server that speaks TLS when there are keys. @throws CommandError `INPUT` for keys that are none. */
export async function serverOf(tls: Tls | undefined, answer: RequestListener): Promise<Server | TlsServer> {
  if (tls === undefined) return createServer(SERVER_OPTIONS, answer);
  const pair = await readKeyPair(tls);
  return createTlsServer({ ...SERVER_OPTIONS, handshakeTimeout: TLS_TIMEOUT, ...pair }, answer);
}

/**
 * Resolves with the port once the server listens.
 * @throws PalmError `INVALID_CALL` when it cannot, as when the port is taken.
 */
export async function listen(server: Server | TlsServer, { host, port }: Place): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, ...(host !== undefined && { host }) }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    const text = `cannot listen at ${host ?? '*'}:${port}: ${reasonText(error)}`;
    throw new PalmError('INVALID_CALL', text, { cause: error, sent: false });
  }
  return (server.address() as AddressInfo).port;
}

/** The URL for who is on the same machine. */
export function urlOf(scheme: 'ws' | 'wss' | 'http', { host }: Place, port: number, path: string): string {
  const own = host === undefined || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `${scheme}://${own.includes(':') ? `[${own}]` : own}:${port}${path}`;
}

async function readKey(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unreadable(quoted(path), error);
  }
}
