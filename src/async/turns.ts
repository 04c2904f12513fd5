import { BACKGROUND_TURNS, TURN } from '../flow-control.ts';
import { Fifo, retain } from './fifo.ts';

/** Items of one owner with one priority, in order. */
interface Level<T> {
  readonly priority: number;
  readonly items: Fifo<T>;
}

interface Lane<T> {
  readonly owner: string;
  /** The highest priority first. Most owners have one. */
  readonly levels: Level<T>[];
  /** How many items of each rank it has. */
  readonly waiting: [number, number, number];
  /** In which rings it waits for its turn. */
  readonly isIn: [boolean, boolean, boolean];
}

/** Ranks: owners take turns within each. Those of items with a priority above 0, of 0, and below. */
const URGENT = 0;
const USUAL = 1;
const BACKGROUND = 2;
type Rank = typeof URGENT | typeof USUAL | typeof BACKGROUND;

/** The turn of an owner that had all of it: any other may begin one. */
const OVER = Number.NEGATIVE_INFINITY;

/**
 * A queue that takes turns between the owners of its items: an owner with many items does not delay one with few. A turn is measured in
 * time and not in items, because quick work is cheaper in batches.
 *
 * An owner's own items leave by their priorities, and in order within each. Between owners a priority counts within bounds: those with an
 * urgent item have every other turn, at most, while others wait, and those with nothing but background items have every eighth, at least.
 */
export class Turns<T> {
  readonly #isHeldUp: ((owner: string) => boolean) | undefined;
  readonly #lanes = new Map<string, Lane<T>>();
  /** Per rank the lanes with items of that rank. The first one of {@link #rank} has its turn. Others may have none of them left. */
  readonly #rings = [new Fifo<Lane<T>>(), new Fifo<Lane<T>>(), new Fifo<Lane<T>>()] as const;
  /** Lanes whose owners were held up when their turn came. */
  readonly #heldUp = new Set<Lane<T>>();
  #rank: Rank = USUAL;
  /** Turns since the last one of background items. */
  #passed = 0;
  /** The lane of the last item: the next item mostly has the same owner. */
  #last: Lane<T> | undefined;
  #size = 0;
  #owners = 0;
  /** When the present turn took its first item; undefined when it has taken none. */
  #since: number | undefined;

  /** @param isHeldUp - whether an owner's items stay for now. It is asked again after {@link letOn}. */
  constructor(isHeldUp?: (owner: string) => boolean) {
    this.#isHeldUp = isHeldUp;
  }

  /** Number of items that wait. */
  get size(): number {
    return this.#size;
  }

  /** Number of owners whose items wait. */
  get owners(): number {
    return this.#owners;
  }

  /** Whether an item can be taken: one waits whose owner is not held up. */
  get isReady(): boolean {
    return this.#front() !== undefined;
  }

  push(owner: string, item: T, priority = 0): void {
    const lane = this.#last?.owner === owner ? this.#last : this.#laneOf(owner);
    levelOf(lane, priority).items.push(item);
    this.#size++;
    const rank = rankOf(priority);
    if (isEmpty(lane)) this.#owners++;
    lane.waiting[rank]++;
    if (lane.isIn[rank]) return;
    lane.isIn[rank] = true;
    this.#rings[rank].push(lane);
  }

  shift(): T | undefined {
    let lane = this.#front();
    if (lane === undefined) return undefined;
    if (this.#places > 1) {
      const now = performance.now();
      if (this.#since !== undefined && now - this.#since >= TURN) {
        this.#rings[this.#rank].skip(1);
        this.#rings[this.#rank].push(lane);
        this.#endTurn();
        lane = this.#front() ?? lane;
      }
      this.#since ??= now;
    } else this.#since = OVER;
    return this.#takeFrom(lane);
  }

  /** Asks again which owners are held up. */
  letOn(): void {
    for (const lane of this.#heldUp) {
      for (const rank of [URGENT, USUAL, BACKGROUND] as const) {
        if (lane.waiting[rank] === 0 || lane.isIn[rank]) continue;
        lane.isIn[rank] = true;
        this.#rings[rank].push(lane);
      }
    }
    this.#heldUp.clear();
  }

