import type { CacheChannel } from '../cache-client.ts';
import { replyText } from '../protocol/cache-request.ts';
import { PalmError, show } from '../protocol/errors.ts';
import type { ClientSettings } from './connect-options.ts';
import type { PathAddresses, Route } from './call-link.ts';

/** What a client knows of its server. */
export interface ServerProfile extends Omit<Route, 'addresses'> {
  readonly serverName: string;
  /** Undefined for a server that takes no calls from clients: a Pipeline, Hub or Sink. Its cache can be used. */
  readonly addresses: PathAddresses | undefined;
}

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
  const isDirect = subAddress === undefined && own.features !== undefined;
  return {
    serverName: name,
    isDirect,
    addresses:
      pull === '' || pub === ''
        ? undefined
        : {
            pushAddress: pushAddress ?? transport.resolveAddress(pull, dbAddress),
            subAddress: subAddress ?? transport.resolveAddress(pub, dbAddress),
          },
  };
}
