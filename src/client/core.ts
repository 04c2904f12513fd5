import { OpenCalls } from '../async/open-calls.ts';
import { SignalHub, throwIfAborted } from '../async/signals.ts';
import { atMost, withinLimits } from '../async/timers.ts';
import type { CacheClient } from '../cache-client.ts';
import { CacheLink } from '../cache-link.ts';
import type { Interceptor } from '../interceptor.ts';
import type { Bytes } from '../protocol/bytes.ts';
import { replyText } from '../protocol/cache-request.ts';
import { inspectValue, invalidCall, PalmError } from '../protocol/errors.ts';
import { randomId } from '../protocol/ids.ts';
import { Feature } from '../protocol/message.ts';
import { END_KEY } from '../protocol/pipeline-end.ts';
import type { GuardedTap } from '../tap.ts';
import type { CloseOptions, Connection } from '../transport.ts';
import type { MessageDefaults } from './call.ts';
import { CallLink } from './call-link.ts';
import type { ClientSettings, ServerProfile } from './connect-options.ts';
import { Loader } from './loader.ts';

/** Milliseconds that closing waits for accepted calls, unless the caller says otherwise. */
const DRAIN_TIMEOUT = 1_000;

/** Code that a client loads when it first needs it. */
export interface LaterCode {
  openCache(link: CacheLink): CacheClient;
  loadElaborate(): Promise<{
    /** Checks what of the settings needs code of its own, and makes it ready. */
    prepare(settings: ClientSettings): OpenSettings;
  }>;
  /** Makes the link follow the server when it is restarted at other addresses. */
  follow(core: ClientCore, link: CallLink, isEndKnown: boolean): void;
  /** Tells the server that a call is cancelled. */
  cancel(core: ClientCore, link: CallLink, ...call: Parameters<CallLink['cancel']>): Promise<void>;
}

/** The settings of a client that is open: its tap is guarded, its metadata encoded. */
export type OpenSettings = Omit<ClientSettings, 'tap'> & {
  readonly tap?: GuardedTap | undefined;
  readonly metadataField?: Bytes | undefined;
  /** The server as the options describe it, with `thisConfig`. */
  readonly profile?: ServerProfile | undefined;
};

/** What all `Client` objects of one connection share: those that `with` makes differ in their payload types only. */
export class ClientCore {
  readonly settings: OpenSettings;
  readonly connection: Connection;
  readonly cache: CacheLink;
  readonly cacheCalls: Loader<CacheClient>;
  readonly interceptors: Interceptor[];
  readonly calls: OpenCalls = new OpenCalls();
  /** Listens to the signals of all calls. */
  readonly signals: SignalHub;
  readonly serverName: string;
  /** The prefix of every key, if there is one: what a relay gave, then the user's session. */
  readonly session: string | undefined;
  /** Undefined when the server takes no calls. */
  readonly link: CallLink | undefined;
  /** The session, or a random id, and the features of every message. */
  readonly defaults: MessageDefaults;

  private constructor(
    settings: OpenSettings,
    connection: Connection,
    cache: CacheLink,
    signals: SignalHub,
    profile: ServerProfile,
    loadLater: () => Promise<LaterCode>,
  ) {
    this.settings = settings;
    this.interceptors = [...(settings.interceptors ?? [])];
    this.connection = connection;
    this.cache = cache;
    this.signals = signals;
    this.cacheCalls = new Loader(async () => (await loadLater()).openCache(cache));
    this.serverName = profile.serverName;
    this.session = connection.keyPrefix + (settings.session ?? '') || undefined;
    this.defaults = {
      pipeline: this.session ?? randomId(),
      features: this.session === undefined ? Feature.batches : Feature.batches | Feature.session,
      metadata: settings.metadataField,
    };
    const { addresses, isDirect } = profile;
    if (addresses === undefined) return;
    const link = new CallLink({
      connection,
      addresses,
      isDirect,
      tap: settings.tap,
      logger: settings.logger,
    });
    this.link = link;
    link.cancel = (...call) =>
      loadLater()
        .then((later) => later.cancel(this, link, ...call))
        .catch(() => {});
    // Behind a relay the server has one name for all, and the relay follows it.
    if (!settings.thisConfig && addresses.pushAddress !== settings.dbAddress)
      loadLater()
        .then((later) => later.follow(this, link, profile.isEndKnown))
        .catch(() => {});
  }

