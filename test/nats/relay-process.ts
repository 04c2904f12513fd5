/** One of several relays over NATS, as its argument says. It ends with its input. */
import { nats } from '../../transports/nats/index.ts';
import { EVERYTHING, startRelay, TOKEN } from '../support/relay.ts';

/** The argument, as JSON. */
export interface RelayOfSeveral {
  /** Addresses of NATS, and how often it stores what there is. */
  readonly servers: readonly string[];
  readonly replicas?: number;
  /** The name of the server behind the relay, at NATS, too. */
  readonly server: string;
  readonly id: string;
  readonly port: number;
  /** URLs of the others, by their ids. */
  readonly urls: Readonly<Record<string, string>>;
  /** Pages that may connect. */
  readonly origins?: readonly string[];
}

const {
  servers,
  replicas = 1,
  server,
  id,
  port,
  urls,
  origins,
} = JSON.parse(process.argv[2] ?? '') as RelayOfSeveral;
const relay = await startRelay({
  transport: nats({ servers: [...servers], replicas, heartbeat: 500 }),
  servers: { [server]: { dbAddress: `nats:${server}` } },
  authenticate: (token) =>
    token === TOKEN ? EVERYTHING : token === 'another' ? { ...EVERYTHING, name: token } : undefined,
  peers: { id, key: 'a key that the relays share and nobody else', urls },
  ...(origins && { origins: [...origins] }),
  port,
});
console.log('relaying');
process.stdin.resume().once('end', async () => {
  await relay.close({ timeout: 100 });
  process.exit();
});
