/** Where an attack takes place: commands of frond, honest clients beside, and what is asked of both. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';
import { type BenchProcess, startProcess } from '../bench/processes.ts';
import { chosenSeed, Random } from '../support/random.ts';
import type { Up } from '../support/service.ts';
import { within } from '../support/wait.ts';
import { keepRow } from './table.ts';
import { Target, type TargetOptions } from './target.ts';

export const MiB = 1_048_576;

/** Whether runs are as long as the claims are, and not as short as a commit may wait for. */
export const IS_LONG = process.env['ATTACKS_LONG'] === '1';

/** So many in a short run, and so many in a long one. */
export const times = (short: number, long: number) => (IS_LONG ? long : short);

/** Milliseconds that one attack may take, all of it, and its own part. */
const LONGEST = times(90_000, 900_000);
const LONGEST_ATTACK = times(45_000, 600_000);

/** Milliseconds of honest calls before an attack, which those during it are compared with, and after. */
const CALM = times(600, 5_000);
const AFTER = 300;
/** Milliseconds without growth that are taken for the end of what was sent, and that there are for it at most. */
const STILL = 300;
const LONGEST_DIGESTION = times(5_000, 30_000);

/** Clients of one kind that call. */
export interface Way {
  /** URL of a relay; undefined for ZeroMQ. */
  readonly url?: string;
  readonly token?: string;
  /** Address of the server, where it is no name of the relay's. */
  readonly db?: string;
  readonly server: string;
  readonly path: string;
  readonly count?: number;
  /** Milliseconds between an answer and the next call. */
  readonly pace?: number;
}

/** What the attacked process is to keep to. */
export interface Bounds {
  /** MiB that it may grow by at most, at any moment. */
  readonly growth: number;
  /** Descriptors that it may have more than before, at any moment. */
  readonly descriptors?: number;
  /** Bytes that it may log. */
  readonly log?: number;
  /** How many times as long the honest calls' p99 may be as before. */
  readonly p99?: number;
}

/** Whatever strangers do, a log grows by no more. */
const LOG = 64 * 1_024;

interface Told {
  readonly calls: number;
  readonly lost: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly reasons: readonly string[];
}

class Honest implements AsyncDisposable {
  readonly #process: BenchProcess;

  constructor(process: BenchProcess) {
    this.#process = process;
  }

  /** What came of the calls since the last time. */
  async told(what: 'so far' | 'finish' = 'so far'): Promise<Told> {
    return JSON.parse(await this.#process.ask(what)) as Told;
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    this.#process.kill();
    return this.#process[Symbol.asyncDispose]();
  }
}

async function startHonest(ways: readonly Way[]): Promise<Honest> {
  const all = ways.map((way) => ({ count: 2, pace: 5, ...way }));
  return new Honest(await startProcess('../attacks/honest.mjs', JSON.stringify(all)));
}

/** A relay that runs. */
export interface RunningRelay {
  readonly target: Target;
  readonly url: string;
  readonly port: number;
  /** What `/metrics` says of a figure; 0 when it says nothing. */
  figure(name: string): Promise<number>;
  /** Writes another token file in place of the one there is. */
  changeTokens(tokens: readonly object[]): Promise<void>;
}

export interface RelayConfig {
  readonly servers: Readonly<Record<string, unknown>>;
  /** Entries of the token file. */
  readonly tokens?: readonly object[];
  readonly anonymous?: object;
  readonly limits?: Readonly<Record<string, number>>;
  readonly path?: string;
}

export interface Siege {
  /** What is sent, for people. */
  readonly sent: string;
  readonly bounds: Bounds;
  /** MiB that some of the attacked may grow by, by their names, in place of {@link Bounds.growth}. */
  readonly growths?: Readonly<Record<string, number>>;
  readonly honest: readonly Way[];
  /** The attackers leave the machine to the others: theirs would be another one. */
  readonly isPolite?: boolean;
}

export class Field implements AsyncDisposable {
  readonly name: string;
  readonly random: Random;
  readonly #opened: AsyncDisposable[] = [];
  #folder: string | undefined;
  #files = 0;
  #isOver = false;

  constructor(name: string, seed: number) {
    this.name = name;
    this.random = new Random(seed);
  }

