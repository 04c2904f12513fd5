/** A platform whose WebSockets do what a test has them do, as no real one does. */
import type { WebSocketConstructor, WebSocketLike } from '../../../transports/websocket/options.ts';

export class FakeSocket implements WebSocketLike {
  binaryType = 'blob';
  readyState = 0;
  readonly sent: Uint8Array[] = [];
  readonly closes: (number | undefined)[] = [];
  onopen: WebSocketLike['onopen'] = null;
  onmessage: WebSocketLike['onmessage'] = null;
  onerror: WebSocketLike['onerror'] = null;
  onclose: WebSocketLike['onclose'] = null;

  send(data: Uint8Array): void {
    this.sent.push(data.slice());
  }

  close(code?: number): void {
    this.closes.push(code);
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.({} as never);
  }

  get(data: unknown): void {
    this.onmessage?.({ data });
  }

  fail(message?: string): void {
    this.onerror?.({ message } as never);
  }

  end(code = 1006, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

export interface FakePlatform {
  readonly WebSocket: WebSocketConstructor;
  /** Sockets that were made. */
  readonly made: FakeSocket[];
}

/** @param behave - what becomes of the socket, by how many there were before; called a turn after its making. */
export function fakePlatform(behave: (socket: FakeSocket, index: number) => void = () => {}): FakePlatform {
  const made: FakeSocket[] = [];
  class Own extends FakeSocket {
    constructor() {
      super();
      const index = made.length;
      made.push(this);
      setImmediate(() => behave(this, index));
    }
  }
  return { WebSocket: Own, made };
}
