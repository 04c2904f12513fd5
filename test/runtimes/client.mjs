/**
 * What a user's script does in any runtime: connects to a relay with a token, calls, streams, shares keys, is cut and goes
 * on, and ends by itself. Gets the relay's URL, and that of a page that cuts all WebSockets.
 */
import { Client, text } from 'frond';
import { websocket } from 'frond/websocket';

const [url, cutUrl] = (globalThis.Deno?.args ?? globalThis.process.argv.slice(2)).slice(-2);

let asked = 0;
const client = await Client.connect({
  transport: websocket(url, {
    token: async () => {
      asked++;
      return 'a secret of 16 or more';
    },
    maxDelay: 50,
  }),
  serverName: 'demo',
});
const words = client.with(text());
console.log('eval', await words.eval('demo.upper', 'hello'));

const inputs = Array.from({ length: 5_000 }, (_, i) => `line ${i}`);
const results = [];
for await (const result of words.job('demo.upper', inputs, { messages: inputs.length })) {
  results.push(result);
  if (results.length === 2_000) await fetch(cutUrl);
}
console.log(
  'job',
  results.length,
  results.every((result, i) => result === `LINE ${i}`),
);

await words.set('festina lente', 'motto');
console.log(
  'keys',
  client.session,
  await words.get('motto'),
  await words.delete('motto'),
  await words.get('motto'),
);

console.log(asked > 1 ? 'cut' : 'not cut');
const refusal = await words.eval('demo.secret', '').catch((error) => error.code);
console.log('refused', refusal);
await client.close();
console.log('closed');
