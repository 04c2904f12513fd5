import { METRICS_TYPE, type Metric, metricsText, type Sample } from '../../../src/metrics.ts';

/** Values that are read when metrics are collected. */
export interface Gauges {
  readonly connections: () => number;
  readonly sessions: () => number;
  /** Connections whose sessions other relays own. */
  readonly passedOn: () => number;
  readonly held: () => number;
}

/** What became of passing a session on. */
type PassOutcome = 'passed' | 'unknown' | 'unreachable' | 'refused' | 'full';

/** A counter by the values of one label. */
class Counts {
  readonly #metric: { readonly name: string; readonly help: string };
  readonly #label: string;
  readonly #counts = new Map<string, number>();

  constructor(name: string, help: string, label: string) {
    this.#metric = { name: `frond_relay_${name}`, help };
    this.#label = label;
  }

  add(value: string, count = 1): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + count);
  }

  get metric(): Metric {
    const samples = Array.from(this.#counts, ([value, count]) => ({
      labels: { [this.#label]: value },
      value: count,
    }));
    return { ...this.#metric, type: 'counter', samples };
  }
}

/** The relay's metrics, as Prometheus reads them. Clients choose no label's value. */
export class Metrics {
  readonly #gauges: Gauges;
  readonly #messages = { in: 0, out: 0 };
  readonly #bytes = { in: 0, out: 0 };
  readonly #handshakes = new Counts('handshakes_total', 'WebSocket handshakes, by HTTP status', 'status');
  readonly #closes = new Counts('closes_total', 'Connections that ended, by close code', 'code');
  readonly #refusals = new Counts(
    'refusals_total',
    'Calls, requests, channels, servers and results that were refused',
    'what',
  );
  readonly #greetings = new Counts(
    'sessions_total',
    'Greetings of clients, by whether their session is new, resumed, forgotten, passed to its owner or adopted',
    'outcome',
  );
  readonly #httpCalls = new Counts(
    'http_calls_total',
    'Calls over HTTP, by status; 499 for callers that went',
    'status',
  );
  readonly #passed = new Counts(
    'passed_sessions_total',
    'Sessions of other relays that clients came back with, by what became of passing them on; lost for links that broke later',
    'outcome',
  );
  readonly #peers = new Counts(
    'peer_connections_total',
    'Connections of other relays, by whether the session was taken up or what was refused',
    'outcome',
  );
  #lostWork = 0;

  constructor(gauges: Gauges) {
    this.#gauges = gauges;
  }

  message(direction: 'in' | 'out', size: number): void {
    this.#messages[direction]++;
    this.#bytes[direction] += size;
  }

  handshake(status: number): void {
    this.#handshakes.add(String(status));
  }

  close(code: number): void {
    // A client may close with any code; each would be a series of its own.
    this.#closes.add(KNOWN.has(code) ? String(code) : 'other');
  }

  refusal(what: string): void {
    this.#refusals.add(what);
  }

  /** A client came with a session of another relay's. */
  passed(outcome: PassOutcome | 'made_up' | 'lost'): void {
    this.#passed.add(outcome);
  }

  /** Another relay came for a client. */
  peer(outcome: 'taken' | 'unknown' | 'proof' | 'id' | 'loop' | 'token' | 'origin' | 'room'): void {
    this.#peers.add(outcome);
  }

  session(outcome: 'new' | 'resumed' | 'forgotten' | 'passed' | 'adopted'): void {
    this.#greetings.add(outcome);
  }

  httpCall(status: number): void {
    this.#httpCalls.add(String(status));
  }

  lostWork(count: number): void {
    this.#lostWork += count;
  }

  get contentType(): string {
    return METRICS_TYPE;
  }

  text(): string {
    const { connections, sessions, passedOn, held } = this.#gauges;
    const one = (
      type: 'counter' | 'gauge',
      name: string,
      help: string,
      ...samples: Sample<number>[]
    ): Metric => ({
      name: `frond_relay_${name}`,
      help,
      type,
      samples,
    });
    const of = (value: number, labels: Sample<number>['labels'] = {}) => ({ labels, value });
    const both = (counts: Readonly<Record<'in' | 'out', number>>) =>
      (['in', 'out'] as const).map((direction) => of(counts[direction], { direction }));
    return metricsText([
      one('counter', 'messages_total', 'WebSocket messages, by direction', ...both(this.#messages)),
      one('counter', 'bytes_total', 'Bytes of WebSocket messages, by direction', ...both(this.#bytes)),
      this.#handshakes.metric,
      this.#closes.metric,
      this.#refusals.metric,
      this.#greetings.metric,
      one(
        'counter',
        'lost_work_total',
        'Messages of work that were dropped after their worker vanished',
        of(this.#lostWork),
      ),
      this.#httpCalls.metric,
      this.#passed.metric,
      this.#peers.metric,
      one('gauge', 'connections', 'Open WebSockets', of(connections())),
      one('gauge', 'sessions', 'Sessions of clients, connected or within the resume window', of(sessions())),
      one('gauge', 'passed_on', 'Connections whose sessions other relays own', of(passedOn())),
      one('gauge', 'held_bytes', 'Bytes kept in memory for clients', of(held())),
    ]);
  }
}

const KNOWN: ReadonlySet<number> = new Set([
  1000, 1001, 1005, 1006, 1008, 1009, 1011, 1012, 4400, 4401, 4403, 4404, 4406, 4408, 4409, 4413, 4429,
]);
