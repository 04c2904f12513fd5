import { type ReadonlySignal, signal } from '@preact/signals';
import { websocket } from 'frond/websocket';
import type { Place } from './place.ts';

/** The WebSockets of the page: the platform's own, which can be cut as a network may cut them. */
export class Links {
  readonly #open = new Set<WebSocket>();
  readonly #trouble = signal<string | undefined>(undefined);
  #isOffline = false;

  /** Why the last attempt to connect failed; undefined after one that succeeded. */
  get trouble(): ReadonlySignal<string | undefined> {
    return this.#trouble;
  }

  /** Forgets the trouble of another place. */
  begin(): void {
    this.#trouble.value = undefined;
  }

  /** Connections there are now. */
  get count(): number {
    return this.#open.size;
  }

  /** Ends every connection as a broken network does, without a good-bye. */
  cut(): void {
    for (const socket of this.#open) socket.close(CUT);
  }

  /** While it is set, each new connection is cut at once. */
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
          // Browsers hide the reason from a page.
          if (!wasOpen) trouble.value = 'no WebSocket could be opened there';
        });
      }
    };
  }
}

/** A private close code (RFC 6455, 7.4.2), at which the relay keeps the client's session. */
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
