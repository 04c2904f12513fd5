/** Runs the tests of one mutant after another in a thread that stays, as `resident.mjs` says over a channel. */
import { relative, resolve } from 'node:path';
import { type File, startTests, type Task, type Test } from '@vitest/runner';
import { inject, vi } from 'vitest';
import { VitestTestRunner } from 'vitest/runners';
import { deferred } from '../../src/async/deferred.ts';

interface Job {
  readonly id: number;
  /** Undefined for the end. */
  readonly mutant: string | undefined;
  readonly hitLimit: number | undefined;
  /** The tests that reach the mutant: file, `#` and full name. */
  readonly testFilter: readonly string[];
}

/** What Stryker's own code in the mutated files looks at. */
interface Namespace {
  activeMutant?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
}

type Internals = { moduleRunner: unknown; workerState: { evaluatedModules: Modules; ctx: unknown } };
interface Modules {
  getModuleById(id: string): unknown;
  invalidateModule(node: unknown): void;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function nameOf(task: Task): string {
  const names = [task.name];
  for (let { suite } = task; suite !== undefined; { suite } = suite) names.unshift(suite.name);
  return names.join(' ').trim();
}

/** Runs tests without telling Vitest, and none after the first that fails. */
class Quiet extends VitestTestRunner {
  hasFailed = false;

  override importFile(path: string, source: 'collect' | 'setup'): unknown {
    // The test file alone is loaded anew: its code is where its state is.
    const { evaluatedModules } = (this as unknown as Internals).workerState;
    const node = evaluatedModules.getModuleById(path);
    if (node !== undefined) evaluatedModules.invalidateModule(node);
    return super.importFile(path, source);
  }

  override onAfterRunTask(test: Task): void {
    super.onAfterRunTask(test);
    if (test.result?.state !== 'fail') return;
    this.hasFailed = true;
    this.cancel('test-failure');
  }
}

export default class Resident extends VitestTestRunner {
  override async onAfterRunFiles(): Promise<void> {
    super.onAfterRunFiles();
    const channel = new BroadcastChannel(inject('residentChannel' as never));
    const { promise, resolve: end } = deferred<void>();
    let last = Promise.resolve();
    channel.onmessage = (event: MessageEvent) => {
      const job: Job = event.data;
      if (job.mutant === undefined) end();
      else last = last.then(async () => channel.postMessage({ id: job.id, ...(await this.#try(job)) }));
    };
    channel.postMessage('ready');
    await promise;
    channel.close();
  }

  async #try({ mutant, hitLimit, testFilter }: Job) {
    const space =
      (globalThis as unknown as Record<string, Namespace>)[inject('globalNamespace' as never)] ?? {};
    const byFile = new Map<string, string[]>();
    for (const test of testFilter) {
      const file = test.slice(0, test.indexOf('#'));
      byFile.set(file, [...(byFile.get(file) ?? []), test]);
    }
    const tests: object[] = [];
    space.hitCount = 0;
    space.hitLimit = hitLimit;
    let hasFailed = false;
    for (const [file, ids] of byFile) {
      if (hasFailed) break;
      const pattern = ids.map((id) => escaped(id.slice(file.length + 1))).join('|');
      const quiet = new Quiet({ ...this.config, setupFiles: [], testNamePattern: new RegExp(pattern) });
      Object.assign(quiet, { moduleRunner: (this as unknown as Internals).moduleRunner });
      quiet.__setTraces((this as unknown as { _otel: never })._otel);
      // What a test leaves behind when it fails would fail it again, whatever the next mutant.
      vi.restoreAllMocks();
      vi.unstubAllGlobals();
      vi.unstubAllEnvs();
      vi.useRealTimers();
      space.activeMutant = mutant;
      const files = await startTests([{ filepath: resolve(file), testLocations: undefined }] as never, quiet);
      space.activeMutant = undefined;
      ({ hasFailed } = quiet);
      for (const own of files) {
        const failed = own.result?.errors?.[0];
        // It could not be loaded.
        if (failed !== undefined && own.tasks.length === 0) {
          hasFailed = true;
          tests.push({ id: ids[0], name: file, timeSpentMs: 0, status: 1, failureMessage: failed.message });
        }
        for (const test of testsOf(own)) {
          const { state, errors, duration = 0 } = test.result ?? {};
          const failure = state === 'fail' ? (errors?.[0]?.message ?? 'failed') : failed?.message;
          if (state === undefined && failure === undefined) continue;
          hasFailed ||= failure !== undefined;
          const id = `${relative(process.cwd(), own.filepath)}#${nameOf(test)}`;
          const status = failure !== undefined ? 1 : state === 'pass' ? 0 : 2;
          tests.push({ id, name: nameOf(test), timeSpentMs: duration, status, failureMessage: failure });
        }
      }
    }
    const { hitCount } = space;
    space.hitCount = undefined;
    return { tests, hitCount };
  }
}

function testsOf(suite: { readonly tasks: readonly Task[] } | File): Test[] {
  return suite.tasks.flatMap((task) => (task.type === 'suite' ? testsOf(task) : [task as Test]));
}
