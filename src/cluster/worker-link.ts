import type { CacheChannel } from '../cache/channel.ts';
import { replyText } from '../protocol/cache.ts';
import { PalmError } from '../protocol/errors.ts';
import { Feature } from '../protocol/message.ts';
import type { Connection, Transport } from '../transport.ts';
import { LeasedWork } from './leased-work.ts';
import { PushedWork } from './pushed-work.ts';

/** What a worker needs to know to find work. */
export interface LinkSettings {
  readonly transport: Transport;
  readonly connection: Connection;
  readonly dbAddress: string;
  /** Asks for the Master's own keys. */
  readonly channel: CacheChannel;
  readonly name: string;
  readonly concurrency: number;
  /** Given addresses; undefined to ask the Master for them. */
  readonly pushAddress: string | undefined;
  readonly pullAddress: string | undefined;
  /** Told of results that could not be sent. */
  readonly onLost: (count: number, error: unknown) => void;
}

/**
 * A way to the work of the Master at `dbAddress`, once it is there. A frond one is asked for work; one that pushes is
 * left again when the link breaks, since it may come back elsewhere, unless its addresses are given.
 * @throws PalmError `WRONG_SERVER` when the server there has no workers.
 */
export async function findWork(settings: LinkSettings): Promise<LeasedWork | PushedWork> {
  const { connection, dbAddress, name, concurrency } = settings;
  if (settings.pushAddress === undefined && settings.pullAddress === undefined) {
    const found = await settings.channel.read('worker_push_address');
    if (((found.features ?? 0) & Feature.work) !== 0) {
      return new LeasedWork({
        ask: (frame) => connection.request(dbAddress, frame).reply,
        name,
        concurrency,
      });
    }
  }
  const [push, pull] = await Promise.all([
    settings.pushAddress ?? advertised(settings, 'worker_push_address'),
    settings.pullAddress ?? advertised(settings, 'worker_pull_address'),
  ]);
  const puller = connection.pull(push);
  const pusher = connection.push(pull);
  const work = new PushedWork({ puller, pusher, onLost: settings.onLost });
  await Promise.all([puller.ready(), pusher.ready()]);
  if (settings.pushAddress === undefined || settings.pullAddress === undefined)
    work.onBreak(() => work.stop());
  return work;
}

async function advertised({ transport, channel, dbAddress }: LinkSettings, key: string): Promise<string> {
  const address = replyText(await channel.read(key));
  if (address !== '') return transport.resolveAddress(address, dbAddress);
  const text = `the server at ${dbAddress} has no workers: it is no Master or Hub, or dbAddress is not its db_address`;
  throw new PalmError('WRONG_SERVER', text, { sent: true });
}
