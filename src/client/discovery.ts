import type { CacheChannel } from '../cache/channel.ts';
import { replyText } from '../protocol/cache.ts';
import { PalmError, show } from '../protocol/errors.ts';
import type { ClientSettings } from './options.ts';
import type { PathAddresses } from './path.ts';

/** What a client knows of its server. */
export interface ServerProfile {
  readonly serverName: string;
  /** Undefined for a server that takes no calls from clients: a Pipeline, Hub or Sink. Its cache can be used. */
  readonly addresses: PathAddresses | undefined;
  /** Milliseconds that its publisher gets to confirm a subscription; 0 when it may be one that cannot. */
  readonly proofTimeout: number;
}

/** A frond server confirms at once; another may have come to its address since it was asked. */
const PROOF_TIMEOUT = 2_000;

/**
 * Asks the server at `dbAddress` for its name and addresses, all at once.
 * @throws PalmError `WRONG_SERVER` when it bears another name than `serverName`.
 */
export async function discover(settings: ClientSettings, cache: CacheChannel): Promise<ServerProfile> {
  const { transport, dbAddress, serverName, pushAddress, subAddress } = settings;
  const ask = async (key: string) => replyText(await cache.read(key));
  const [own, pull, pub] = await Promise.all([
    cache.read('name'),
    pushAddress ?? ask('pull_address'),
    subAddress ?? ask('pub_address'),
  ]);
  const name = replyText(own);
  if (name === '' || (serverName !== undefined && name !== serverName)) {
    const found = name === '' ? 'a server without a name' : `server ${show(name)}`;
    const wanted = serverName === undefined ? '' : `, not ${show(serverName)}`;
    throw new PalmError(
      'WRONG_SERVER',
      `at ${dbAddress} is ${found}${wanted}; check serverName and dbAddress`,
      { sent: true },
    );
  }
  const proofTimeout = subAddress === undefined && own.features !== undefined ? PROOF_TIMEOUT : 0;
  if (pull === '' || pub === '') return { serverName: name, addresses: undefined, proofTimeout };
  return {
    serverName: name,
    proofTimeout,
    addresses: {
      pushAddress: pushAddress ?? transport.resolveAddress(pull, dbAddress),
      subAddress: subAddress ?? transport.resolveAddress(pub, dbAddress),
    },
  };
}
