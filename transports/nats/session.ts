/** One connection to NATS, from its making to its end. What was asked over it ends with it. */
import { startTimer } from '../../src/async/timers.ts';
import { type Bytes, encodeUtf8 } from '../../src/protocol/bytes.ts';
import { invalidCall, messageOf, PalmError } from '../../src/protocol/errors.ts';
import { randomId } from '../../src/protocol/ids.ts';
import { hearLateErrors } from './late-errors.ts';
import { isLeaderless, NoLeader } from './leader.ts';
import type { NatsSettings, NatsTls } from './options.ts';
import type {
  Headers,
  JetStream,
  JetStreamManager,
  Message,
  NatsConnection,
  NatsSubscription,
  Packages,
} from './packages.ts';

/** Bytes of a message that its headers may have. */
const HEADER_BYTES = 1_024;

/** Bytes of a frame that travels in one message, where NATS would take more. */
const LARGEST_MESSAGE = 1_048_576;

/** Milliseconds in which NATS must answer a connection. */
const CONNECT_TIMEOUT = 5_000;

/** The oldest version of nats-server that has what is used: the time to live of single messages. */
const OLDEST = [2, 11] as const;

/** Headers of a message, by name. */
export type HeaderValues = Readonly<Record<string, string>>;

/** Takes what comes back for a message. */
export interface ReplyListener {
  /** A reply, or undefined when nobody is there who takes such messages. */
  reply(message: Message | undefined): void;
  /** The session ended before. */
  ended(error: PalmError): void;
}

/** One connection to NATS. */
export class Session {
  readonly jetStream: JetStream;
  readonly manager: JetStreamManager;
  /** Bytes of a frame that one message holds. */
  readonly room: number;
  readonly #connection: NatsConnection;
  readonly #packages: Packages;
  readonly #inbox: string;
  readonly #waiting = new Map<string, ReplyListener>();
  #next = 0;
  #end: PalmError | undefined;
  /** Resolves when it has ended, with why. */
  readonly ended: Promise<PalmError>;
  /** The last thing that NATS did not permit. */
  violation: string | undefined;

