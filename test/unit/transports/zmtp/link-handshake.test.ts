/** The beginning of a link, step by step: who says what, and when, and who gets to know why it is refused. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import { commandOf, propertiesOf } from '../../../../transports/zmtp/commands.ts';
import { GREETING, greetingOf } from '../../../../transports/zmtp/greeting.ts';
import { type HandshakeSteps, LinkHandshake } from '../../../../transports/zmtp/link-handshake.ts';
import { LocalSystem } from '../../../../transports/zmtp/local-system.ts';
import type {
  Handshake,
  HandshakeStep,
  Mechanism,
  SealedFrames,
} from '../../../../transports/zmtp/mechanism.ts';
import { resolveOptions } from '../../../../transports/zmtp/options.ts';
import { Violation } from '../../../../transports/zmtp/violation.ts';
import { bytes } from '../../../support/bytes.ts';
import { readyOf } from '../../../support/zmtp.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const TIMEOUT = 700;
const CURVE = greetingOf('CURVE');
/** A command without its frame. */
const bodyOf = (frame: Uint8Array) => frame.subarray(2);

interface Ground {
  readonly isDialler?: boolean;
  readonly isWary?: boolean;
  readonly mechanism?: Mechanism;
}

function ground({ isDialler = false, isWary = false, mechanism }: Ground = {}) {
  const said: string[] = [];
  let proceedLater: (() => void) | undefined;
  const sealed: (SealedFrames | undefined)[] = [];
  const steps: HandshakeSteps = {
    sendRaw: (raw) => said.push(Buffer.compare(raw, CURVE) === 0 ? 'curve' : raw === GREETING ? 'null' : '?'),
    sendCommand: (body) => said.push(Buffer.from(body.subarray(1, 1 + (body[0] ?? 0))).toString()),
    flush: () => said.push('flush'),
    hold: () => said.push('hold'),
    letOn: (proceed) => {
      said.push('on');
      proceedLater = proceed;
    },
    done: (frames) => {
      said.push('done');
      sealed.push(frames);
    },
    late: (reason) => said.push(reason),
  };
  const settings = resolveOptions({ handshakeTimeout: TIMEOUT, busyTimeout: 77 });
  const role = {
    socketType: isDialler ? 'PUSH' : 'PULL',
    settings,
    mechanism,
    system: new LocalSystem(),
  } as const;
  const handshake = new LinkHandshake(role, steps, isDialler, isWary);
  handshake.begin();
  /** What it did since this was asked last. */
  const did = () => said.splice(0);
  return { handshake, did, sealed, proceed: () => proceedLater?.() };
}

/** A mechanism whose peer begins, unless `first` is given, and whose steps a test gives. */
function mechanismOf(take: Handshake['take'], first?: string) {
  const given: string[] = [];
  const frames = { seal: vi.fn(), open: vi.fn() } as unknown as SealedFrames;
  const own = { isUnproved: true };
  const end = vi.fn();
  const mechanism: Mechanism = {
    greeting: CURVE,
    overhead: 0,
    handshake: (properties) => {
      given.push(Buffer.from(properties).toString('latin1'));
      return {
        get isUnproved() {
          return own.isUnproved;
        },
        begin: () => (first === undefined ? undefined : commandOf(first)),
        take,
        frames: () => frames,
        end,
      };
    },
  };
  return { mechanism, given, frames, end, own };
}

describe('a dialling end', () => {
  it('greets and introduces itself at once, together, and is done when its peer is introduced', () => {
    const { handshake, did, sealed } = ground({ isDialler: true });
    expect(did()).toEqual(['null', 'READY', 'flush']);
    handshake.readGreeting(GREETING);
    expect(did()).toEqual([]);
    handshake.take(bodyOf(readyOf('PULL')));
    expect([did(), sealed]).toEqual([['done'], [undefined]]);
    expect(handshake.introduction).toEqual({
      socketType: 'PULL',
      busyTimeout: undefined,
      process: undefined,
    });
  });

  it('that is wary introduces itself once the whole greeting has come, and not before', () => {
    const { handshake, did } = ground({ isDialler: true, isWary: true });
    expect(did()).toEqual(['null', 'flush']);
    handshake.readGreeting(GREETING.subarray(0, 63));
    expect(did()).toEqual([]);
    handshake.readGreeting(GREETING.subarray(63));
    expect(did()).toEqual(['READY']);
    handshake.take(bodyOf(readyOf('PULL')));
    expect(did()).toEqual(['done']);
  });
});

