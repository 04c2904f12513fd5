import { Client, text } from 'frond';

export default async function run(transport) {
  const client = await Client.connect({
    transport,
    serverName: 'server',
    dbAddress: 'tcp://127.0.0.1:5559',
  });
  const words = client.with(text());

  await words.set(' cached data ', 'cached');
  console.log(await words.get('cached'));

  const messages = Array(10).fill('a message');
  for await (const result of words.job('server.foo', messages, { messages: 30 })) {
    console.log(result);
  }
  await client.close();
}
