/** When a subscriber that nobody hears of counts as gone, and when it is there again. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ABSENCE, Absences } from '../../../../transports/nats/absences.ts';
import { ClusterNames } from '../../../../transports/nats/names.ts';
import type { Message } from '../../../../transports/nats/packages.ts';
import type { Session } from '../../../../transports/nats/session.ts';
import { bytes } from '../../../support/bytes.ts';
import { useToldTimers } from '../../../support/told-timers.ts';

const HEARTBEAT = 1_000;
const LOOK = 5 * HEARTBEAT;
/** Milliseconds of one look at those that are absent: each is asked for twice. */
const LOOKING = 250;
const GONE = ABSENCE * HEARTBEAT;

let timersLeft: () => string[];
beforeEach(() => {
  timersLeft = useToldTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const names = new ClusterNames('palm').server('nats:server');

const UNDER = 'palm.palm.sub.server.';
const topicOf = (subject: string) => `${subject.slice(UNDER.length, -2)}/`.replaceAll('.', '/');

/** A publisher at a NATS where a test says who listens. */
function ground() {
  const there = new Set<string>();
  const asked: string[] = [];
  const told: string[] = [];
  let wanted: string[] = [];
  let under = 0;
  let most = 0;
  const hearing = new Map<string, (message: Message) => void>();
  const session = (): Session =>
    ({
      ended: new Promise(() => {}),
      ask: async (subject: string) => {
        asked.push(subject);
        most = Math.max(most, ++under);
        await Promise.resolve();
        under--;
        return there.has(topicOf(subject)) ? {} : undefined;
      },
      subscribe: (subject: string, take: (message: Message) => void) => {
        hearing.set(subject, take);
        return { unsubscribe: () => void hearing.delete(subject) };
      },
    }) as unknown as Session;
  const absences = new Absences({
    names,
    heartbeat: HEARTBEAT,
    topics: () => wanted,
    listener: (topic, isThere) => {
      told.push(isThere ? `${topic} is there` : `${topic} is gone`);
    },
  });
  return {
    absences,
    there,
    asked,
    session,
    hearing,
    most: () => most,
    want: (...topics: string[]) => {
      wanted = topics;
    },
    come: (topic: string) => hearing.get(names.come)?.({ data: bytes(topic) } as unknown as Message),
    /** What was told since the last time. */
    news: () => told.splice(0),
  };
}

const pass = (time: number) => vi.advanceTimersByTimeAsync(time);

describe('a subscriber', () => {
  it('that listens is asked for at each look, and nothing is told', async () => {
    const { absences, session, want, there, asked, news } = ground();
    want('a/');
    there.add('a/');
    absences.begin(session());
    await pass(LOOK - 1);
    expect(asked).toEqual([]);
    await pass(1);
    expect(asked).toEqual(['palm.palm.sub.server.a.%']);
    await pass(2 * GONE);
    expect(news()).toEqual([]);
    absences.end();
    expect(timersLeft()).toEqual([]);
  });

  it('counts as gone when it has not listened for 120 heartbeats, which is told at each look', async () => {
    const { absences, session, want, there, news } = ground();
    want('a/', 'b/');
    there.add('b/');
    absences.begin(session());
    await pass(LOOK + GONE - 1);
    expect(news()).toEqual([]);
    await pass(LOOK + LOOKING);
    const first = news();
    expect(new Set(first)).toEqual(new Set(['a/ is gone']));
    await pass(10 * LOOK);
    expect(news().length).toBeGreaterThan(first.length);
    absences.end();
  });

  it('that listens again in time begins anew, and one that had counted as gone is told of', async () => {
    const { absences, session, want, there, news } = ground();
    want('a/');
    absences.begin(session());
    await pass(GONE);
    there.add('a/');
    await pass(LOOK + LOOKING);
    there.delete('a/');
    await pass(GONE);
    expect(news()).toEqual([]);
    await pass(2 * LOOK);
    expect(new Set(news())).toEqual(new Set(['a/ is gone']));
    there.add('a/');
    await pass(LOOK + LOOKING);
    expect(news().at(-1)).toBe('a/ is there');
    await pass(2 * GONE);
    expect(news()).toEqual([]);
    absences.end();
  });

  it('that says that it has come is told of at once, with those behind it', async () => {
    const { absences, session, want, come, news } = ground();
    want('relay/1/', 'relay/2/', 'other/');
    absences.begin(session());
    await pass(GONE + 2 * LOOK);
    expect(new Set(news())).toEqual(new Set(['relay/1/ is gone', 'relay/2/ is gone', 'other/ is gone']));
    come('relay/2/');
    expect(news()).toEqual(['relay/2/ is there']);
    come('relay/');
    expect(news()).toEqual(['relay/1/ is there']);
    come('oth');
    come('nobody/');
    expect(news()).toEqual(['other/ is there']);
    absences.end();
    expect(news()).toEqual([]);
  });
});

describe('what is remembered of a subscriber that is gone', () => {
  it('is kept while somebody wants to know of it, and 120 heartbeats longer', async () => {
    const { absences, session, want, asked, news } = ground();
    want('a/');
    absences.begin(session());
    await pass(GONE + 2 * LOOK);
    want();
    news();
    await pass(GONE - 2 * LOOK);
    expect(new Set(news())).toEqual(new Set(['a/ is gone']));
    await pass(4 * LOOK);
    expect(news().at(-1)).toBe('a/ is there');
    asked.length = 0;
    await pass(GONE);
    expect([asked, news()]).toEqual([[], []]);
    absences.end();
  });

  it('is asked for by one timer, however often it begins', async () => {
    const { absences, session, want, there, asked } = ground();
    want('a/');
    there.add('a/');
    const own = session();
    absences.begin(own);
    absences.begin(own);
    await pass(LOOK);
    expect(asked).toHaveLength(1);
    absences.end();
    expect(timersLeft()).toEqual([]);
  });

  it('ends with the session: after an outage all have to come back', async () => {
    const { absences, session, want, hearing, news } = ground();
    want('a/');
    absences.begin(session());
    await pass(GONE + 2 * LOOK);
    news();
    absences.end();
    expect(news()).toEqual(['a/ is there']);
    expect([timersLeft(), hearing.size]).toEqual([[], 0]);
    absences.begin(session());
    await pass(GONE);
    expect(news()).toEqual([]);
    await pass(2 * LOOK);
    expect(new Set(news())).toEqual(new Set(['a/ is gone']));
    absences.end();
  });

  it('is not changed by a look that outlives its session', async () => {
    const { absences, session, want, news } = ground();
    want('a/');
    absences.begin(session());
    await pass(LOOK + 100);
    absences.end();
    absences.begin(session());
    await pass(LOOKING);
    // Had the first look counted, the absence would have begun earlier.
    await pass(GONE + LOOK - 300);
    expect(news()).toEqual([]);
    absences.end();
    await pass(GONE);
    expect([news(), timersLeft()]).toEqual([[], []]);
  });
});

it('1,000 are asked for in one look, 50 at a time, and one whose topic is too long is never gone', async () => {
  const { absences, session, want, there, asked, most, news } = ground();
  const topics = Array.from({ length: 1_200 }, (_, i) => `${i}/`);
  for (const topic of topics) there.add(topic);
  const long = `${'x'.repeat(3_000)}/`;
  want(long, ...topics);
  absences.begin(session());
  await pass(LOOK + LOOKING);
  expect([asked.length, most()]).toEqual([999, 50]);
  await pass(GONE + LOOK);
  expect(news()).toEqual([]);
  absences.end();
});
