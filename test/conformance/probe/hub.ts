/** The addresses of `threads()`: who is bound where, and who waits there. */

/** What a bound end does. */
export type Kind = 'reply' | 'pull' | 'push' | 'publish';

/** One end, bound or dialling. */
export interface End {
  readonly kind: Kind;
  /** Takes the port of a new link. */
  linked(port: MessagePort): void;
  /** Learns that what is bound there is for something else. For a dialling end. */
  misfit?(bound: Kind): void;
}

export class Hub {
  readonly #bound = new Map<string, End>();
  readonly #dialling = new Map<string, Set<End>>();
  #chosen = 0;

  /** @returns the address, or undefined when it is taken. */
  bind(wished: string, end: End): string | undefined {
    const address = wished === 'thread://*' ? `thread://any-${++this.#chosen}` : wished;
    if (this.#bound.has(address)) return undefined;
    this.#bound.set(address, end);
    for (const dialler of this.#dialling.get(address) ?? []) this.#join(address, end, dialler);
    return address;
  }

  unbind(address: string): void {
    this.#bound.delete(address);
  }

  /** Links the end with what is bound there, now or later. */
  dial(address: string, end: End): void {
    const others = this.#dialling.get(address) ?? new Set();
    this.#dialling.set(address, others.add(end));
    const bound = this.#bound.get(address);
    if (bound !== undefined) this.#join(address, bound, end);
  }

  hangUp(address: string, end: End): void {
    const dialling = this.#dialling.get(address);
    dialling?.delete(end);
    if (dialling?.size === 0) this.#dialling.delete(address);
  }

  #join(address: string, bound: End, dialler: End): void {
    if (bound.kind !== dialler.kind) {
      dialler.misfit?.(bound.kind);
      return; // What is bound there next may fit.
    }
    this.hangUp(address, dialler);
    const { port1, port2 } = new MessageChannel();
    bound.linked(port1);
    dialler.linked(port2);
  }
}
