/** The memory transport: a job through a Server within one process, against a bare EventTarget. */
import { Server } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { memory } from '../../transports/memory/index.ts';
import type { Bench } from './bench.ts';
import { k, stated } from './figures.ts';

const payload = new Uint8Array(32).fill(0x78);

export async function measureMemory(bench: Bench): Promise<void> {
  const transport = memory();
  const any = 'memory://*';
  const addresses = { dbAddress: any, pullAddress: any, pubAddress: any };
  const functions = { same: (own: Uint8Array<ArrayBuffer>) => own };
  await using server = await Server.start({
    transport,
    name: 'server',
    ...addresses,
    loggingLevel: 'warning',
    functions,
  });
  await using client = await Client.connect({ transport, dbAddress: server.dbAddress });
  const many = Math.round(200_000 * bench.scale);

  function* payloads() {
    for (let i = 0; i < many; i++) yield payload;
  }
  const job = async () => {
    const start = performance.now();
    for await (const _ of client.job('server.same', payloads(), { messages: many }));
    return many / ((performance.now() - start) / 1e3);
  };
  /** A call and its answer are two events, each with a payload of its own. */
  const events = async () => {
    const target = new EventTarget();
    let received = 0;
    target.addEventListener('call', (event) => {
      const { detail } = event as CustomEvent<Uint8Array>;
      target.dispatchEvent(new CustomEvent('answer', { detail: detail.slice() }));
    });
    target.addEventListener('answer', () => received++);
    const start = performance.now();
    for (const own of payloads()) target.dispatchEvent(new CustomEvent('call', { detail: own.slice() }));
    return received / ((performance.now() - start) / 1e3);
  };
  const rate = await bench.inTurn('a job in one process', Math.max, { frond: job, events });
  const what = 'job through a Server in one process: calls each second of one core';
  bench.row(
    what,
    'bare EventTarget, two events',
    rate.frond / rate.events,
    stated,
    `${k(rate.frond)} / ${k(rate.events)}`,
  );
}
