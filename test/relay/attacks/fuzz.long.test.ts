/** Messages that are spoilt by chance: each ends the connection or comes to nothing. FUZZ_SEED has the same ones again. */
import { expect, it } from 'vitest';
import { chosenSeed, Random } from '../../support/random.ts';
import type { RawPeer } from '../../support/relay-peer.ts';
import { Mutants } from './mutants.ts';
import { MiB, testRelayChildren } from './relay-child.ts';

const children = testRelayChildren();

/** RELAY_FUZZ=1000000 sends as many. */
const COUNT = Number(process.env['RELAY_FUZZ'] ?? 20_000);
/** After so many it is looked whether the client that works got its answers. */
const STEP = 2_000;
/** Attackers at once. */
const ABREAST = 8;
/** Messages of one connection, at most. */
const BURST = 200;
/** What a process grows by that does the same again and again. */
const HEAP_ROOM = 4 * MiB;
const ROOM = 32 * MiB;
/** How such a client may end: by itself, or closed for what it sent. */
const EXPECTED = [1000, 1005, 1009, 4400, 4401, 4403];

it(
  `takes ${COUNT} messages that are spoilt, before a greeting and after`,
  async () => {
    const seed = chosenSeed();
    console.log(`FUZZ_SEED=${seed}`);
    const { peer, dial, meanwhile, memory, figure } = await children();
    const codes = new Map<number, number>();
    const random = new Random(seed);
    const mutants = new Mutants(random);
    let sent = 0;

    /** One connection: most say for a while what they may before they do not. */
    const attackOnce = async () => {
      const isGreeted = !random.oneIn(8);
      const own: RawPeer = isGreeted ? await peer() : await dial();
      if (isGreeted) await own.openCalls();
      const isMild = isGreeted && !random.oneIn(4);
      const allowed = isMild ? random.below(BURST) : 0;
      for (let i = 0; i < BURST && own.socket.readyState === own.socket.OPEN; i++) {
        const make = i < allowed ? mutants.allowed : mutants.message;
        own.sendBytes(make.call(mutants, own.id, ++own.sent));
        sent++;
        if (i % 8 === 7) await new Promise(setImmediate);
      }
      own.socket.close(1000);
      const { code } = await own.end(10_000);
      codes.set(code, (codes.get(code) ?? 0) + 1);
      if (!isGreeted) expect(own.frames).toEqual([]);
    };
    const attack = async (until: number) => {
      while (sent < until) await attackOnce();
    };
    const attackTo = (until: number) =>
      meanwhile(() => Promise.all(Array.from({ length: ABREAST }, () => attack(until))));

    // The first fifth is for all that a process has but once.
    for (let at = STEP; at <= COUNT / 5; at += STEP) await attackTo(at);
    const before = await memory();
    for (let at = sent + STEP; at < COUNT + STEP; at += STEP) await attackTo(at);
    const after = await memory();
    const ends = Object.fromEntries([...codes].sort(([one], [other]) => one - other));
    const mib = (size: number) => `${(size / MiB).toFixed(1)} MiB`;
    const taken = await figure('messages_total{direction="in"}');
    console.log(
      `${sent} sent, ${taken} taken in, the working client's among them; ends ${JSON.stringify(ends)}; ` +
        `heap ${mib(before.heapUsed)}, then ${mib(after.heapUsed)}; RSS ${mib(before.rss)}, then ${mib(after.rss)}`,
    );
    expect([...codes.keys()].filter((code) => !EXPECTED.includes(code))).toEqual([]);
    expect(await figure('closes_total{code="1011"}')).toBe(0);
    expect(await figure('sessions')).toBe(1);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(HEAP_ROOM);
    expect(after.rss - before.rss).toBeLessThan(ROOM);
  },
  60_000 + 2 * COUNT,
);
