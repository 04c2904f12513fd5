/** `frond/testing`, in a project that has a transport of its own. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PackedProject, packProject } from '../support/packed.ts';
import { runSuite } from '../support/packed-suite.ts';

let project: PackedProject;
beforeAll(async () => {
  project = await packProject();
  project.link('vitest');
}, 60_000);
afterAll(() => project.remove());

it('passes a transport that keeps the contract', async () => {
  const { count, failed } = await runSuite(project, 'memory');
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
  const { failed } = await runSuite(project, broken);
  expect(failed).toEqual(['is the one that was wished for, or the wish is refused']);
}, 60_000);
