/** ZeroMQ without native code: a client of a native server, and a Server and client of its own. Gets the server's db_address. */
import { Client, text } from 'frond';
import { Server } from 'frond/cluster';
import { curveKeyPair, zmtp } from 'frond/zmtp';

const [dbAddress] = (globalThis.Deno?.args ?? globalThis.process.argv.slice(2)).slice(-1);
const any = 'tcp://127.0.0.1:*';
const bound = { dbAddress: any, pullAddress: any, pubAddress: any };
const functions = {
  upper: (payload) => new TextEncoder().encode(new TextDecoder().decode(payload).toUpperCase()),
};

async function use(address, name, transport = zmtp()) {
  const client = await Client.connect({ transport, dbAddress: address, timeout: 10_000 });
  const words = client.with(text());
  let count = 0;
  for await (const _ of words.job(`${name}.upper`, Array(1_000).fill('x'), { messages: 1_000 })) count++;
  await client.set(new Uint8Array([1]), 'key');
  console.log(await words.eval(`${name}.upper`, 'hello'), count, (await client.get('key')).length);
  await client.close();
}

await use(dbAddress, 'demo');
async function serve(bindingTransport, diallingTransport) {
  const transport = bindingTransport;
  const server = await Server.start({ transport, name: 'own', ...bound, functions, loggingLevel: 'silent' });
  await use(server.dbAddress, 'own', diallingTransport);
  await server.close();
}

await serve(zmtp(), zmtp());
const [keys, own] = [curveKeyPair(), curveKeyPair()];
const curveServer = { secretKey: keys.secretKey, allow: [own.publicKey] };
await serve(zmtp({ curveServer }), zmtp({ curve: { serverKey: keys.publicKey, ...own } }));
console.log('closed');
