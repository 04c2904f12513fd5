/** The metrics of a role, made of what it counted. */
import type { Metric, Sample } from '../../metrics.ts';
import type { FunctionMeter, Meter } from './meter.ts';
import type { WorkerLosses } from './status.ts';

/** What the metrics of a role are made of. */
export interface RoleReadings {
  /** What it is: `server`, `pipeline`, `sink`, `master`, `hub` or `worker`. */
  readonly role: string;
  readonly name: string;
  readonly isReady: boolean;
  readonly meter: Meter;
  /** Messages that are being worked on. */
  readonly inFlight: number;
  readonly functions: Iterable<readonly [name: string, meter: FunctionMeter]>;
  /** Of all but workers: what waits for a function or a worker. */
  readonly waiting?: {
    readonly messages: number;
    readonly bytes: number;
    /** Bytes at which nothing more is read. */
    readonly limit: number;
  };
  /** Of a Master or Hub. */
  readonly workers?: WorkersReading;
}

/** The workers of a Master or Hub. */
export interface WorkersReading {
  /** Workers that ask for their work. */
  readonly asking: number;
  /** Workers that work is pushed to. */
  readonly pushed: number;
  readonly losses: WorkerLosses;
}

/** The metrics of a role as they are now, each with the labels `role` and `name`. */
export function roleMetrics(readings: RoleReadings): readonly Metric[] {
  const { role, name, isReady, meter, inFlight, functions, waiting, workers } = readings;
  const own = { role, name };
  const counter = (metric: string, help: string, ...samples: readonly Sample<number>[]): Metric => ({
    name: `frond_${metric}_total`,
    help,
    type: 'counter',
    samples,
  });
  const gauge = (metric: string, help: string, ...samples: readonly Sample<number>[]): Metric => ({
    name: `frond_${metric}`,
    help,
    type: 'gauge',
    samples,
  });
  const of = (value: number, labels: Readonly<Record<string, string>> = {}): Sample<number> => ({
    labels: { ...own, ...labels },
    value,
  });
  const { received, answered, ended, cancelled, dropped } = meter.tally;
  const metrics = [
    gauge('ready', '1 while it can do its work, otherwise 0', of(isReady ? 1 : 0)),
    gauge('uptime_seconds', 'Seconds since its start', of(meter.uptime / 1_000)),
    counter(
      'messages_received',
      'Messages that came in: calls, results of previous servers, work',
      of(received),
    ),
    counter('messages_answered', 'Results that went out, with failed ones', of(answered)),
    counter(
      'messages_failed',
      'Results that went out and are failures, by code',
      ...meter.failures.map(([code, count]) => of(count, { code })),
    ),
    counter('messages_ended', 'Messages that ended here, without a result', of(ended)),
    counter('messages_cancelled', 'Messages that their callers cancelled', of(cancelled)),
    counter('messages_dropped', 'Frames and results that were dropped', of(dropped)),
    counter('received_bytes', 'Bytes of messages that came in', of(meter.received)),
    counter('sent_bytes', 'Bytes of results that went out', of(meter.sent)),
    gauge('messages_in_flight', 'Messages that are being worked on, or wait for a worker', of(inFlight)),
    ...functionMetrics(functions, own),
  ];
  if (waiting !== undefined) {
    metrics.push(
      gauge('messages_waiting', 'Messages that wait for a function or a worker', of(waiting.messages)),
      gauge('waiting_bytes', 'Bytes of messages that wait or are worked on', of(waiting.bytes)),
      gauge('waiting_limit_bytes', 'Bytes at which nothing more is read', of(waiting.limit)),
      counter('waiting_full', 'Times that reading stopped because too much waited', of(meter.timesFull)),
    );
  }
  if (workers !== undefined) {
    const { asking, pushed, losses } = workers;
    metrics.push(
      gauge(
        'workers',
        'Workers, by how they get their work',
        of(asking, { work: 'asked' }),
        of(pushed, { work: 'pushed' }),
      ),
      counter('workers_died', 'Workers that counted as dead', of(losses.workers)),
      counter(
        'messages_redelivered',
        'Messages that went to another worker for that',
        of(losses.redelivered),
      ),
      counter('messages_given_up', 'Messages that were given up for that', of(losses.givenUp)),
    );
  }
  return metrics;
}

function functionMetrics(functions: RoleReadings['functions'], own: Sample<unknown>['labels']): Metric[] {
  const all = [...functions].map(([called, meter]) => ({ labels: { ...own, function: called }, meter }));
  return [
    {
      name: 'frond_function_seconds',
      help: 'Seconds from the beginning of a call to its last result',
      type: 'histogram',
      samples: all.map(({ labels, meter }) => ({ labels, value: meter.seconds.distribution })),
    },
    {
      name: 'frond_function_failed_total',
      help: 'Calls that failed in the function',
      type: 'counter',
      samples: all.map(({ labels, meter }) => ({ labels, value: meter.failed })),
    },
  ];
}
