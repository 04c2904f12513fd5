/** Says on stderr what a command waits for, when that takes longer than a moment. */
import { startTimer } from '../src/async/timers.ts';
import { type Logger, sparing } from '../src/logging.ts';
import type { ConnectionStatus, Transport } from '../src/transport.ts';
import type { CommandContext } from './command.ts';
import { stderrLogger } from './terminal/screen.ts';

/** Milliseconds that a connection or an answer may take before it is said to be waited for. */
const MOMENT = 1_000;

/** An address that is dialled, and not connected. */
interface Awaited {
  reason: string | undefined;
  isTold: boolean;
  stop: () => void;
}

/** The waiting of one command. What goes on for long is said sparingly, and that it is over is said too. */
export class WaitNotices {
  readonly #logger: Logger;
  readonly #awaited = new Map<string, Awaited>();

  constructor({ screen, options }: CommandContext) {
    this.#logger = sparing(stderrLogger(screen, options.flag('json')));
  }

  /** `transport`, whose connections tell when what they dial is not there. */
  over(transport: Transport): Transport {
    return {
      name: transport.name,
      checkAddress: (address) => transport.checkAddress(address),
      resolveAddress: (advertised, via) => transport.resolveAddress(advertised, via),
      open: async () => {
        const connection = await transport.open();
        void this.#watch(connection.status());
        return connection;
      },
    };
  }

  /** Settles as `answer` does; while that takes its time, it is said what is waited for: connections, or else the answer of `what`. */
  async for<T>(what: string, answer: Promise<T>): Promise<T> {
    const stop = startTimer(MOMENT, () => {
      if (this.#awaited.size === 0) this.#logger.warning('waiting for an answer', { from: what });
      for (const [address, awaited] of this.#awaited) if (!awaited.isTold) this.#tell(address, awaited);
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
      if (before?.isTold === true) this.#logger.warning('connected', { to: status.address });
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
      const awaited: Awaited = { reason, isTold: false, stop: () => {} };
      awaited.stop = startTimer(MOMENT, () => this.#tell(address, awaited));
      this.#awaited.set(address, awaited);
    } else if (reason !== undefined && reason !== before.reason) {
      before.reason = reason;
      if (before.isTold) this.#tell(address, before);
    }
  }

  #tell(address: string, awaited: Awaited): void {
    awaited.stop();
    awaited.isTold = true;
    this.#logger.warning('waiting for a connection', { to: address, reason: awaited.reason });
  }
}
