import { Client, text } from 'frond';

export default async function run(transport) {
  const client = await Client.connect({
    transport,
    serverName: 'my_server',
    dbAddress: 'tcp://127.0.0.1:5555',
    subAddress: 'tcp://127.0.0.1:5561', // where the pipeline that answers publishes
  });
  const path = ['my_server.foo', 'my_pipeline.foo'];
  const messages = Array(10).fill('a message');
  for await (const result of client.with(text()).job(path, messages, { messages: 5 })) {
    console.log('Client got:', result);
  }
  await client.close();
}
