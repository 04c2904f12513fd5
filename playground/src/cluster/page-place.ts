import { signal } from '@preact/signals';
import type { Place } from '../state/place.ts';
import { PAGE_FUNCTIONS, PAGE_SERVERS, type PageCluster } from './page-cluster.ts';

/** The cluster inside the page. Clients find its servers by their addresses, as with ZeroMQ. */
export function pagePlace(cluster: PageCluster): Place {
  const at = (name: string) => PAGE_SERVERS.find((server) => server.name === name);
  return {
    kind: 'page',
    label: 'in this page',
    transport: cluster.transport,
    trouble: signal(undefined),
    servers: PAGE_SERVERS.map(({ name }) => name),
    functions: PAGE_FUNCTIONS,
    options(first, last) {
      const subAddress = first === last ? undefined : at(last)?.pubAddress;
      return {
        serverName: first,
        dbAddress: at(first)?.dbAddress ?? `memory://${first}`,
        ...(subAddress !== undefined && { subAddress }),
      };
    },
    close: () => cluster.close(),
  };
}
