/** What a relay lets pass of calls, from clients that keep to nothing, and what it remembers of those that passed. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../../src/protocol/envelope.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../../../src/protocol/message.ts';
import { encodeMetadata, type Metadata, readMetadata } from '../../../../../src/protocol/metadata.ts';
import { CallGuard, Verdicts } from '../../../../../transports/relay/auth/call-guard.ts';
import { type Grants, Identity } from '../../../../../transports/relay/auth/identity.ts';
import { InputGuard } from '../../../../../transports/relay/auth/input-guard.ts';
import type { MetadataGrants } from '../../../../../transports/relay/auth/metadata-rules.ts';
import { NamePatterns } from '../../../../../transports/relay/name-patterns.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';
import { bytes } from '../../../../support/bytes.ts';

const MiB = 1_048_576;

describe('calls that passed', () => {
  it('are known again', () => {
    const verdicts = new Verdicts();
    expect(verdicts.has('a')).toBe(false);
    verdicts.add('a');
    verdicts.add('a');
    expect(verdicts.has('a')).toBe(true);
    expect(verdicts.has('b')).toBe(false);
  });

  it('take no more than 1 MiB, and long ones are not remembered', () => {
    const verdicts = new Verdicts();
    for (let i = 0; i < 20_000; i++) verdicts.add(`${i} ${'x'.repeat(i % 500)}`);
    expect(verdicts.bytes).toBeGreaterThan(0.9 * MiB);
    expect(verdicts.bytes).toBeLessThanOrEqual(MiB);
    const { bytes } = verdicts;
    verdicts.add('x'.repeat(4_096));
    expect(verdicts.has('x'.repeat(4_096))).toBe(false);
    expect(verdicts.bytes).toBe(bytes);
  });

  it('stay while they are in use, whatever somebody makes up', () => {
    const verdicts = new Verdicts();
    verdicts.add('honest');
    for (let i = 0; i < 50_000; i++) {
      verdicts.add(`made up ${i}`);
      if (i % 1_000 === 0) expect(verdicts.has('honest')).toBe(true);
    }
    expect(verdicts.has('honest')).toBe(true);
    expect(verdicts.has('made up 0')).toBe(false);
  });
});

const codec = new EnvelopeCodec();
const ID = 'relay/1';
const GRANTS: Grants = { servers: ['*'], functions: ['server.*', 'next.g'] };

/** A server as the guard sees it. It is asked once what it is. */
function upstream(name: string, functions?: readonly string[], isFrond = true) {
  const own = {
    name,
    palmName: name,
    isFrond,
    functions: functions && new NamePatterns(functions),
    asked: 0,
    known: async () => {
      own.asked++;
    },
  };
  return own;
}

type TestUpstream = ReturnType<typeof upstream>;

function client(grants: Grants = GRANTS, name = 'alice') {
  return { id: ID, identity: new Identity({ name, ...grants }) };
}

function call(fields: Partial<PalmMessage> = {}): Bytes {
  return codec.encode(
    palmMessage({ client: `${ID}/c`, function: 'server.f', payload: bytes('x'), ...fields }),
  );
}

function ground(...servers: readonly TestUpstream[]) {
  return groundWith(undefined, ...servers);
}

function groundWith(inputs: InputGuard | undefined, ...servers: readonly TestUpstream[]) {
  const own = servers.length > 0 ? servers : [upstream('server'), upstream('next')];
  const guard = new CallGuard(
    new EnvelopeCodec(),
    (name) => own.find((one) => one.name === name) as unknown as Upstream,
    inputs,
  );
  const judge = (frame: Bytes, sender = client(), to: TestUpstream | undefined = own[0]) =>
    guard.judge(sender, to as unknown as Upstream, frame);
  /** Why a call is refused; undefined when it passes. */
  const against = async (fields: Partial<PalmMessage>, sender = client()) => {
    const verdict = await judge(call(fields), sender);
    if (verdict.passes) return undefined;
    expect(verdict.topic).toBe(fields.client ?? `${ID}/c`);
    const answer = codec.decode(verdict.answer);
    expect(answer).toMatchObject({
      status: Status.refused,
      features: 0,
      payload: bytes('0'),
      client: verdict.topic,
    });
    return answer.error;
  };
  return { guard, judge, against, servers: own };
}

