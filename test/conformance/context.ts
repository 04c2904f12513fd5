import type { BindingConnection, BindingTransport } from '../../src/transport.ts';

/** A transport that is held to its contract. */
export interface Subject {
  /** Whose connections dial. */
  readonly transport: BindingTransport;
  /** Whose connections bind. Default: the same. Two that speak one protocol are tried against each other, both ways round. */
  readonly binder?: BindingTransport;
  /** What binding takes so that the address is chosen by the system. */
  readonly anyAddress: string;
  /** Whether all pullers are one to whoever pushes, as those behind a relay, which pulls for them. */
  readonly pullsForAll?: boolean;
  /** Whether the peer, as a relay, gives ids and key prefixes: then no id can be wished for. */
  readonly isIdentified?: boolean;
  /** Whether a binder may lose frames without anybody being told: libzmq does so past its mark, and when a connection ends. */
  readonly losesSilently?: boolean;
  /** Addresses that the transport cannot read. */
  readonly unreadable: readonly string[];
  /** Lets go of what the subject stands on, after the connections are closed. */
  close?(): Promise<void>;
}

/** What a test has: a connection that binds and one that dials, both closed after it. */
export interface Ends {
  readonly subject: Subject;
  readonly server: BindingConnection;
  readonly client: BindingConnection;
}
