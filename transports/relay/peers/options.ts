/** The relays beside a relay. */
export interface RelayPeers {
  /** The name of this relay among them, which stands in the names of its sessions: letters, digits, `-` and `_`, at most 64. */
  readonly id: string;
  /** What all of these relays know and nobody else does: a random string of 32 characters or more. */
  readonly key: string;
  /**
   * URLs of the WebSockets of the others, by their ids: as `{ b: 'ws://10.0.0.2:7766/' }`, each that of one relay and not of a balancer.
   * The relay dials these and no others.
   */
  readonly urls: Readonly<Record<string, string>>;
}
