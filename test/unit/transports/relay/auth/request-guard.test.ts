/** What a relay lets pass of requests to caches, from clients that keep to nothing. */
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { cancelMessage } from '../../../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../../../src/protocol/envelope.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../../../src/protocol/message.ts';
import {
  encodeWorkRequest,
  offersMessage,
  readWorkRequest,
  WorkKind,
} from '../../../../../src/protocol/work-request.ts';
import { type CacheScope, Identity } from '../../../../../transports/relay/auth/identity.ts';
import { RequestGuard } from '../../../../../transports/relay/auth/request-guard.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';
import { bytes, textOf } from '../../../../support/bytes.ts';

const codec = new EnvelopeCodec();
const guard = new RequestGuard(new EnvelopeCodec(), () => undefined);
const ID = 'relay/1';
const forbidden = expect.objectContaining({ code: 'FORBIDDEN' });

function client(cache: CacheScope = 'all', work = false) {
  return { id: ID, identity: new Identity({ name: 'alice', servers: ['*'], cache, work }) };
}

function request(operation: string, key: string, fields: Partial<PalmMessage> = {}): Bytes {
  const isSet = operation.endsWith('.set');
  return codec.encode(
    palmMessage({
      client: ID,
      function: operation,
      ...(isSet ? { cache: key } : { payload: bytes(key) }),
      ...fields,
    }),
  );
}

function judge(frame: Bytes, cache?: CacheScope, work?: boolean) {
  const verdict = guard.judge(client(cache, work), 'server', frame);
  if (verdict.kind === 'cancel') throw new Error('the request cancels calls');
  return verdict;
}

describe('a request that cancels calls', () => {
  const cancel = (of: string) =>
    codec.encode(cancelMessage({ client: of, calls: ['7', '8:2'], code: 'TIMEOUT', reason: 'late' }));

  it("goes to the server with the client's own id", () => {
    for (const of of [ID, `${ID}/7`]) {
      const notice = { client: ID, calls: ['7', '8:2'], code: 'TIMEOUT', reason: 'late' };
      expect(guard.judge(client('none'), 'server', cancel(of))).toEqual({ kind: 'cancel', notice });
    }
  });

  it("is refused for another client's calls, and for those of all clients", () => {
    const others = ['other', ID.slice(0, -1), `${ID}0`, ID.slice(0, ID.indexOf('/')), ''];
    for (const of of others) {
      expect(() => guard.judge(client('none'), 'server', cancel(of)), of).toThrow(/another client's/);
    }
  });

  it('is refused when it names too many calls', () => {
    const calls = Array.from({ length: 1_025 }, (_, i) => String(i));
    const frame = codec.encode(cancelMessage({ client: ID, calls, code: 'CANCELLED', reason: '' }));
    expect(() => guard.judge(client('none'), 'server', frame)).toThrow(/at most 1024 calls/);
  });
});

describe('a request', () => {
  it('passes without the fields that frond does not know', () => {
    const plain = request('server.get', 'k');
    // Field 20, a varint: readers that know it would act on it.
    const frame = new Uint8Array([...plain, 0xa0, 0x01, 0x07]);
    const verdict = judge(frame);
    expect(verdict.frame).toEqual(plain);
    expect(codec.decode(verdict.frame).unknown).toHaveLength(0);
  });

  it("has the id of its client, or one of its topics, and nobody else's", () => {
    for (const own of [ID, `${ID}/x`])
      expect(judge(request('s.get', 'k', { client: own })).kind).toBe('cache');
    for (const other of ['relay/2', 'relay/10', 'relay', 'relay/', '', `${ID}x`, 'relay/1x/y'])
      expect(() => judge(request('s.get', 'k', { client: other }))).toThrow(forbidden);
  });

  it('is a get, a set or a delete', () => {
    for (const operation of ['s.get', 's.set', 's.delete'])
      expect(judge(request(operation, 'k')).kind).toBe('cache');
    for (const operation of ['', 's', 's.', 's.clear', 'get', 's.get.x', 's.get.', 's.Get', 's.get x'])
      expect(() => judge(request(operation, 'k'))).toThrow(forbidden);
  });

  it('that is not an envelope is refused', () => {
    expect(() => judge(new Uint8Array([0xff]))).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });

  it('tells which key it deletes', () => {
    expect(judge(request('s.delete', 'k'))).toMatchObject({ deletes: 'k' });
    for (const operation of ['s.get', 's.set'])
      expect(judge(request(operation, 'k'))).toMatchObject({ deletes: undefined });
  });
});

describe('grants', () => {
  const may = (cache: CacheScope, operation: string, key: string) => {
    try {
      judge(request(operation, key), cache);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: 'FORBIDDEN' });
      return false;
    }
  };
  const operations = ['s.get', 's.set', 's.delete'];

  it.each([
    ['none', 'k', [false, false, false]],
    ['none', 'alice/k', [false, false, false]],
    ['read', 'k', [true, false, false]],
    ['session', 'k', [false, false, false]],
    ['session', 'alice/k', [true, true, true]],
    ['session', 'alice', [false, false, false]],
    ['session', 'alicex/k', [false, false, false]],
    ['session', 'bob/alice/k', [false, false, false]],
    ['all', 'k', [true, true, true]],
  ] as const)('of %s for the key %s', (cache, key, allowed) => {
    expect(operations.map((operation) => may(cache, operation, key))).toEqual(allowed);
  });

  it.each(['none', 'read', 'session', 'all'] as const)(
    'of %s never let the configuration be written',
    (cache) => {
      for (const key of ['name', 'db_address', 'pull_address', 'sub_address_3', 'frond_status']) {
        expect(operations.map((operation) => may(cache, operation, key))).toEqual([true, false, false]);
      }
    },
  );

  it('for work are needed to learn where workers go', () => {
    for (const key of ['worker_pull_address', 'worker_push_address']) {
      expect(() => judge(request('s.get', key))).toThrow(forbidden);
      expect(judge(request('s.get', key), 'none', true).kind).toBe('cache');
    }
  });
});

