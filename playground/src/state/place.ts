import type { ReadonlySignal } from '@preact/signals';
import type { ConnectOptions, Transport } from 'frond';

/** Where the page's clients connect to. */
export interface Place {
  readonly kind: 'page' | 'relay';
  /** As people call it. */
  readonly label: string;
  readonly transport: Transport;
  /** Why nothing can be reached there at all; undefined as long as something can, and before it was tried. */
  readonly trouble: ReadonlySignal<string | undefined>;
  /** Names of the servers there, as far as they are known. */
  readonly servers: readonly string[];
  /** Functions that servers do not tell of, by server. */
  readonly functions: Readonly<Record<string, readonly string[]>>;
  /** What a client needs for calls that begin at one server, and whose answers come from another when it is a pipeline. */
  options(first: string, last: string): Pick<ConnectOptions, 'serverName' | 'dbAddress' | 'subAddress'>;
  close(): Promise<void>;
}
