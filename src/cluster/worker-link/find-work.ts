import type { CacheLink } from '../../cache-link.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { type CacheReply, replyText } from '../../protocol/cache-request.ts';
import { PalmError } from '../../protocol/errors.ts';
import { Feature } from '../../protocol/message.ts';
import type { Connection, Transport } from '../../transport.ts';
import { LeasedLink } from './leased-link.ts';
import { PushedLink } from './work-link.ts';

/** What a worker needs to know to find work. */
export interface LinkSettings {
  readonly transport: Transport;
  readonly connection: Connection;
  readonly dbAddress: string;
  /** Asks for the Master's own keys. */
  readonly cacheLink: CacheLink;
  readonly name: string;
  readonly concurrency: number;
  /** Given addresses; undefined to ask the Master for them. */
  readonly pushAddress: string | undefined;
  readonly pullAddress: string | undefined;
  /** Told of results that could not be sent. */
  readonly onLost: (count: number, error: unknown) => void;
}

/** Addresses that work is pushed from and results are pushed to; undefined for a Master that hands over on request. */
interface PushAddresses {
  readonly push: string;
  readonly pull: string;
}

/**
 * A way to the work of the Master at `dbAddress`, once it is there. A frond one is asked for work; one that pushes may
 * come back elsewhere when the link breaks, unless its addresses are given, and is left when it has.
 * @throws PalmError `WRONG_SERVER` when the server there has no workers.
 */
export async function findWork(settings: LinkSettings): Promise<LeasedLink | PushedLink> {
  const { connection, dbAddress, name, concurrency } = settings;
  await connection.identify();
  const addresses = await findAddresses(settings);
  if (addresses === undefined) {
    const ask = (frame: Bytes) => connection.request(dbAddress, frame).reply;
    return new LeasedLink({ ask, id: connection.id, name, concurrency });
  }
  const puller = connection.pull(addresses.push);
  const pusher = connection.push(addresses.pull);
  const link = new PushedLink({ puller, pusher, onLost: settings.onLost });
  leaveWhenMoved(settings, addresses, link);
  await Promise.all([puller.ready(), pusher.ready()]);
  return link;
}

async function findAddresses(settings: LinkSettings): Promise<PushAddresses | undefined> {
  const { transport, cacheLink, dbAddress, pushAddress, pullAddress } = settings;
  if (pushAddress !== undefined && pullAddress !== undefined) return { push: pushAddress, pull: pullAddress };
  const [push, pull] = await Promise.all([
    cacheLink.read('worker_push_address'),
    cacheLink.read('worker_pull_address'),
  ]);
  const mayAsk = pushAddress === undefined && pullAddress === undefined;
  if (mayAsk && ((push.features ?? 0) & Feature.work) !== 0) return undefined;
  const resolve = (reply: CacheReply) => {
    const address = replyText(reply);
    if (address !== '') return transport.resolveAddress(address, dbAddress);
    const text = `the server at ${dbAddress} has no workers: it is no Master or Hub, or dbAddress is not its db_address`;
    throw new PalmError('WRONG_SERVER', text, { sent: true });
  };
  return { push: pushAddress ?? resolve(push), pull: pullAddress ?? resolve(pull) };
}

/** A link that breaks may be back in a moment, and what waits to be sent then leaves. */
function leaveWhenMoved(settings: LinkSettings, { push, pull }: PushAddresses, link: PushedLink): void {
  let isAsking = false;
  const checkAddresses = async () => {
    if (isAsking) return;
    isAsking = true;
    for (;;) {
      try {
        const now = await findAddresses(settings);
        if (now?.push !== push || now.pull !== pull) link.abandon();
        break;
      } catch (error) {
        // The Master is not there yet, unless something else is.
        if (error instanceof PalmError && error.code === 'DISCONNECTED') continue;
        link.abandon();
        break;
      }
    }
    isAsking = false;
  };
  link.onBreak(checkAddresses);
}
