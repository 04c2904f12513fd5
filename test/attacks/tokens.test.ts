/** Tokens that are taken away from those who are connected with them. */
import { Type } from '../../transports/relay-protocol/frames.ts';
import type { RawPeer } from '../support/relay-peer.ts';
import { enter } from './clients.ts';
import { attack, pause } from './field.ts';
import { ATTACKER_TOKEN, EVERYTHING, HONEST_TOKEN, oneServer, SERVER, tokens } from './parts.ts';

/** Milliseconds after which nothing is allowed any more. */
const WITHIN = 1_000;
/** Milliseconds for the call that is under way then, on a machine that does other things. */
const SLACK = 500;
const LONGEST = 5_000;

/** Milliseconds that its calls are still answered for. */
async function callsUntilRefused(peer: RawPeer, path: string): Promise<number> {
  const began = performance.now();
  for (let i = 0; ; i++) {
    const took = performance.now() - began;
    if (took > LONGEST || peer.socket.readyState !== peer.socket.OPEN) return took;
    const status = await peer.call(`${i}`, path).then(
      (answer) => answer.status,
      () => -1,
    );
    if (status !== 0) return performance.now() - began;
    peer.frames.length = 0;
    await pause(20);
  }
}

attack('11 tokens that are taken away', async (field) => {
  const { ups } = await field.serve(oneServer());
  const servers = { [SERVER]: ups[0]?.addresses.db_address };
  const { target, url, changeTokens } = await field.relay({ servers, tokens: tokens(1) });
  const honest = [{ url, token: HONEST_TOKEN, server: SERVER, path: `${SERVER}.upper` }];
  const sent = 'calls of one whose token is taken from the file, and of one whose grants are';
  const bounds = { growth: 64, descriptors: 50 };
  await field.besiege(target, { sent, bounds, honest }, async (fell) => {
    const [gone, less] = [await enter(field, url, 0), await enter(field, url, 0, 'the-token-of-attacker-0')];
    if (gone === undefined || less === undefined) throw new Error('the relay lets nobody in');
    await gone.openCalls();
    await less.openCalls();
    await changeTokens([
      { name: 'honest', token: HONEST_TOKEN, ...EVERYTHING },
      {
        name: 'attacker-0',
        token: 'the-token-of-attacker-0',
        servers: [SERVER],
        functions: [`${SERVER}.other`],
      },
    ]);
    const path = `${SERVER}.upper`;
    const [one, other] = await Promise.all([callsUntilRefused(gone, path), callsUntilRefused(less, path)]);
    for (const [what, time] of [
      ['a token that was taken away', one],
      ['a grant that was taken away', other],
    ] as const) {
      if (time > WITHIN + SLACK) fell(`${what} was good for ${Math.round(time)} ms, of ${WITHIN} at most`);
    }
    if (gone.frames.some(([type]) => type === Type.welcome)) gone.frames.length = 0;
    if ((await enter(field, url, 0, ATTACKER_TOKEN)) !== undefined)
      fell('the token still lets its bearer in');
  });
});
