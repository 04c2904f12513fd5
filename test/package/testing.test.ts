/** `frond/testing`, in a project that has a transport of its own. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PackedProject, packProject } from '../support/packed.ts';

let project: PackedProject;
beforeAll(async () => {
  project = await packProject();
  project.link('vitest');
}, 60_000);
afterAll(() => project.remove());

/** Runs the suite on a transport that is made so. Gives how many tests passed and failed, and which failed. */
async function runSuite(transport: string) {
  const suite = `
    import { memory } from 'frond/memory';
    import { testTransport } from 'frond/testing';
    const make = ${transport};
    testTransport('own', () => ({ transport: make(), anyAddress: 'memory://*', unreadable: ['tcp://127.0.0.1:1', ''] }));
  `;
  const runner = `
    import { writeFileSync } from 'node:fs';
    import { startVitest } from 'vitest/node';
    writeFileSync('own.test.js', ${JSON.stringify(suite)});
    const vitest = await startVitest('test', ['own.test.js'], { run: true, watch: false, root: ${JSON.stringify(project.folder)}, reporters: [{}] });
    const tests = [...vitest.state.getTestModules()].flatMap((module) => [...module.children.allTests()]);
    const failed = tests.filter((test) => test.result().state === 'failed').map((test) => test.name);
    await vitest.close();
    process.exitCode = 0;
    console.log(JSON.stringify({ count: tests.length, failed }));
  `;
  const told = await project.node('run.mjs', runner);
  return JSON.parse(told.split('\n').at(-1) ?? '') as { count: number; failed: string[] };
}

it('passes a transport that keeps the contract', async () => {
  const { count, failed } = await runSuite('memory');
  expect(count).toBeGreaterThan(50);
  expect(failed).toEqual([]);
}, 60_000);

it('names the promise that a transport breaks', async () => {
  const broken = `() => {
    const transport = memory();
    const open = async () => {
      const connection = await transport.open();
      const identify = connection.identify.bind(connection);
      connection.identify = () => identify();
      return connection;
    };
    return { ...transport, open };
  }`;
  const { failed } = await runSuite(broken);
  expect(failed).toEqual(['is the one that was wished for, or the wish is refused']);
}, 60_000);