describe('a reply', () => {
  const rewrite = (key: string, value: string, fields: Partial<PalmMessage> = {}) => {
    const verdict = judge(request('s.get', key), 'all', true);
    if (verdict.kind !== 'cache') throw new Error('it is not a cache request');
    const reply = codec.encode(palmMessage({ payload: bytes(value), features: Feature.replies, ...fields }));
    return codec.decode(verdict.rewrite?.(reply) ?? reply);
  };

  it.each([
    ['db_address', 'server'],
    ['pull_address', 'server'],
    ['sub_address_12', 'server'],
    ['worker_push_address', 'server'],
    ['worker_pull_address', 'server:results'],
  ])('to %s is the name of the server and not its address', (key, shown) => {
    const payload = textOf(rewrite(key, 'tcp://10.0.0.1:5555').payload);
    expect(payload).not.toContain('10.0.0.1');
    expect(payload.startsWith(shown.split(':')[0] ?? '')).toBe(true);
    // As a plain reply of pylm, too.
    const verdict = judge(request('s.get', key), 'all', true);
    if (verdict.kind !== 'cache') throw new Error('it is not a cache request');
    expect(textOf(verdict.rewrite?.(bytes('tcp://10.0.0.1:5555')) ?? bytes(''))).toBe(payload);
  });

  it('without a value, or of a failure, stays as it is', () => {
    expect(rewrite('pull_address', '').payload).toHaveLength(0);
    expect(rewrite('pull_address', '', { status: Status.missing, error: 'none' })).toMatchObject({
      status: Status.missing,
      error: 'none',
    });
  });

  it('to the status tells no addresses', () => {
    const status = {
      role: 'Server',
      addresses: { db_address: 'tcp://10.0.0.1:1', pull_address: 'tcp://10.0.0.1:2' },
    };
    const shown = JSON.parse(textOf(rewrite('frond_status', JSON.stringify(status)).payload));
    expect(shown).toEqual({ role: 'Server', addresses: { db_address: 'server', pull_address: 'server' } });
    expect(rewrite('frond_status', '5').payload).toHaveLength(0);
    expect(rewrite('frond_status', 'null').payload).toHaveLength(0);
  });

  it('to the name, or to a key of users, passes as it is', () => {
    for (const key of ['name', 'k', 'my_address_book'])
      expect(judge(request('s.get', key))).toMatchObject({ rewrite: undefined });
  });
});

