/** Reads the files of a running relay again, at SIGHUP and when they change. No connection is closed for it. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../../src/logging.ts';
import { messageOf } from '../../src/protocol/errors.ts';
import { watchFile } from '../../transports/relay/auth/token-file.ts';
import type { Relay } from '../../transports/relay/index.ts';
import type { UpstreamTarget } from '../../transports/relay/options.ts';
import type { ParsedOptions } from '../command.ts';
import type { Environment } from '../io.ts';
import { type KeyPair, readKeyPair } from './listening.ts';
import { type RelaySettings, settingsOf } from './settings.ts';

/** Milliseconds between two checks of the files, on systems that do not report changes. */
const CHECK_INTERVAL = 1_000;

/** What a reload works with. */
export interface ReloadSettings {
  readonly options: ParsedOptions;
  readonly env: Environment;
  /** The settings that the relay started with. */
  readonly initial: RelaySettings;
  readonly relay: Relay;
  readonly server: Server | TlsServer;
  readonly logger: Logger;
}

/** Watches the config file and the certificate of a relay. The token file is watched where it is read. */
export class Reload {
  readonly #settings: ReloadSettings;
  readonly #stops: readonly (() => void)[];
  /** All servers, by name: those from the start, and those that were added since. */
  #servers: Readonly<Record<string, UpstreamTarget>>;
  /** Paths of the files that are watched. */
  readonly #files: readonly string[];
  /** Hash of the files when they were last read, whether they could be used or not. */
  #lastHash = '';
  #reading: Promise<void>;

  constructor(settings: ReloadSettings) {
    this.#settings = settings;
    const { options, initial } = settings;
    this.#servers = initial.servers;
    const config = options.text('config');
    this.#files = [config, initial.tls?.cert, initial.tls?.key].filter((path) => path !== undefined);
    this.#reading = this.#hasChanged().then(() => {});
    this.#stops = this.#files.map((path) => watchFile(path, CHECK_INTERVAL, () => this.#check()));
  }

  /** Reads the files now, whether they have changed or not. Never rejects. */
  again(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#hasChanged()).then(() => this.#read());
    return this.#reading;
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #check(): void {
    this.#reading = this.#reading.then(async () => {
      if (await this.#hasChanged()) await this.#read();
    });
  }

  /** Whether the files have changed since the last check. */
  async #hasChanged(): Promise<boolean> {
    const contents = this.#files.map((path) => readFile(path).catch(messageOf));
    const hash = createHash('sha256');
    for (const content of await Promise.all(contents)) hash.update(content).update('\0');
    const before = this.#lastHash;
    this.#lastHash = hash.digest('hex');
    return this.#lastHash !== before;
  }

  async #read(): Promise<void> {
    const { options, initial, relay, logger } = this.#settings;
    try {
      const next = await settingsOf(options, this.#settings.env);
      const pair = next.tls && (await readKeyPair(next.tls));
      const { origins, anonymous } = next;
      const servers = { ...next.servers, ...this.#servers };
      relay.reconfigure({ servers, ...(origins && { origins }), ...(anonymous && { anonymous }) });
      this.#servers = servers;
      if (pair !== undefined) this.#use(pair);
      const restart = this.#needsRestart(next);
      logger.info('the relay has read its files again', { servers: Object.keys(servers).join(', ') });
      if (restart.length === 0) return;
      logger.warning('some changes take effect only after a restart', { changed: restart.join(', ') });
    } catch (error) {
      const message = 'the files of the relay cannot be used; it keeps its settings';
      logger.warning(message, { reason: messageOf(error), config: options.text('config'), ...initial.tls });
    }
  }

  /** For new connections; those that are open keep their certificate. */
  #use(pair: KeyPair): void {
    const { server } = this.#settings;
    if (server instanceof TlsServer) server.setSecureContext(pair);
  }

  /** Keys of the config file that have changed and are read only at the start. */
  #needsRestart(next: RelaySettings): readonly string[] {
    const { initial } = this.#settings;
    const changed: string[] = [];
    const compare = (key: string, before: unknown, now: unknown) => {
      if (!isDeepStrictEqual(before, now)) changed.push(key);
    };
    compare('listen', initial.place, next.place);
    compare('metrics', initial.metrics, next.metrics);
    compare('path', initial.path, next.path);
    compare('limits', initial.limits, next.limits);
    compare('tokens', initial.tokens, next.tokens);
    compare('http', initial.http, next.http);
    compare('checkInput', initial.checkInput, next.checkInput);
    compare('trustProxy', initial.trustProxy, next.trustProxy);
    compare('serverKey', initial.keys.serverKey, next.keys.serverKey);
    compare('clientKey', initial.keys.clientKey, next.keys.clientKey);
    compare('nats', initial.nats, next.nats);
    compare('tls', initial.tls === undefined, next.tls === undefined);
    compare('peers', initial.peers, next.peers);
    for (const [name, target] of Object.entries(this.#servers))
      compare(`servers.${name}`, target, next.servers[name]);
    return changed;
  }
}
