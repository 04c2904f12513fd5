/** The sockets of every role, each with the way to attack it and the calls that are to be answered meanwhile. */
import type { Hub, Master, Pipeline, Server, Sink } from '../../src/cluster/index.ts';
import type { TestGround } from '../support/cluster.ts';
import { Frames } from '../support/frames.ts';
import type { Random } from '../support/random.ts';
import type { Fleet } from './fleet.ts';
import { openLinks, openPushingMaster, openReplyingMaster } from './masters.ts';
import { attackSubscriptions, attackWithBytes } from './raw.ts';
import { attackRequests, attackWithParts } from './requests.ts';
import { openUpstream } from './upstream.ts';

/** A socket under attack. */
export interface Siege {
  /** Sends so many frames. Resolves when all of them have been taken, or thrown away. */
  readonly attack: (count: number) => Promise<void>;
  /** A real call; rejects when it is not answered as it should be. */
  readonly call: () => Promise<void>;
  /** Calls are not answered while frames are sent: whoever asks for work as a worker does gets them. */
  readonly isTaken?: boolean;
}

export interface Target {
  readonly name: string;
  readonly open: (fleet: Fleet, random: Random) => Promise<Siege>;
}

async function server(fleet: Fleet, options: object = {}) {
  const role = await fleet.start<Server>({ role: 'server', name: 'server', ...options });
  return { role, call: await fleet.caller(role.dbAddress, ['server.upper']) };
}

async function master(fleet: Fleet) {
  const role = await fleet.start<Master>({ role: 'master', name: 'server' });
  await fleet.work(role.dbAddress);
  return { role, call: await fleet.caller(role.dbAddress, ['server.upper']) };
}

/** A role behind a server. */
async function behind<R extends Pipeline | Sink | Hub>(fleet: Fleet, role: 'pipeline' | 'sink' | 'hub') {
  const first = await fleet.start<Server>({ role: 'server', name: 'first', pipelined: true });
  const { pubAddress } = first;
  const one = { subAddress: pubAddress, previous: 'first' };
  const several = { subAddresses: [pubAddress], previous: ['first'] };
  const definition = { role, name: 'server', ...(role === 'sink' ? several : one) };
  const own = await fleet.start<R>(definition);
  if (role === 'hub') await fleet.work(own.dbAddress);
  await own.ready();
  return {
    role: own,
    call: await fleet.caller(first.dbAddress, ['first.echo', 'server.upper'], own.pubAddress),
  };
}

const openers = {
  Server: server,
  Pipeline: (fleet: Fleet) => behind<Pipeline>(fleet, 'pipeline'),
  Sink: (fleet: Fleet) => behind<Sink>(fleet, 'sink'),
  Master: master,
  Hub: (fleet: Fleet) => behind<Hub>(fleet, 'hub'),
};

async function pushed(fleet: Fleet, random: Random, address: string): Promise<Siege['attack']> {
  const pusher = fleet.own(await fleet.ground.transport.open()).push(address);
  const frames = new Frames(random, 'server');
  await pusher.ready();
  return async (count) => {
    for (let left = count; left > 0; left -= 200) {
      await pusher.send(Array.from({ length: Math.min(200, left) }, () => frames.call()));
    }
  };
}

const isZeromq = ({ transport }: TestGround) => transport.name === 'zeromq';

/** The sockets of every role on one transport. */
export function targetsOf(ground: TestGround): Target[] {
  const targets: Target[] = [];
  const add = (name: string, open: Target['open']) => targets.push({ name, open });
  for (const role of ['Server', 'Master'] as const) {
    add(`${role} pull`, async (fleet, random) => {
      const { role: own, call } = await openers[role](fleet);
      return { call, attack: await pushed(fleet, random, own.pullAddress) };
    });
  }
  for (const role of ['Master', 'Hub'] as const) {
    add(`${role} worker_pull`, async (fleet, random) => {
      const { role: own, call } = await openers[role](fleet);
      return { call, attack: await pushed(fleet, random, own.workerPullAddress) };
    });
  }
  for (const [role, open] of Object.entries(openers)) {
    add(`${role} db`, async (fleet, random) => {
      const { role: own, call } = await open(fleet);
      const attack = isZeromq(ground) ? attackWithParts : attackRequests;
      return { call, attack: attack(fleet, new Frames(random, 'server'), own.dbAddress, false) };
    });
    if (!isZeromq(ground)) continue;
    add(`${role} pub`, async (fleet, random) => {
      const { role: own, call } = await open(fleet);
      return { call, attack: attackSubscriptions(fleet, random, own.pubAddress) };
    });
    add(`${role} ports, bytes`, async (fleet, random) => {
      const { role: own, call } = await open(fleet);
      const addresses = Object.entries(own).flatMap(([key, value]) =>
        key.endsWith('Address') && key !== 'subAddress' ? [String(value)] : [],
      );
      return { call, attack: attackWithBytes(random, addresses) };
    });
  }
  for (const role of ['Master', 'Hub'] as const) {
    add(`${role} db, asking for work`, async (fleet, random) => {
      const { role: own, call } = await openers[role](fleet);
      const attack = isZeromq(ground) ? attackWithParts : attackRequests;
      const frames = new Frames(random, 'server');
      return { call, attack: attack(fleet, frames, own.dbAddress, true), isTaken: true };
    });
  }
  for (const role of ['pipeline', 'sink', 'hub'] as const) {
    add(`${role} sub`, (fleet, random) => openUpstream(fleet, random, role));
  }
  add('Worker db', openReplyingMaster);
  add('Worker pull', openPushingMaster);
  if (!isZeromq(ground)) add('Worker, replies that are none', openLinks);
  return targets;
}