describe('a bound end', () => {
  it('greets once the signature has come, and introduces itself when it knows its peer', () => {
    const { handshake, did } = ground();
    handshake.readGreeting(GREETING.subarray(0, 9));
    expect(did()).toEqual([]);
    handshake.readGreeting(GREETING.subarray(9, 10));
    expect(did()).toEqual(['null', 'flush']);
    handshake.readGreeting(GREETING.subarray(10));
    expect([did(), handshake.isGreeted, handshake.introduction]).toEqual([[], true, undefined]);
    handshake.take(bodyOf(readyOf('PUSH')));
    expect(did()).toEqual(['READY', 'done']);
  });

  it('says nothing of itself to a peer of another kind', () => {
    const { handshake, did } = ground();
    handshake.readGreeting(GREETING);
    did();
    expect(() => handshake.take(bodyOf(readyOf('SUB')))).toThrow('wrong kind of socket');
    expect(did()).toEqual([]);
  });

  it('gives back what follows the greeting, and all that comes later', () => {
    const { handshake } = ground();
    expect(handshake.readGreeting(GREETING.subarray(0, 20))).toHaveLength(0);
    const rest = handshake.readGreeting(Buffer.concat([GREETING.subarray(20), bytes('rest')]));
    expect(Buffer.from(rest).toString()).toBe('rest');
    const later = bytes('later');
    expect(handshake.readGreeting(later)).toBe(later);
  });

  it('knows the minor version of its peer', () => {
    const { handshake } = ground();
    const old = Uint8Array.from(GREETING);
    old[11] = 0;
    handshake.readGreeting(old);
    expect(handshake.minor).toBe(0);
  });
});

