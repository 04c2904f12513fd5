import { Client, text } from 'frond';

export default async function run(transport) {
  const client = await Client.connect({
    transport,
    serverName: 'server',
    dbAddress: 'tcp://127.0.0.1:5559',
  });
  const messages = Array(10).fill('a message');
  for await (const result of client.with(text()).job('server.foo', messages, { messages: 20 })) {
    console.log(result);
  }
  await client.close();
}
