/** What the parts of the demo talk over: ZeroMQ where it is installed. */
import { memory } from '../../../transports/memory/index.ts';
import { zeromq } from '../../../transports/zeromq/index.ts';
import { PalmError } from '../../protocol/errors.ts';
import type { BindingTransport } from '../../transport.ts';

export interface DemoNetwork {
  readonly transport: BindingTransport;
  /** What is bound at an address that is free. */
  readonly any: string;
  /** Whether all of it is within this process, for want of ZeroMQ. */
  readonly isEmbedded: boolean;
}

/**
 * @param mayBeEmbedded - whether the demo can do without ZeroMQ.
 * @throws PalmError `INVALID_CALL` when it cannot, and there is none.
 */
export async function findNetwork(mayBeEmbedded: boolean): Promise<DemoNetwork> {
  const transport = zeromq();
  try {
    const connection = await transport.open();
    await connection.close({ timeout: 0 });
  } catch (error) {
    if (!mayBeEmbedded || !(error instanceof PalmError) || error.code !== 'INVALID_CALL') throw error;
    return { transport: memory(), any: 'memory://*', isEmbedded: true };
  }
  return { transport, any: 'tcp://127.0.0.1:*', isEmbedded: false };
}
