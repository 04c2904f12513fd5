/** The suites of `frond/testing`, in a project that has the packed package. */
import type { PackedProject } from './packed.ts';

/** Runs the suite on a transport that is made so. Gives how many tests passed and failed, and which failed. */
export async function runSuite(project: PackedProject, transport: string, name = 'testTransport') {
  const suite = `
    import { memory } from 'frond/memory';
    import { ${name} } from 'frond/testing';
    const make = ${transport};
    ${name}('own', () => ({ transport: make(), anyAddress: 'memory://*', unreadable: ['tcp://127.0.0.1:1', ''] }));
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
