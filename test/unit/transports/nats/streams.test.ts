/** What NATS is asked to have a stream: no more than is needed, and nothing more once it has no leader. */
import { describe, expect, it } from 'vitest';
import { NoLeader } from '../../../../transports/nats/leader.ts';
import { ClusterNames } from '../../../../transports/nats/names.ts';
import { resolveOptions } from '../../../../transports/nats/options.ts';
import type { Session } from '../../../../transports/nats/session.ts';
import { ensureCalls, ensurePublished, ensureQueue } from '../../../../transports/nats/streams.ts';

const cluster = new ClusterNames('palm');
const names = cluster.server('nats:server');
const settings = resolveOptions({});

const timedOut = () => Object.assign(new Error('timeout'), { name: 'TimeoutError' });
const missing = () => Object.assign(new Error('not found'), { code: 10_059 });

/** A NATS that answers as it is told, and fails what it is not told of. */
function ground(answers: Readonly<Record<string, () => unknown>>) {
  const asked: string[] = [];
  const ask =
    (what: string) =>
    async (...args: unknown[]) => {
      const [first, second] = args.map((arg) =>
        typeof arg === 'string'
          ? arg
          : ((arg as { durable_name?: string })?.durable_name ?? JSON.stringify(arg)),
      );
      asked.push([what, ...(what === 'make stream' ? [] : [first]), ...(second ? [second] : [])].join(' '));
      const answer = answers[what];
      if (answer === undefined) throw new Error(`nobody expected to be asked: ${what}`);
      const given = answer();
      if (given instanceof Error) throw given;
      return given;
    };
  const session = {
    manager: {
      streams: { info: ask('look at'), add: ask('make stream'), update: ask('change') },
      consumers: { info: ask('look at reader of'), add: ask('make reader of') },
    },
  } as unknown as Session;
  return { session, asked };
}

const made = (...subjects: string[]) => ({ created: '', config: { subjects } });

/** What the calls of a server wait under. */
const SUBJECTS = ['', '.prompt', '.2', '.3', '.4'].map((end) => `palm.palm.in.server${end}`);
const READERS = ['frond', 'frond-prompt', 'frond-2', 'frond-3', 'frond-4'];

describe('the calls of a server', () => {
  it('are in one stream with five readers, which is made when it is not there', async () => {
    const { session, asked } = ground({
      'look at': missing,
      'make stream': () => made(...SUBJECTS),
      'make reader of': () => ({}),
    });
    await ensureCalls(session, names, settings);
    expect(asked).toEqual([
      'look at PALM_palm_IN_server',
      'make stream',
      ...READERS.map((reader) => `make reader of PALM_palm_IN_server ${reader}`),
    ]);
  });

  it('are in a stream that was made for one reader, too, which gets the subjects that it has not', async () => {
    const { session, asked } = ground({
      'look at': () => made('palm.palm.in.server'),
      change: () => made(),
      'make reader of': () => ({}),
    });
    await ensureCalls(session, names, settings);
    expect(asked[1]).toBe(`change PALM_palm_IN_server ${JSON.stringify({ subjects: SUBJECTS })}`);
    expect(asked).toHaveLength(2 + READERS.length);
  });
});

describe('a queue', () => {
  it('that another process makes at the same time is taken as it is', async () => {
    let looks = 0;
    const exists = () => new Error('it exists');
    const { session, asked } = ground({
      'look at': () => (looks++ === 0 ? missing() : made('palm.palm.in.server')),
      'make stream': exists,
      'make reader of': exists,
      'look at reader of': () => ({}),
    });
    await ensureQueue(session, names.pull, settings);
    expect(asked).toHaveLength(5);
  });

  it('that cannot be made, and is not there, says why', async () => {
    const { session } = ground({
      'look at': missing,
      'make stream': () => new Error('insufficient storage'),
    });
    await expect(ensureQueue(session, names.pull, settings)).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringMatching(
        /making the stream PALM_palm_IN_server at NATS failed: insufficient storage;/,
      ),
    });
  });

  it.each([
    ['it is looked for', { 'look at': timedOut }, 1],
    ['it is made', { 'look at': missing, 'make stream': timedOut }, 2],
    ['its reader is made', { 'look at': () => made(names.pull.subject), 'make reader of': timedOut }, 2],
  ])('without a leader when %s: nothing more is asked', async (_, answers, count) => {
    const { session, asked } = ground(answers);
    await expect(ensureQueue(session, names.pull, settings)).rejects.toBeInstanceOf(NoLeader);
    expect(asked).toHaveLength(count);
  });
});

it('a reader of what is published that cannot be made for want of a leader is not looked for again', async () => {
  const { session, asked } = ground({ 'look at reader of': missing, 'make reader of': timedOut });
  const queue = cluster.published('palm.palm.out.first.next', 'nats:second');
  await expect(
    ensurePublished(session, queue, 'palm.palm.out.first.next', settings, false),
  ).rejects.toBeInstanceOf(NoLeader);
  expect(asked).toHaveLength(2);
});
