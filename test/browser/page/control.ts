/** The page's end of the control WebSocket: carries out what Node orders. */
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { Batcher, decode, type Order, type Report } from '../wire.ts';

export type Tell = (report: Report) => void;

/** Connects to the server that the page came from. `begin` gives what takes the orders. */
export function control(begin: (tell: Tell) => (order: Order) => void): void {
  const socket = new WebSocket(`ws://${location.host}/control`);
  socket.binaryType = 'arraybuffer';
  const batcher = new Batcher<Report>((message) => socket.send(message));
  const carryOut = begin((report) => batcher.put(report));
  socket.onmessage = ({ data }) => {
    const message: Bytes = new Uint8Array(data as ArrayBuffer);
    for (const order of decode(message) as readonly Order[]) carryOut(order);
  };
}
