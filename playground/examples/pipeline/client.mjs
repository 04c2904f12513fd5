import { Client, text } from 'frond';

export default async function run(transport) {
  const client = await Client.connect({
    transport,
    serverName: 'my_server',
    dbAddress: 'tcp://127.0.0.1:5555',
    subAddress: 'tcp://127.0.0.1:5561', // where the last server publishes
  });
  const result = await client.with(text()).eval(['my_server.foo', 'my_pipeline.foo'], 'a message');
  console.log('Client got:', result);
  await client.close();
}
