/** NATS: a Server, and a Master with a Worker, of this process, and a client of both. Gets where NATS is, and a name of its own. */
import { Client, text } from 'frond';
import { Master, Server, Worker } from 'frond/cluster';
import { nats } from 'frond/nats';

const [servers, name] = (globalThis.Deno?.args ?? globalThis.process.argv.slice(2)).slice(-2);
const transport = nats({ servers });
const quiet = { loggingLevel: 'silent' };
const functions = {
  upper: (payload) => new TextEncoder().encode(new TextDecoder().decode(payload).toUpperCase()),
  twice: (payload) => [payload, payload],
};

async function use(own) {
  const client = await Client.connect({ transport, dbAddress: `nats:${own}`, timeout: 20_000, ...quiet });
  const words = client.with(text());
  const inputs = Array.from({ length: 500 }, (_, number) => `a${number}`);
  let count = 0;
  for await (const _ of words.job(`${own}.twice`, inputs, { messages: 1_000 })) count++;
  const results = [];
  for await (const result of words.map(`${own}.upper`, inputs)) results.push(result);
  const isInOrder = results.join() === inputs.join().toUpperCase();
  const large = await client.eval(`${own}.echo`, new Uint8Array(3_000_000).fill(7));
  await words.set('festina lente', 'a key');
  console.log(await words.eval(`${own}.upper`, 'hello'), count, isInOrder, large.length, large.at(-1));
  console.log(await words.get('a key'), await words.delete('a key'), await words.get('a key'));
  await client.close();
}

const server = await Server.start({ transport, name, dbAddress: `nats:${name}`, functions, ...quiet });
await use(name);
await server.close();
const crew = `${name}-crew`;
const master = await Master.start({ transport, name: crew, dbAddress: `nats:${crew}`, ...quiet });
const worker = await Worker.start({ transport, dbAddress: `nats:${crew}`, functions, ...quiet });
await use(crew);
await worker.close();
await master.close();
console.log('closed');
