import { type ReadonlySignal, signal } from '@preact/signals';
import { websocket } from 'frond/websocket';
import type { Place } from './place.ts';

/** The WebSockets of the page: the platform's own, which can be cut as a network may cut them. */
export class Links {
  readonly #open = new Set<WebSocket>();
  readonly #trouble = signal<string | undefined>(undefined);
  #isOffline = false;

  /** Why the last attempt to connect came to nothing; undefined after one that did not. */
  get trouble(): ReadonlySignal<string | undefined> {
    return this.#trouble;
  }

  /** Forgets what was met at another place. */
  begin(): void {
    this.#trouble.value = undefined;
  }

  /** Connections there are now. */
  get count(): number {
    return this.#open.size;
  }

  /** Ends every connection as a broken network does: nobody says good-bye. */
  cut(): void {
    for (const socket of this.#open) socket.close(CUT);
  }

  /** As long as it is set, connections that are made are cut before they are any use. */
  set isOffline(isOffline: boolean) {
    this.#isOffline = isOffline;
    if (isOffline) this.cut();
  }

  /** The constructor to be given to `websocket()`. */
  get WebSocket(): typeof WebSocket {
    const open = this.#open;
    const trouble = this.#trouble;
    const isOffline = () => this.#isOffline;
    return class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        let wasOpen = false;
        this.addEventListener('open', () => {
          wasOpen = true;
          trouble.value = undefined;
          open.add(this);
          if (isOffline()) this.close(CUT);
        });
        this.addEventListener('close', () => {
          open.delete(this);
          // Browsers do not tell a page why.
          if (!wasOpen) trouble.value = 'no WebSocket could be opened there';
        });
      }
    };
  }
}

/** A close code of nobody's (RFC 6455, 7.4.2): the relay keeps the session of a client that is cut off by it. */
const CUT = 4_999;

export interface RelayTarget {
  readonly url: string;
  readonly token: string;
  readonly servers: readonly string[];
}

/** Servers behind a relay: they are found by name. */
export function relayPlace({ url, token, servers }: RelayTarget, links: Links): Place {
  const transport = websocket(url, {
    ...(token !== '' && { token }),
    maxDelay: 5_000,
    WebSocket: links.WebSocket,
  });
  links.begin();
  return {
    kind: 'relay',
    label: url,
    transport,
    trouble: links.trouble,
    servers,
    functions: {},
    options: (first, last) => ({ serverName: first, ...(first !== last && { subAddress: last }) }),
    close: async () => {},
  };
}