  /** @param loadLater - loads code that the client does not need yet. */
  static async open(options: ClientSettings, loadLater: () => Promise<LaterCode>): Promise<ClientCore> {
    const isPlain = !(options.tap ?? options.metadata ?? options.interceptors ?? options.thisConfig);
    const settings: OpenSettings = isPlain
      ? (options as ClientSettings & { readonly tap?: undefined })
      : (await (await loadLater()).loadElaborate()).prepare(options);
    const { transport, dbAddress, timeout, signal, id, session, tap, logger } = settings;
    throwIfAborted(signal);
    const connection = await transport.open();
    let missing = `answer from the server at ${dbAddress}`;
    let hint = 'is it up, and is this its db_address?';
    const expired = () => {
      const text = `no ${missing} within ${timeout} ms${connection.trouble}; ${hint}`;
      return new PalmError('TIMEOUT', text, { sent: 'unknown' });
    };
    const signals = new SignalHub();
    const connect = async () => {
      await connection.identify(id);
      const cache = new CacheLink({ connection, dbAddress, session, tap });
      const profile = settings.profile ?? (await discover(settings, cache));
      cache.server = profile.serverName;
      const core = new ClientCore(settings, connection, cache, signals, profile, loadLater);
      if (core.link !== undefined) {
        missing = `connection to ${Object.values(core.link.addresses).join(' and ')}`;
        hint = `does the server at ${dbAddress} name the right addresses?`;
        await core.link.ready();
      }
      logger.info('connected', { server: profile.serverName, db: dbAddress, ...profile.addresses });
      return core;
    };
    try {
      return await withinLimits({ timeout, signal, signals }, expired, connect());
    } catch (error) {
      await connection.close({ timeout: 0 });
      throw error;
    }
  }

  /** @throws PalmError `INVALID_CALL` when the server takes no calls. */
  callLink(): CallLink {
    if (this.link === undefined) throw takesNoCalls(this.serverName);
    return this.link;
  }

  async close({ timeout = DRAIN_TIMEOUT }: CloseOptions): Promise<void> {
    const end = performance.now() + timeout;
    const idle = this.calls.close();
    if (timeout > 0) await atMost(timeout, idle);
    // First, because the connection's channels know which calls have not left.
    await this.connection.close({ timeout: Math.max(0, end - performance.now()) });
    this.link?.close();
  }
}

export function takesNoCalls(serverName: string): PalmError {
  const text = `server ${inspectValue(serverName)} takes no calls; call the first server of its pipeline`;
  return invalidCall(text);
}

/**
 * Asks the server at `dbAddress` for its name and addresses, all at once.
 * @throws PalmError `WRONG_SERVER` when its name is not `serverName`.
 */
export async function discover(settings: OpenSettings, cache: CacheLink): Promise<ServerProfile> {
  const { transport, dbAddress, serverName, pushAddress, subAddress } = settings;
  const ask = async (key: string) => replyText(await cache.read(key));
  const [own, pull, pub, end] = await Promise.all([
    cache.read('name'),
    pushAddress ?? ask('pull_address'),
    subAddress ?? ask('pub_address'),
    // pylm's servers have no such key, and older ones of frond's neither.
    subAddress ?? ask(END_KEY),
  ]);
  const name = replyText(own);
  if (name === '' || (serverName !== undefined && name !== serverName)) {
    const wanted = serverName === undefined ? 'one with a name' : inspectValue(serverName);
    const text = `at ${dbAddress} is server ${inspectValue(name)}, not ${wanted}; check serverName and dbAddress`;
    throw new PalmError('WRONG_SERVER', text, { sent: true });
  }
  const resolve = (address: string) => transport.resolveAddress?.(address, dbAddress) ?? address;
  const last = subAddress ?? (end.split(' ')[1] || pub);
  return {
    serverName: name,
    isDirect: last === pub && subAddress === undefined && own.features !== undefined,
    isEndKnown: end !== '?',
    addresses:
      pull === '' || pub === ''
        ? undefined
        : {
            pushAddress: pushAddress ?? resolve(pull),
            subAddress: subAddress ?? resolve(last),
          },
  };
}
