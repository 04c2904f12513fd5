/** A client in a process of its own that calls `NAME.wait` so often, and waits: caller-process.ts zeromq | zmtp | websocket ADDRESS NAME COUNT. */
import { Client } from '../../src/index.ts';
import { websocket } from '../../transports/websocket/node.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';

const [kind = '', address = '', name = '', count = '1'] = process.argv.slice(2);
const client = await Client.connect({
  serverName: name,
  loggingLevel: 'silent',
  ...(kind === 'websocket'
    ? { transport: websocket(address, { token: 'open sesame' }) }
    : { transport: kind === 'zmtp' ? zmtp() : zeromq(), dbAddress: address }),
});
for (let i = 0; i < Number(count); i++) {
  client.eval(`${name}.wait`, new TextEncoder().encode(String(i)), { timeout: 60_000 }).catch(() => {});
}
console.log('calling');
