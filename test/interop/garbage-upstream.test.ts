/** Garbage that a previous server publishes: Pipeline, Sink and Hub of frond's go on answering. */
import { afterEach, expect, it } from 'vitest';
import {
  type Hub,
  type Pipeline,
  type RoleDefinition,
  type RunningRole,
  type Sink,
  startRole,
} from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { readAll, within } from '../support/wait.ts';
import { functionsOf } from './functions.ts';
import { badFrames } from './garbage.ts';
import { hex, pylmCalls, textsOf } from './pylm-calls.ts';
import { startRelay } from './relay.ts';
import { transportHere } from './transport.ts';

let undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of undo.reverse()) await one();
  undo = [];
});

const any = 'tcp://127.0.0.1:*';
const functions = functionsOf('role');
const shared = {
  name: 'role',
  loggingLevel: 'silent',
  dbAddress: any,
  pubAddress: any,
} as const;

async function start<R extends RunningRole>(definition: RoleDefinition): Promise<R> {
  const role = (await startRole(definition, transportHere())) as R;
  undo.push(() => role.close());
  return role;
}

const roles = [
  ['pipeline', 1],
  ['sink', 2],
  ['hub', 1],
] as const;

async function startAfter(
  kind: (typeof roles)[number][0],
  subAddress: string,
): Promise<Pipeline | Sink | Hub> {
  const previous = 'first';
  if (kind === 'pipeline') return start({ role: kind, ...shared, functions, subAddress, previous });
  if (kind === 'sink') {
    const subAddresses = [subAddress, subAddress];
    return start({ role: kind, ...shared, functions, subAddresses, previous: [previous, previous] });
  }
  const workers = { workerPullAddress: any, workerPushAddress: any };
  const hub = await start<Hub>({ role: kind, ...shared, ...workers, subAddress, previous });
  await start({ role: 'worker', loggingLevel: 'silent', dbAddress: hub.dbAddress, functions });
  return hub;
}

it.each(roles)('a frond %s takes garbage from the server before it', async (kind, answers) => {
  const relay = await startRelay('first');
  undo.push(() => relay.close());
  const [role] = await Promise.all([
    startAfter(kind, relay.pubAddress),
    within(5_000, relay.subscribed(answers), 'the subscription'),
  ]);
  const frames = badFrames('first.same role.same');
  for (const frame of frames) {
    await relay.publish('first', frame);
    await relay.publish('first', frame, frame);
    await relay.publish('first, but longer', frame);
  }
  await relay.publish('first', ...frames);
  await relay.publish('first');
  await relay.publish('');

  const entry = {
    serverName: 'role',
    dbAddress: role.dbAddress,
    pushAddress: relay.pullAddress,
    subAddress: role.pubAddress,
  };
  const times = (result: string) => Array.from({ length: answers }, () => result);
  const client = await Client.connect({
    ...entry,
    transport: transportHere(),
    serverName: 'first',
    thisConfig: true,
    loggingLevel: 'silent',
  });
  undo.push(() => client.close());
  const words = client.with(text());
  const path = ['first.same', 'role.upper'];
  const answer = await within(10_000, words.eval(path, 'x', { messages: answers }));
  expect([answer].flat()).toEqual(times('X'));
  const sent = Array.from({ length: 200 }, (_, i) => String(i));
  const job = words.job(path, sent, { messages: sent.length * answers });
  expect((await within(10_000, readAll(job))).sort()).toEqual(sent.flatMap(times).sort());
  const [evaluated, get] = await pylmCalls(entry, [
    ['eval', ...path, '--payload', 'alive', '--messages', String(answers)],
    ['get', 'name'],
  ]);
  expect(textsOf(evaluated ?? {})).toEqual(times('ALIVE'));
  expect(get).toMatchObject({ result: hex('role') });
});