describe('the time of a handshake', () => {
  it('is up once, with the time in the reason', () => {
    const { did } = ground();
    vi.advanceTimersByTime(TIMEOUT - 1);
    expect(did()).toEqual([]);
    vi.advanceTimersByTime(10 * TIMEOUT);
    expect(did()).toEqual([`it did not introduce itself within ${TIMEOUT} ms`]);
  });

  it.each([
    [
      'done',
      (handshake: LinkHandshake) => {
        handshake.readGreeting(GREETING);
        handshake.take(bodyOf(readyOf('PUSH')));
      },
    ],
    ['ended', (handshake: LinkHandshake) => handshake.end()],
  ])('runs no longer when it is %s', (_, settle) => {
    const { handshake } = ground();
    expect(vi.getTimerCount()).toBe(1);
    settle(handshake);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a refusal', () => {
  const [forbidden, other] = [new Violation('no', 'FORBIDDEN'), new Violation('no')];

  it('is told to a peer that has greeted; one with another mechanism needs no greeting', () => {
    for (const isDialler of [true, false]) {
      const { handshake } = ground({ isDialler });
      expect([handshake.tells(forbidden), handshake.tells(other)]).toEqual([true, false]);
      handshake.readGreeting(GREETING);
      expect([handshake.tells(forbidden), handshake.tells(other)]).toEqual([true, true]);
    }
  });

  it('is not told by a client of CURVE, and is by its server', () => {
    const { mechanism } = mechanismOf(() => ({}));
    for (const isDialler of [true, false]) {
      const { handshake } = ground({ isDialler, mechanism });
      handshake.readGreeting(CURVE);
      expect([handshake.tells(forbidden), handshake.tells(other)]).toEqual([!isDialler, !isDialler]);
    }
  });

  it('because of another mechanism comes with the greeting of this end, which says so; another one does not', () => {
    const { handshake, did } = ground();
    expect(() => handshake.readGreeting(CURVE)).toThrow('one side wants encryption');
    expect(did()).toEqual(['null', 'flush']);
    const web = ground();
    expect(() => web.handshake.readGreeting(bytes('GET / HTTP/1.1\r\n'))).toThrow('does not speak ZMTP 3');
    expect(web.did()).toEqual([]);
  });
});

describe('the handshake of a mechanism', () => {
  it('begins when both have greeted with it, before anything is said of this end', () => {
    const { mechanism, given } = mechanismOf(() => ({}), 'HELLO');
    const { handshake, did } = ground({ isDialler: true, mechanism });
    expect([did(), given, handshake.isUnproved]).toEqual([['curve', 'flush'], [], false]);
    handshake.readGreeting(CURVE.subarray(0, 63));
    expect(did()).toEqual([]);
    handshake.readGreeting(CURVE.subarray(63));
    const said = Buffer.from(propertiesOf('PUSH', 77)).toString('latin1');
    expect([did(), given, handshake.isUnproved]).toEqual([['HELLO'], [said], true]);
  });

  it('waits for its peer at a bound end, which introduces itself through it', () => {
    const { mechanism } = mechanismOf(() => ({}));
    const { handshake, did } = ground({ mechanism });
    handshake.readGreeting(CURVE);
    expect(did()).toEqual(['curve', 'flush']);
    // Without a reply there is nothing to say.
    handshake.take(bytes('any'));
    expect([did(), handshake.introduction]).toEqual([[], undefined]);
  });

  it('is done, with its keys, when it has what the peer says of itself', () => {
    let step: HandshakeStep = { reply: commandOf('WELCOME') };
    const { mechanism, frames } = mechanismOf(() => step);
    const { handshake, did, sealed } = ground({ mechanism });
    handshake.readGreeting(CURVE);
    did();
    handshake.take(bytes('any'));
    expect(did()).toEqual(['WELCOME']);
    expect(vi.getTimerCount()).toBe(1);
    step = { reply: commandOf('READY'), properties: bodyOf(readyOf('PUSH')).subarray(6) };
    handshake.take(bytes('any'));
    // The reply leaves before what this end sends later.
    expect([did(), sealed, vi.getTimerCount()]).toEqual([['READY', 'done'], [frames], 0]);
    expect(handshake.introduction?.socketType).toBe('PUSH');
  });

  it('does not answer a peer of the wrong kind', () => {
    const properties = bodyOf(readyOf('SUB')).subarray(6);
    const { mechanism } = mechanismOf(() => ({ reply: commandOf('READY'), properties }));
    const { handshake, did } = ground({ mechanism });
    handshake.readGreeting(CURVE);
    did();
    expect(() => handshake.take(bytes('any'))).toThrow('wrong kind of socket');
    expect(did()).toEqual([]);
  });

  it('may take its time: the link reads nothing until then', async () => {
    const step = deferred<HandshakeStep>();
    const { mechanism } = mechanismOf(() => step.promise);
    const { handshake, did, proceed } = ground({ mechanism });
    handshake.readGreeting(CURVE);
    did();
    handshake.take(bytes('any'));
    expect(did()).toEqual(['hold']);
    step.resolve({ reply: commandOf('WELCOME') });
    await vi.advanceTimersByTimeAsync(0);
    expect(did()).toEqual(['on']);
    proceed();
    expect(did()).toEqual(['WELCOME']);
  });

  it('that refuses later does so where the link reads on', async () => {
    const refusal = new Violation('no', 'FORBIDDEN');
    const { mechanism } = mechanismOf(() => Promise.reject(refusal));
    const { handshake, did, proceed } = ground({ mechanism });
    handshake.readGreeting(CURVE);
    did();
    handshake.take(bytes('any'));
    await vi.advanceTimersByTimeAsync(0);
    expect(did()).toEqual(['hold', 'on']);
    expect(proceed).toThrow(refusal);
  });

  it('is over with its link, and knows whether its peer had proved itself', () => {
    const { mechanism, end, own } = mechanismOf(() => ({}));
    const { handshake } = ground({ mechanism });
    handshake.end();
    expect(end).not.toHaveBeenCalled();
    handshake.readGreeting(CURVE);
    handshake.end();
    expect(end).toHaveBeenCalledTimes(1);
    own.isUnproved = false;
    expect(handshake.isUnproved).toBe(false);
  });
});
