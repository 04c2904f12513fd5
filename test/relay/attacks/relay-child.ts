/** Relays in processes of their own, whose memory is theirs alone, and a server before them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { PalmFunctions, Server } from '../../../src/cluster/index.ts';
import type { RelayLimits } from '../../../transports/relay/options.ts';
import { zeromq } from '../../../transports/zeromq/index.ts';
import { during } from '../../support/besieged-relay.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { testCluster } from '../../support/cluster.ts';
import { startScript } from '../../support/processes.ts';
import { connect, TOKEN } from '../../support/relay.ts';
import { dial } from '../../support/relay-peer.ts';
import { within } from '../../support/wait.ts';

const SCRIPT = fileURLToPath(new URL('relay-process.ts', import.meta.url));

export const MiB = 1_048_576;

export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
}

async function startChild(dbAddress: string, limits: RelayLimits) {
  const child = await startScript(SCRIPT, [dbAddress, JSON.stringify(limits)], { flags: ['--expose-gc'] });
  return {
    port: Number(child.said),
    /** Bytes of memory that the process has. */
    rss: () => {
      const pages = readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1];
      return Number(pages) * 4_096;
    },
    close: () => child.close(),
  };
}

/** Starts relays to a server in this process, with a client that works; all is closed when the test is over. */
export function testRelayChildren() {
  const open = testCluster(() => ({ transport: zeromq(), any: 'tcp://127.0.0.1:*' }));
  return async (functions: PalmFunctions = {}, limits: RelayLimits = {}) => {
    const cluster = open();
    const server = await cluster.start<Server>({
      role: 'server',
      name: 'server',
      functions,
      concurrency: 64,
    });
    const { port, rss } = cluster.own(await startChild(server.dbAddress, limits));
    const url = `ws://127.0.0.1:${port}/`;
    const honest = cluster.own(await connect(url));
    const get = async (path: string) =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })).text();
    let asked = 0;
    const alive = async () => {
      const text = `call ${++asked}`;
      expect(textOf(await within(8_000, honest.eval('server.echo', bytes(text)), 'an answer'))).toBe(text);
    };
    await alive();
    const dialIt = async () => cluster.own(await dial(url));
    return {
      server,
      port,
      rss,
      dial: dialIt,
      peer: async () => {
        const peer = await dialIt();
        await peer.greet(TOKEN);
        return peer;
      },
      alive,
      /** Does what `attack` does, while the client that works gets its answers, and after. */
      meanwhile: <T>(attack: () => Promise<T>) => during(alive, attack),
      memory: async (): Promise<Memory> => JSON.parse(await get('/memory')),
      /** What `/metrics` says of a figure; 0 when it says nothing. */
      figure: async (name: string): Promise<number> => {
        const line = (await get('/metrics'))
          .split('\n')
          .find((own) => own.startsWith(`frond_relay_${name} `));
        return Number(line?.split(' ').at(-1) ?? 0);
      },
    };
  };
}