  /**
   * Takes out items that wait.
   * @param isOwner - whether any of the owner's items are to be taken out.
   * @param isPicked - called with each of these: whether to take it out.
   */
  remove(isOwner: (owner: string) => boolean, isPicked: (item: T) => boolean): T[] {
    const removed: T[] = [];
    for (const lane of this.#lanes.values()) {
      if (isEmpty(lane) || !isOwner(lane.owner)) continue;
      for (const { priority, items } of lane.levels) {
        const before = removed.length;
        retain(items, (item) => {
          const isOut = isPicked(item);
          if (isOut) removed.push(item);
          return !isOut;
        });
        lane.waiting[rankOf(priority)] -= removed.length - before;
      }
      if (isEmpty(lane)) this.#emptied(lane);
    }
    this.#size -= removed.length;
    for (const rank of [URGENT, USUAL, BACKGROUND] as const) {
      retain(this.#rings[rank], (lane) => {
        lane.isIn[rank] = lane.waiting[rank] > 0;
        return lane.isIn[rank];
      });
    }
    return removed;
  }

  #laneOf(owner: string): Lane<T> {
    const before = this.#last;
    if (before !== undefined && isEmpty(before)) this.#lanes.delete(before.owner);
    const lane = this.#lanes.get(owner) ?? {
      owner,
      levels: [],
      waiting: [0, 0, 0],
      isIn: [false, false, false],
    };
    this.#lanes.set(owner, lane);
    this.#last = lane;
    return lane;
  }

  /** How many lanes wait in all rings. */
  get #places(): number {
    const rings = this.#rings;
    return rings[URGENT].size + rings[USUAL].size + rings[BACKGROUND].size;
  }

  /** The lane whose turn it is; undefined when none has items that may be taken. */
  #front(): Lane<T> | undefined {
    for (;;) {
      const lane = this.#rings[this.#rank].peek();
      if (lane === undefined) {
        if (this.#places === 0) return undefined;
        this.#endTurn();
        continue;
      }
      const hasItems = lane.waiting[this.#rank] > 0;
      const isHeldUp = hasItems && this.#isHeldUp?.(lane.owner) === true;
      if (hasItems && !isHeldUp) return lane;
      if (isHeldUp) this.#heldUp.add(lane);
      this.#leave(lane);
    }
  }

  /** Takes the first item of the lane whose turn it is: its owner's most urgent one, whatever rank has the turn. */
  #takeFrom(lane: Lane<T>): T | undefined {
    const { levels } = lane;
    let level = levels[0];
    for (let i = 1; level?.items.size === 0; i++) level = levels[i];
    if (level === undefined) return undefined;
    const item = level.items.shift();
    this.#size--;
    lane.waiting[rankOf(level.priority)]--;
    if (lane.waiting[this.#rank] === 0) this.#leave(lane);
    if (isEmpty(lane)) this.#emptied(lane);
    return item;
  }

  /** The lane whose turn it is has no more items of the rank, or its owner is held up. */
  #leave(lane: Lane<T>): void {
    lane.isIn[this.#rank] = false;
    this.#rings[this.#rank].skip(1);
    this.#endTurn();
  }

  #emptied(lane: Lane<T>): void {
    this.#owners--;
    this.#heldUp.delete(lane);
    if (lane !== this.#last) this.#lanes.delete(lane.owner);
  }

  /** Says which rank has the next turn. */
  #endTurn(): void {
    this.#since = undefined;
    const [urgent, usual, background] = this.#rings;
    this.#passed++;
    if (background.size > 0 && (urgent.size + usual.size === 0 || this.#passed >= BACKGROUND_TURNS)) {
      this.#passed = 0;
      this.#rank = BACKGROUND;
      return;
    }
    this.#rank = urgent.size > 0 && (usual.size === 0 || this.#rank !== URGENT) ? URGENT : USUAL;
  }
}

function isEmpty<T>({ waiting }: Lane<T>): boolean {
  return waiting[URGENT] + waiting[USUAL] + waiting[BACKGROUND] === 0;
}

function rankOf(priority: number): Rank {
  if (priority > 0) return URGENT;
  return priority === 0 ? USUAL : BACKGROUND;
}

function levelOf<T>({ levels }: Lane<T>, priority: number): Level<T> {
  let at = 0;
  for (let level = levels[at]; level !== undefined && level.priority >= priority; level = levels[++at]) {
    if (level.priority === priority) return level;
  }
  const level = { priority, items: new Fifo<T>() };
  levels.splice(at, 0, level);
  return level;
}
