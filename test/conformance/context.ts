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
  /**
   * Whether subscriptions take whole parts of topics, those between slashes: `me` takes `me` and `me/1`, and not `mean`. What frond itself
   * subscribes to are whole parts. Such a transport keeps nothing for a subscription that comes later, which stock pylm clients want.
   */
  readonly takesParts?: boolean;
  /** Whether bound ends may share an address, and settle what they pull there. */
  readonly settles?: boolean;
  /** Makes an address that the system has not chosen, for a transport whose subscriptions may be shared. */
  readonly givenAddress?: () => string;
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
