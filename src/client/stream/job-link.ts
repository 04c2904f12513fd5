/** What a job stands on: its link, its client, and what is said of one whose results are stored. */
import type { FlowLimit } from '../../async/flow-limit.ts';
import type { Macrotasks } from '../../async/macrotask.ts';
import type { OpenCalls } from '../../async/open-calls.ts';
import type { EnvelopeCodec } from '../../protocol/envelope.ts';
import type { Connection, Transport } from '../../transport.ts';
import type { CallSpec } from '../call.ts';
import type { CallLink, Mailbox } from '../call-link.ts';
import type { CallSurroundings } from '../elaborate.ts';
import type { Job } from './job-results.ts';
import type { JobOptions } from './options.ts';
import type { Ending, StreamClient } from './result-stream.ts';

/** What a job uses of its link. A job whose results are stored has one of its own in front of the client's. */
export interface JobLink
  extends Pick<CallLink, 'isReady' | 'ready' | 'topic' | 'encode' | 'send' | 'room' | 'timeout' | 'cancel'> {
  readonly mailbox: Pick<Mailbox, 'open' | 'close'>;
  readonly inFlight: Pick<FlowLimit, 'take' | 'wait' | 'release'>;
  macrotasks?: Macrotasks | undefined;
  /** Called when all inputs have left, or with the error of the input. The job ends when it has resolved, and not before. */
  sent?(failed: Ending | undefined): Promise<void>;
}

/** What a job uses of its client. */
export interface JobClient extends Omit<StreamClient, 'calls' | 'callLink'> {
  readonly calls: Pick<OpenCalls, 'begin'>;
  callLink(): JobLink;
}

/**
 * Opens a job without metadata of its own and without interceptors.
 * @param from - its client, where that is to be another.
 * @param more - options in the place of its own.
 */
export type OpenJob<Out> = (
  call: CallSpec,
  input: unknown,
  signal: AbortSignal | undefined,
  from?: JobClient,
  more?: JobOptions,
) => OpenedJob<Out>;

/** A job that tells of its end. */
export interface OpenedJob<Out> extends Job<Out> {
  /** Calls `listener` when it has ended. */
  onEnd(listener: () => void): void;
}

/** What a job uses of its client, and what it needs when its results are stored. */
export interface StoredClient extends StreamClient, CallSurroundings {
  readonly connection: Connection;
  readonly serverName: string;
  /** Its codec is lent: a job's own would bring another part of a page with it. */
  readonly cache: { readonly codec: EnvelopeCodec };
  readonly settings: StreamClient['settings'] &
    CallSurroundings['settings'] & { readonly transport: Pick<Transport, 'name'> };
  callLink(): CallLink;
}

/** A job that is to be sent and stored, by the secret of its id; or one that was, and is to be read. */
export type StoredRequest =
  | { readonly secret: string }
  | { readonly id: string; readonly after: number | string };

/** How `detachedJob` and `resumeJob` ask for such a job. */
export interface StoredOptions {
  readonly stored?: StoredRequest | undefined;
}