  private constructor(connection: NatsConnection, manager: JetStreamManager, packages: Packages) {
    this.#connection = connection;
    this.#packages = packages;
    this.manager = manager;
    this.jetStream = packages.jetstream(connection);
    const { max_payload: most = LARGEST_MESSAGE } = connection.info ?? {};
    this.room = Math.min(LARGEST_MESSAGE, most - HEADER_BYTES);
    this.#inbox = `_INBOX.${randomId()}`;
    this.subscribe(`${this.#inbox}.*`, (message) => this.#replied(message));
    void this.#noteViolations();
    this.ended = connection.closed().then((reason) => {
      const why = reason === undefined ? '' : `: ${messageOf(reason)}`;
      const text = `the connection to NATS at ${connection.getServer()} broke${why}`;
      this.#end = new PalmError('DISCONNECTED', text, { sent: 'unknown' });
      for (const listener of [...this.#waiting.values()]) listener.ended(this.#end);
      this.#waiting.clear();
      return this.#end;
    });
  }

  /**
   * Connects.
   * @throws PalmError `DISCONNECTED` when NATS is not reached, `FORBIDDEN` when it refuses, `INVALID_CALL` for one that will not do.
   */
  static async open(settings: NatsSettings, packages: Packages): Promise<Session> {
    const { servers, user, pass, token, creds, tls, heartbeat } = settings;
    const where = [servers].flat().join(', ');
    let connection: NatsConnection;
    try {
      connection = await packages.connect({
        servers,
        name: 'frond',
        reconnect: false,
        noAsyncTraces: true,
        timeout: CONNECT_TIMEOUT,
        pingInterval: 2 * heartbeat,
        ...(user !== undefined && { user }),
        ...(pass !== undefined && { pass }),
        ...(token !== undefined && { token }),
        ...(creds !== undefined && { authenticator: packages.credsAuthenticator(encodeUtf8(creds)) }),
        ...(tls !== undefined && { tls: certificatesOf(tls) }),
      });
    } catch (cause) {
      const isRefusal = /authori|authenti|credential/i.test(messageOf(cause));
      throw isRefusal
        ? new PalmError('FORBIDDEN', `NATS at ${where} refuses the connection: ${messageOf(cause)}`, {
            cause,
            sent: false,
          })
        : new PalmError(
            'DISCONNECTED',
            `NATS at ${where} cannot be reached: ${messageOf(cause)}${tlsHint(messageOf(cause))}`,
            { cause, sent: false },
          );
    }
    hearLateErrors(connection);
    try {
      checkVersion(connection.info?.version ?? 'unknown', where);
      const manager = await jetStreamOf(connection, packages, where);
      return new Session(connection, manager, packages);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Subscribes to a subject; with `queue` each message goes to one of those who give the same. */
  subscribe(subject: string, take: (message: Message) => void, queue?: string): NatsSubscription {
    return this.#connection.subscribe(subject, {
      ...(queue !== undefined && { queue }),
      callback: (error, message) => {
        if (error === null) take(message);
      },
    });
  }

  /** Sends a message; after the end of the session nothing. */
  publish(subject: string, data: Uint8Array, headers?: HeaderValues, reply?: string): void {
    if (this.#end !== undefined) return;
    const made = headers && this.#headers(headers);
    this.#connection.publish(subject, data, { ...(reply && { reply }), ...(made && { headers: made }) });
  }

  /** Sends a message and listens for what comes back, once. Returns the function that ends this. */
  send(
    subject: string,
    data: Uint8Array,
    headers: HeaderValues | undefined,
    listener: ReplyListener,
  ): () => void {
    if (this.#end !== undefined) {
      listener.ended(this.#end);
      return () => {};
    }
    const number = String(this.#next++);
    this.#waiting.set(number, listener);
    this.publish(subject, data, headers, `${this.#inbox}.${number}`);
    return () => void this.#waiting.delete(number);
  }

  /**
   * Sends a message and waits for the reply: undefined when nobody is there who takes it.
   * @throws PalmError `TIMEOUT` after so many milliseconds, `DISCONNECTED` when the session ends first.
   */
  ask(
    subject: string,
    data: Uint8Array,
    timeout: number,
    headers?: HeaderValues,
  ): Promise<Message | undefined> {
    return new Promise((resolve, reject) => {
      const finish =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          stopTimer();
          settle(value);
        };
      const stopTimer = startTimer(timeout, () => {
        forget();
        reject(new PalmError('TIMEOUT', `NATS gave no answer from ${subject} in ${timeout} ms`));
      });
      const listener = { reply: finish(resolve), ended: finish(reject) };
      const forget = this.send(subject, data, headers, listener);
    });
  }

  /** Resolves when NATS has all that was sent before, or the session has ended. */
  async flush(): Promise<void> {
    if (this.#end !== undefined) return;
    // nats.js settles no flush that begins when the connection has just broken.
    await Promise.race([this.#connection.flush().catch(() => {}), this.ended]);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #noteViolations(): Promise<void> {
    for await (const { type, error } of this.#connection.status())
      if (type === 'error' && error !== undefined && /permission/i.test(error.message))
        this.violation = error.message;
  }

  #replied(message: Message): void {
    const number = message.subject.slice(this.#inbox.length + 1);
    const listener = this.#waiting.get(number);
    if (listener === undefined) return;
    this.#waiting.delete(number);
    listener.reply(message.headers?.code === 503 && message.data.length === 0 ? undefined : message);
  }

  #headers(values: HeaderValues): Headers {
    const headers = this.#packages.headers();
    for (const [name, value] of Object.entries(values)) headers.set(name, value);
    return headers;
  }
}

/** No bytes. */
export const NOTHING: Bytes = new Uint8Array(0);

/** nats.js takes an undefined for a certificate. */
function certificatesOf({ ca, cert, key }: NatsTls) {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

function tlsHint(reason: string): string {
  if (/does not support 'tls'/.test(reason))
    return '; it does not encrypt: enable TLS there, or write nats://';
  return /certificate|self-signed|issuer/i.test(reason)
    ? '; the certificates for TLS say what is trusted (ca), and who this is (cert, key)'
    : '';
}

function checkVersion(version: string, where: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw invalidCall(
    `NATS at ${where} is nats-server ${version}, and frond/nats needs ${OLDEST.join('.')} or newer: update it`,
  );
}

async function jetStreamOf(
  connection: NatsConnection,
  packages: Packages,
  where: string,
): Promise<JetStreamManager> {
  try {
    return await packages.jetstreamManager(connection);
  } catch (cause) {
    const text = messageOf(cause);
    const failure = `JetStream of NATS at ${where} does not answer: ${text}`;
    if (isLeaderless(cause)) throw new NoLeader(failure, { cause, sent: false });
    if (!/not enabled/i.test(text)) throw new PalmError('DISCONNECTED', failure, { cause });
    throw invalidCall(
      `NATS at ${where} has no JetStream, which frond/nats needs: start it with --jetstream, or enable JetStream for this account`,
      { cause },
    );
  }
}