  /** Has something closed when all is over, or at once when it is: an attack may outlive what it attacked. */
  own<T extends AsyncDisposable | { close(): unknown }>(opened: T): T {
    const close = async () => {
      if ('close' in opened) await opened.close();
      else await opened[Symbol.asyncDispose]();
    };
    if (this.#isOver) close().catch(() => {});
    else this.#opened.push({ [Symbol.asyncDispose]: close });
    return opened;
  }

  /** Runs `frond serve` on a module. Gives what its roles say, in their order. */
  async serve(module: string, roles = 1, options: TargetOptions = {}) {
    const target = this.own(
      new Target(['serve', await this.#write('module.mjs', module), '--json'], options),
    );
    const ups: Up[] = [];
    while (ups.length < roles) {
      await target.said('role');
      ups.splice(0, ups.length, ...(target.objects as Up[]));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return { target, ups };
  }

  async relay(config: RelayConfig, options: TargetOptions = {}): Promise<RunningRelay> {
    const { tokens = [], ...others } = config;
    const tokenFile = await this.#write('tokens.json', JSON.stringify({ tokens }));
    const whole = { listen: '127.0.0.1:0', metrics: '127.0.0.1:0', tokens: tokenFile, ...others };
    const file = await this.#write('relay.json', JSON.stringify(whole));
    const target = this.own(new Target(['relay', '--config', file, '--json'], options));
    const { url, metrics } = await target.said<{ readonly url: string; readonly metrics: string }>('url');
    const { port } = new URL(url);
    return {
      target,
      url,
      port: Number(port),
      figure: async (name) => {
        const response = await fetch(metrics, { headers: { connection: 'close' } });
        const found = new RegExp(`^frond_relay_${name} (.*)$`, 'm').exec(await response.text());
        return Number(found?.[1] ?? 0);
      },
      changeTokens: (changed) => writeFile(tokenFile, JSON.stringify({ tokens: changed })),
    };
  }

  /** Runs `frond demo`, until its page is served. */
  async demo() {
    const target = this.own(new Target(['demo', '--json']));
    const { playground } = await target.said<{
      readonly playground: { readonly relay: string; readonly token: string };
    }>('playground');
    return { target, ...playground, port: Number(new URL(playground.relay).port) };
  }

  async worker(module: string, db: string): Promise<Target> {
    const file = await this.#write('worker.mjs', module);
    const target = this.own(new Target(['worker', file, '--db', db, '--json']));
    await target.said('master');
    return target;
  }

  /** Has clients call whose answers do not count, until the function that it gives is called. */
  async callOn(ways: readonly Way[]): Promise<() => Promise<void>> {
    const calling = this.own(await startHonest(ways));
    return async () => calling[Symbol.asyncDispose]();
  }

  /**
   * Attacks a process, or several, while honest clients call, and judges what that did: a row of the table for each,
   * whatever comes of it.
   * @param attack - is given a function that notes what went wrong.
   * @throws when something did.
   */
  async besiege(
    attacked: Target | Readonly<Record<string, Target>>,
    { sent, bounds, growths = {}, honest: ways, isPolite = false }: Siege,
    attack: (fell: (fault: string) => void) => Promise<void>,
  ): Promise<void> {
    const named = attacked instanceof Target ? { '': attacked } : attacked;
    const honest = this.own(await startHonest(ways));
    await pause(CALM / 2);
    await honest.told();
    await pause(CALM);
    const calm = await honest.told();

    const victims = Object.entries(named).map(([name, target]) => {
      const growth = growths[name] ?? bounds.growth;
      return new Victim(name, target, { ...bounds, growth });
    });
    const targets = victims.map(({ target }) => target);
    const anyEnd = Promise.race(targets.map(({ ended }) => ended));
    const hasEnded = () => targets.some((target) => target.hasEnded);
    const noted: string[] = [];
    const restore = isPolite ? stepBack() : () => {};
    const attacking = within(
      LONGEST_ATTACK,
      attack((fault) => noted.push(fault)),
      'the attack',
    ).catch((error: unknown) => {
      // What the end of the attacked brings about is no news beside it.
      if (!hasEnded()) noted.push(String(error));
    });
    await Promise.race([attacking, anyEnd]);
    restore();
    await Promise.all(targets.map(digested));
    const during = await honest.told();
    await Promise.race([pause(AFTER), anyEnd]);
    const last = hasEnded() ? { calls: 0, lost: 0, reasons: [] } : await honest.told('finish');
    await honest[Symbol.asyncDispose]();

    const calls = during.calls + last.calls;
    const lost = during.lost + last.lost;
    const p99 = ratio(during.p99, calm.p99);
    if (lost > 0) {
      const why = [...new Set([...during.reasons, ...last.reasons])].join(', ');
      noted.push(`${lost} of ${calls} honest calls were lost (${why})`);
    }
    if (!hasEnded() && last.calls === last.lost) noted.push('no honest call was answered afterwards');
    if (bounds.p99 !== undefined && !(p99 <= bounds.p99)) {
      noted.push(`the honest calls' p99 was ${p99.toFixed(1)} times as long, of ${bounds.p99} at most`);
    }
    const rows = victims.map((victim, index) => ({
      name: victim.name === '' ? this.name : `${this.name}: ${victim.name}`,
      sent,
      ...victim.judge(index === 0 ? noted : []),
      calls,
      lost,
      p50: ratio(during.p50, calm.p50),
      p99,
      p99Before: calm.p99 ?? Number.NaN,
    }));
    for (const row of rows) keepRow(row);
    const faults = rows.flatMap((row) => row.faults);
    if (faults.length > 0) throw new Error(faults.join('\n'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const opened of this.#opened.reverse()) await opened[Symbol.asyncDispose]();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true });
  }

  async #write(name: string, text: string): Promise<string> {
    this.#folder ??= await mkdtemp(join(tmpdir(), 'frond-'));
    const path = join(this.#folder, `${++this.#files}-${name}`);
    await writeFile(path, text);
    return path;
  }
}

/**
 * This process computes only when no other wants to: attackers would have machines of their own. Gives what ends that, where the system
 * allows it. A mere niceness is not enough: Linux lets a nice process that has begun compute for up to 3 ms more.
 */
function stepBack(): () => void {
  const schedule = (policy: string) =>
    spawnSync('chrt', [policy, '--all-tasks', '--pid', '0', `${process.pid}`]);
  if (schedule('--idle').status !== 0) return () => {};
  return () => {
    // Only root may, on some systems. Then those that are started next compute as little as the attackers.
    schedule('--other');
  };
}

function ratio(now: number | null, then: number | null): number {
  return (now ?? Number.NaN) / (then ?? Number.NaN);
}

/** A process that is attacked from now on, and what it takes meanwhile. */
class Victim {
  readonly name: string;
  readonly target: Target;
  readonly #bounds: Bounds;
  readonly #before: {
    readonly rss: number;
    readonly descriptors: number;
    readonly cpu: number;
    readonly log: number;
  };
  readonly #stopWatch: () => void;

  constructor(name: string, target: Target, bounds: Bounds) {
    this.name = name;
    this.target = target;
    this.#bounds = bounds;
    target.forgetPeaks();
    const { rss, descriptors, cpu, logged: log } = target;
    this.#before = { rss, descriptors, cpu, log };
    this.#stopWatch = target.watch();
  }

  /** What it took, and what is wrong with that beside what was noted. */
  judge(noted: readonly string[]) {
    this.#stopWatch();
    const { target } = this;
    const before = this.#before;
    const { rss, peak, cpu, mostDescriptors, end, unsafe } = target;
    const { growth, descriptors = Number.POSITIVE_INFINITY, log = LOG } = this.#bounds;
    const faults = [...(end === undefined ? [] : [end]), ...noted];
    const grown = Math.round((peak - before.rss) / MiB);
    if (grown > growth) faults.push(`it grew by ${grown} MiB, of ${growth} at most`);
    const more = mostDescriptors - before.descriptors;
    if (more > descriptors) faults.push(`it had ${more} descriptors more, of ${descriptors} at most`);
    const logged = target.logged - before.log;
    if (logged > log) faults.push(`it logged ${logged} bytes, of ${log} at most`);
    if (unsafe > 0) faults.push(`${unsafe} lines of its log have characters that do something to a terminal`);
    return {
      rss: { before: before.rss / MiB, peak: peak / MiB, after: rss / MiB },
      descriptors: { before: before.descriptors, peak: mostDescriptors },
      cpu: cpu - before.cpu,
      log: logged,
      faults,
    };
  }
}

/** Resolves when the process has stopped growing, or after a while. */
async function digested(target: Target): Promise<void> {
  const end = performance.now() + LONGEST_DIGESTION;
  for (let before = -1; target.peak !== before && !target.hasEnded && performance.now() < end; ) {
    before = target.peak;
    await Promise.race([pause(STILL), target.ended]);
  }
}

export function pause(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time));
}

/** An attack on a field of its own. A failure names the seed that it can be had again with. */
export function attack(name: string, run: (field: Field) => Promise<void>): void {
  it(
    name,
    async () => {
      const seed = Number(process.env['ATTACKS_SEED']) || chosenSeed();
      await using field = new Field(name, seed);
      try {
        await run(field);
      } catch (error) {
        console.error(`again with: npm run test:attacks -- --seed ${seed} --only "${name}"`);
        throw error;
      }
    },
    LONGEST,
  );
}
