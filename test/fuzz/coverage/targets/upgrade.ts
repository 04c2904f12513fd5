import { isIP } from 'node:net';
import { checkOrigin, type UpgradeRequest } from '../../../../transports/relay/http/admission.ts';
import { Proxies } from '../../../../transports/relay/http/proxies.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim } from '../claims.ts';
import { type Target, textIn } from '../target.ts';

const LISTED = ['https://dash.example', 'http://localhost:3000'];

/** The headers of a WebSocket upgrade. The first line of an input is the socket's address, each other line a header. */
export const target: Target = {
  longest: 512,
  seeds: () =>
    [
      '127.0.0.1\nhost: localhost:7766\norigin: http://localhost:7766\nuser-agent: Mozilla/5.0',
      '::1\nhost: [::1]:7766\norigin: http://[::1]:7766',
      '10.0.0.7\nhost: relay.example\norigin: https://relay.example\nsec-fetch-site: same-origin',
      '::ffff:127.0.0.1\nhost: evil.example\norigin: http://evil.example',
      '10.0.0.7\nhost: h\nx-forwarded-for: 1.2.3.4, 5.6.7.8',
      '10.0.0.7\nhost: h\norigin: null',
    ].map(bytes),
  words: [
    'host: ',
    'origin: ',
    'user-agent: Mozilla/',
    'sec-fetch-site: ',
    'x-forwarded-for: ',
    'http://',
    'https://',
    ...LISTED,
  ],
  check(data) {
    // Header values contain no line ends: Node's parser takes care of it.
    const [first = '', ...lines] = textIn(data).split('\n');
    const socketAddress = isIP(first) === 0 ? '127.0.0.1' : first;
    const headers: Record<string, string> = Object.fromEntries(
      lines.map((line): [string, string] => {
        const at = line.indexOf(':');
        return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
      }),
    );
    let address = '';
    for (const trust of [false, ['loopback', 'private'], 2, true] as const) {
      address = new Proxies(trust).addressOf(headers, socketAddress);
      claim(address === socketAddress || isIP(address) !== 0, `${address} is taken for an address`);
    }
    const origin = Object.hasOwn(headers, 'origin') ? headers['origin'] : undefined;
    const upgrade: UpgradeRequest = { headers, info: { address, origin }, socketAddress };
    for (const origins of [undefined, [], LISTED]) {
      const refusal = checkOrigin(upgrade, origins);
      if (refusal !== undefined) {
        claim(refusal.status === 403, `an origin is refused with ${refusal.status}`);
        claim(!/[\r\n]/.test(refusal.reason), 'a reason has more than one line');
      } else if (origin === undefined) {
        claim(headers['sec-fetch-site'] === undefined, 'a browser came in without an origin');
      } else if (origins !== undefined) {
        claim(origins.includes(origin), `${origin} came in`);
      } else {
        checkOwnHost(origin, headers['host'], socketAddress);
      }
    }
  },
};

function checkOwnHost(origin: string, host: string | undefined, socketAddress: string): void {
  const { protocol, host: own, hostname } = new URL(origin);
  claim(/^https?:$/.test(protocol), `a page of ${protocol} came in`);
  claim(own === host?.toLowerCase(), `a page of ${own} came in at ${host}`);
  const isLoopback = /^(127\.|::1$|::ffff:127\.)/.test(socketAddress);
  const isNumeric = isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0;
  const isOwn = isNumeric || /(^|\.)localhost$/.test(hostname);
  claim(!isLoopback || isOwn, `${hostname} came in over loopback`);
}
