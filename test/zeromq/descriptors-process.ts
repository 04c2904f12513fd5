/**
 * Uses a verb of a connection with few descriptors left, and again with more: descriptors-process.ts VERB IS-FIRST FREE….
 * Prints what came of each.
 */
import { closeSync, openSync } from 'node:fs';
import { PalmError } from '../../src/protocol/errors.ts';
import { zeromq } from '../../transports/zeromq/index.ts';

const [verb = '', isFirst = '', ...frees] = process.argv.slice(2);
const connection = await zeromq().open();
const any = 'tcp://127.0.0.1:*';
const nobody = 'tcp://127.0.0.1:9';

const verbs: Readonly<Record<string, () => unknown>> = {
  reply: () => connection.bindReply(any, (request) => request),
  pull: () => connection.bindPull(any),
  push: () => connection.bindPush(any),
  publish: () => connection.bindPublish(any),
  'dial-push': () => connection.push(nobody),
  'dial-pull': () => connection.pull(nobody),
  'dial-subscribe': () => connection.subscribe(nobody, 'me/'),
  // Each address has a socket of its own.
  'dial-request': () => {
    connection.request(`${nobody}${++requests}`, new Uint8Array(1)).reply.catch(() => {});
  },
};
let requests = 0;

const use = async (): Promise<{ code: string; message: string } | null> => {
  try {
    await verbs[verb]?.();
    return null;
  } catch (error) {
    if (!(error instanceof PalmError)) throw error;
    return { code: error.code, message: error.message };
  }
};

function takeAll(): number[] {
  const held: number[] = [];
  try {
    for (;;) held.push(openSync('/dev/null', 'r'));
  } catch {
    return held;
  }
}

// ZeroMQ starts its threads with the first socket.
if (isFirst !== 'true') await (await connection.bindPull(any)).close();
const outcomes: unknown[] = [];
for (const free of frees) {
  const held = takeAll();
  for (const descriptor of held.splice(-Number(free), Number(free))) closeSync(descriptor);
  const error = await use();
  // What fails later fails now.
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const descriptor of held) closeSync(descriptor);
  outcomes.push({ error, later: await use() });
}
process.stdout.write(JSON.stringify(outcomes), () => process.exit(0));
