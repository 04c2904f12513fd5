/** Dials a relay over a link that is cut again and again. */
import type { Transport } from '../../../src/transport.ts';
import { websocket } from '../../../transports/websocket/node.ts';
import { startProxy } from '../proxy.ts';

/** Milliseconds between two cuts, at most. */
const LONGEST = 100;
/** Milliseconds between two attempts at most, lest the tests wait for nothing. */
const MAX_DELAY = 20;

export function cuttingDial(url: string, token: string): Transport {
  return {
    ...websocket(url, { token }),
    open: async () => {
      const proxy = await startProxy(new URL(url).host);
      const cutLater = () =>
        setTimeout(() => {
          proxy.cut();
          timer = cutLater();
        }, Math.random() * LONGEST);
      let timer = cutLater();
      const own = proxy.address.replace('tcp', 'ws');
      const connection = await websocket(own, { token, maxDelay: MAX_DELAY }).open();
      connection.closed.then(async () => {
        clearTimeout(timer);
        await proxy[Symbol.asyncDispose]();
      });
      return connection;
    },
  };
}
