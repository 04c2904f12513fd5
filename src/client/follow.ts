/** Follows a server that is restarted at other addresses. Pages that go through a relay never need it. */
import { atMost } from '../async/timers.ts';
import type { Logger } from '../logging.ts';
import { PalmError } from '../protocol/errors.ts';
import type { Pusher } from '../transport.ts';
import type { CallLink, Follower, Route } from './call-link.ts';
import { type ClientCore, discover, takesNoCalls } from './core.ts';

/** Milliseconds between two questions to a server that is not at the addresses that it gave. */
const LOOK_AGAIN = 1_000;

/** Milliseconds in which a second pusher must connect to show that the server can be reached. */
const PROBE_TIMEOUT = 1_000;

/** The most milliseconds between two questions to a server that does not know where its pipeline ends. */
const LONGEST_PAUSE = 30_000;

/**
 * Makes the link of a client follow its server.
 * @param isEndKnown - whether answers are awaited where the server's pipeline ends. Otherwise it is asked again.
 */
export function follow(core: ClientCore, link: CallLink, isEndKnown: boolean): void {
  link.follower = new ServerFollower(core, link, isEndKnown);
  // The link may have broken while this code was loaded.
  if (link.breaks > 0) link.follower.broke();
}

/** Asks a client's server where it is when the link has broken, and moves the link there. */
class ServerFollower implements Follower {
  readonly #core: ClientCore;
  readonly #link: CallLink;
  #asked: Promise<void> | undefined;
  #isEndKnown: boolean;
  #isClosed = false;

  constructor(core: ClientCore, link: CallLink, isEndKnown: boolean) {
    this.#core = core;
    this.#link = link;
    this.#isEndKnown = isEndKnown;
    core.connection.closed.then(() => {
      this.#isClosed = true;
    });
    this.#watchCache();
    if (!isEndKnown) this.#findEnd();
  }

  broke(): void {
    this.asked();
  }

  asked(): Promise<void> {
    if (this.#asked === undefined) {
      this.#asked = this.#ask();
      this.#askUntilReady();
    }
    return this.#asked;
  }

  /** The connection to the cache has its own heartbeats, and breaks when the server goes that calls are pushed to. */
  async #watchCache(): Promise<void> {
    const { connection, settings } = this.#core;
    for await (const status of connection.status()) {
      if (status.type !== 'disconnected' || status.address !== settings.dbAddress) continue;
      this.asked();
      // Fails when the connection is being closed.
      probe(this.#link).catch(() => {});
    }
  }

  /** The servers of a pipeline may start after its clients. */
  async #findEnd(): Promise<void> {
    const { connection, serverName: server, settings } = this.#core;
    const { subAddress } = this.#link.addresses;
    const text =
      'the server passes its results on, and no server has said that it reads them; answers are awaited at';
    settings.logger.warning(text, { server, subAddress });
    for (let pause = LOOK_AGAIN; !this.#isEndKnown; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      await atMost(pause, connection.closed);
      if (this.#isClosed) return;
      await this.#ask();
    }
  }

  /** A server may give addresses and leave them a moment later, so it is asked until they can be used. */
  async #askUntilReady(): Promise<void> {
    for (;;) {
      await this.#asked;
      await atMost(LOOK_AGAIN, this.#core.connection.closed);
      if (this.#isClosed || this.#link.isReady) break;
      this.#asked = this.#ask();
    }
    this.#asked = undefined;
  }

  async #ask(): Promise<void> {
    const { settings, cache, serverName } = this.#core;
    const link = this.#link;
    for (;;) {
      try {
        const { addresses, isDirect, isEndKnown } = await discover({ ...settings, serverName }, cache);
        if (addresses === undefined) throw takesNoCalls(serverName);
        // While the last server is away, answers are awaited where it was: it may come back there.
        const isAway = this.#isEndKnown && !isEndKnown;
        this.#isEndKnown ||= isEndKnown;
        const { subAddress } = isAway ? link.addresses : addresses;
        return moveLink(link, { addresses: { ...addresses, subAddress }, isDirect: isDirect && !isAway });
      } catch (cause) {
        const error = PalmError.from(cause, 'PROTOCOL', 'the server cannot be found again');
        // The connection to the cache broke. The next one may be on its way.
        if (error.code === 'DISCONNECTED') continue;
        if (error.code !== 'CLOSED' && !this.#isClosed && !link.isReady)
          refuseCalls(link, error, settings.logger);
        return;
      }
    }
  }
}

/** Moves the link to the server's addresses. Calls that were under way at the old ones fail. */
function moveLink(link: CallLink, { addresses, isDirect }: Route): void {
  const { pushAddress, subAddress } = link.addresses;
  link.refusal = undefined;
  link.isDirect = isDirect;
  if (addresses.pushAddress !== pushAddress) {
    const pusher = link.push(addresses.pushAddress);
    link.addresses = { ...addresses, subAddress };
    replacePusher(link, pusher, pushAddress);
  }
  if (addresses.subAddress !== subAddress) {
    const before = link.subscription;
    link.subscription = link.subscribe(addresses.subAddress);
    link.addresses = addresses;
    link.break(movedAway(subAddress));
    before.close();
  }
}

/** Uses another pusher. Calls that were pushed to the address before fail. */
function replacePusher(link: CallLink, pusher: Pusher, address: string): void {
  const before = link.pusher;
  link.pusher = pusher;
  link.break(movedAway(address));
  before.close();
}

function movedAway(address: string): PalmError {
  return new PalmError('DISCONNECTED', `the server is no longer at ${address}`, { sent: 'unknown' });
}

/** Another server is at the addresses: calls that wait fail, and so do new ones, until the server is back. */
function refuseCalls(link: CallLink, error: PalmError, logger: Logger): void {
  const isNew = link.refusal === undefined;
  // The server was asked who it is. Calls are not sent.
  link.refusal = new PalmError(error.code, error.message, { cause: error, sent: false });
  if (!isNew) return;
  logger.warning('the server was not found again', { code: error.code, reason: error.message });
  const { pusher, subscription, addresses } = link;
  link.pusher = link.push(addresses.pushAddress);
  link.subscription = link.subscribe(addresses.subAddress);
  pusher.close();
  subscription.close();
}

/**
 * Connects to the push address a second time. When that succeeds in time, the present pusher stays; otherwise the second one
 * takes its place. A connection without heartbeats stays open for minutes after its peer has vanished.
 */
async function probe(link: CallLink): Promise<void> {
  const before = link.pusher;
  if (!before.isReady) return;
  const { pushAddress } = link.addresses;
  const pusher = link.push(pushAddress);
  await atMost(
    PROBE_TIMEOUT,
    pusher.ready().catch(() => {}),
  );
  if (pusher.isReady || link.pusher !== before || !before.isReady) pusher.close();
  else replacePusher(link, pusher, pushAddress);
}
