import type { Context, Router } from 'zeromq';
import type { AllowKey } from '../shared/curve-keys.ts';
import { KeyDecisions, NOT_ALLOWED } from '../shared/key-decisions.ts';
import { encodeZ85 } from '../shared/z85.ts';
import { openSocket } from './descriptors.ts';
import { receive } from './reader.ts';
import type { Addon } from './sockets.ts';

/** The address at which libzmq asks about keys, in the context of the socket (rfc.zeromq.org/spec/27). */
const HANDLER = 'inproc://zeromq.zap.01';

const ALLOWED = { status: '200', text: 'OK' } as const;

/** The check of keys for one bound socket. */
export interface KeyCheck {
  readonly context: Context;
  /** The domain by which libzmq names this socket (rfc.zeromq.org/spec/27). */
  readonly zapDomain: string;
  /** Call it when the socket is closed. */
  release(): void;
}

/**
 * Decides which CURVE keys may connect to the sockets that a transport binds. libzmq asks in the handshake, over a socket of the same context.
 * Sockets bound with `allow` therefore have a context of their own, so that libzmq does not ask about the other sockets of the process. A
 * context keeps its threads until the process ends, so each transport has one, however many connections it opens.
 */
export class ClientKeys {
  readonly #decisions: KeyDecisions;
  #context: Context | undefined;
  #handler: Router | undefined;
  readonly #refused = new Map<string, (reason: string) => void>();
  #opened = 0;

  constructor(allow: readonly string[] | AllowKey) {
    this.#decisions = new KeyDecisions(allow);
  }

  /**
   * Opens the check for one socket, and gives the context to bind it in.
   * @param refused - called for each refused client. libzmq's own event is unreliable: 1 of 122 refusals had one.
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
    // Unbinding frees the address at once. Closing alone frees it a moment later.
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
    const refusal = isCurve ? await this.#decisions.refusalOf(encodeZ85(key)) : NOT_ALLOWED;
    if (refusal !== undefined) {
      const isKnown = refusal === NOT_ALLOWED;
      this.#refused.get(String(domain))?.(isKnown ? 'the key of a client is not allowed' : refusal.text);
    }
    if (handler.closed) return;
    const { status, text } = refusal ?? ALLOWED;
    // The peer may have left meanwhile, which is fine.
    await handler.send([route, '', version, id, status, text, '', '']).catch(() => {});
  }
}