describe('a refusal', () => {
  const refusal = (message: string) => expect.objectContaining({ code: 'FORBIDDEN', message });

  it('says what is not granted, to whom', () => {
    expect(() => judge(request('s.get', 'k', { client: 'relay/2' }))).toThrow(
      refusal('a request has the client id "relay/2", which is another client\'s'),
    );
    expect(() => judge(request('s.clear', 'k'))).toThrow(
      refusal('a cache has the operations get, set and delete, not "s.clear"'),
    );
    expect(() => judge(request('s.set', 'name'))).toThrow(
      refusal('the key "name" is part of the server\'s configuration'),
    );
    expect(() => judge(request('s.set', 'k'), 'none')).toThrow(refusal('alice may not set the key "k" here'));
    expect(() => judge(request('s.get', 'worker_pull_address'))).toThrow(refusal('alice may not work here'));
  });

  it('of work is for the keys of workers that the server has, not for those of users', () => {
    expect(judge(request('s.get', 'worker_notes'), 'all', false).kind).toBe('cache');
  });
});

describe('a rewritten reply', () => {
  const rewriteOf = (key: string) => {
    const verdict = judge(request('s.get', key), 'all', true);
    if (verdict.kind !== 'cache' || verdict.rewrite === undefined) throw new Error('it is not rewritten');
    return verdict.rewrite;
  };

  it.each([
    ['worker_pull_address', 'server/results'],
    ['worker_push_address', 'server'],
    ['pull_address', 'server'],
  ])('to %s says where that is behind the relay', (key, address) => {
    expect(textOf(rewriteOf(key)(bytes('tcp://10.0.0.1:5555')))).toBe(address);
  });

  it('keeps what else the server says', () => {
    const message = palmMessage({
      payload: bytes('tcp://10.0.0.1:1'),
      features: Feature.replies,
      cache: 'c',
    });
    expect(codec.decode(rewriteOf('pull_address')(codec.encode(message)))).toEqual({
      ...message,
      payload: bytes('server'),
    });
  });

  it('of a failure is the one that came', () => {
    const reply = codec.encode(
      palmMessage({ payload: bytes('0'), features: Feature.replies, status: Status.missing }),
    );
    expect(rewriteOf('pull_address')(reply)).toBe(reply);
  });

  it.each([
    ['{"role":"Server"}', { role: 'Server', addresses: {} }],
    ['{"addresses":null}', { addresses: {} }],
    ['{"addresses":5}', { addresses: {} }],
  ])('of the status %s has no addresses', (status, shown) => {
    expect(JSON.parse(textOf(rewriteOf('frond_status')(bytes(status))))).toEqual(shown);
  });

  it('is not made for other keys of the server', () => {
    for (const key of ['name', 'frond_features'])
      expect(judge(request('s.get', key))).toMatchObject({ rewrite: undefined });
    // Only what is read has a reply with a value.
    for (const operation of ['s.set', 's.delete'])
      expect(judge(request(operation, 'k'))).toMatchObject({ rewrite: undefined });
  });
});

describe('where a pipeline ends', () => {
  /** What a client learns of an end that the server `asked` tells, behind a relay with other servers. */
  function shown(told: string, servers: readonly string[] = ['*']) {
    // By their names behind the relay, what the servers call themselves.
    const palmNames = new Map([
      ['asked', 'own'],
      ['last', 'last'],
      ['renamed', 'other'],
    ]);
    const find = (name: string) => {
      const palmName = palmNames.get(name);
      return palmName === undefined ? undefined : ({ palmName } as Upstream);
    };
    const identity = new Identity({ name: 'alice', servers });
    const own = new RequestGuard(new EnvelopeCodec(), find);
    const verdict = own.judge({ id: ID, identity }, 'asked', request('s.get', 'frond_end'));
    if (verdict.kind !== 'cache' || verdict.rewrite === undefined) throw new Error('it is not rewritten');
    return textOf(verdict.rewrite(bytes(told)));
  }

  it('is the server that was asked, by the name that it has behind the relay', () => {
    expect(shown('own tcp://10.0.0.1:5555')).toBe('own asked');
    expect(shown('own tcp://10.0.0.1:5555', [])).toBe('own asked');
  });

  it('is another one that the client may use and the relay knows', () => {
    expect(shown('last tcp://10.0.0.1:5555')).toBe('last last');
    expect(shown('last tcp://10.0.0.1:5555', ['asked', 'l*'])).toBe('last last');
  });

  it.each([
    ['that it may not use', 'last', ['asked']],
    ['that the relay does not have', 'unknown', ['*']],
    ['that bears the name of another', 'renamed', ['*']],
    ['that has another name behind the relay', 'other', ['*']],
  ])('is not known of one %s', (_what, name, servers) => {
    expect(shown(`${name} tcp://10.0.0.1:5555`, servers)).toBe('?');
  });

  it('is not known, or left out by an older server, as the server says', () => {
    expect([shown('?'), shown('')]).toEqual(['?', '']);
  });

  it.each(['tcp://10.0.0.1:5555', ' tcp://10.0.0.1:5555', ' '])(
    'is not known of %j, which names no server',
    (told) => {
      expect(shown(told)).toBe('?');
    },
  );

  it('is not rewritten in a failure', () => {
    const verdict = judge(request('s.get', 'frond_end'));
    if (verdict.kind !== 'cache') throw new Error('it is not a cache request');
    const failure = { features: Feature.replies, status: Status.missing, payload: bytes('0') };
    const reply = codec.encode(palmMessage(failure));
    expect(verdict.rewrite?.(reply)).toBe(reply);
  });
});

