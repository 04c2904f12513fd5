/** Following a server that was started again at other addresses. Pages that go through a relay never load it. */
import { atMost } from '../async/timers.ts';
import type { Logger } from '../logging.ts';
import { PalmError } from '../protocol/errors.ts';
import type { Pusher } from '../transport.ts';
import type { CallLink, Follower, Route } from './call-link.ts';
import { type ClientCore, discover, takesNoCalls } from './core.ts';

/** Milliseconds between two looks for a server that said where it is and is not there. */
const LOOK_AGAIN = 1_000;

/** Milliseconds that a second link to a server gets to show that the server can be reached. */
const PROBE_TIMEOUT = 1_000;

/** Has the link of a client follow its server. */
export function follow(core: ClientCore, link: CallLink): void {
  link.follower = new ServerFollower(core, link);
  // This was loaded while the link was being opened, and took its time.
  if (link.breaks > 0) link.follower.broke();
}

/** Asks a client's server where it is when a link to it has broken, and goes there. */
class ServerFollower implements Follower {
  readonly #core: ClientCore;
  readonly #link: CallLink;
  #asked: Promise<void> | undefined;
  #isClosed = false;

  constructor(core: ClientCore, link: CallLink) {
    this.#core = core;
    this.#link = link;
    core.connection.closed.then(() => {
      this.#isClosed = true;
    });
    this.#watchCache();
  }

  broke(): void {
    this.asked();
  }

  asked(): Promise<void> {
    if (this.#asked === undefined) {
      this.#asked = this.#ask();
      this.#look();
    }
    return this.#asked;
  }

  /** The link to the cache has heartbeats of its own, and ends with the server that calls are pushed to. */
  async #watchCache(): Promise<void> {
    const { connection, settings } = this.#core;
    for await (const status of connection.status()) {
      if (status.type !== 'disconnected' || status.address !== settings.dbAddress) continue;
      this.asked();
      // Fails when the connection is being closed.
      probe(this.#link).catch(() => {});
    }
  }

  /** What a server says of its addresses may be over a moment later: it is asked until they can be used. */
  async #look(): Promise<void> {
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
        const { addresses, isDirect } = await discover({ ...settings, serverName }, cache);
        if (addresses === undefined) throw takesNoCalls(serverName);
        return move(link, { addresses, isDirect });
      } catch (cause) {
        const error = PalmError.from(cause, 'PROTOCOL', 'the server cannot be found again');
        // The link that it was asked over broke; the next may be on its way.
        if (error.code === 'DISCONNECTED') continue;
        if (error.code !== 'CLOSED' && !this.#isClosed && !link.isReady) refuse(link, error, settings.logger);
        return;
      }
    }
  }
}

/** Goes to where the server is now. What was under way at the addresses that it left has failed. */
function move(link: CallLink, { addresses, isDirect }: Route): void {
  const { pushAddress, subAddress } = link.addresses;
  link.refusal = undefined;
  link.isDirect = isDirect;
  if (addresses.pushAddress !== pushAddress) {
    const pusher = link.push(addresses.pushAddress);
    link.addresses = { ...addresses, subAddress };
    pushBy(link, pusher, pushAddress);
  }
  if (addresses.subAddress !== subAddress) {
    const before = link.subscription;
    link.subscription = link.subscribe(addresses.subAddress);
    link.addresses = addresses;
    link.break(left(subAddress));
    before.close();
  }
}

/** What was pushed at the address before fails before its link is closed. */
function pushBy(link: CallLink, pusher: Pusher, address: string): void {
  const before = link.pusher;
  link.pusher = pusher;
  link.break(left(address));
  before.close();
}

function left(address: string): PalmError {
  return new PalmError('DISCONNECTED', `the server is no longer at ${address}`, { sent: 'unknown' });
}

/** Another server is where it was: what waits for it fails, and what comes, until it is back. */
function refuse(link: CallLink, error: PalmError, logger: Logger): void {
  const isNews = link.refusal === undefined;
  link.refusal = error;
  if (!isNews) return;
  logger.warning('the server was not found again', { code: error.code, reason: error.message });
  const { pusher, subscription, addresses } = link;
  link.pusher = link.push(addresses.pushAddress);
  link.subscription = link.subscribe(addresses.subAddress);
  pusher.close();
  subscription.close();
}

/**
 * Dials the address that calls are pushed to once more, and leaves the link that there is when the other is not there in
 * time: a link without heartbeats stands for minutes after its peer has vanished.
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
  else pushBy(link, pusher, pushAddress);
}
