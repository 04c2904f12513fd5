/** The parts of one scenario, what befalls them, and when. */

import { portOf } from '../support/ports.ts';
import { Random } from '../support/random.ts';
import { within } from '../support/wait.ts';
import type { Addresses, Config, MapOrder, MapReport } from './parts.ts';
import { Actor } from './processes.ts';

/** Whether runs are as long as the claims are, and not as short as a commit may wait for. */
export const IS_LONG = process.env['FAULTS_LONG'] === '1';

const tcp = (port: number) => `tcp://127.0.0.1:${port}`;

export class Stage {
  readonly random: Random;
  readonly #actors = new Set<Actor>();
  #isOver = false;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  async start<S, R extends keyof Config>(role: R, config: Config[R]): Promise<Actor<S>> {
    const actor = await Actor.start<S, R>(role, config);
    this.#actors.add(actor);
    // One that was under way when all was over.
    if (this.#isOver) await this.kill(actor);
    return actor;
  }

  async kill(actor: Actor): Promise<void> {
    this.#actors.delete(actor);
    await actor.kill();
  }

  /** Proxies to where a Master is, and the addresses to use in place of its own. */
  async behindProxies(addresses: Addresses): Promise<{ proxies: Actor<number>[]; addresses: Addresses }> {
    const names = ['dbAddress', 'pullAddress', 'pubAddress'] as const;
    const proxies = await Promise.all(
      names.map((name) => this.start<number, 'proxy'>('proxy', { port: portOf(addresses[name]) })),
    );
    const [dbAddress = '', pullAddress = '', pubAddress = ''] = proxies.map(({ said }) => tcp(said));
    return { proxies, addresses: { dbAddress, pullAddress, pubAddress } };
  }

  /** Does something every so many milliseconds, give or take a quarter, until what is awaited is there. */
  async during<T>(
    awaited: Promise<T>,
    ...happenings: readonly { readonly every: number; readonly do: () => Promise<unknown> }[]
  ): Promise<T> {
    let isOver = false;
    const over = awaited.then(
      () => {},
      () => {},
    );
    const happen = async (every: number, act: () => Promise<unknown>) => {
      for (;;) {
        const time = every * 0.75 + this.random.below(Math.ceil(every / 2));
        let timer: NodeJS.Timeout | undefined;
        const passed = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, time);
        });
        await Promise.race([passed, over]);
        clearTimeout(timer);
        if (isOver) return;
        await act();
      }
    };
    over.then(() => {
      isOver = true;
    });
    const all = Promise.all(happenings.map((own) => happen(own.every, own.do)));
    const result = await Promise.race([awaited, all.then(() => awaited)]);
    await within(60_000, all, 'the end of what happens');
    return result;
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await Promise.all([...this.#actors].map((actor) => actor.kill()));
  }
}

/** Workers of a Master, of whom one may be killed, and another takes its place. */
export class Crew {
  readonly #stage: Stage;
  readonly #config: Config['worker'];
  #workers: Actor<string>[] = [];
  killed = 0;

  constructor(stage: Stage, config: Config['worker']) {
    this.#stage = stage;
    this.#config = config;
  }

  async hire(count: number): Promise<void> {
    const start = () => this.#stage.start<string, 'worker'>('worker', this.#config);
    this.#workers.push(...(await Promise.all(Array.from({ length: count }, start))));
  }

  pick(): Actor<string> {
    return this.#stage.random.pick(this.#workers);
  }

  /** Kills one, and has another started, unless too few are left. */
  async replaceOne(): Promise<void> {
    if (this.#workers.length < 2) return;
    const victim = this.pick();
    this.#workers = this.#workers.filter((own) => own !== victim);
    this.killed++;
    // Not waited for: a start takes longer than the time to the next death.
    this.hire(1).catch(() => {});
    await this.#stage.kill(victim);
  }
}

/** Has a caller map, for no longer than that may take. */
export async function mapped(caller: Actor, timeout: number, order: MapOrder): Promise<MapReport> {
  const report = await caller.ask<MapReport>(timeout, 'map', order);
  if (report === undefined) throw new Error('the caller died');
  return report;
}
