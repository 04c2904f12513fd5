import type { Pull } from 'zeromq';
import { BatchQueue } from '../../src/async/batch-queue.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { CloseOptions, Puller } from '../../src/transport.ts';
import { type DialContext, Dialled, type OpenSocket } from './dialled.ts';
import { READ_AHEAD, readInto, takeFrames } from './reader.ts';

/** Bytes read and not taken, before the socket is left to hold the server up. */
const READ_AHEAD_BYTES = 4_194_304;

/** A share of what one PUSH hands out. */
export class ZeromqPuller extends Dialled<Pull> implements Puller {
  readonly #queue = new BatchQueue<Bytes>(READ_AHEAD, {
    sizeOf: ({ length }) => length,
    bytes: READ_AHEAD_BYTES,
  });

  constructor(open: OpenSocket<Pull>, context: DialContext) {
    super(open, context);
    const { socket } = this;
    readInto(socket, this.#queue, takeFrames, (queued) => this.reportSlow(queued), this.progress);
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return this.#queue;
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    await super.close(options);
    this.#queue.end();
  }
}
