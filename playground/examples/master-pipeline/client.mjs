import { Client, text } from 'frond';

export default async function run(transport) {
  const client = await Client.connect({
    transport,
    serverName: 'server',
    dbAddress: 'tcp://127.0.0.1:5559',
    subAddress: 'tcp://127.0.0.1:5561', // where the last server publishes
  });
  const path = ['server.foo', 'my_pipeline.foo'];
  const messages = Array(10).fill('a message');
  for await (const result of client.with(text()).job(path, messages, { messages: 10 })) {
    console.log(result);
  }
  await client.close();
}
