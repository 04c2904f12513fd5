/** Warnings on stderr about what a command waits for. */
import { startTimer } from '../src/async/timers.ts';
import { type Logger, sparing } from '../src/logging.ts';
import type { ConnectionStatus, Transport } from '../src/transport.ts';
import type { CommandContext } from './command.ts';
import { stderrLogger } from './terminal/screen.ts';

/** Milliseconds that a connection or an answer may take without a warning. */
const PATIENCE = 1_000;

/** An address that is dialled but not connected. */
interface Awaited {
  reason: string | undefined;
  isLogged: boolean;
  stop: () => void;
}

/** Logs what one command waits for, more rarely the longer it takes, and when the wait is over. */
export class WaitNotices {
  readonly #logger: Logger;
  readonly #awaited = new Map<string, Awaited>();

  constructor({ screen, options }: CommandContext) {
    this.#logger = sparing(stderrLogger(screen, options.flag('json')));
  }

  /** The transport, with connections that are watched for addresses that do not answer. */
  over(transport: Transport): Transport {
    return {
      name: transport.name,
      checkAddress: (address) => transport.checkAddress(address),
      resolveAddress: (advertised, via) => transport.resolveAddress?.(advertised, via) ?? advertised,
      open: async () => {
        const connection = await transport.open();
        void this.#watch(connection.status());
        return connection;
      },
    };
  }

  /** Settles as `answer`. If that takes long, logs the connections that are missing or, without any, that `what` does not answer. */
  async for<T>(what: string, answer: Promise<T>): Promise<T> {
    const stop = startTimer(PATIENCE, () => {
      if (this.#awaited.size === 0) this.#logger.warning('waiting for an answer', { from: what });
      for (const [address, awaited] of this.#awaited) if (!awaited.isLogged) this.#log(address, awaited);
    });
    try {
      return await answer;
    } finally {
      stop();
    }
  }

  async #watch(statuses: AsyncIterable<ConnectionStatus>): Promise<void> {
    for await (const status of statuses) this.#take(status);
    for (const { stop } of this.#awaited.values()) stop();
    this.#awaited.clear();
  }

  #take(status: ConnectionStatus): void {
    if (status.type === 'connected') {
      const before = this.#awaited.get(status.address);
      this.#awaited.delete(status.address);
      before?.stop();
      if (before?.isLogged === true) this.#logger.warning('connected', { to: status.address });
    } else if (status.type === 'connecting') {
      this.#await(status.address, undefined);
    } else if (status.type === 'reconnecting') {
      this.#await(status.address, status.reason);
    } else if (status.type === 'disconnected') {
      this.#await(status.address, status.reason);
    }
  }

  #await(address: string, reason: string | undefined): void {
    const before = this.#awaited.get(address);
    if (before === undefined) {
      const awaited: Awaited = { reason, isLogged: false, stop: () => {} };
      awaited.stop = startTimer(PATIENCE, () => this.#log(address, awaited));
      this.#awaited.set(address, awaited);
    } else if (reason !== undefined && reason !== before.reason) {
      before.reason = reason;
      if (before.isLogged) this.#log(address, before);
    }
  }

  #log(address: string, awaited: Awaited): void {
    awaited.stop();
    awaited.isLogged = true;
    this.#logger.warning('waiting for a connection', { to: address, reason: awaited.reason });
  }
}
