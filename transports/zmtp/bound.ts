import { lstat, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { deferred } from '../../src/async/deferred.ts';
import type { ReadTurns } from '../../src/async/read-turns.ts';
import { invalidCall, messageOf, PalmError } from '../../src/protocol/errors.ts';
import type { Binding, CloseOptions } from '../../src/transport.ts';
import type { ChannelHost } from '../shared/base-connection.ts';
import { addressAt, bindPlaceOf, type Place } from './address.ts';
import type { SocketType } from './commands.ts';
import { Link, type LinkEnd, type LinkRole } from './link.ts';
import type { LocalSystem } from './local-system.ts';
import type { Mechanism } from './mechanism.ts';
import type { ZmtpSettings } from './options.ts';
import type { FrameBytes } from './own-bytes.ts';
import { peerNetwork } from './peer-network.ts';
import { Violation } from './violation.ts';

/** Connections that the system may accept before this process does. */
const BACKLOG = 511;

/** What every bound end needs. */
export interface BindContext {
  readonly host: ChannelHost;
  readonly settings: ZmtpSettings;
  readonly own: FrameBytes;
  readonly turns: ReadTurns;
  readonly system: LocalSystem;
  readonly mechanism: Mechanism | undefined;
}

/** A bound end. It listens, and has a link to each peer. */
export abstract class Bound implements Binding, LinkRole {
  abstract readonly socketType: SocketType;
  readonly takesControlOnly: boolean = false;
  readonly isHeldUp: boolean = true;
  readonly own: FrameBytes;
  readonly turns: ReadTurns;
  readonly system: LocalSystem;
  readonly settings: ZmtpSettings;
  readonly mechanism: Mechanism | undefined;
  protected readonly host: ChannelHost;
  /** Peers that completed the handshake, oldest first. */
  protected readonly links: Set<Link> = new Set();
  /** All peers, including those in a handshake. */
  readonly #all = new Set<Link>();
  /** How many of them come from each network. */
  readonly #networks = new Map<string, number>();
  readonly #server: Server;
  #address = '';
  #refused = 0;
  /** Bytes that wait for each slow peer, as last counted, and for all of them. */
  readonly #held = new Map<Link, number>();
  #heldBytes = 0;
  #isClosed = false;

  constructor({ host, settings, own, turns, system, mechanism }: BindContext) {
    this.host = host;
    this.settings = settings;
    this.own = own;
    this.turns = turns;
    this.system = system;
    this.mechanism = mechanism;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = settings.maxPeers;
    this.#server.on('drop', () =>
      this.refuse(`there are ${settings.maxPeers} peers already: raise maxPeers`),
    );
  }

  get address(): string {
    return this.#address;
  }

  protected get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @throws PalmError `INVALID_CALL` when the address is taken or not this machine's. */
  async bind(address: string): Promise<this> {
    try {
      const place = await bindPlaceOf(address);
      if ('path' in place) await makeWay(place.path);
      await this.#listen(place);
      this.#address = this.#addressOf(place);
    } catch (cause) {
      throw invalidCall(`cannot bind ${address}: ${messageOf(cause)}`, { cause });
    }
    this.#server.on('error', (error) => this.refuse(`a connection cannot be accepted: ${messageOf(error)}`));
    return this;
  }

  async close(options: CloseOptions = {}): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.host.release(this);
    const closed = deferred<void>();
    this.#server.close(() => closed.resolve());
    const { timeout = 0 } = options;
    await Promise.all([...this.#all].map((link) => link.close(timeout)));
    await closed.promise;
  }

  up(link: Link): void {
    this.links.add(link);
  }

  down(link: Link, end: LinkEnd): void {
    this.#all.delete(link);
    this.links.delete(link);
    this.#account(link, 0);
    if (end.violation !== undefined && !this.#isClosed) this.refuse(end.violation.message);
  }

  abstract frame(
    link: Link,
    flags: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwn: boolean,
  ): void;

  pieceEnds(_link: Link): void {}

  writable(link: Link): void {
    this.#account(link, link.waiting);
  }

  /** Counts anew what waits for a slow peer. */
  protected hold(link: Link): void {
    this.#account(link, link.waiting);
    if (this.#heldBytes <= this.settings.sendHighWaterBytesTotal) return;
    let [most, bytes] = [link, 0];
    for (const [own, held] of this.#held) if (held > bytes) [most, bytes] = [own, held];
    this.#account(most, 0);
    most.refuse(new Violation(`it left ${bytes} bytes unread, the most of all peers`, 'TOO_LARGE'));
  }

  /** Reports that a peer was refused, at each power of two: any stranger can cause it as often as it likes. */
  protected refuse(reason: string): void {
    this.#refused++;
    if (!Number.isInteger(Math.log2(this.#refused))) return;
    this.host.report({ type: 'refused', address: this.#address, reason, count: this.#refused });
  }

  protected reportSlow(queued: number): void {
    this.host.report({ type: 'slow', address: this.#address, queued });
  }

  protected closedError(): PalmError {
    return new PalmError('CLOSED', `${this.#address} is closed`, { sent: false });
  }

  #account(link: Link, bytes: number): void {
    this.#heldBytes += bytes - (this.#held.get(link) ?? 0);
    if (bytes > 0) this.#held.set(link, bytes);
    else this.#held.delete(link);
  }

  #accept(socket: Socket): void {
    if (this.#isClosed) return void socket.destroy();
    if (!this.#admits(socket)) {
      // A reset is an end like any other.
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    this.#all.add(new Link(socket, this, false));
  }

  /** Whether there is a place for a peer from where this one comes, which it then has until it is gone. Local sockets have no address. */
  #admits(socket: Socket): boolean {
    const network = peerNetwork(socket.remoteAddress);
    if (network === undefined) return true;
    const peers = this.#networks.get(network) ?? 0;
    const { maxPeersPerAddress } = this.settings;
    if (peers >= maxPeersPerAddress) {
      this.refuse(
        `there are ${maxPeersPerAddress} peers from ${network} already: raise maxPeersPerAddress if many share it`,
      );
      return false;
    }
    this.#networks.set(network, peers + 1);
    socket.once('close', () => {
      const left = (this.#networks.get(network) ?? 1) - 1;
      if (left > 0) this.#networks.set(network, left);
      else this.#networks.delete(network);
    });
    return true;
  }

  #listen(place: Place): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ ...place, backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  #addressOf(place: Place): string {
    const bound = this.#server.address();
    return addressAt(
      bound === null || typeof bound === 'string' ? place : { host: bound.address, port: bound.port },
    );
  }
}

/**
 * Removes the socket that a killed server left at the path.
 * @throws Error when there is something else, or a server that listens.
 */
async function makeWay(path: string): Promise<void> {
  if (path.startsWith('\0')) return;
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error('there is a file that is not a socket');
  if (!(await isAbandoned(path))) throw new Error('a server listens there');
  await rm(path, { force: true });
}

/** Whether nobody listens at the path. Only a refusal says so: a server that is busy or belongs to another user gives other errors. */
function isAbandoned(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'ECONNREFUSED' || code === 'ENOENT'),
    );
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
  });
}

/** Refuses a message, for bound ends that only send. */
export function noMessages(): never {
  throw new Violation('it sent a message to a socket that only sends');
}
