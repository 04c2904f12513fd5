/**
 * A client in a process of its own: client-process.ts MODE URL. Says when it is there, does what its mode is when a line
 * comes, says what it then still holds, and is to end by itself.
 */
import { once } from 'node:events';
import { Client } from '../../../src/index.ts';
import type { ConnectionStatus } from '../../../src/transport.ts';
import { websocket } from '../../../transports/websocket/node.ts';

const [mode = '', url = ''] = process.argv.slice(2);
const TOKEN = 'open sesame';
/** Milliseconds that stand for a minute of a hidden page. */
const MINUTE = 300;

/** Timers fire once a minute, as those of hidden pages do. */
function throttle(): void {
  const { setTimeout: real } = globalThis;
  const begin = performance.now();
  const throttled = (callback: () => void, delay = 0) => {
    const due = performance.now() - begin + delay;
    return real(callback, Math.ceil(due / MINUTE) * MINUTE - (performance.now() - begin));
  };
  globalThis.setTimeout = throttled as unknown as typeof setTimeout;
}

function held(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function moreThan(before: Record<string, number>): Record<string, number> {
  const more = Object.entries(held()).map(([kind, count]) => [kind, count - (before[kind] ?? 0)] as const);
  return Object.fromEntries(more.filter(([, count]) => count > 0));
}

const say = (what: unknown) => console.log(JSON.stringify(what));

/** Sockets go a while after their end: there is a closing handshake. */
async function sayWhatIsLeft(before: Record<string, number>): Promise<void> {
  const deadline = performance.now() + 500;
  while (performance.now() < deadline && Object.keys(moreThan(before)).length > 0)
    await new Promise(setImmediate);
  say(moreThan(before));
}

const transport = (options = {}) => websocket(url, { token: TOKEN, ...options });

/** A connection that never comes about, closed once it has said so much of itself. */
async function closeBefore(fits: (status: ConnectionStatus) => boolean, options: object) {
  const before = held();
  const connection = await transport(options).open();
  const statuses = connection.status();
  if (fits({ type: 'connecting', address: url })) await new Promise((resolve) => setTimeout(resolve, 50));
  else for await (const status of statuses) if (fits(status)) break;
  say('there');
  await once(process.stdin, 'data');
  await connection.close();
  await sayWhatIsLeft(before);
}

async function closeConnected() {
  const before = held();
  const client = await Client.connect({ transport: transport(), serverName: 'server' });
  say('there');
  await once(process.stdin, 'data');
  await client.close();
  await sayWhatIsLeft(before);
}

async function hide() {
  throttle();
  const client = await Client.connect({ transport: transport(), serverName: 'server' });
  const { id } = client;
  const statuses: ConnectionStatus[] = [];
  const listen = async () => {
    // The view begins with what is connected.
    for await (const status of client.status()) if (status.type !== 'connected') statuses.push(status);
  };
  listen();
  say('there');
  await once(process.stdin, 'data');
  const answer = await client.eval('server.echo', new TextEncoder().encode('still here'));
  say({ statuses, answer: new TextDecoder().decode(answer), isSame: client.id === id });
  await client.close();
}

const MODES: Readonly<Record<string, () => Promise<void>>> = {
  backoff: () => closeBefore(({ type }) => type === 'reconnecting', { maxDelay: 60_000 }),
  connecting: () => closeBefore(({ type }) => type === 'connecting', {}),
  asking: () =>
    closeBefore(({ type }) => type === 'connecting', { token: () => new Promise<string>(() => {}) }),
  connected: closeConnected,
  hidden: hide,
};

// Open before anything is counted.
process.stdin.resume();
await MODES[mode]?.();
process.stdin.destroy();
