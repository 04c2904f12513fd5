import type { MapResults } from './map-results.ts';

/** A map whose code is loaded when it is first read from: most pages have no use for it. */
export function lazyMap<T>(load: () => Promise<MapResults<T>>): MapResults<T> {
  let map: MapResults<T> | undefined;
  let loading: Promise<MapResults<T>> | undefined;
  const loaded = async () => {
    loading ??= load();
    map = await loading;
    return map;
  };
  return {
    get progress() {
      return map?.progress;
    },
    next: () => map?.next() ?? loaded().then((own) => own.next()),
    return: () => loaded().then((own) => own.return()),
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return();
    },
  };
}
