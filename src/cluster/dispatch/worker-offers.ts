/** What the workers of a Master say of their functions. */
import { WORKERS_OFFERS } from '../../flow-control.ts';
import type { FunctionDescription, ShapeDescription } from '../../functions/contract/description.ts';
import { PalmError } from '../../protocol/errors.ts';
import type { HeldOffers } from './leased-worker.ts';

/** A worker, as far as it offers functions. */
export interface Offering {
  /** What it has said; undefined until it says so. */
  offers: HeldOffers | undefined;
}

/** One version of a function. Workers that offer the same share it. */
interface Version {
  readonly description: FunctionDescription;
  /** The description as JSON. */
  readonly text: string;
  /** Workers that are remembered and offer it. */
  holders: number;
  /** Those among them that are alive. */
  alive: number;
}

/** The versions that one worker offers. */
class OwnOffers implements HeldOffers {
  readonly versions: readonly Version[];
  isAlive = true;
  readonly #release: (versions: readonly Version[]) => void;

  constructor(versions: readonly Version[], release: (versions: readonly Version[]) => void) {
    this.versions = versions;
    this.#release = release;
  }

  release(): void {
    if (this.isAlive) for (const version of this.versions) version.alive--;
    this.isAlive = false;
    this.#release(this.versions);
  }
}

/**
 * Remembers what each worker offers for as long as the worker is remembered, and tells what those that are alive offer. Whoever reaches the
 * Master's `db_address` can work for it, so what one says is bounded where it is read, and what all say here.
 */
export class WorkerOffers {
  /** By their texts. */
  readonly #versions = new Map<string, Version>();
  #characters = 0;
  #descriptions: readonly FunctionDescription[] | undefined;

  /**
   * What the workers that are alive offer: each function once, with what all of its versions have in common. The same list until
   * something changes.
   */
  get descriptions(): readonly FunctionDescription[] {
    this.#descriptions ??= this.#describe();
    return this.#descriptions;
  }

  /**
   * Notes what a worker offers, in place of what it has said before.
   * @throws PalmError `TOO_LARGE` when all workers together say too much. Then the worker has said nothing.
   */
  note(worker: Offering, descriptions: readonly FunctionDescription[]): void {
    worker.offers?.release();
    worker.offers = undefined;
    const versions = new Set(descriptions.map((one) => this.#version(one)));
    for (const version of versions) {
      version.holders++;
      version.alive++;
    }
    const offers = new OwnOffers([...versions], (own) => this.#release(own));
    this.#descriptions = undefined;
    if (this.#characters > WORKERS_OFFERS) {
      offers.release();
      const text = `the workers of a Master may say ${WORKERS_OFFERS} characters of their functions, all together`;
      throw new PalmError('TOO_LARGE', text);
    }
    worker.offers = offers;
  }

  /** A worker has come back that counted as dead. */
  came({ offers }: Offering): void {
    if (!(offers instanceof OwnOffers) || offers.isAlive) return;
    offers.isAlive = true;
    for (const version of offers.versions) version.alive++;
    this.#descriptions = undefined;
  }

  /** A worker has left, or counts as dead. */
  went({ offers }: Offering): void {
    if (!(offers instanceof OwnOffers) || !offers.isAlive) return;
    offers.isAlive = false;
    for (const version of offers.versions) version.alive--;
    this.#descriptions = undefined;
  }

  #version(description: FunctionDescription): Version {
    const text = JSON.stringify(description);
    const known = this.#versions.get(text);
    if (known !== undefined) return known;
    const version = { description, text, holders: 0, alive: 0 };
    this.#versions.set(text, version);
    this.#characters += text.length;
    return version;
  }

  #release(versions: readonly Version[]): void {
    this.#descriptions = undefined;
    for (const version of versions) {
      version.holders--;
      if (version.holders > 0) continue;
      this.#versions.delete(version.text);
      this.#characters -= version.text.length;
    }
  }

  #describe(): FunctionDescription[] {
    const byName = new Map<string, FunctionDescription[]>();
    for (const { description, alive } of this.#versions.values()) {
      if (alive === 0) continue;
      const same = byName.get(description.name);
      if (same === undefined) byName.set(description.name, [description]);
      else same.push(description);
    }
    return [...byName.values()].map(inCommon);
  }
}

/** What versions of a function have in common. A caller does not know which of them its call gets to. */
function inCommon(versions: readonly FunctionDescription[]): FunctionDescription {
  const newest = versions.at(-1) as FunctionDescription;
  if (versions.length === 1) return newest;
  const { name, description, kind, errors = {} } = newest;
  const own = { name, versions: versions.length };
  // A function of bytes takes what the other versions do not.
  if (versions.some((one) => one.kind !== kind)) return own;
  const input = commonShape(versions.map((one) => one.input));
  const output = commonShape(versions.map((one) => one.output));
  const common = Object.entries(errors).flatMap(([code, shape]) => {
    const same = commonShape([shape, ...versions.map((one) => one.errors?.[code])]);
    return same === undefined ? [] : [[code, same] as const];
  });
  return {
    ...own,
    ...(description !== undefined && { description }),
    ...(kind !== undefined && { kind }),
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
    ...(common.length > 0 && { errors: Object.fromEntries(common) }),
  };
}

function commonShape(shapes: readonly (ShapeDescription | undefined)[]): ShapeDescription | undefined {
  const [first, ...others] = shapes;
  if (first === undefined || others.some((one) => one?.codec !== first.codec)) return undefined;
  const text = JSON.stringify(first.schema);
  return others.every((one) => JSON.stringify(one?.schema) === text) ? first : { codec: first.codec };
}
