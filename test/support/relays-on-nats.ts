/** Relays side by side over NATS, in processes of their own, and a balancer before them. */
import { fileURLToPath } from 'node:url';
import type { RelayOfSeveral } from '../nats/relay-process.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import { freeAddress, portOf } from './ports.ts';
import { type ScriptProcess, startScript } from './processes.ts';

const SCRIPT = fileURLToPath(new URL('../nats/relay-process.ts', import.meta.url));

export interface RelaysOnNats extends AsyncDisposable {
  readonly balancer: Balancer;
  /** URLs of the relays themselves. */
  readonly urls: readonly string[];
  /** Kills one, and waits until it is gone. */
  kill(index: number): Promise<void>;
  /** Ends one as it should be, and waits until it is gone. */
  end(index: number): Promise<void>;
  /** Starts one again where it was. */
  start(index: number): Promise<void>;
  /** Sends all further connections to one relay. */
  lead(to: number): void;
}

/** @param options - what all relays have in common. */
export async function relaysOnNats(
  count: number,
  options: Omit<RelayOfSeveral, 'id' | 'port' | 'urls'>,
): Promise<RelaysOnNats> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(portOf(await freeAddress()));
  const own = new Map<number, ScriptProcess>();
  const url = (index: number) => `ws://127.0.0.1:${ports[index]}/`;
  const start = async (index: number) => {
    const others = [...ports.keys()].filter((other) => other !== index);
    const urls = Object.fromEntries(others.map((other) => [`r${other}`, url(other)]));
    const relay: RelayOfSeveral = { ...options, id: `r${index}`, port: ports[index] ?? 0, urls };
    own.set(index, await startScript(SCRIPT, [JSON.stringify(relay)]));
  };
  const kill = async (index: number) => {
    own.get(index)?.signal('SIGKILL');
    await own.get(index)?.ended;
  };
  for (const index of ports.keys()) await start(index);
  const balancer = await startBalancer(ports);
  return {
    balancer,
    urls: [...ports.keys()].map(url),
    kill,
    end: async (index) => void (await own.get(index)?.close()),
    start,
    lead: (to) => {
      balancer.pick = () => to;
    },
    async [Symbol.asyncDispose]() {
      for (const index of own.keys()) await kill(index);
      await balancer[Symbol.asyncDispose]();
    },
  };
}
