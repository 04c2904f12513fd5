/**
 * The grammar of topics. An answer is published under the `client` field of its call, and a subscription takes each topic that
 * begins with it:
 *
 *     topic     = client "/" call          of the answers to one call
 *               / server                   of what a server passes on to the next one
 *     client    = id                       random, of one length: no id is the beginning of another
 *               / relay "/" number         of a client behind a relay, given by the relay
 *     worker    = client "/" random        the id that a worker of that client has at its Master
 *
 * A subscription that ends in a slash is a client's. A frond publisher confirms it with an empty delivery under the same topic.
 */
import { invalidCall } from './errors.ts';
import { randomId } from './ids.ts';

/** The slash as a byte. Hot paths compare the last byte of a topic with it, where others call {@link asksForProof}. */
export const SLASH = 0x2f;

/**
 * Length of a topic at most: over ZeroMQ in bytes, behind a relay in UTF-16 units. libzmq spends 48 bytes of memory on each byte of
 * a subscription (2.3 GiB for one of 20 MiB), and an answer of a relay carries its topic twice. A frond client's has about 40.
 */
export const LONGEST_TOPIC = 1_024;

/**
 * Topics of one client. pylm echoes the `client` field as the topic of the answer, so the part after the client's id
 * says which call an answer belongs to, while one subscription to the part before it takes all of them.
 */
export interface ClientTopics {
  readonly id: string;
  /** What the client subscribes to: its id and a slash. */
  readonly prefix: string;
  /** The `client` field for a call. */
  of(call: string): string;
  /** The call that a topic belongs to, or undefined when it is not this client's. */
  call(topic: string): string | undefined;
}

/** The topics of the client with the given id. */
export function clientTopics(clientId: string): ClientTopics {
  const prefix = `${clientId}/`;
  return {
    id: clientId,
    prefix,
    of: (call) => prefix + call,
    call: (topic) => (topic.startsWith(prefix) ? topic.slice(prefix.length) : undefined),
  };
}

/** The part of a topic that is the same for all calls of its client: all up to its last slash, or the whole. */
export function clientOf(topic: string): string {
  return topic.slice(0, topic.lastIndexOf('/') + 1) || topic;
}

/** Whether a topic is one of the client with the given id. The id itself is not. */
export function topicBelongsTo(topic: string, clientId: string): boolean {
  return topic[clientId.length] === '/' && topic.startsWith(clientId);
}

/** The same topic of a client whose id has changed from `before` to `now`, or the topic as it is when it is another's. */
export function topicUnderNewId(topic: string, before: string, now: string): string {
  return before !== '' && topic.startsWith(`${before}/`) ? now + topic.slice(before.length) : topic;
}

/** Whether a subscription takes a topic: as with ZeroMQ, each one that begins with it. */
export function isTakenBy(topic: string, subscription: string): boolean {
  return topic.startsWith(subscription);
}

/** Whether a frond publisher confirms the subscription. */
export function asksForProof(subscription: string): boolean {
  return subscription.endsWith('/');
}

/**
 * The topic under which a frond publisher confirms a subscription: its own, or one that nobody else has. The topic with a slash
 * behind it would not do: a pylm server that takes `first`, and with it all that begins so, dies of an empty delivery under `first/`.
 */
export function proofOf(subscription: string): string {
  return asksForProof(subscription) ? subscription : `${randomId()}/`;
}

/**
 * Checks the topic of a subscription.
 * @throws PalmError `INVALID_CALL` for an empty topic, which would take everybody's results.
 */
export function checkTopic(topic: string): void {
  if (topic === '') throw invalidCall('a topic must not be empty');
}

/** The id that a relay gives its client of this number. */
export function relayedId(relayId: string, number: string): string {
  return `${relayId}/${number}`;
}

/** The id of a relay's client, in one of its topics. */
export function relayedClient(topic: string): string {
  const end = topic.indexOf('/', topic.indexOf('/') + 1);
  return end < 0 ? topic : topic.slice(0, end);
}

/** A new id for a worker at its Master. Behind a relay the client's id says whose worker it is. */
export function newWorkerId(clientId: string): string {
  return `${clientId}/${randomId()}`;
}
