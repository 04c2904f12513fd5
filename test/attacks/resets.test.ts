/** Connections that are reset, at every stage of what they could have become. */
import { attack, type Field, times } from './field.ts';
import { HONEST_TOKEN, oneServer, SERVER, tokens } from './parts.ts';
import { resetAt, stagesAt } from './upgrades.ts';

const ROUNDS = times(15, 1_000);
const ABREAST = 8;

async function reset(field: Field, port: number, path: string): Promise<void> {
  const stages = stagesAt(path);
  const all = Array.from({ length: ROUNDS }, () => stages).flat();
  const lane = async () => {
    for (let next = all.pop(); next !== undefined; next = all.pop()) await resetAt(field, next, port);
  };
  await Promise.all(Array.from({ length: ABREAST }, lane));
}

const SENT = `${ROUNDS} resets at each of ${stagesAt('/').length} stages`;

attack('3 resets at a relay', async (field) => {
  const { ups } = await field.serve(oneServer());
  const servers = { [SERVER]: ups[0]?.addresses.db_address };
  const path = '/frond';
  const { target, url, port } = await field.relay({ servers, tokens: tokens(), path });
  const honest = [{ url, token: HONEST_TOKEN, server: SERVER, path: `${SERVER}.upper` }];
  const bounds = { growth: 64, descriptors: 100 };
  await field.besiege(target, { sent: SENT, bounds, honest }, () => reset(field, port, path));
});

attack('3 resets at the demo', async (field) => {
  const { target, relay: url, token, port } = await field.demo();
  const honest = [{ url, token, server: 'demo', path: 'demo.upper' }];
  const bounds = { growth: 64, descriptors: 100 };
  await field.besiege(target, { sent: SENT, bounds, honest }, () => reset(field, port, '/relay'));
});
