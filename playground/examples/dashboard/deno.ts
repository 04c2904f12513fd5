/** The dashboard in a terminal, with Deno: `deno run --allow-net deno.ts ws://127.0.0.1:PORT/relay [SAMPLES]`. */
import { Client, json } from 'frond'; // deno add npm:frond
import { websocket } from 'frond/websocket';

interface Question {
  /** Milliseconds since 1970. */
  readonly asked: number;
}

interface Sample extends Question {
  /** Metres in a second. */
  readonly wind: number;
  readonly gusts: number;
}

const [relay = '', samples = '100'] = Deno.args;

const client = await Client.connect({ transport: websocket(relay), serverName: 'station' });

async function* questions(): AsyncGenerator<Question> {
  for (let left = Number(samples); left > 0; left--) {
    yield { asked: Date.now() };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const typed = client.with(json<Question, Sample>());
for await (const { asked, wind, gusts } of typed.job('station.now', questions(), {
  messages: Number(samples),
})) {
  const bar = '█'.repeat(wind * 3).padEnd(gusts * 3, '░');
  console.log(`${new Date(asked).toISOString().slice(11, 22)}  ${wind.toFixed(1).padStart(5)} m/s  ${bar}`);
}
await client.close();
