import { type Bytes, decodeUtf8, encodeUtf8 } from '../../../src/protocol/bytes.ts';
import { isReservedKey } from '../../../src/protocol/cache-keys.ts';
import { readReply } from '../../../src/protocol/cache-request.ts';
import { CANCEL, type CancelNotice, readCancel } from '../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { readPlain } from '../../../src/protocol/envelope-plain.ts';
import { inspectValue, PalmError } from '../../../src/protocol/errors.ts';
import { NO_BYTES, type PalmMessage, palmMessage } from '../../../src/protocol/message.ts';
import { END_KEY, readEnd, writeEnd } from '../../../src/protocol/pipeline-end.ts';
import { topicBelongsTo } from '../../../src/protocol/topics.ts';
import {
  encodeWorkRequest,
  OFFERS,
  offersMessage,
  readOffers,
  readWorkRequest,
  resultOf,
  WORK,
  type WorkItem,
  WorkKind,
} from '../../../src/protocol/work-request.ts';
import { RESULTS } from '../../relay-protocol/server-address.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Identity, JudgedClient } from './identity.ts';

/** A request as it may go to the server. */
export type RequestVerdict =
  | {
      readonly kind: 'cache';
      readonly frame: Bytes;
      /** The key that is deleted. */
      readonly deletes: string | undefined;
      /** Makes the client's reply of the server's; undefined where the reply passes as it is. */
      readonly rewrite: ((reply: Bytes) => Bytes) | undefined;
    }
  | {
      readonly kind: 'cancel';
      /** What the client gives up: calls of its own. */
      readonly notice: CancelNotice;
    }
  | {
      readonly kind: 'work';
      readonly frame: Bytes;
      readonly worker: string;
      readonly name: string;
      readonly leaves: boolean;
    };

/** Checks requests to servers' caches. One for all clients. */
export class RequestGuard {
  readonly #codec: EnvelopeCodec;
  /** Decodes and encodes the results in requests for work. */
  readonly #results = new EnvelopeCodec();

  readonly #find: (name: string) => Upstream | undefined;

  /** @param find - looks up the server where a pipeline ends by its name. */
  constructor(codec: EnvelopeCodec, find: (name: string) => Upstream | undefined) {
    this.#codec = codec;
    this.#find = find;
  }

