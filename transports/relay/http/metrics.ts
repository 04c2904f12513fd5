import { Counter, Gauge, Registry } from 'prom-client';

/** Values that are read when metrics are collected. */
export interface Gauges {
  readonly connections: () => number;
  readonly sessions: () => number;
  /** Connections whose sessions other relays own. */
  readonly passedOn: () => number;
  readonly held: () => number;
}

/** Names of gauges that are not those of their values. */
const GAUGE_NAMES: Readonly<Record<string, string>> = { held: 'held_bytes', passedOn: 'passed_on' };

/** What became of passing a session on. */
type PassOutcome = 'passed' | 'unknown' | 'unreachable' | 'refused' | 'full';

interface Traffic {
  readonly messages: Counter.Internal;
  readonly bytes: Counter.Internal;
}

/** The relay's metrics, as Prometheus reads them. Clients choose no label's value. */
export class Metrics {
  readonly #registry = new Registry();
  /** The series of each direction, so that counting a message needs no look-up. */
  readonly #traffic: Readonly<Record<'in' | 'out', Traffic>>;
  readonly #handshakes: Counter<'status'>;
  readonly #closes: Counter<'code'>;
  readonly #refusals: Counter<'what'>;
  readonly #greetings: Counter<'outcome'>;
  readonly #lostWork: Counter;
  readonly #httpCalls: Counter<'status'>;
  readonly #passed: Counter<'outcome'>;
  readonly #peers: Counter<'outcome'>;

  constructor(gauges: Gauges) {
    const registers = [this.#registry];
    const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
      new Counter({ name: `frond_relay_${name}`, help, labelNames, registers });
    const messages = counter('messages_total', 'WebSocket messages, by direction', 'direction');
    const bytes = counter('bytes_total', 'Bytes of WebSocket messages, by direction', 'direction');
    const traffic = (direction: string) => ({
      messages: messages.labels(direction),
      bytes: bytes.labels(direction),
    });
    this.#traffic = { in: traffic('in'), out: traffic('out') };
    this.#handshakes = counter('handshakes_total', 'WebSocket handshakes, by HTTP status', 'status');
    this.#closes = counter('closes_total', 'Connections that ended, by close code', 'code');
    this.#refusals = counter(
      'refusals_total',
      'Calls, requests, channels, servers and results that were refused',
      'what',
    );
    this.#greetings = counter(
      'sessions_total',
      'Greetings of clients, by whether their session is new, resumed, forgotten or passed to its owner',
      'outcome',
    );
    this.#lostWork = counter(
      'lost_work_total',
      'Messages of work that were dropped after their worker vanished',
    );
    this.#httpCalls = counter(
      'http_calls_total',
      'Calls over HTTP, by status; 499 for callers that went',
      'status',
    );
    this.#passed = counter(
      'passed_sessions_total',
      'Sessions of other relays that clients came back with, by what became of passing them on; lost for links that broke later',
      'outcome',
    );
    this.#peers = counter(
      'peer_connections_total',
      'Connections of other relays, by whether the session was taken up or what was refused',
      'outcome',
    );
    for (const [name, help] of [
      ['connections', 'Open WebSockets'],
      ['sessions', 'Sessions of clients, connected or within the resume window'],
      ['passedOn', 'Connections whose sessions other relays own'],
      ['held', 'Bytes kept in memory for clients'],
    ] as const) {
      new Gauge({
        name: `frond_relay_${GAUGE_NAMES[name] ?? name}`,
        help,
        registers,
        collect() {
          this.set(gauges[name]());
        },
      });
    }
  }

  message(direction: 'in' | 'out', size: number): void {
    const { messages, bytes } = this.#traffic[direction];
    messages.inc();
    bytes.inc(size);
  }

  handshake(status: number): void {
    this.#handshakes.inc({ status: String(status) });
  }

  close(code: number): void {
    // A client may close with any code; each would be a series of its own.
    this.#closes.inc({ code: KNOWN.has(code) ? String(code) : 'other' });
  }

  refusal(what: string): void {
    this.#refusals.inc({ what });
  }

  /** A client came with a session of another relay's. */
  passed(outcome: PassOutcome | 'made_up' | 'lost'): void {
    this.#passed.inc({ outcome });
  }

  /** Another relay came for a client. */
  peer(outcome: 'taken' | 'unknown' | 'proof' | 'id' | 'loop' | 'token' | 'origin' | 'room'): void {
    this.#peers.inc({ outcome });
  }

  session(outcome: 'new' | 'resumed' | 'forgotten' | 'passed'): void {
    this.#greetings.inc({ outcome });
  }

  httpCall(status: number): void {
    this.#httpCalls.inc({ status: String(status) });
  }

  lostWork(count: number): void {
    this.#lostWork.inc(count);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

const KNOWN: ReadonlySet<number> = new Set([
  1000, 1001, 1005, 1006, 1008, 1009, 1011, 1012, 4400, 4401, 4403, 4404, 4406, 4408, 4409, 4413, 4429,
]);
