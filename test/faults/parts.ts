/** What each part is told when it is started. */
import type { UpstreamTarget } from '../../transports/relay/options.ts';

export interface Addresses {
  readonly dbAddress: string;
  readonly pullAddress: string;
  readonly pubAddress: string;
}

export interface Config {
  readonly master: {
    /** Milliseconds, of the Master and of its transport. */
    readonly heartbeat?: number;
    readonly maxDeliveries?: number;
  };
  readonly worker: {
    readonly dbAddress: string;
    /** Of a relay to work through. */
    readonly url?: string;
    readonly heartbeat?: number;
    readonly name?: string;
  };
  readonly relay: { readonly servers: Readonly<Record<string, UpstreamTarget>>; readonly port: number };
  readonly proxy: { readonly port: number };
  readonly caller: {
    readonly dbAddress: string;
    readonly pushAddress?: string;
    readonly subAddress?: string;
    /** Of a relay to call through. */
    readonly url?: string;
  };
}

/** A map over numbered inputs. */
export interface MapOrder {
  readonly path: string;
  readonly count: number;
  readonly ordered?: boolean;
  readonly window?: number;
  readonly retries?: number;
  readonly timeout?: number;
  /** Milliseconds that the function takes for each, and for some by their number. */
  readonly takes?: number;
  readonly slow?: Readonly<Record<number, number>>;
}

/** What came of it. */
export interface MapReport {
  readonly lost: number;
  readonly duplicated: number;
  readonly misordered: number;
  readonly failed: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly retried: number;
  /** Answers that came twice, and were not seen twice. */
  readonly dropped: number;
  /** Bytes in use, sampled all along. */
  readonly memory: readonly number[];
  /** The longest that no result came, in milliseconds. */
  readonly longestGap: number;
  /** Numbers in the order of their results, of the first hundred. */
  readonly first: readonly number[];
}
