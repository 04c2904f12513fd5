/** Whatever dies, is cut or frozen meanwhile: each input has its one result, in its place. */
import { describe, expect } from 'vitest';
import { FLAWLESS } from './checker.ts';
import { growth } from './memory.ts';
import type { Addresses, MapReport } from './parts.ts';
import type { Actor } from './processes.ts';
import { scene } from './scene.ts';
import { Crew, IS_LONG, mapped, type Stage } from './stage.ts';

const MANY = IS_LONG ? 1_000_000 : 100_000;
/** Milliseconds between faults: a fast machine is done with the short run within two seconds. */
const PAUSE = IS_LONG ? 2_000 : 400;
const FEW = IS_LONG ? 20_000 : 4_000;
const WORKERS = 4;
const LONGEST = IS_LONG ? 800_000 : 120_000;

async function openCluster(stage: Stage, options: { readonly heartbeat?: number } = {}) {
  const master = await stage.start<Addresses, 'master'>('master', options);
  const { dbAddress } = master.said;
  return { master, dbAddress, crew: new Crew(stage, { dbAddress, ...options }) };
}

/** Samples what a part holds, for as long as what is awaited takes. */
function sampler(part: Actor<unknown>) {
  const samples: number[] = [];
  const sample = async () => {
    const bytes = await part.ask<number>(20_000, 'memory');
    if (bytes !== undefined) samples.push(bytes);
  };
  return { samples, happening: { every: 1_000, do: sample } };
}

/** A relay to a Master, and one more behind a proxy that cuts. */
async function openRelay(stage: Stage, dbAddress: string) {
  const servers = { master: { dbAddress } };
  const start = (port = 0) => stage.start<number, 'relay'>('relay', { servers, port });
  return { relay: await start(), start };
}

const urlOf = (port: number) => `ws://127.0.0.1:${port}/`;

function told(what: string, { memory, first, ...report }: MapReport, more: object = {}): void {
  console.log(what, JSON.stringify({ ...report, ...more }));
}

describe('workers that are killed', () => {
  scene(
    'one after another, and replaced: nothing lost, nothing twice, in order, memory flat',
    async (stage) => {
      const { master, dbAddress, crew } = await openCluster(stage);
      const [caller] = await Promise.all([stage.start('caller', { dbAddress }), crew.hire(WORKERS)]);
      const { samples, happening } = sampler(master);
      const report = await stage.during(
        mapped(caller, LONGEST, { path: 'master.same', count: MANY }),
        { every: PAUSE / 2, do: () => crew.replaceOne() },
        happening,
      );
      told('killed workers', report, {
        killed: crew.killed,
        master: samples.at(-1),
        caller: report.memory.at(-1),
      });
      expect(report).toMatchObject({ ...FLAWLESS, retried: 0, dropped: 0 });
      expect(crew.killed).toBeGreaterThan(0);
      expect([...growth(report.memory), ...growth(samples)]).toEqual([]);
    },
  );

  scene('a task that takes long does not hold up those that do not', async (stage) => {
    const { dbAddress, crew } = await openCluster(stage);
    const [caller] = await Promise.all([stage.start('caller', { dbAddress }), crew.hire(2)]);
    const slow = stage.random.below(100);
    const report = await mapped(caller, LONGEST, {
      path: 'master.wait',
      count: 100,
      ordered: false,
      takes: 10,
      slow: { [slow]: 3_000 },
    });
    told('one slow', report, { slow });
    expect(report).toMatchObject(FLAWLESS);
    expect(report.first.indexOf(slow)).toBeGreaterThanOrEqual(98);
  });
});

describe('through a relay', () => {
  scene('whose WebSocket is cut again and again, while workers are killed', async (stage) => {
    const { master, dbAddress, crew } = await openCluster(stage);
    const { relay } = await openRelay(stage, dbAddress);
    const proxy = await stage.start<number, 'proxy'>('proxy', { port: relay.said });
    const relayed = new Crew(stage, { dbAddress: 'master', url: urlOf(proxy.said) });
    const [caller] = await Promise.all([
      stage.start('caller', { dbAddress: 'master', url: urlOf(proxy.said) }),
      crew.hire(WORKERS / 2),
      relayed.hire(WORKERS / 2),
    ]);
    const { samples, happening } = sampler(master);
    let cuts = 0;
    const cut = async () => {
      cuts++;
      await proxy.ask(5_000, stage.random.pick(['cut', 'reset']));
    };
    const report = await stage.during(
      mapped(caller, LONGEST, { path: 'master.same', count: MANY }),
      { every: PAUSE, do: () => stage.random.pick([crew, relayed]).replaceOne() },
      { every: PAUSE, do: cut },
      happening,
    );
    told('cut WebSockets', report, { cuts, killed: crew.killed + relayed.killed });
    expect(report).toMatchObject({ ...FLAWLESS, retried: 0, dropped: 0 });
    expect(cuts).toBeGreaterThan(0);
    expect([...growth(report.memory), ...growth(samples)]).toEqual([]);
  });

  scene(
    'that is killed and started again three times: with retries nothing is lost, or seen twice',
    async (stage) => {
      const { dbAddress, crew } = await openCluster(stage);
      const { relay, start } = await openRelay(stage, dbAddress);
      const url = urlOf(relay.said);
      const relayed = new Crew(stage, { dbAddress: 'master', url });
      const [caller] = await Promise.all([
        stage.start('caller', { dbAddress: 'master', url }),
        crew.hire(1),
        relayed.hire(1),
      ]);
      let running: Actor<number> = relay;
      let restarts = 0;
      const restart = async () => {
        if (restarts === 3) return;
        restarts++;
        await stage.kill(running);
        running = await start(relay.said);
      };
      const what = IS_LONG
        ? { path: 'master.same', count: MANY }
        : { path: 'master.wait', count: FEW, takes: 2 };
      const order = { ...what, window: 128, retries: 20, timeout: 10_000 };
      const every = IS_LONG ? 10_000 : 1_500;
      const report = await stage.during(mapped(caller, LONGEST, order), { every, do: restart });
      told('relay restarts', report, { restarts });
      expect(report).toMatchObject(FLAWLESS);
      expect(restarts).toBe(3);
    },
  );
});

