/** The key-value store as functions and the owner of a server use it. */
import { invalidCall, show } from '../protocol/errors.ts';
import { randomId } from '../protocol/ids.ts';
import { checkWritable, wireKey } from '../protocol/keys.ts';
import { isBytes } from '../protocol/payload.ts';
import type { Bytes } from '../protocol/bytes.ts';
import type { Store } from './runtime/store.ts';

/** The key-value store that clients share, in the order of arguments of the client's own calls. */
export interface Cache {
  /** The value, or undefined when the key is missing. A key of the session may be as {@link set} or the client's `set` gave it. */
  get(key: string): Promise<Bytes | undefined>;
  /**
   * Stores a value; gives the key as it is stored, with the session in front: a random one when none is given.
   * @throws PalmError `INVALID_CALL` for what is no `Uint8Array` and for keys of the server's configuration, `TOO_LARGE`
   * when the store does not take so much.
   */
  set(value: Uint8Array, key?: string): Promise<string>;
  /** Deletes a key; gives whether it was there. */
  delete(key: string): Promise<boolean>;
  /** The same store with the keys of another session, or of none. */
  withSession(session: string | undefined): Cache;
}

/** Where the keys of a cache are, with the session in front of them. */
export type KeyValues = Pick<Store, 'get' | 'set' | 'delete'>;

/** The values of a store for functions to do with as they like: they get copies, and the store keeps copies of theirs. */
export function copying(store: Store): KeyValues {
  return {
    get: async (key) => {
      const value = await store.get(key);
      return value && new Uint8Array(value);
    },
    set: (key, value) => store.set(key, new Uint8Array(value)),
    delete: (key) => store.delete(key),
  };
}

export function cacheOf(store: KeyValues, session?: string): Cache {
  /** The key as it is stored, when it is one that `set` gave. */
  const given = (key: string) =>
    session !== undefined && key !== session && key.startsWith(session) ? key : undefined;
  return {
    get: async (key) => {
      const value = await store.get(wireKey(key, session));
      const stored = given(key);
      return value !== undefined || stored === undefined ? value : store.get(stored);
    },
    set: async (value, key) => {
      const wire = wireKey(key === undefined || key === '' ? randomId() : key, session);
      checkWritable(wire);
      if (!isBytes(value)) throw invalidCall(`a value must be a Uint8Array, not ${show(value)}`);
      await store.set(wire, value);
      return wire;
    },
    delete: async (key) => {
      const wire = wireKey(key, session);
      checkWritable(wire);
      if (await store.delete(wire)) return true;
      const stored = given(key);
      if (stored === undefined) return false;
      checkWritable(stored);
      return store.delete(stored);
    },
    withSession: (other) => cacheOf(store, other),
  };
}
