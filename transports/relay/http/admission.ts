import type { IncomingHttpHeaders } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';
import type { Logger } from '../../../src/logging.ts';
import { messageOf } from '../../../src/protocol/errors.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import type { Authenticate, ConnectionInfo, Grants } from '../auth/identity.ts';
import { Identity } from '../auth/identity.ts';
import { networkOf } from './proxies.ts';
import type { Refusal } from './refusals.ts';

/** Characters of a token. It is kept as long as its session, so that it can be asked for again. */
const LONGEST_TOKEN = 8_192;

/** Tells who a client is. */
export class Admission {
  readonly #authenticate: Authenticate | undefined;
  /** Whoever has no token; one for all of them. */
  #anonymous: Identity | undefined;
  readonly #logger: Logger;
  /** How often it was said that answers may have changed. */
  #changes = 0;

  constructor(
    options: { readonly authenticate?: Authenticate | undefined; readonly anonymous?: Grants | undefined },
    logger: Logger,
  ) {
    this.#authenticate = options.authenticate;
    this.#anonymous = options.anonymous && Identity.anonymous(options.anonymous);
    this.#logger = logger;
  }

  /** What those without a token may do from now on. {@link changed} is due. */
  set anonymous(identity: Identity | undefined) {
    this.#anonymous = identity;
  }

  /** Answers may have changed: what is being asked at the moment is asked again. */
  changed(): void {
    this.#changes++;
  }

  /** @returns undefined for nobody. A token that is wrong is nobody's, also where anybody may come in without one. */
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
   * @returns undefined for nobody.
   * @throws Error when the hook fails, or gives what cannot be read. Its message does not contain the token.
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
      // What a hook throws may tell what it was asked.
      throw new Error(token ? messageOf(error).replaceAll(token, '(the token)') : messageOf(error));
    }
    return token === undefined ? this.#anonymous : undefined;
  }
}

// Who may open a WebSocket at all: looked at before there is one.

/** What the decision is made from. */
export interface UpgradeRequest {
  readonly headers: IncomingHttpHeaders;
  readonly info: ConnectionInfo;
  /** Address of the socket itself, which may be a proxy's. */
  readonly socketAddress: string;
}

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/**
 * Whether the origin of a page is one that may connect. No origin is what scripts have; a browser always says one, so a request
 * that comes from a browser and does not is refused too.
 * @param origins - the list; undefined for pages of the host that the relay is reached at.
 * @returns why not, or undefined.
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

/** Scripts send neither; both are headers that a page's own code cannot take away (Fetch, "forbidden request-header"). */
function looksLikeBrowser(headers: IncomingHttpHeaders): boolean {
  return headers['sec-fetch-site'] !== undefined || /^Mozilla\//.test(headers['user-agent'] ?? '');
}

/**
 * A page of the host that it reached the relay at. A name that somebody has resolve to this machine makes any page such a
 * page ("DNS rebinding"), so over loopback only this machine's own names count; behind a proxy, origins are to be listed.
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

/** Counts connections, and says when there are too many. */
export class ConnectionQuota {
  readonly #most: number;
  readonly #mostEach: number;
  readonly #byNetwork = new Map<string, number>();
  #count = 0;

  constructor(most: number, mostEach: number) {
    this.#most = most;
    this.#mostEach = mostEach;
  }

  /** Gives the function that lets the place go, or why there is none. */
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
