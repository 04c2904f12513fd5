/** Sessions that come and go by the thousand, and one that is to be there when its client is back. */
import { once } from 'node:events';
import { dial, type RawPeer } from '../support/relay-peer.ts';
import { attack, times } from './field.ts';
import { ATTACKER_TOKEN, HONEST_TOKEN, oneServer, SERVER, tokens } from './parts.ts';

/** Places for connections and sessions: those of the relay itself in a long run. */
const PLACES = times(400, 10_000);
const CHURNED = PLACES + 50;
const ABREAST = 16;
const ATTACKERS_ADDRESS = '127.0.0.9';

attack('10 sessions that are churned', async (field) => {
  const { ups } = await field.serve(oneServer());
  const servers = { [SERVER]: ups[0]?.addresses.db_address };
  const { target, url } = await field.relay({
    servers,
    tokens: tokens(),
    limits: { maxConnections: PLACES },
  });
  const honest = [{ url, token: HONEST_TOKEN, server: SERVER, path: `${SERVER}.upper` }];
  const sent = `${CHURNED} sessions from one address, where there are ${PLACES} places, while a client is cut`;
  const bounds = { growth: 128, descriptors: 200 };
  await field.besiege(target, { sent, bounds, honest }, async (fell) => {
    const cut = field.own(await dial(url));
    await cut.greet(HONEST_TOKEN);
    cut.socket.terminate();
    await cut.end();
    let left = CHURNED;
    const lane = async () => {
      while (left-- > 0) {
        const peer: RawPeer | undefined = await dial(url, { localAddress: ATTACKERS_ADDRESS }).catch(
          () => undefined,
        );
        await peer?.greet(ATTACKER_TOKEN).catch(() => {});
        peer?.socket.terminate();
        if (peer !== undefined && peer.socket.readyState !== peer.socket.CLOSED)
          await once(peer.socket, 'close');
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, lane));
    const back = field.own(await dial(url));
    const [, , , isResumed] = await back.greet(HONEST_TOKEN, cut.session, cut.received);
    if (!isResumed) fell('the session of a client that was cut is gone');
  });
});
