import { atMost } from '../../async/timers.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { type CacheReply, replyText } from '../../protocol/cache-request.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { PalmError } from '../../protocol/errors.ts';
import { Feature } from '../../protocol/message.ts';
import { readNotice } from '../runtime/notices.ts';
import { Introduction, type IntroductionSettings } from './introduction.ts';
import { LeasedLink } from './leased-link.ts';
import { MastersLink } from './masters-link.ts';
import { PushedLink } from './work-link.ts';

/** Milliseconds that a worker that is pushed to waits until it and its Master know of each other. It works without that, too. */
const INTRODUCTION_TIMEOUT = 250;

/** What a worker needs to find work. */
export interface LinkSettings extends IntroductionSettings {
  readonly concurrency: number;
  /** Given addresses; undefined to ask the Master. */
  readonly pushAddress: string | undefined;
  readonly pullAddress: string | undefined;
  /** The clock as it is read when a message begins, and when it is done. */
  readonly clock: { readonly now: number };
  /** Called with the number of results that could not be sent. */
  readonly onLost: (count: number, error: unknown) => void;
}

/** The addresses that a Master pushes work from, and takes results at. */
interface PushAddresses {
  readonly push: string;
  readonly pull: string;
}

/**
 * The link to the work of the Master at `dbAddress`, once the Master answers. The worker asks a frond Master for work. A Master that
 * pushes work may come back at other addresses after a break: unless its addresses were given, the link is abandoned then.
 * @throws PalmError `WRONG_SERVER` when the server there is not a Master or Hub.
 */
export async function findWork(settings: LinkSettings): Promise<LeasedLink | MastersLink | PushedLink> {
  const { connection, dbAddress, name, concurrency, clock } = settings;
  await connection.identify();
  const found = await findAddresses(settings);
  if (!('push' in found)) {
    const codec = new EnvelopeCodec();
    const onNotice = (frame: Bytes) => {
      const notice = readNotice(codec, frame);
      if (notice !== undefined) settings.onCancel(notice);
    };
    const { offers, onOffersRefused } = settings;
    const { takesProgress } = found;
    const offering = { offers, onOffersRefused, takesProgress };
    const own = { id: connection.id, name, concurrency, clock, onNotice, ...offering };
    if (connection.requestEach === undefined || !connection.settles?.(dbAddress)) {
      const ask = (frame: Bytes) => connection.request(dbAddress, frame).reply;
      return new LeasedLink({ ask, ...own });
    }
    return new MastersLink({
      each: (found) => connection.requestEach?.(dbAddress, found) ?? (() => {}),
      link: (end, elsewhere) =>
        new LeasedLink({ ask: (frame) => end.request(frame).reply, elsewhere, ...own }),
    });
  }
  const addresses = found;
  const puller = connection.pull(addresses.push);
  const pusher = connection.push(addresses.pull);
  const link = new PushedLink({ puller, pusher, onLost: settings.onLost });
  leaveWhenMoved(settings, addresses, link);
  const introduced = new Introduction(settings, link).tell();
  await Promise.all([puller.ready(), pusher.ready(), atMost(INTRODUCTION_TIMEOUT, introduced)]);
  return link;
}

/** A Master that is asked for work. */
interface AskedMaster {
  /** Whether it takes progress among the results. */
  readonly takesProgress: boolean;
}

/** Where the Master pushes work, unless it is asked for work. */
async function findAddresses(settings: LinkSettings): Promise<PushAddresses | AskedMaster> {
  const { transport, cacheLink, dbAddress, pushAddress, pullAddress } = settings;
  if (pushAddress !== undefined && pullAddress !== undefined) return { push: pushAddress, pull: pullAddress };
  const [push, pull] = await Promise.all([
    cacheLink.read('worker_push_address'),
    cacheLink.read('worker_pull_address'),
  ]);
  const mayAsk = pushAddress === undefined && pullAddress === undefined;
  const features = push.features ?? 0;
  if (mayAsk && (features & Feature.work) !== 0)
    return { takesProgress: (features & Feature.progress) !== 0 };
  const resolve = (reply: CacheReply) => {
    const address = replyText(reply);
    if (address !== '') return transport.resolveAddress?.(address, dbAddress) ?? address;
    const text = `the server at ${dbAddress} has no workers: it is not a Master or Hub, or dbAddress is not its db_address`;
    throw new PalmError('WRONG_SERVER', text, { sent: true });
  };
  return { push: pushAddress ?? resolve(push), pull: pullAddress ?? resolve(pull) };
}

/** Abandons the link when the Master has moved. A link that only breaks may be back soon, and then sends what waits. */
function leaveWhenMoved(settings: LinkSettings, { push, pull }: PushAddresses, link: PushedLink): void {
  let isAsking = false;
  const checkAddresses = async () => {
    if (isAsking) return;
    isAsking = true;
    for (;;) {
      try {
        const now = await findAddresses(settings);
        if (!('push' in now) || now.push !== push || now.pull !== pull) link.abandon();
        break;
      } catch (error) {
        // The Master is not back yet.
        if (error instanceof PalmError && error.code === 'DISCONNECTED') continue;
        link.abandon();
        break;
      }
    }
    isAsking = false;
  };
  link.onBreak(checkAddresses);
}
