/** Functions in threads, in a server of this process. Prints what they gave, and what became of a thread that ended. */
import { Client, text } from 'frond';
import { Server } from 'frond/cluster';
import { memory } from 'frond/memory';

const transport = memory();
const addresses = { dbAddress: 'memory://*', pullAddress: 'memory://*', pubAddress: 'memory://*' };
const module = new URL('./threads-functions.mjs', import.meta.url);
const quiet = { loggingLevel: 'silent' };
const server = await Server.start({ transport, name: 's', ...addresses, module, threads: 2, ...quiet });
const client = await Client.connect({ transport, dbAddress: server.dbAddress, timeout: 20_000, ...quiet });
const words = client.with(text());
const fails = (call) => call.catch((error) => `${error.code} ${error.remoteName}`);

console.log(await words.eval('s.upper', 'hello'));
console.log((await client.eval('s.size', new Uint8Array(1_048_576))).length);
console.log(
  (await words.eval('s.count', '40', { messages: 40 })).join('') === [...Array(40).keys()].join(''),
);
const endless = fails(words.eval('s.compute', '600000'));
while (server.counters.inFlight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
let count = 0;
for await (const _ of words.map('s.upper', Array(100).fill('x'))) count++;
console.log(count, server.counters.inFlight);
console.log(await words.eval('s.keep', 'kept'));
console.log(await fails(words.eval('s.throws', '')));
console.log(await fails(words.eval('s.exits', '')), await words.eval('s.upper', 'on'));
await server.close({ timeout: 100 });
await client.close();
await endless;
console.log('closed');
