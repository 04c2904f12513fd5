/** Subscriptions, looked up by the topic of a publication. */

/** The holders of one topic, each with how often it subscribed. Most topics have one holder that did so once, which stands for itself. */
type Holders<H> = H | Map<H, number>;

/**
 * The subscriptions of each holder. A topic is a string with a character for each of its bytes. Prefixes are stored by their length, so that
 * a look-up takes one step for each length and not for each subscription.
 */
export class Topics<H> {
  readonly #byLength = new Map<number, Map<string, Holders<H>>>();
  /** The lengths of all prefixes, shortest first. */
  readonly #lengths: number[] = [];
  #version = 0;
  #lastTopic: string | undefined;
  #lastVersion = -1;
  #lastHolders: readonly H[] = [];

  /** @returns whether the subscription is the holder's first to this topic. */
  add(topic: string, holder: H): boolean {
    let topics = this.#byLength.get(topic.length);
    if (topics === undefined) {
      topics = new Map();
      this.#byLength.set(topic.length, topics);
      this.#lengths.splice(this.#placeOf(topic.length), 0, topic.length);
    }
    this.#version++;
    const holders = topics.get(topic);
    if (holders === undefined) {
      topics.set(topic, holder);
      return true;
    }
    const times = timesOf(holders, holder);
    if (holders instanceof Map) holders.set(holder, times + 1);
    else topics.set(topic, new Map<H, number>([[holders, 1]]).set(holder, times + 1));
    return times === 0;
  }

  /**
   * Ends one subscription of the holder to the topic, or all of them.
   * @returns whether the holder had one and has none any more.
   */
  remove(topic: string, holder: H, all = false): boolean {
    const topics = this.#byLength.get(topic.length);
    const holders = topics?.get(topic);
    if (topics === undefined || holders === undefined) return false;
    const times = timesOf(holders, holder);
    if (times === 0) return false;
    if (holders instanceof Map) {
      if (times > 1 && !all) {
        holders.set(holder, times - 1);
        return false;
      }
      holders.delete(holder);
    }
    if (!(holders instanceof Map) || holders.size === 0) topics.delete(topic);
    if (topics.size === 0) {
      this.#byLength.delete(topic.length);
      this.#lengths.splice(this.#placeOf(topic.length), 1);
    }
    this.#version++;
    return true;
  }

  /** Whether anybody has a subscription to just this topic. */
  has(topic: string): boolean {
    return this.#byLength.get(topic.length)?.has(topic) === true;
  }

  /** The longest subscription of the holder that covers `topic`. */
  subscriptionOf(topic: string, holder: H): string {
    for (let i = this.#lengths.length - 1; i >= 0; i--) {
      const prefix = topic.slice(0, this.#lengths[i]);
      const holders = this.#byLength.get(prefix.length)?.get(prefix);
      if (holders !== undefined && timesOf(holders, holder) > 0) return prefix;
    }
    return topic;
  }

  /** The holders whose subscriptions cover the topic, each once. */
  match(topic: string): readonly H[] {
    if (topic === this.#lastTopic && this.#version === this.#lastVersion) return this.#lastHolders;
    let found: H[] | undefined;
    let several: Set<H> | undefined;
    for (const length of this.#lengths) {
      if (length > topic.length) break;
      const holders = this.#byLength.get(length)?.get(topic.slice(0, length));
      if (holders === undefined) continue;
      const all = holders instanceof Map ? holders.keys() : [holders];
      if (found === undefined) {
        found = [...all];
      } else {
        several ??= new Set(found);
        for (const holder of all) several.add(holder);
      }
    }
    this.#lastTopic = topic;
    this.#lastVersion = this.#version;
    this.#lastHolders = several === undefined ? (found ?? []) : [...several];
    return this.#lastHolders;
  }

  /** Where a length is in the list, or belongs. Sorting it again would let a subscriber that toggles one length hold up all others. */
  #placeOf(length: number): number {
    let [low, high] = [0, this.#lengths.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#lengths[middle] as number) < length) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function timesOf<H>(holders: Holders<H>, holder: H): number {
  if (holders instanceof Map) return holders.get(holder) ?? 0;
  return holders === holder ? 1 : 0;
}