describe('what a worker says of its functions', () => {
  const offer = { worker: `${ID}/w`, name: 'n', offers: bytes('[{"name":"f"}]'), isPushed: true };

  it('is for those who may work alone', () => {
    const frame = codec.encode(offersMessage(offer));
    expect(() => judge(frame, 'all', false)).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN', message: 'alice may not work here' }),
    );
    expect(judge(frame, 'none', true)).toEqual({
      kind: 'work',
      frame,
      worker: `${ID}/w`,
      name: 'n',
      leaves: false,
    });
  });

  it("is of the client's own workers", () => {
    const frame = codec.encode(offersMessage({ ...offer, worker: 'relay/2/w' }));
    expect(() => judge(frame, 'none', true)).toThrow(/another client's/);
  });

  it('passes without other fields of the request', () => {
    const message = { ...offersMessage(offer), cache: 'c', error: 'e', status: 5, ordinal: 7 };
    const verdict = judge(codec.encode(message), 'none', true);
    expect(codec.decode(verdict.frame)).toEqual(offersMessage(offer));
  });
});

describe('a request for work', () => {
  const work = (items: readonly { lease: number; kind: number; frame: Bytes }[] = []) =>
    encodeWorkRequest(codec, {
      worker: `${ID}/w`,
      name: 'n',
      sequence: 1,
      want: 2,
      leaves: false,
      isAway: false,
      items,
    });

  it('is for those who may work alone', () => {
    expect(() => judge(work(), 'all', false)).toThrow(forbidden);
    expect(judge(work(), 'none', true)).toMatchObject({
      kind: 'work',
      worker: `${ID}/w`,
      name: 'n',
      leaves: false,
    });
  });

  it('passes results with payload and status alone, as frond encodes them', () => {
    const result = palmMessage({
      client: 'relay/2/stolen',
      function: 'other.f',
      payload: bytes('r'),
      status: Status.failed,
      error: 'e',
      errorName: 'E',
      stage: 3,
      cache: 'c',
    });
    const frame = new Uint8Array([...codec.encode(result), 0xa0, 0x01, 0x07]);
    const verdict = judge(work([{ lease: 5, kind: WorkKind.done, frame }]), 'none', true);
    const [item] = readWorkRequest(codec.decode(verdict.frame)).items;
    expect(item).toMatchObject({ lease: 5, kind: WorkKind.done });
    const { payload, status, error, errorName } = result;
    expect(item?.frame).toEqual(codec.encode(palmMessage({ payload, status, error, errorName })));
  });

  it('passes nothing of what is returned, and empty results as they are', () => {
    const items = [
      { lease: 5, kind: WorkKind.returned, frame: bytes('anything') },
      { lease: 6, kind: WorkKind.done, frame: new Uint8Array(0) },
    ];
    const verdict = judge(work(items), 'none', true);
    expect(readWorkRequest(codec.decode(verdict.frame)).items).toEqual([
      { lease: 5, kind: WorkKind.returned, frame: new Uint8Array(0) },
      { lease: 6, kind: WorkKind.done, frame: new Uint8Array(0) },
    ]);
  });

  it('with a result that is not an envelope is refused', () => {
    expect(() =>
      judge(work([{ lease: 5, kind: WorkKind.done, frame: new Uint8Array([0xff]) }]), 'none', true),
    ).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });
});
