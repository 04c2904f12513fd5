/** A client in a process of its own that waits for a job, and says `sent` once all inputs are: caller-process.ts URL FUNCTION INPUTS [detached]. `compute` on its input has it compute. */
import { Client } from '../../src/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { bytes } from '../support/bytes.ts';

/** Milliseconds that it computes. */
const COMPUTED = 6_000;

const [servers = '', path = '', inputs = '0', detached] = process.argv.slice(2);
const client = await Client.connect({
  transport: nats({ servers }),
  dbAddress: 'nats:server',
  loggingLevel: 'silent',
});
console.log(client.id);
process.stdin.once('data', () => {
  const until = performance.now() + COMPUTED;
  console.log('computing');
  while (performance.now() < until);
});
const payloads = Array.from({ length: Number(inputs) }, (_, i) => bytes(String(i)));
const job = client.job(path, payloads, { detached: detached !== undefined });
const looking = setInterval(() => {
  if (job.progress.sent < payloads.length) return;
  console.log('sent');
  clearInterval(looking);
}, 20);
for await (const _ of job) console.log('result');
