/** A relay to a real server, a client that works all the while, and those who attack. */
import { afterEach } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client, type ConnectOptions } from '../../src/index.ts';
import type { Logger } from '../../src/logging.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { memory } from '../../transports/memory/index.ts';
import type { RelayIdentity, RelayOptions, UpstreamTarget } from '../../transports/relay/options.ts';
import { websocket } from '../../transports/websocket/node.ts';
import type { WebsocketOptions } from '../../transports/websocket/options.ts';
import { bytes, textOf } from './bytes.ts';
import { EVERYTHING, type RunningRelay, startRelay } from './relay.ts';
import { dial, type PeerOptions, type RawPeer } from './relay-peer.ts';
import { within } from './wait.ts';

/** The client that works. */
const HONEST = 'honest-token';
/** Somebody who may do everything that can be granted, and attacks. */
export const ATTACKER = 'attacker-token';

const { name: _, ...grants } = EVERYTHING;
/** Everything that can be granted. An identity that is given no name is called as its token. */
export const ALL = grants;

type Identities = Readonly<Record<string, Omit<RelayIdentity, 'name'> & { readonly name?: string }>>;

export interface BesiegedOptions extends Partial<Omit<RelayOptions, 'servers'>> {
  /** By token; what is left out may do everything. */
  readonly identities?: Identities;
  readonly servers?: Readonly<Record<string, UpstreamTarget>>;
}

export interface Besieged extends RunningRelay {
  readonly transport: BindingTransport;
  readonly server: Server;
  /** Everything that was logged. */
  readonly log: readonly string[];
  /** A WebSocket, not greeted. */
  dial(options?: PeerOptions): Promise<RawPeer>;
  /** One that the relay has let in. */
  peer(token?: string | null): Promise<RawPeer>;
  connect(token: string, options?: Partial<ConnectOptions>, dialling?: WebsocketOptions): Promise<Client>;
  /** Does what `attack` does, while the client that works gets its answers, and after. */
  meanwhile<T>(attack: () => Promise<T>): Promise<T>;
  own<T extends { close(): Promise<unknown> }>(closable: T): T;
}

export const functions = {
  upper: (payload: Uint8Array) => bytes(textOf(payload).toUpperCase()),
  big: (payload: Uint8Array) => new Uint8Array(Number(textOf(payload))),
  boom: () => {
    throw new Error('boom');
  },
};

/** Starts relays that are closed when the test is over. */
export function testRelays(): (options?: BesiegedOptions) => Promise<Besieged> {
  let opened: { close(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const closable of opened.reverse()) await within(5_000, closable.close(), 'closing');
    opened = [];
  });
  const own = <T extends { close(): Promise<unknown> }>(closable: T) => {
    opened.push(closable);
    return closable;
  };
  return (options) => besiege(own, options);
}

async function besiege(own: Besieged['own'], options: BesiegedOptions = {}): Promise<Besieged> {
  const { identities = {}, transport = memory(), servers = {}, ...others } = options;
  const server = own(await startServer(transport as BindingTransport));
  const log: string[] = [];
  const relay = own(
    await startRelay({
      transport,
      servers: { server: { dbAddress: server.dbAddress }, ...servers },
      authenticate: (token) => identityOf(identities, token),
      logger: loggerTo(log),
      loggingLevel: 'debug',
      ...others,
    }),
  );
  const connect: Besieged['connect'] = async (token, how = {}, dialling = {}) =>
    own(
      await Client.connect({
        transport: websocket(relay.url, { token, maxDelay: 50, ...dialling }),
        serverName: 'server',
        loggingLevel: 'silent',
        timeout: 5_000,
        ...how,
      }),
    );
  const dialIt: Besieged['dial'] = async (how) => own(await dial(relay.url, how));
  const honest = await connect(HONEST);
  let asked = 0;
  const call = async () => {
    const text = `call ${++asked}`;
    const answer = textOf(await honest.eval('server.upper', bytes(text)));
    if (answer !== text.toUpperCase()) throw new Error(`${text} was answered with ${answer}`);
  };
  return {
    ...relay,
    transport: transport as BindingTransport,
    server,
    log,
    own,
    connect,
    dial: dialIt,
    peer: async (token = ATTACKER) => {
      const peer = await dialIt();
      await peer.greet(token);
      return peer;
    },
    meanwhile: (attack) => during(call, attack),
  };
}

/** Does what `attack` does, and calls again and again: each must be answered, and one after. */
export async function during<T>(call: () => Promise<void>, attack: () => Promise<T>): Promise<T> {
  let isOver = false;
  const callOn = async () => {
    while (!isOver) {
      await call();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await call();
  };
  const attacking = attack().finally(() => {
    isOver = true;
  });
  const [outcome] = await within(19_000, Promise.all([attacking, callOn()]), 'the attack');
  return outcome;
}

function startServer(transport: BindingTransport): Promise<Server> {
  const any = transport.name === 'memory' ? 'memory://*' : 'tcp://127.0.0.1:*';
  const addresses = { dbAddress: any, pullAddress: any, pubAddress: any };
  return Server.start({ transport, name: 'server', functions, loggingLevel: 'silent', ...addresses });
}

function identityOf(identities: Identities, token: string | undefined): RelayIdentity | undefined {
  if (token === HONEST) return { ...EVERYTHING, name: 'honest' };
  const known = new Map(Object.entries(identities)).get(token ?? '');
  if (known !== undefined) return { name: token ?? '', ...known };
  return token === ATTACKER ? { ...EVERYTHING, name: 'attacker' } : undefined;
}

function loggerTo(log: string[]): Logger {
  const line: Logger['info'] = (message, fields) => log.push(`${message} ${JSON.stringify(fields ?? {})}`);
  return { debug: line, info: line, warning: line, error: line };
}
