import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  asksForProof,
  checkTopic,
  clientOf,
  clientTopics,
  isTakenBy,
  newWorkerId,
  proofOf,
  relayedClient,
  relayedId,
  SLASH,
  topicBelongsTo,
  topicUnderNewId,
} from '../../../src/protocol/topics.ts';

const id = fc.stringMatching(/^[\w-]{1,21}$/);

describe('topics of a client', () => {
  it('lead back to their call, and to no other client', () => {
    const topics = clientTopics('me');
    expect(topics.call(topics.of('1a'))).toBe('1a');
    expect(topics.call('me2/1a')).toBeUndefined();
    expect(topics.call('me')).toBeUndefined();
  });

  it('are taken by its subscription, which a publisher confirms', () => {
    fc.assert(
      fc.property(id, id, (client, call) => {
        const topics = clientTopics(client);
        expect(isTakenBy(topics.of(call), topics.prefix)).toBe(true);
        expect(topicBelongsTo(topics.of(call), client)).toBe(true);
        expect(clientOf(topics.of(call))).toBe(topics.prefix);
        expect(asksForProof(topics.prefix)).toBe(true);
        expect(topics.prefix.charCodeAt(topics.prefix.length - 1)).toBe(SLASH);
        expect(proofOf(topics.prefix)).toBe(topics.prefix);
      }),
    );
  });

  it.each(['me', 'me2/1', 'm/e', '', '/', 'other/me/1'])('do not include %j', (topic) => {
    expect(topicBelongsTo(topic, 'me')).toBe(false);
  });

  it('follow the client to a new id', () => {
    expect(topicUnderNewId('r1/7/3', 'r1/7', 'r2/1')).toBe('r2/1/3');
    expect(topicUnderNewId('r1/70/3', 'r1/7', 'r2/1')).toBe('r1/70/3');
    for (const topic of ['server', '/server']) expect(topicUnderNewId(topic, '', 'r2/1')).toBe(topic);
  });
});

describe('topics of a server', () => {
  it('are confirmed under a topic that nobody else has', () => {
    expect(asksForProof('first')).toBe(false);
    const proof = proofOf('first');
    expect(asksForProof(proof)).toBe(true);
    expect(isTakenBy(proof, 'first')).toBe(false);
    expect(proofOf('first')).not.toBe(proof);
  });

  it('are not empty', () => {
    expect(() => checkTopic('first')).not.toThrow();
    expect(() => checkTopic('')).toThrowError(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: 'a topic must not be empty',
        sent: false,
      }),
    );
  });

  it('belong to nobody: the whole is what they are told apart by', () => {
    expect(clientOf('first')).toBe('first');
  });
});

describe('ids behind a relay', () => {
  it('are what each topic of the client begins with', () => {
    fc.assert(
      fc.property(id, fc.nat(), id, (relay, count, call) => {
        const number = count.toString(36);
        const client = relayedId(relay, number);
        expect(relayedClient(client)).toBe(client);
        expect(relayedClient(clientTopics(client).of(call))).toBe(client);
        expect(isTakenBy(client, clientTopics(relay).prefix)).toBe(true);
      }),
    );
  });

  it('begin the ids of their workers, which are never the same twice', () => {
    const worker = newWorkerId('r1/7');
    expect(topicBelongsTo(worker, 'r1/7')).toBe(true);
    expect(newWorkerId('r1/7')).not.toBe(worker);
  });
});
