/**
 * A test runner for Stryker that keeps the tests loaded. Stryker's own starts a thread for each mutant and imports everything anew, which
 * takes seconds. This one leaves a thread of Vitest waiting in `resident-worker.ts`, and has it run the tests of one mutant after another.
 * It takes no faults in constants of modules, which show only where a module is loaded anew.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { declareFactoryPlugin, PluginKind } from '@stryker-mutator/api/plugin';
import { toMutantRunResult } from '@stryker-mutator/api/test-runner';

const own = new URL(
  'node_modules/@stryker-mutator/vitest-runner/dist/src/vitest-test-runner.js',
  import.meta.url,
);
const { vitestTestRunnerFactory } = await import(own.href);

/** Milliseconds of one test, unless it says otherwise. Stryker starts anew for a mutant that takes longer than its own limit. */
const LONGEST = 4_000;

function resident(injector) {
  const runner = vitestTestRunnerFactory(injector);
  const channel = new BroadcastChannel(`frond-mutation-${process.pid}`);
  let answered = () => {};
  let next = 0;
  channel.onmessage = ({ data }) => answered(data);
  /** Resolves when the thread waits for mutants. */
  const start = () =>
    new Promise((resolve, reject) => {
      answered = resolve;
      const { ctx } = runner;
      ctx.provide('mode', 'dry-run');
      ctx.provide('residentChannel', `frond-mutation-${process.pid}`);
      for (const { config } of ctx.projects) {
        config.testNamePattern = undefined;
        config.runner = join(process.cwd(), 'test/mutation/resident-worker.ts');
        config.testTimeout = LONGEST;
        config.hookTimeout = LONGEST;
      }
      runner.resetContext();
      ctx
        .start([join(process.cwd(), 'test/mutation/resident-seat.ts')])
        .then(() => reject(new Error('the resident thread has ended')), reject);
    });
  runner.mutantRun = async (options) => {
    const id = ++next;
    const { hitLimit, testFilter } = options;
    const result = await new Promise((resolve) => {
      answered = (data) => data.id === id && resolve(data);
      channel.postMessage({ id, hitLimit, testFilter, mutant: options.activeMutant.id });
    });
    if (result.hitCount > hitLimit)
      return { status: 'timeout', reason: `hit limit reached (${result.hitCount}/${hitLimit})` };
    if (result.tests.some(({ failureMessage }) => failureMessage?.includes(' timed out in ')))
      return { status: 'timeout' };
    return toMutantRunResult({ status: 'complete', tests: result.tests });
  };
  // The thread is there before a mutant's time begins: after the first run, and at once in a process that follows one which Stryker stopped.
  const [init, dryRun] = [runner.init.bind(runner), runner.dryRun.bind(runner)];
  const mark = join(process.cwd(), '.dry-run');
  runner.init = async () => {
    await init();
    if (existsSync(mark)) await start();
  };
  runner.dryRun = async (options) => {
    const result = await dryRun(options);
    writeFileSync(mark, '');
    await start();
    return result;
  };
  const dispose = runner.dispose.bind(runner);
  runner.dispose = async () => {
    channel.postMessage({ mutant: undefined });
    channel.close();
    await dispose();
  };
  return runner;
}
resident.inject = vitestTestRunnerFactory.inject;

export const strykerPlugins = [declareFactoryPlugin(PluginKind.TestRunner, 'resident', resident)];
