/**
 * A client in a process of its own, whose job outlives it: job-process.ts URL FUNCTION INPUTS. Prints the id of the job, `sent` when all inputs
 * are, and each result. Without inputs (`-`) they are endless, one in 20 ms.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Client, detachedJob, text } from '../../src/index.ts';
import { nats } from '../../transports/nats/index.ts';

const [servers = '', path = '', inputs = '0'] = process.argv.slice(2);
const client = await Client.connect({
  transport: nats({ servers, heartbeat: 200 }),
  dbAddress: 'nats:server',
  loggingLevel: 'silent',
});

async function* payloads() {
  for (let number = 0; inputs === '-' || number < Number(inputs); number++) {
    if (inputs === '-') await pause(20);
    yield String(number);
  }
}

const job = detachedJob(client.with(text()), path, payloads());
console.log(job.id);
let isSent = false;
for await (const result of job) {
  console.log(result);
  if (isSent || job.progress.sent !== Number(inputs)) continue;
  isSent = true;
  console.log('sent');
}
console.log('over');
