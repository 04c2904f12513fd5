/** Whose word counts of the functions of workers that are pushed to, and for how long. */
import { describe, expect, it } from 'vitest';
import { PushedOffers } from '../../../../src/cluster/dispatch/pushed-offers.ts';
import { WorkerOffers } from '../../../../src/cluster/dispatch/worker-offers.ts';
import { WORKERS, WORKERS_OFFERS } from '../../../../src/flow-control.ts';

function ground(pullers: number) {
  const state = { pullers };
  const offers = new WorkerOffers();
  const pushed = new PushedOffers(offers, () => state.pullers);
  const link = () => {
    const listeners = new Set<() => void>();
    const from = {
      link: {},
      onGone: (listener: () => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    const end = () => {
      for (const listener of listeners) listener();
    };
    const says = (id: string, ...names: string[]) =>
      pushed.note(
        id,
        names.map((name) => ({ name })),
        from,
      );
    return { from, end, says, listeners };
  };
  const told = () => offers.descriptions.map(({ name }) => name).join(' ');
  const pull = (count: number) => {
    state.pullers = count;
    pushed.look();
    return told();
  };
  return { pushed, link, told, pull };
}

describe('what workers say that are pushed to', () => {
  it('is told as long as its link is there, and the newest of each', () => {
    const { link, told } = ground(3);
    const [a, b] = [link(), link()];
    a.says('a', 'f', 'g');
    b.says('b', 'g', 'h');
    expect(told()).toBe('f g h');
    a.says('a', 'i');
    expect(told()).toBe('g h i');
    expect(a.listeners.size).toBe(1);
    b.end();
    expect(told()).toBe('i');
    a.says('a');
    expect(told()).toBe('');
    // The link is still there, and its end changes nothing more.
    a.end();
    a.says('a', 'j');
    expect(told()).toBe('j');
  });

  it('counts for no more links than there are pullers, the first to speak before others', () => {
    const { link, told, pull } = ground(0);
    const [first, stranger] = [link(), link()];
    first.says('a', 'f');
    stranger.says('b', 'made');
    expect(told()).toBe('');
    expect(pull(1)).toBe('f');
    expect(pull(2)).toBe('f made');
    expect(pull(1)).toBe('f');
    // It is not forgotten: it may have been slow to pull.
    first.end();
    expect(told()).toBe('made');
    expect(pull(0)).toBe('');
  });

  it('counts for another link when the first to speak offers nothing any more', () => {
    const { link, told } = ground(1);
    const [first, second] = [link(), link()];
    first.says('a', 'f');
    second.says('b', 'g');
    expect(told()).toBe('f');
    first.says('a');
    expect(told()).toBe('g');
  });

  it('is told apart for the workers of one link, which is that of a relay', () => {
    const { pushed, link, told } = ground(1);
    const [relay, other] = [link(), link()];
    relay.says('r/1', 'f');
    relay.says('r/2', 'g');
    expect(told()).toBe('f g');
    // One that said nothing cannot leave.
    pushed.forget('r/3', relay.from);
    expect(told()).toBe('f g');
    // Nobody else can say that one is away.
    pushed.forget('r/1', other.from);
    expect(told()).toBe('f g');
    pushed.forget('r/1', relay.from);
    expect(told()).toBe('g');
    relay.end();
    expect(told()).toBe('');
  });

  it('is bounded in workers and in characters, and what is refused is forgotten', () => {
    const { link, told } = ground(WORKERS + 1);
    const relay = link();
    for (let i = 0; i < WORKERS; i++) relay.says(`${i}`, 'f');
    expect(() => relay.says('more', 'g')).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: expect.stringContaining(`what ${WORKERS} workers say`),
      }),
    );
    expect(() => link().says('more', 'g')).toThrow(`what ${WORKERS} workers say`);
    relay.says('0', 'g');
    expect(told()).toBe('f g');
    expect(() => relay.says('0', 'x'.repeat(WORKERS_OFFERS))).toThrow('all together');
    expect(told()).toBe('f');
    relay.says('more', 'h');
    expect(told()).toBe('f h');
    relay.end();
    expect(told()).toBe('');
    link().says('new', 'i');
    expect(told()).toBe('i');
  });
});
