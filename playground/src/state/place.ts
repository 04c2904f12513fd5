import type { ReadonlySignal } from '@preact/signals';
import type { ConnectOptions, Transport } from 'frond';

/** Where the page's clients connect to. */
export interface Place {
  readonly kind: 'page' | 'relay';
  /** A name to show. */
  readonly label: string;
  readonly transport: Transport;
  /** Why the place cannot be reached at all; undefined when it can, or was not tried. */
  readonly trouble: ReadonlySignal<string | undefined>;
  /** Names of the servers there, as far as they are known. */
  readonly servers: readonly string[];
  /** Functions that the status of a server does not list, by server. */
  readonly functions: Readonly<Record<string, readonly string[]>>;
  /** Options of a client whose calls begin at `first` and whose answers come from `last`. */
  options(first: string, last: string): Pick<ConnectOptions, 'serverName' | 'dbAddress' | 'subAddress'>;
  close(): Promise<void>;
}
