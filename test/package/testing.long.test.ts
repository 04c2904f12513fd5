/** `frond/testing`, the suites of clients and clusters. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PackedProject, packProject } from '../support/packed.ts';
import { runSuite } from '../support/packed-suite.ts';

let project: PackedProject;
beforeAll(async () => {
  project = await packProject();
  project.link('vitest');
}, 60_000);
afterAll(() => project.remove());

it.each([
  ['testClients', 150],
  ['testClusters', 30],
])(
  'has %s, the suite of what runs on a transport',
  async (name, least) => {
    const { count, failed } = await runSuite(project, 'memory', name);
    expect(count).toBeGreaterThan(least);
    expect(failed).toEqual([]);
  },
  60_000,
);
