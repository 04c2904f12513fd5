/** The cluster that runs inside the page: real roles, on the memory transport. */
import { signal } from '@preact/signals';
import type { BindingTransport, Logger } from 'frond';
import { Pipeline, type RunningRole, Sink, startRole, Worker } from 'frond/cluster';
import { memory } from 'frond/memory';
import { groveMaster, groveWorker } from './roles/grove.js';
import { loomPipeline } from './roles/loom.js';
import { posterServer } from './roles/poster.js';
import { pressSink } from './roles/press.js';
import { textServer } from './roles/text.js';
import { slowed } from './slowed.ts';

export const WORKERS = ['ash', 'birch', 'cedar'] as const;
export type WorkerName = (typeof WORKERS)[number];

export interface PageWorker {
  readonly name: WorkerName;
  /** Milliseconds by which each of its functions is delayed. */
  delay: number;
  /** Undefined while it is dead. */
  running: Worker | undefined;
}

export class PageCluster {
  readonly transport: BindingTransport = memory();
  readonly workers: readonly PageWorker[] = WORKERS.map((name) => ({ name, delay: 0, running: undefined }));
  /** Changes whenever the cluster changes. */
  readonly changes = signal(0);
  readonly #logger: Logger;
  readonly #roles = new Set<RunningRole>();
  #text: RunningRole | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Starts every role; resolves when no message between them can be missed. */
  async start(): Promise<void> {
    this.#text = await this.#startTextServer();
    await this.#start(groveMaster);
    for (const role of [await this.#start(loomPipeline), await this.#start(pressSink)]) {
      if (role instanceof Pipeline || role instanceof Sink) await role.ready();
    }
    for (const worker of this.workers) await this.revive(worker);
  }

  get isTextUp(): boolean {
    return this.#text !== undefined;
  }

  /** Stops the text server like a machine that is switched off: its clients are cut off. */
  async stopText(): Promise<void> {
    const text = this.#text;
    this.#text = undefined;
    if (text === undefined) return;
    this.#roles.delete(text);
    this.changes.value++;
    await text.close({ timeout: 0 });
  }

  async startText(): Promise<void> {
    this.#text ??= await this.#startTextServer();
    this.changes.value++;
  }

  /** Delays each of the worker's functions by so many milliseconds. */
  slow(worker: PageWorker, delay: number): void {
    worker.delay = delay;
    this.changes.value++;
  }

  async kill(worker: PageWorker): Promise<void> {
    const { running } = worker;
    worker.running = undefined;
    if (running === undefined) return;
    this.#roles.delete(running);
    this.changes.value++;
    await running.close({ timeout: 0 });
  }

  async revive(worker: PageWorker): Promise<void> {
    if (worker.running !== undefined) return;
    const definition = groveWorker(worker.name);
    const functions = slowed(definition.functions, () => worker.delay);
    const role = await this.#start({ ...definition, functions });
    if (role instanceof Worker) worker.running = role;
    this.changes.value++;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#roles].map((role) => role.close({ timeout: 0 })));
  }

  #startTextServer(): Promise<RunningRole> {
    return this.#start(posterServer);
  }

  async #start(definition: Parameters<typeof startRole>[0]): Promise<RunningRole> {
    const role = await startRole(
      { ...definition, logger: this.#logger, loggingLevel: 'warning' },
      this.transport,
    );
    this.#roles.add(role);
    return role;
  }
}

/** The functions of the workers, which the status of a Master does not list. */
export const PAGE_FUNCTIONS: Readonly<Record<string, readonly string[]>> = {
  grove: Object.keys(groveWorker('').functions),
};

export const PAGE_SERVERS = [textServer, groveMaster, loomPipeline, pressSink].map(
  ({ name, dbAddress, pubAddress }) => ({ name, dbAddress, pubAddress }),
);
