/** frond servers that close and come back at their addresses: the pylm processes at them go on. */
import { afterEach, expect, it } from 'vitest';
import { Master, Server } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { readAll, within } from '../support/wait.ts';
import { functionsOf } from './functions.ts';
import type { Entry } from './mixed.ts';
import { startNode } from './node.ts';
import { prove } from './probe.ts';
import { transportHere } from './transport.ts';

let undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const one of undo.reverse()) await within(10_000, one());
  undo = [];
});

function own<T extends { close(): Promise<unknown> }>(closable: T): T {
  undo.push(() => closable.close());
  return closable;
}

const any = 'tcp://127.0.0.1:*';
const transport = transportHere();
const numbers = Array.from({ length: 1_000 }, (_, i) => String(i));

/** The path carries messages again, and a whole job. */
async function expectJob(entry: Entry, path: string, answers: readonly string[]): Promise<readonly string[]> {
  await within(15_000, prove(entry, path.replaceAll('.tag', '.who'), answers), 'the path');
  const client = own(await Client.connect({ transport, ...entry, loggingLevel: 'silent' }));
  const limits = { messages: numbers.length, idleTimeout: 5_000 };
  const results = await readAll(client.with(text()).job(path, numbers, limits));
  expect(results.map((result) => result.split('|')[0]).sort()).toEqual([...numbers].sort());
  return results;
}

it('pylm workers find a frond Master again', async () => {
  const start = async (addresses: Partial<Master> = {}) => {
    const { dbAddress = any, pullAddress = any, pubAddress = any } = addresses;
    const { workerPullAddress = any, workerPushAddress = any } = addresses;
    const bound = { dbAddress, pullAddress, pubAddress, workerPullAddress, workerPushAddress };
    return own(await Master.start({ transport, name: 'master', loggingLevel: 'silent', ...bound }));
  };
  const before = await start();
  const workers = ['one', 'two'];
  for (const name of workers) {
    const { stop } = await startNode({ kind: 'Worker', label: name, name, db: before.dbAddress });
    undo.push(stop);
  }
  const entry = {
    serverName: 'master',
    dbAddress: before.dbAddress,
    pushAddress: before.pullAddress,
    subAddress: before.pubAddress,
  };
  await expectJob(entry, 'master.tag', workers);
  await before.close();
  await start(before);
  const results = await expectJob(entry, 'master.tag', workers);
  expect(new Set(results.map((result) => result.split('|')[1]))).toEqual(new Set(workers));
});

it('a pylm Pipeline finds a frond Server again', async () => {
  const start = async (addresses: Partial<Server> = {}) => {
    const { dbAddress = any, pullAddress = any, pubAddress = any } = addresses;
    const options = { transport, name: 'first', loggingLevel: 'silent', pipelined: true } as const;
    const functions = functionsOf('first');
    return own(await Server.start({ ...options, functions, dbAddress, pullAddress, pubAddress }));
  };
  const before = await start();
  const second = await startNode({
    kind: 'Pipeline',
    label: 'second',
    name: 'second',
    sub: [before.pubAddress],
    previous: ['first'],
  });
  undo.push(second.stop);
  const entry = {
    serverName: 'first',
    dbAddress: before.dbAddress,
    pushAddress: before.pullAddress,
    subAddress: second.addresses.pub ?? '',
  };
  await expectJob(entry, 'first.tag second.tag', ['second']);
  await before.close();
  await start(before);
  await expectJob(entry, 'first.tag second.tag', ['second']);
});
