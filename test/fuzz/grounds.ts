/** The transports that hostile frames are sent over. */

import { zeromq } from '../../transports/zeromq/index.ts';
import { grounds as ofClusters, type TestGround } from '../support/cluster.ts';

/**
 * A heartbeat of libzmq to a peer that left unread messages, as raw attackers do, aborts the process (zeromq/libzmq#4364): none is due
 * while they attack.
 */
const heartbeatInterval = 600_000;

export const overLibzmq = (): TestGround => ({
  transport: zeromq({ heartbeatInterval }),
  any: 'tcp://127.0.0.1:*',
});

export const grounds = ofClusters.map(
  ([name, make]) => [name, name === 'zeromq' ? overLibzmq : make] as const,
);
