/** Who subscribed to what, looked up by the topic of a publication. */

/**
 * What each holder subscribed to. A topic is a string with a character for each of its bytes. Prefixes lie by their length, so that a
 * look-up takes one step for each length that there is, and not for each subscription.
 */
export class Topics<H> {
  readonly #byLength = new Map<number, Map<string, Map<H, number>>>();
  /** The lengths that there are, the shortest first. */
  #lengths: number[] = [];
  #version = 0;
  #lastTopic: string | undefined;
  #lastVersion = -1;
  #lastHolders: readonly H[] = [];

  /** Gives whether the holder had not subscribed to it before. */
  add(topic: string, holder: H): boolean {
    let topics = this.#byLength.get(topic.length);
    if (topics === undefined) {
      topics = new Map();
      this.#byLength.set(topic.length, topics);
      this.#lengths = [...this.#byLength.keys()].sort((a, b) => a - b);
    }
    let holders = topics.get(topic);
    if (holders === undefined) {
      holders = new Map();
      topics.set(topic, holders);
    }
    const times = holders.get(holder) ?? 0;
    holders.set(holder, times + 1);
    this.#version++;
    return times === 0;
  }

  /** Takes back one subscription, or all of the holder's to the topic. Gives whether none is left of those that there were. */
  remove(topic: string, holder: H, all = false): boolean {
    const topics = this.#byLength.get(topic.length);
    const holders = topics?.get(topic);
    const times = holders?.get(holder);
    if (topics === undefined || holders === undefined || times === undefined) return false;
    if (times > 1 && !all) {
      holders.set(holder, times - 1);
      return false;
    }
    holders.delete(holder);
    if (holders.size === 0) topics.delete(topic);
    if (topics.size === 0) {
      this.#byLength.delete(topic.length);
      this.#lengths = this.#lengths.filter((length) => length !== topic.length);
    }
    this.#version++;
    return true;
  }

  /** The longest topic that the holder subscribed to and `topic` begins with. */
  subscriptionOf(topic: string, holder: H): string {
    for (let i = this.#lengths.length - 1; i >= 0; i--) {
      const prefix = topic.slice(0, this.#lengths[i]);
      if (this.#byLength.get(prefix.length)?.get(prefix)?.has(holder)) return prefix;
    }
    return topic;
  }

  /** Those who subscribed to what the topic begins with, each once. */
  match(topic: string): readonly H[] {
    if (topic === this.#lastTopic && this.#version === this.#lastVersion) return this.#lastHolders;
    let found: H[] | undefined;
    let several: Set<H> | undefined;
    for (const length of this.#lengths) {
      if (length > topic.length) break;
      const holders = this.#byLength.get(length)?.get(topic.slice(0, length));
      if (holders === undefined) continue;
      if (found === undefined) {
        found = [...holders.keys()];
      } else {
        several ??= new Set(found);
        for (const holder of holders.keys()) several.add(holder);
      }
    }
    this.#lastTopic = topic;
    this.#lastVersion = this.#version;
    this.#lastHolders = several === undefined ? (found ?? []) : [...several];
    return this.#lastHolders;
  }
}