  /**
   * @param server - name of the server, as clients know it.
   * @throws PalmError `FORBIDDEN` for a request that is not granted, `PROTOCOL` for a frame that is not a request, or that readers
   * decode differently.
   */
  judge({ id, identity }: JudgedClient, server: string, frame: Bytes): RequestVerdict {
    const { message, frame: plain } = readPlain(this.#codec, frame);
    if (message.client !== id && !topicBelongsTo(message.client, id)) {
      throw new PalmError(
        'FORBIDDEN',
        `a request has the client id ${inspectValue(message.client)}, which is another client's`,
      );
    }
    if (message.function === WORK) return this.#judgeWork(identity, message);
    if (message.function === OFFERS) return this.#judgeOffers(identity, message);
    // A client cancels its own calls alone, whatever it wrote after its id.
    if (message.function === CANCEL)
      return { kind: 'cancel', notice: { ...readCancel(message), client: id } };
    const [, operation, more] = message.function.split('.');
    if (more !== undefined || (operation !== 'get' && operation !== 'set' && operation !== 'delete')) {
      throw new PalmError(
        'FORBIDDEN',
        `a cache has the operations get, set and delete, not ${inspectValue(message.function)}`,
      );
    }
    const key = operation === 'set' ? message.cache : decodeUtf8(message.payload);
    checkKey(identity, operation, key);
    return {
      kind: 'cache',
      frame: plain,
      deletes: operation === 'delete' ? key : undefined,
      rewrite:
        operation === 'get' && isReservedKey(key) ? this.#rewriteFor(key, server, identity) : undefined,
    };
  }

  #judgeWork(identity: Identity, message: PalmMessage): RequestVerdict {
    checkMayWork(identity);
    const request = readWorkRequest(message);
    const items = request.items.map((item) => this.#plainItem(item));
    const { worker, name, leaves } = request;
    const frame = encodeWorkRequest(this.#codec, { ...request, items });
    return { kind: 'work', frame, worker, name, leaves };
  }

  /** A worker says it over the link of its requests for work, by which its Master knows it. */
  #judgeOffers(identity: Identity, message: PalmMessage): RequestVerdict {
    checkMayWork(identity);
    const offer = readOffers(message);
    const { worker, name } = offer;
    return { kind: 'work', frame: this.#codec.encode(offersMessage(offer)), worker, name, leaves: false };
  }

  /** Decoded as protobuf allows, since a worker returns what others wrote. The relay's own encoding of the result alone is passed on. */
  #plainItem(item: WorkItem): WorkItem {
    const { lease, kind, frame } = item;
    if (frame.length === 0) return item;
    if (kind === WorkKind.returned) return { lease, kind, frame: NO_BYTES };
    const result = resultOf(this.#results.decode(frame));
    return { lease, kind, frame: this.#results.encode(palmMessage(result)) };
  }

  /** Clients must not see addresses: they get the server's name in their place. */
  #rewriteFor(key: string, server: string, identity: Identity): ((reply: Bytes) => Bytes) | undefined {
    if (key === 'name') return undefined;
    if (key === END_KEY)
      return (reply) =>
        this.#rewritten(reply, (value) => encodeUtf8(this.#endFor(decodeUtf8(value), server, identity)));
    if (key === 'frond_status')
      return (reply) => this.#rewritten(reply, (value) => withoutAddresses(value, server));
    if (!key.includes('_address')) return undefined;
    const address = key === 'worker_pull_address' ? server + RESULTS : server;
    return (reply) => this.#rewritten(reply, (value) => (value.length === 0 ? value : encodeUtf8(address)));
  }

  /** Where the client finds the answers of a server, if it may go there. */
  #endFor(text: string, server: string, identity: Identity): string {
    const name = readEnd(text)?.server;
    // Older servers say nothing. What cannot be read could be an address.
    if (name === undefined) return text === '' ? text : writeEnd(undefined);
    if (name === this.#find(server)?.palmName) return writeEnd({ server: name, address: server });
    const isOpen = identity.mayUse(name) && this.#find(name)?.palmName === name;
    return writeEnd(isOpen ? { server: name, address: name } : undefined);
  }

  #rewritten(reply: Bytes, change: (value: Bytes) => Bytes): Bytes {
    const { message, value } = readReply(this.#codec, reply, true);
    if (message === undefined) return change(value);
    return message.status === 0 ? this.#codec.encode({ ...message, payload: change(value) }) : reply;
  }
}

function checkKey(identity: Identity, operation: string, key: string): void {
  const isOwn = isReservedKey(key);
  // Only workers ask for these keys, and should learn at once that they may not work.
  if (isOwn && key.startsWith('worker_')) checkMayWork(identity);
  if (operation === 'get') {
    if (isOwn || identity.mayRead(key)) return;
  } else if (isOwn) {
    throw new PalmError('FORBIDDEN', `the key ${inspectValue(key)} is part of the server's configuration`);
  } else if (identity.mayWrite(key)) return;
  throw new PalmError('FORBIDDEN', `${identity.name} may not ${operation} the key ${inspectValue(key)} here`);
}

function checkMayWork({ mayWork, name }: Identity): void {
  if (!mayWork) throw new PalmError('FORBIDDEN', `${name} may not work here`);
}

function withoutAddresses(value: Bytes, server: string): Bytes {
  const status: unknown = JSON.parse(decodeUtf8(value));
  if (typeof status !== 'object' || status === null) return NO_BYTES;
  const addresses = 'addresses' in status ? Object(status.addresses) : {};
  const named = Object.fromEntries(Object.keys(addresses).map((key) => [key, server]));
  return encodeUtf8(JSON.stringify({ ...status, addresses: named }));
}