describe('links that freeze', () => {
  scene(
    'noticed within two heartbeats, the work done elsewhere, nothing twice when they thaw',
    async (stage) => {
      const heartbeat = 1_000;
      const { dbAddress, crew, master } = await openCluster(stage, { heartbeat });
      const { proxies, addresses } = await stage.behindProxies(master.said);
      const [proxy] = proxies;
      const frozen = new Crew(stage, { dbAddress: addresses.dbAddress, heartbeat });
      const [caller] = await Promise.all([
        stage.start('caller', { dbAddress }),
        frozen.hire(1),
        crew.hire(1),
      ]);
      // So that each has work in its hands at any time.
      const order = { path: 'master.wait', count: IS_LONG ? 4_000 : 500, takes: 20, window: 64 };
      let freezes = 0;
      const freeze = async () => {
        proxy?.signal('SIGSTOP');
        freezes++;
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        proxy?.signal('SIGCONT');
      };
      const report = await stage.during(mapped(caller, LONGEST, order), { every: 2_000, do: freeze });
      told('frozen links', report, { freezes });
      expect(report).toMatchObject({ ...FLAWLESS, retried: 0, dropped: 0 });
      expect(freezes).toBeGreaterThan(0);
      // Two heartbeats to notice it; the rest is the work itself, and a machine that does other things.
      expect(report.longestGap).toBeLessThan(2 * heartbeat + 1_000);
    },
  );
});

describe('all of it', () => {
  scene(
    'workers, links and proxies, at random: with retries each input has its one result',
    async (stage) => {
      const heartbeat = 300;
      const { crew, master } = await openCluster(stage, { heartbeat });
      const [forCaller, forWorkers] = await Promise.all([
        stage.behindProxies(master.said),
        stage.behindProxies(master.said),
      ]);
      const { dbAddress, pullAddress, pubAddress } = forCaller.addresses;
      const cutOff = new Crew(stage, { dbAddress: forWorkers.addresses.dbAddress, heartbeat });
      const [caller] = await Promise.all([
        stage.start('caller', { dbAddress, pushAddress: pullAddress, subAddress: pubAddress }),
        crew.hire(2),
        cutOff.hire(2),
      ]);
      const proxies = [...forCaller.proxies, ...forWorkers.proxies];
      const { random } = stage;
      const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));
      const freeze = async () => {
        const proxy = random.pick(proxies);
        proxy.signal('SIGSTOP');
        await pause(random.below(1_500));
        proxy.signal('SIGCONT');
      };
      const trouble = async () => {
        const proxy = random.pick(proxies);
        const what = random.pick(['cut', 'reset', 'delay', 'freeze']);
        await proxy.ask(20_000, what, random.below(30));
        if (what !== 'freeze') return;
        await pause(random.below(1_000));
        await proxy.ask(20_000, 'thaw');
      };
      const stop = async () => {
        const worker = random.pick([crew, cutOff]).pick();
        worker.signal('SIGSTOP');
        await pause(random.below(1_500));
        worker.signal('SIGCONT');
      };
      const order = {
        path: 'master.wait',
        count: FEW,
        takes: 2,
        window: 128,
        retries: 100,
        timeout: 5_000,
      };
      const report = await stage.during(
        mapped(caller, LONGEST, order),
        { every: 1_500, do: () => random.pick([crew, cutOff]).replaceOne() },
        { every: 700, do: trouble },
        { every: 1_500, do: freeze },
        { every: 1_500, do: stop },
      );
      told('all of it', report, { killed: crew.killed + cutOff.killed });
      expect(report).toMatchObject(FLAWLESS);
    },
  );
});
