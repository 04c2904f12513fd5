/** The dashboard in a terminal, with Node: `node node.mjs ws://127.0.0.1:PORT/relay [SAMPLES]`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, json } from 'frond';
import { websocket } from 'frond/websocket';

const [relay, samples = '100'] = process.argv.slice(2);

const client = await Client.connect({ transport: websocket(relay), serverName: 'station' });

async function* questions() {
  for (let left = Number(samples); left > 0; left--) {
    yield { asked: Date.now() };
    await sleep(50);
  }
}

const job = client.with(json()).job('station.now', questions(), { messages: Number(samples) });
for await (const { asked, wind, gusts } of job) {
  const bar = '█'.repeat(wind * 3).padEnd(gusts * 3, '░');
  console.log(`${new Date(asked).toISOString().slice(11, 22)}  ${wind.toFixed(1).padStart(5)} m/s  ${bar}`);
}
await client.close();
