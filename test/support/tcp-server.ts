/** Servers for the command to call. */
import { Server, type ServerOptions } from '../../src/cluster/roles/server.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from './bytes.ts';

const ANY = 'tcp://127.0.0.1:*';

/** A server called `test` over TCP. */
export function startServer(options: Partial<ServerOptions> = {}): Promise<Server> {
  return Server.start({
    transport: zeromq(),
    name: 'test',
    dbAddress: ANY,
    pullAddress: ANY,
    pubAddress: ANY,
    loggingLevel: 'silent',
    functions: {
      upper: (payload) => bytes(textOf(payload).toUpperCase()),
      flip: (payload) => payload.map((byte) => byte ^ 0xff),
      odd: (payload) => {
        if (Number(textOf(payload)) % 2 === 0) throw new RangeError(`${textOf(payload)} is even\nand more`);
        return payload;
      },
      zero: () => bytes('0'),
      cache: (_, { message }) => bytes(`${message.cache}|${message.pipeline}`),
      never: () => new Promise<Uint8Array>(() => {}),
    },
    ...options,
  });
}

/** Every byte there is, twice, in an order that no text has. */
export const BINARY = Uint8Array.from({ length: 512 }, (_, index) => (index * 167 + 13) & 0xff);
