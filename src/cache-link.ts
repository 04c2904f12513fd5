import { type CacheReply, keyRequest, readReply } from './protocol/cache-request.ts';
import { EnvelopeCodec } from './protocol/envelope.ts';
import { Feature, type PalmMessage } from './protocol/message.ts';
import type { GuardedTap } from './tap.ts';
import type { Connection, PendingReply } from './transport.ts';

/** What the cache calls of a client need. */
export interface CacheContext {
  readonly connection: Connection;
  readonly dbAddress: string;
  readonly session: string | undefined;
  readonly tap: GuardedTap | undefined;
}

/** A link to the key-value store of a server, over its REP socket. `CacheClient` makes the calls. */
export class CacheLink {
  readonly context: CacheContext;
  readonly codec: EnvelopeCodec = new EnvelopeCodec();
  /** The server's name, once it is known. pylm ignores it. */
  server = '_';
  /** The features of a frond server, which answers with envelopes; undefined for a pylm server, and before it is known. */
  features: number | undefined;

  constructor(context: CacheContext) {
    this.context = context;
  }

  /** Reads one of the server's own keys, whose values are strings, and learns whether it is a frond server. */
  async read(key: string): Promise<CacheReply> {
    const { reply } = this.ask(
      keyRequest('get', { server: this.server, client: this.context.connection.id }, key, Feature.replies),
    );
    const read = readReply(this.codec, await reply, true);
    this.features = read.features;
    this.tapReply(read, read.value.length);
    return read;
  }

  /** Sends a request, and shows it to the tap. */
  ask(message: PalmMessage): PendingReply {
    const { connection, dbAddress, tap } = this.context;
    const frame = this.codec.encode(message);
    tap?.sent('db', dbAddress, message, frame.length);
    return connection.request(dbAddress, frame);
  }

  /** Shows a reply to the tap. */
  tapReply(reply: CacheReply, size: number): void {
    const { dbAddress, tap } = this.context;
    tap?.received('db', dbAddress, reply.message, size);
  }
}
