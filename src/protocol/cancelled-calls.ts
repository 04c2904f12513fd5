/** Which messages the notices of cancelled calls name. Servers get such notices from anybody, so each costs little until it is looked at. */
import { type CancelNotice, cancelError } from './cancel.ts';
import type { PalmError } from './errors.ts';
import { Feature, type PalmMessage } from './message.ts';

/** Clients of one relay that are looked through for a new subscription. Anybody can subscribe as often as it likes. */
const MOST_SCANNED = 256;

/** What a topic begins with, up to its first slash. */
function groupOf(topic: string): string {
  return topic.slice(0, topic.indexOf('/') + 1);
}

/** The beginnings of a topic that end in a slash, longest first. */
function* beginnings(topic: string): Generator<string> {
  for (let end = topic.lastIndexOf('/'); end >= 0; end = end > 0 ? topic.lastIndexOf('/', end - 1) : -1) {
    yield topic.slice(0, end + 1);
  }
}

/** What notices name of one client. */
class CancelledClient {
  /** The notice for all of its calls. */
  whole: CancelNotice | undefined;
  /** Notices whose calls are not among {@link #names} yet. Most are for calls that are over, and never looked at. */
  #unread: CancelNotice[] = [];
  /** The notices by what they name, and for a message of a call also by the call and a colon. */
  readonly #names = new Map<string, CancelNotice>();
  /** Number of names, and of the whole. */
  size = 0;

  add(notice: CancelNotice): void {
    if (notice.calls.length === 0) {
      if (this.whole === undefined) this.size++;
      this.whole = notice;
      return;
    }
    this.#unread.push(notice);
    this.size += notice.calls.length;
  }

  get(name: string): CancelNotice | undefined {
    for (const notice of this.#unread) {
      for (const call of notice.calls) {
        this.#names.set(call, notice);
        const colon = call.indexOf(':');
        if (colon > 0) this.#names.set(call.slice(0, colon + 1), notice);
      }
    }
    this.#unread = [];
    return this.#names.get(name);
  }
}

/** The messages that notices name. */
export class CancelledCalls {
  /** Clients by what their topics begin with, up to a slash; in groups by their beginnings up to the first slash. */
  readonly #groups = new Map<string, Map<string, CancelledClient>>();
  #size = 0;

  /** @param notices - name the first ones. */
  constructor(notices: readonly CancelNotice[] = []) {
    for (const notice of notices) this.add(notice);
  }

  /** Number of names, those that are named twice counted twice. */
  get size(): number {
    return this.#size;
  }

  add(notice: CancelNotice): void {
    const prefix = `${notice.client}/`;
    const key = groupOf(prefix);
    const group = this.#groups.get(key) ?? new Map<string, CancelledClient>();
    this.#groups.set(key, group);
    const client = group.get(prefix) ?? new CancelledClient();
    group.set(prefix, client);
    const before = client.size;
    client.add(notice);
    this.#size += client.size - before;
  }

  /** Forgets what begins so; of a large group everything. What is forgotten runs, though nobody waits for it. */
  forget(prefix: string): void {
    const key = groupOf(prefix);
    const group = this.#groups.get(key);
    if (group === undefined) return;
    const isAll = prefix === key || group.size > MOST_SCANNED;
    for (const [name, { size }] of group) {
      if (!isAll && !name.startsWith(prefix)) continue;
      group.delete(name);
      this.#size -= size;
    }
    if (group.size === 0) this.#groups.delete(key);
  }

  /** Whether some message under a topic may be cancelled. Most that is not is known without decoding it. */
  mayHave(topic: string): boolean {
    const group = this.#groups.get(groupOf(topic));
    if (group === undefined) return false;
    for (const prefix of beginnings(topic)) {
      const client = group.get(prefix);
      if (client === undefined) continue;
      const name = topic.slice(prefix.length);
      if (client.whole !== undefined || (client.get(name) ?? client.get(`${name}:`)) !== undefined)
        return true;
    }
    return false;
  }

  /** Why a message is cancelled; undefined when it is not. */
  find({
    client: topic,
    ordinal,
    features,
  }: Pick<PalmMessage, 'client' | 'ordinal' | 'features'>): PalmError | undefined {
    const group = this.#groups.get(groupOf(topic));
    if (group === undefined) return undefined;
    const isDetached = (features & Feature.detached) !== 0;
    for (const prefix of beginnings(topic)) {
      const client = group.get(prefix);
      if (client === undefined) continue;
      const name = topic.slice(prefix.length);
      const named = client.get(name) ?? (ordinal === 0 ? undefined : client.get(`${name}:${ordinal}`));
      const notice = named ?? (isDetached ? undefined : client.whole);
      if (notice !== undefined) return cancelError(notice);
    }
    return undefined;
  }
}
