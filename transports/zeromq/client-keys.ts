import type { Context, Router } from 'zeromq';
import { atMost } from '../../src/async/timers.ts';
import { openSocket } from './descriptors.ts';
import type { AllowKey } from './options.ts';
import { receive } from './reader.ts';
import type { Addon } from './sockets.ts';

/** Where libzmq looks for who answers, in the context of the socket (rfc.zeromq.org/spec/27). */
const HANDLER = 'inproc://zeromq.zap.01';

/** Milliseconds that a function may take to decide about a key: shorter than a handshake may last, 30 s in libzmq. */
const DECISION_TIMEOUT = 5_000;

/** Keys that are decided about at once. Who comes beyond them is refused, and dials again. */
const MOST_DECISIONS = 256;

const YES = ['200', 'OK'] as const;
const NO = ['400', 'this key is not allowed'] as const;
const UNDECIDED = ['500', 'nothing was decided about this key'] as const;

/** A bound socket's share in the decisions. */
export interface KeyCheck {
  readonly context: Context;
  /** The name under which libzmq asks for this socket (rfc.zeromq.org/spec/27). */
  readonly zapDomain: string;
  /** The socket is closed. */
  release(): void;
}

/**
 * Says which CURVE keys may connect to what a transport binds. libzmq asks in the handshake, over a socket of the same context;
 * so what is bound with `allow` has a context of its own, and what else the process does with ZeroMQ is not asked about. A
 * context keeps its threads until the process ends: there is one for each transport, however many connections it opens.
 */
export class ClientKeys {
  readonly #isAllowed: AllowKey;
  #context: Context | undefined;
  #handler: Router | undefined;
  readonly #refused = new Map<string, (reason: string) => void>();
  #opened = 0;
  #deciding = 0;

  constructor(allow: readonly string[] | AllowKey) {
    if (typeof allow === 'function') {
      this.#isAllowed = allow;
    } else {
      const keys = new Set(allow);
      this.#isAllowed = (key) => keys.has(key);
    }
  }

  /**
   * The context to bind in, where keys are decided about until the check is released.
   * @param refused - called for each client that is refused. libzmq's own event is not used: 1 of 122 refusals had one.
   * @throws PalmError `INVALID_CALL` when the process has no descriptors left.
   */
  use(addon: Addon, refused: (reason: string) => void): KeyCheck {
    this.#context ??= new addon.Context();
    const context = this.#context;
    if (this.#handler === undefined) {
      const options = { context, linger: 0, sendTimeout: 0 };
      this.#handler = openSocket('decide which clients may connect', () => new addon.Router(options));
      this.#handler.bindSync(HANDLER);
      this.#serve(this.#handler);
    }
    const zapDomain = `frond-${this.#opened++}`;
    this.#refused.set(zapDomain, refused);
    return { context, zapDomain, release: () => this.#release(zapDomain) };
  }

  #release(zapDomain: string): void {
    this.#refused.delete(zapDomain);
    const handler = this.#handler;
    if (this.#refused.size > 0 || handler === undefined) return;
    this.#handler = undefined;
    // It unbinds too, and at once: closing alone leaves the address taken for a moment.
    handler.disconnect(HANDLER);
    handler.close();
  }

  async #serve(handler: Router): Promise<void> {
    for (;;) {
      const request = await receive(handler);
      if (request === undefined) return;
      this.#answer(handler, request);
    }
  }

  async #answer(handler: Router, request: readonly Uint8Array[]): Promise<void> {
    const [route, empty, version, id, domain, , , mechanism, key] = request;
    if (route === undefined || empty?.length !== 0 || version === undefined || id === undefined) return;
    const isCurve = request.length === 9 && String(mechanism) === 'CURVE' && key?.length === 32;
    const [status, text] = isCurve ? await this.#decide(z85(key)) : NO;
    if (status === NO[0]) this.#refused.get(String(domain))?.('the key of a client is not allowed');
    if (status === UNDECIDED[0]) this.#refused.get(String(domain))?.(text);
    if (handler.closed) return;
    // A peer that has left meanwhile is nobody's loss.
    await handler.send([route, '', version, id, status, text, '', '']).catch(() => {});
  }

  async #decide(key: string): Promise<typeof YES | typeof NO | typeof UNDECIDED> {
    if (this.#deciding >= MOST_DECISIONS) return UNDECIDED;
    this.#deciding++;
    let decision: typeof YES | typeof NO | typeof UNDECIDED = UNDECIDED;
    const decided = async () => {
      const isAllowed: unknown = await this.#isAllowed(key);
      decision = isAllowed === true ? YES : NO;
    };
    // One that throws has decided nothing.
    await atMost(
      DECISION_TIMEOUT,
      decided().catch(() => {}),
    );
    this.#deciding--;
    return decision;
  }
}

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

/** Bytes as Z85 (rfc.zeromq.org/spec/32): five characters for every four bytes. */
function z85(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    let value = view.getUint32(at);
    let group = '';
    for (let i = 0; i < 5; i++) {
      group = ALPHABET.charAt(value % 85) + group;
      value = Math.floor(value / 85);
    }
    text += group;
  }
  return text;
}
