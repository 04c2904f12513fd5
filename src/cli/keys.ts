/** A server's own keys, read over its db_address: what anybody may ask of any server without doing it harm. */
import { withinLimits } from '../async/timers.ts';
import { SignalHub } from '../async/signals.ts';
import { CacheChannel } from '../cache-client.ts';
import type { LogFields, Logger } from '../logging.ts';
import type { CacheReply } from '../protocol/cache-request.ts';
import { PalmError } from '../protocol/errors.ts';
import type { Connection, Transport } from '../transport.ts';

export class ServerKeys {
  readonly connection: Connection;
  readonly dbAddress: string;
  readonly #channel: CacheChannel;

  private constructor(connection: Connection, dbAddress: string) {
    this.connection = connection;
    this.dbAddress = dbAddress;
    this.#channel = new CacheChannel({
      connection,
      dbAddress,
      session: undefined,
      tap: undefined,
    });
  }

  /** @throws PalmError `INVALID_CALL` when the transport cannot read the address. */
  static async open(transport: Transport, dbAddress: string): Promise<ServerKeys> {
    transport.checkAddress(dbAddress);
    return new ServerKeys(await transport.open(), dbAddress);
  }

  /** Waits for the server as long as it takes. */
  async read(key: string): Promise<CacheReply> {
    await this.connection.identify();
    return this.#channel.read(key);
  }

  /** As `reading`. @throws PalmError `TIMEOUT` after `timeout` milliseconds, or the signal's reason. */
  within<T>(timeout: number, signal: AbortSignal, reading: Promise<T>): Promise<T> {
    const expired = () => {
      const text = `no answer from the server at ${this.dbAddress} within ${timeout} ms; is it up, and is this its db_address?`;
      return new PalmError('TIMEOUT', text, { sent: 'unknown' });
    };
    return withinLimits({ timeout, signal, signals: new SignalHub() }, expired, reading);
  }

  /** Logs what happens to the connection. */
  async log(logger: Logger): Promise<void> {
    for await (const { type, ...fields } of this.connection.status()) {
      if (type !== 'closed') logger.info(type, fields as LogFields);
    }
  }

  async close(): Promise<void> {
    await this.connection.close({ timeout: 0 });
  }
}
