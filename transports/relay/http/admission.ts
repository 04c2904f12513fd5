import type { IncomingHttpHeaders } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';
import type { Logger } from '../../../src/logging.ts';
import { messageOf } from '../../../src/protocol/errors.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import type { Authenticate, ConnectionInfo, Grants } from '../auth/identity.ts';
import { Identity } from '../auth/identity.ts';
import { networkOf } from './proxies.ts';
import type { Refusal } from './refusals.ts';

/** The most characters of a token. The relay keeps tokens as long as their sessions, to authenticate again. */
const LONGEST_TOKEN = 8_192;

/** Tells who a client is. */
export class Admission {
  readonly #authenticate: Authenticate | undefined;
  /** The identity of all clients without a token. */
  #anonymous: Identity | undefined;
  readonly #logger: Logger;
  /** How often answers may have changed. */
  #changes = 0;

  constructor(
    options: { readonly authenticate?: Authenticate | undefined; readonly anonymous?: Grants | undefined },
    logger: Logger,
  ) {
    this.#authenticate = options.authenticate;
    this.#anonymous = options.anonymous && Identity.anonymous(options.anonymous);
    this.#logger = logger;
  }

  /** What clients without a token may do from now on. Call {@link changed} afterwards. */
  set anonymous(identity: Identity | undefined) {
    this.#anonymous = identity;
  }

  /** Answers may have changed: questions under way are asked again. */
  changed(): void {
    this.#changes++;
  }

  /** @returns undefined to refuse the client. A wrong token is refused even where clients without a token are admitted. */
  async identify(token: string | undefined, info: ConnectionInfo): Promise<Identity | undefined> {
    for (;;) {
      const before = this.#changes;
      const identity = await this.ask(token, info).catch((error: Error) => {
        this.#logger.error('authentication failed', { address: info.address, reason: error.message });
        return undefined;
      });
      if (before === this.#changes) return identity;
    }
  }

  /**
   * Asks the hook once.
   * @returns undefined to refuse the client.
   * @throws Error when the hook fails, or its identity is malformed. The message does not contain the token.
   */
  async ask(token: string | undefined, info: ConnectionInfo): Promise<Identity | undefined> {
    if (token !== undefined && token.length > LONGEST_TOKEN) return undefined;
    try {
      const known = await this.#authenticate?.(token, info);
      if (known !== undefined) {
        const identity = new Identity(known);
        return identity.expires > Date.now() ? identity : undefined;
      }
    } catch (error) {
      // The hook's message may quote the token.
      throw new Error(token ? messageOf(error).replaceAll(token, '(the token)') : messageOf(error));
    }
    return token === undefined ? this.#anonymous : undefined;
  }
}

// Which requests may open a WebSocket: checked before there is one.

/** An upgrade, as far as it is checked. */
export interface UpgradeRequest {
  readonly headers: IncomingHttpHeaders;
  readonly info: ConnectionInfo;
  /** Address of the TCP socket, which may be a proxy's. */
  readonly socketAddress: string;
}

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/**
 * Checks the origin of an upgrade. Scripts send none. Browsers always send one, so a browser's request without an origin is
 * refused, too.
 * @param origins - the origins that may connect; undefined for pages of the host that the relay is reached at.
 * @returns the refusal, or undefined when the origin may connect.
 */
export function checkOrigin(
  upgrade: UpgradeRequest,
  origins: readonly string[] | undefined,
): Refusal | undefined {
  const { headers, info } = upgrade;
  const { origin } = info;
  if (origin === undefined) {
    return looksLikeBrowser(headers) ? refused('a browser without an origin') : undefined;
  }
  if (origins !== undefined)
    return origins.includes(origin) ? undefined : refused('this origin may not connect');
  return isSameHost(upgrade, origin) ? undefined : refused('this origin may not connect');
}

function refused(reason: string): Refusal {
  return { status: 403, code: CloseCode.forbidden, reason };
}

/** Scripts send neither header, and a page's code cannot remove them (Fetch, "forbidden request-header"). */
function looksLikeBrowser(headers: IncomingHttpHeaders): boolean {
  return headers['sec-fetch-site'] !== undefined || /^Mozilla\//.test(headers['user-agent'] ?? '');
}

/**
 * Whether the page is of the host at which it reached the relay. Anybody can make a name resolve to this machine ("DNS
 * rebinding"), so over loopback only this machine's own names count. Behind a proxy, origins must be listed.
 */
function isSameHost({ headers, socketAddress }: UpgradeRequest, origin: string): boolean {
  const host = headers.host?.toLowerCase();
  if (host === undefined) return false;
  let url: URL;
  try {
    url = new URL(origin);
  } catch {
    return false;
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
  if (url.host !== host) return false;
  return !LOOPBACK.test(socketAddress) || isOwnName(url.hostname);
}

function isOwnName(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return hostname === 'localhost' || hostname.endsWith('.localhost') || isIPv4(bare) || isIPv6(bare);
}

/** Counts connections, and refuses those above a limit. */
export class ConnectionQuota {
  readonly #most: number;
  readonly #mostEach: number;
  readonly #byNetwork = new Map<string, number>();
  #count = 0;

  constructor(most: number, mostEach: number) {
    this.#most = most;
    this.#mostEach = mostEach;
  }

  /** Takes a place. @returns the function that frees it, or the refusal when there is none. */
  enter(address: string): (() => void) | Refusal {
    const network = networkOf(address);
    const own = this.#byNetwork.get(network) ?? 0;
    const code = CloseCode.tooMany;
    if (own >= this.#mostEach) return { status: 429, code, reason: 'too many connections from this address' };
    if (this.#count >= this.#most) return { status: 503, code, reason: 'too many connections' };
    this.#count++;
    this.#byNetwork.set(network, own + 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#count--;
      const left = (this.#byNetwork.get(network) ?? 1) - 1;
      if (left === 0) this.#byNetwork.delete(network);
      else this.#byNetwork.set(network, left);
    };
  }
}
