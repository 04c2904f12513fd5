/** A client over ZeroMQ itself. Gets the server's db_address. */
import { Client, text } from 'frond';
import { zeromq } from 'frond/zeromq';

const [dbAddress] = (globalThis.Deno?.args ?? globalThis.process.argv.slice(2)).slice(-1);
try {
  const client = await Client.connect({ transport: zeromq(), dbAddress, timeout: 10_000 });
  const words = client.with(text());
  let count = 0;
  for await (const _ of words.job('demo.upper', Array(1_000).fill('x'), { messages: 1_000 })) count++;
  console.log(await words.eval('demo.upper', 'hello'), count);
  await client.close();
} catch (error) {
  console.log(error.code, error.message);
}
