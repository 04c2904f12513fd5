/**
 * `frond/testing`: the suites that a transport passes, for files of Vitest: the contract, then clients and clusters on it.
 */
import { testJobs } from '../client/job-suite.ts';
import { testMaps } from '../client/map-suite.ts';
import { type Ground, testClient } from '../client/suite.ts';
import { testLife } from '../cluster/life-suite.ts';
import { testRoles } from '../cluster/roles-suite.ts';
import { testWorkers } from '../cluster/worker-suite.ts';

export type { Ground } from '../client/suite.ts';
export { type Subject, testTransport } from './suite.ts';

/**
 * Adds the tests of what a client does on a transport: calls, jobs and maps.
 * @param name - the transport, in the names of the tests.
 * @param make - makes the transport for one test.
 */
export function testClients(name: string, make: () => Ground): void {
  testClient(name, make);
  testJobs(name, make);
  testMaps(name, make);
}

/**
 * Adds the tests of what the roles of a cluster do on a transport.
 * @param name - the transport, in the names of the tests.
 * @param make - makes the transport for one test.
 */
export function testClusters(name: string, make: () => Ground): void {
  const ground = () => {
    const { transport, anyAddress, close } = make();
    return { transport, any: anyAddress, ...(close !== undefined && { close }) };
  };
  testRoles(name, ground);
  testLife(name, ground);
  testWorkers(name, ground);
}