describe('a call', () => {
  it('passes without the fields that frond does not know', async () => {
    const { judge } = ground();
    const plain = call();
    const frame = new Uint8Array([...plain, 0xa0, 0x01, 0x07]);
    for (let i = 0; i < 2; i++) expect(await judge(frame)).toEqual({ passes: true, frame: plain });
  });

  it.each(['relay/2/c', 'relay/10/c', 'relay/1', 'relay/1x', '', 'x/relay/1/c'])(
    'with the client id %j ends the session',
    (own) => {
      expect(() => ground().judge(call({ client: own }))).toThrow(
        expect.objectContaining({
          code: 'FORBIDDEN',
          message: `a call has the client id ${JSON.stringify(own)}, which is another client's`,
        }),
      );
    },
  );

  it('has a topic of at most 1,024 characters', async () => {
    const { judge, against } = ground();
    const topic = (length: number) => `${ID}/`.padEnd(length, 'x');
    for (const length of [1_023, 1_024]) expect(await against({ client: topic(length) })).toBeUndefined();
    expect(() => judge(call({ client: topic(1_025) }))).toThrow(
      expect.objectContaining({
        code: 'PROTOCOL',
        message: 'a topic has 1025 characters, and may have at most 1024',
      }),
    );
  });

  it('has a path of at most 4,096 characters', async () => {
    const { against } = ground();
    const path = (length: number) => 'server.'.padEnd(length, 'x');
    for (const length of [4_095, 4_096]) expect(await against({ function: path(length) })).toBeUndefined();
    expect(await against({ function: path(4_097) })).toMatch(/4097 characters.*4096/);
  });

  it('begins at stage 0, without a status', async () => {
    const { against } = ground();
    for (const fields of [{ stage: 1 }, { stage: -1 }, { status: 1 }, { stage: 1, status: 1 }])
      expect(await against(fields)).toMatch(/stage 0 and no status/);
  });

  it('names functions that are granted, at each stage', async () => {
    const { against } = ground();
    expect(await against({ function: 'server.f next.g' })).toBeUndefined();
    expect(await against({ function: 'next.g' })).toMatch(/must be one of server/);
    expect(await against({ function: 'server.f next.h' })).toMatch(/may not call "next.h"/);
    expect(await against({ function: 'other.f' })).toMatch(/may not call/);
    expect(await against({ function: 'server.f server.g next.h' })).toMatch(/may not call/);
    expect(await against({ function: 'server' })).toMatch(/exactly one dot/);
    expect(await against({ function: '' })).toBeDefined();
  });

  it('names servers that the relay knows, and functions of their lists', async () => {
    const listed = ground(upstream('server', ['server.f']), upstream('next', undefined, false));
    expect(await listed.against({ function: 'server.f' })).toBeUndefined();
    expect(await listed.against({ function: 'server.g' })).toMatch(/not in the relay's list/);
    // A stock pylm server stops for good at a function that it does not have.
    expect(await listed.against({ function: 'server.f next.g' })).toMatch(/not a frond server/);
    const alone = ground(upstream('server'));
    expect(await alone.against({ function: 'server.f next.g' })).toMatch(/knows no server/);
  });

  it('under a session has one that is its own', async () => {
    const { against } = ground();
    const features = Feature.session;
    const sender = (cache: 'none' | 'read' | 'session' | 'all') => client({ ...GRANTS, cache });
    for (const cache of ['none', 'read'] as const)
      expect(await against({ features, pipeline: 'alice/s' }, sender(cache))).toMatch(
        /does not belong to alice/,
      );
    expect(await against({ features, pipeline: 'alice/s' }, sender('session'))).toBeUndefined();
    for (const pipeline of ['bob/s', 'alice', 'alicex/s', 's'])
      expect(await against({ features, pipeline }, sender('session'))).toMatch(/does not belong/);
    expect(await against({ features, pipeline: 's' }, sender('all'))).toBeUndefined();
    expect(await against({ pipeline: 's' }, sender('none'))).toBeUndefined();
  });
});

describe('the metadata of a call', () => {
  const withFields = (metadata: Metadata) => call({ unknown: encodeMetadata(metadata) });
  const passed = async (frame: Bytes, own: MetadataGrants = {}) => {
    const { judge } = ground();
    const frames: Bytes[] = [];
    // The second one is judged by what is remembered.
    for (let i = 0; i < 2; i++) {
      const verdict = await judge(frame, client({ ...GRANTS, metadata: own }));
      if (!verdict.passes) throw new Error(codec.decode(verdict.answer).error);
      frames.push(verdict.frame.slice());
    }
    expect(frames[1]).toEqual(frames[0]);
    return codec.decode(frames[0] ?? bytes(''));
  };

  it('passes as far as it may be set, with the rest of the call', async () => {
    const frame = withFields({ lang: 'de' });
    expect(await passed(frame)).toEqual(codec.decode(frame));
    await expect(passed(withFields({ tenant: 'a' }))).rejects.toThrow('the name "tenant" in metadata');
    await expect(passed(frame, { set: ['x-*'] })).rejects.toThrow('the name "lang" in metadata');
  });

  it('is what is forced, also where the client sets none', async () => {
    const force = { tenant: 'acme' };
    for (const frame of [call(), withFields({ tenant: 'other' })])
      expect(readMetadata((await passed(frame, { force })).unknown)).toEqual(force);
  });
});

describe('the input of a call', () => {
  const schema = { type: 'number' } as const;
  const offers = [{ name: 'f', input: { codec: 'JSON', schema } }];
  const offering = () => Object.assign(upstream('server'), { offers: () => offers });

  it.each([true, false])(
    'is judged where that is wanted: %s; of the first call and of those like it',
    async (isJudged) => {
      const inputs = isJudged ? new InputGuard(new EnvelopeCodec()) : undefined;
      const { judge } = groundWith(inputs, offering());
      const ask = async (text: string) => {
        const verdict = await judge(call({ payload: bytes(text), features: Feature.batches }));
        return verdict.passes ? 'passes' : codec.decode(verdict.answer).errorName;
      };
      for (let i = 0; i < 3; i++) {
        expect(await ask('"x"')).toBe(isJudged ? 'InvalidInput' : 'passes');
        expect(await ask('5')).toBe('passes');
      }
    },
  );
});

describe('verdicts', () => {
  it('are there at once for a call like one that passed, and never for one that was refused', async () => {
    const { judge, servers } = ground();
    const first = judge(call());
    expect(first).toBeInstanceOf(Promise);
    await first;
    for (let i = 0; i < 2; i++) expect(judge(call())).toMatchObject({ passes: true });
    // One in between, so that it is not the most recent.
    await judge(call({ function: 'server.g' }));
    expect(judge(call())).toMatchObject({ passes: true });
    for (let i = 0; i < 3; i++) {
      const verdict = judge(call({ function: 'server.f next.h' }));
      expect(verdict).toBeInstanceOf(Promise);
      expect(await verdict).toMatchObject({ passes: false });
    }
    expect(servers.map(({ asked }) => asked)).toEqual([1, 0]);
  });

  it('of one client do not hold for another with other grants', async () => {
    const { judge } = ground();
    const frame = call();
    await judge(frame);
    await judge(frame);
    const weak = client({ servers: ['*'], functions: ['server.g'] }, 'bob');
    expect(await judge(frame, weak)).toMatchObject({ passes: false });
    expect(await judge(frame)).toMatchObject({ passes: true });
    expect(await judge(frame, weak)).toMatchObject({ passes: false });
  });

  it('of one server do not hold for another', async () => {
    const { judge, servers } = ground();
    await judge(call());
    await judge(call());
    expect(await judge(call(), client(), servers[1])).toMatchObject({ passes: false });
  });

  it.each([1, 2])(
    'are forgotten when something about a server has changed, after %i like it',
    async (times) => {
      const { guard, judge, servers } = ground();
      for (let i = 0; i < times; i++) await judge(call());
      const [server] = servers;
      if (server !== undefined) server.functions = new NamePatterns(['server.g']);
      guard.forget();
      expect(await judge(call())).toMatchObject({ passes: false });
      expect(server?.asked).toBe(2);
    },
  );

  it('that come too late, after the grants have changed, are made anew', async () => {
    const { judge } = ground();
    const sender = client();
    const judging = judge(call(), sender);
    sender.identity = new Identity({ name: 'alice', servers: ['*'], functions: ['server.g'] });
    expect(await judging).toMatchObject({ passes: false });
    expect(await judge(call(), sender)).toMatchObject({ passes: false });
  });
});

describe('a call that differs from the last one in its input alone', () => {
  /** How often calls are read, by a guard that has let `first` pass twice. */
  async function reading(first: Partial<PalmMessage> = {}) {
    const own = ground();
    const sender = client();
    const read = vi.spyOn(EnvelopeCodec.prototype, 'decode');
    for (let i = 0; i < 2; i++) await own.judge(call(first), sender);
    read.mockClear();
    return { ...own, sender, read };
  }

  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('passes unread, as it came', async () => {
    const { judge, sender, read } = await reading({ ordinal: 1 });
    for (const [text, ordinal] of [
      ['y', 1],
      ['another', 2],
      ['', 300],
    ] as const) {
      const frame = call({ payload: bytes(text), ordinal });
      const verdict = judge(frame, sender);
      expect(verdict).toEqual({ passes: true, frame });
      expect((verdict as { frame: Bytes }).frame).toBe(frame);
    }
    expect(read).not.toHaveBeenCalled();
  });

  it('is read when it is of another client, of one whose grants have changed, or for another server', async () => {
    const { judge, sender, read, servers } = await reading();
    const frame = call({ payload: bytes('y') });
    const stranger = { ...sender, id: 'relay/2' };
    expect(() => judge(frame, stranger)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    const [, next] = servers;
    expect(await judge(frame, sender, next)).toMatchObject({ passes: false });
    expect(read).toHaveBeenCalledTimes(2);
    expect(judge(frame, sender)).toMatchObject({ passes: true });
    sender.identity = new Identity({ name: 'alice', servers: ['*'], functions: ['server.g'] });
    expect(await judge(frame, sender)).toMatchObject({ passes: false });
  });

  it('is read when something about a server has changed', async () => {
    const { guard, judge, sender, servers } = await reading();
    const [server] = servers;
    if (server !== undefined) server.functions = new NamePatterns(['server.g']);
    guard.forget();
    expect(await judge(call({ payload: bytes('y') }), sender)).toMatchObject({ passes: false });
  });

  it('is read when the last one did not pass as it came, was refused, or was large', async () => {
    const marked = { unknown: new Uint8Array([0x38, 1]) };
    for (const [first, times] of [
      [marked, 1],
      [{ function: 'server.f next.h' }, 1],
      [{ payload: new Uint8Array(1_024) }, 1],
      [{ payload: new Uint8Array(900) }, 0],
    ] as const) {
      const { judge, sender, read } = await reading(first);
      await judge(call({ ...first, payload: bytes('y') }), sender);
      expect(read).toHaveBeenCalledTimes(times);
    }
  });

  it('is compared with a copy: what came with the last one is not kept', async () => {
    const { judge } = ground();
    const sender = client();
    const frame = call();
    for (let i = 0; i < 2; i++) await judge(frame, sender);
    frame.fill(0);
    const read = vi.spyOn(EnvelopeCodec.prototype, 'decode');
    expect(judge(call({ payload: bytes('y') }), sender)).toMatchObject({ passes: true });
    expect(read).not.toHaveBeenCalled();
  });

  it('still has its input judged', async () => {
    const inputs = { judge: vi.fn((verdict: unknown) => verdict) };
    const { judge } = groundWith(inputs as unknown as InputGuard);
    const sender = client();
    for (let i = 0; i < 3; i++) await judge(call({ payload: bytes(`${i}`) }), sender);
    expect(inputs.judge).toHaveBeenCalledTimes(3);
  });
});

describe('a refusal', () => {
  it('says what is wrong with which function, to whom', async () => {
    const { against } = ground(upstream('server', ['server.f']), upstream('next', undefined, false));
    expect(await against({ function: 'server.g' })).toBe(
      '"server.g" is not in the relay\'s list of functions',
    );
    expect(await against({ function: 'server.f next.h' })).toBe('alice may not call "next.h" here');
    expect(await against({ function: 'server.f next.g' })).toBe(
      'the relay has no list of the functions of next, which is not a frond server, and could stop at "next.g"',
    );
    expect(await against({ function: 'next.g' })).toBe('the first function must be one of server');
    expect(await ground(upstream('server')).against({ function: 'server.f next.g' })).toBe(
      'the relay knows no server for "next.g"',
    );
    expect(await against({ function: `server.${'x'.repeat(5_000)}` })).toBe(
      'the functions have 5007 characters, and may have at most 4096',
    );
  });

  it('has the rest of the call, and no name of an error', async () => {
    const { judge } = ground();
    const verdict = await judge(call({ stage: 1, ordinal: 7, cache: 'k', errorName: 'Odd', features: 1 }));
    if (verdict.passes) throw new Error('it passed');
    expect(codec.decode(verdict.answer)).toEqual(
      palmMessage({
        client: `${ID}/c`,
        function: 'server.f',
        stage: 1,
        ordinal: 7,
        cache: 'k',
        payload: bytes('0'),
        status: Status.refused,
        error: 'a call must have stage 0 and no status',
      }),
    );
  });
});

describe('a server', () => {
  it('is asked what it is before a call is judged by that', async () => {
    const server = upstream('server', undefined, false);
    const known = server.known;
    server.known = async () => {
      await known();
      server.isFrond = true;
    };
    const { judge } = ground(server);
    expect(await judge(call())).toMatchObject({ passes: true });
    expect(await judge(call({ function: 'server.g' }))).toMatchObject({ passes: true });
    expect(server.asked).toBe(1);
  });

  it('of a later stage is asked, too', async () => {
    const next = upstream('next', undefined, false);
    next.known = async () => {
      next.asked++;
      next.isFrond = true;
    };
    const { judge } = ground(upstream('server'), next);
    expect(await judge(call({ function: 'server.f next.g' }))).toMatchObject({ passes: true });
    expect(next.asked).toBe(1);
  });

  it('has calls by the name that it gave itself', async () => {
    const server = { ...upstream('server'), palmName: 'inner' };
    const { judge } = ground(server);
    const sender = client({ servers: ['*'], functions: ['*'] });
    expect(await judge(call({ function: 'inner.f' }), sender)).toMatchObject({ passes: true });
    expect(await judge(call({ function: 'server.f' }), sender)).toMatchObject({ passes: false });
  });
});

describe('an answer that is larger than the limit', () => {
  it('keeps what fits of the call, to the last byte', () => {
    const { guard } = ground();
    const frame = call({ cache: 'x'.repeat(100), payload: new Uint8Array(5_000), ordinal: 7 });
    const whole = codec.decode(guard.tooLarge(frame, 4_096));
    expect(whole).toEqual({
      ...codec.decode(frame),
      payload: bytes('0'),
      status: Status.failed,
      error: `the answer has ${frame.length} bytes, more than the relay's limit of 4096 (maxFrame)`,
      errorName: 'TOO_LARGE',
    });
    // The error has three digits instead of four.
    const { length } = guard.tooLarge(frame, 999);
    expect(guard.tooLarge(frame, length)).toHaveLength(length);
    const short = guard.tooLarge(frame, length - 1);
    expect(short.length).toBeLessThan(length);
    expect(codec.decode(short)).toEqual(
      palmMessage({
        client: `${ID}/c`,
        ordinal: 7,
        payload: bytes('0'),
        status: Status.failed,
        error: `the answer has ${frame.length} bytes, more than the relay's limit of ${length - 1} (maxFrame)`,
        errorName: 'TOO_LARGE',
      }),
    );
  });

  it('loses the fields that frond does not know', () => {
    const frame = new Uint8Array([...call({ payload: new Uint8Array(5_000) }), 0xa0, 0x01, 0x07]);
    expect(codec.decode(ground().guard.tooLarge(frame, 4_096)).unknown).toHaveLength(0);
  });

  it('is replaced by a failure that says so, of the same call', () => {
    const { guard } = ground();
    const frame = call({ payload: new Uint8Array(5_000), ordinal: 7 });
    expect(codec.decode(guard.tooLarge(frame, 4_096))).toMatchObject({
      client: `${ID}/c`,
      ordinal: 7,
      status: Status.failed,
      errorName: 'TOO_LARGE',
      error: expect.stringContaining('4096'),
    });
    const bloated = call({ cache: 'x'.repeat(5_000), ordinal: 7 });
    const answer = guard.tooLarge(bloated, 4_096);
    expect(answer.length).toBeLessThanOrEqual(4_096);
    expect(codec.decode(answer)).toMatchObject({ client: `${ID}/c`, ordinal: 7, status: Status.failed });
    expect(codec.decode(guard.tooLarge(new Uint8Array(5_000).fill(0xff), 4_096))).toMatchObject({
      status: Status.failed,
    });
  });
});

describe('what is remembered', () => {
  it('takes two bytes a character, and 96 for each call', () => {
    const verdicts = new Verdicts();
    expect(verdicts.bytes).toBe(0);
    verdicts.add('12345');
    verdicts.add('12345');
    expect(verdicts.bytes).toBe(106);
  });

  it('counts for as much as is there', () => {
    const verdicts = new Verdicts();
    for (let i = 0; i < 10_000; i++) verdicts.add(`made up ${i}`);
    // A call that was pushed out counts no more, so that as many stay as before.
    let [known, cost] = [0, 0];
    for (let i = 0; i < 10_000; i++) {
      if (!verdicts.has(`made up ${i}`)) continue;
      known++;
      cost = 2 * `made up ${i}`.length + 96;
    }
    // All that stayed have four digits.
    expect(known).toBe(Math.floor(MiB / cost));
    expect(verdicts.bytes).toBe(known * cost);
  });

  it('may take all of 1 MiB', () => {
    const verdicts = new Verdicts();
    const callOf = (i: number) => String(i).padStart(16, '0');
    // Each takes 128 bytes.
    for (let i = 0; i < MiB / 128; i++) verdicts.add(callOf(i));
    expect(verdicts.bytes).toBe(MiB);
    expect(verdicts.has(callOf(0))).toBe(true);
    verdicts.add('one more');
    expect([verdicts.has(callOf(0)), verdicts.has(callOf(1))]).toEqual([true, false]);
  });

  it('has at most 512 characters a call', () => {
    const verdicts = new Verdicts();
    for (const length of [511, 512, 513]) verdicts.add('x'.repeat(length));
    expect([511, 512, 513].map((length) => verdicts.has('x'.repeat(length)))).toEqual([true, true, false]);
  });
});
