/** Whether an end is there: NATS tells at once when nobody takes messages of a subject. */
import { atMost } from '../../src/async/timers.ts';
import { NOTHING, type Session } from './session.ts';

/** Milliseconds in which an end that is there answers, unless its process computes. */
const ANSWER_TIMEOUT = 2_000;

/** Milliseconds before an end that nobody took for there is asked once more: over other servers of NATS, news of it may be under way. */
const ASK_AGAIN = 200;

/**
 * Whether nobody takes messages of a subject, asked twice. One that computes takes them, though it does not answer.
 * @param over - ends the wait between the two questions.
 * @param again - milliseconds between them.
 */
export async function isGone(
  session: Session,
  subject: string,
  over: Promise<unknown> = session.ended,
  again: number = ASK_AGAIN,
): Promise<boolean> {
  if (await isThere(session, subject)) return false;
  await atMost(again, over);
  return !(await isThere(session, subject));
}

async function isThere(session: Session, subject: string): Promise<boolean> {
  const asked = session.ask(subject, NOTHING, ANSWER_TIMEOUT);
  return (await asked.catch(() => NOTHING)) !== undefined;
}
