/** The records of a job, which are stored under a topic of their own. */
import type { Bytes } from '../../protocol/bytes.ts';
import type { EnvelopeCodec } from '../../protocol/envelope.ts';
import { type JobCalls, jobCalls, readJobId, shownJob } from '../../protocol/job-id.ts';
import { encodeRecord, type JobRecord, readRecord } from '../../protocol/job-record.ts';
import { EMPTY_MESSAGE, type PalmMessage, Status } from '../../protocol/message.ts';
import type { Connection } from '../../transport.ts';
import type { CallLink } from '../call-link.ts';
import type { StoredClient } from './job-link.ts';

/** Writes and reads the records of a job. */
export class JobLog {
  /** How errors name the job. */
  readonly shown: string;
  /** The names of its topics behind the id of the client that sends it. */
  readonly calls: JobCalls;
  readonly #client: string;
  readonly #connection: Connection;
  readonly #link: CallLink;
  readonly #codec: EnvelopeCodec;

  private constructor(
    { connection, cache }: StoredClient,
    link: CallLink,
    client: string,
    secret: string,
    shown: string,
  ) {
    this.#connection = connection;
    this.#codec = cache.codec;
    this.#link = link;
    this.#client = client;
    this.calls = jobCalls(secret);
    this.shown = shown;
  }

  /** Of a job that this client sends. */
  static of(client: StoredClient, link: CallLink, secret: string): JobLog {
    const { id } = client.connection;
    return new JobLog(client, link, id, secret, shownJob(client.serverName, id, secret));
  }

  /** Of a job that another client has sent. @throws PalmError as {@link readJobId}. */
  static resumed(client: StoredClient, link: CallLink, id: string): JobLog {
    const { client: sender, secret, shown } = readJobId(id, client.serverName);
    return new JobLog(client, link, sender, secret, shown);
  }

  /** Where the job's results and records are published. */
  get address(): string {
    return this.#link.addresses.subAddress;
  }

  topic(call: string): string {
    return `${this.#client}/${call}`;
  }

  /** Resolves when the record is stored. */
  async store(record: JobRecord): Promise<void> {
    const topic = this.topic(this.calls.records);
    const message = {
      ...EMPTY_MESSAGE,
      client: topic,
      status: Status.progress,
      payload: encodeRecord(record),
    };
    await this.#connection.store?.(this.address, { topic, frames: [this.#codec.encode(message)] });
  }

  /** The message in a frame. @throws PalmError `PROTOCOL` when there is none. */
  decode(frame: Bytes): PalmMessage {
    return this.#codec.decode(frame, true);
  }

  /** The record in a frame; undefined when there is none. */
  recordIn(frame: Bytes): JobRecord | undefined {
    try {
      return readRecord(this.#codec.decode(frame).payload);
    } catch {
      // Whoever may publish may put anything there.
      return undefined;
    }
  }
}
