import { Client, text } from 'frond';

export default async function run(transport) {
  const client = await Client.connect({
    transport,
    serverName: 'my_server',
    dbAddress: 'tcp://127.0.0.1:5555',
  });
  try {
    console.log('Client got:', await client.with(text()).eval('my_server.foo', 'a message'));
  } catch (error) {
    console.log('Client got:', error.code, error.remoteName);
    console.log(error.message);
  }
  await client.close();
}
