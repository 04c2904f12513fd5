import { Client, text } from 'frond';

export default async function run(transport) {
  const client = await Client.connect({
    transport,
    serverName: 'server',
    dbAddress: 'tcp://127.0.0.1:5555',
    subAddress: 'tcp://127.0.0.1:5558', // where the hub publishes
  });
  const result = await client.with(text()).eval(['server.foo', 'hub.foo'], 'a message');
  console.log('Client got:', result);
  await client.close();
}
