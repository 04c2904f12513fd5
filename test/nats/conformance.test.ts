import { randomId } from '../../src/protocol/ids.ts';
import { testTransport } from '../conformance/suite.ts';
import { natsGround } from './grounds.ts';

const make = natsGround();

testTransport('nats', () => ({
  ...make(),
  takesParts: true,
  settles: true,
  givenAddress: () => `nats:given-${randomId()}`,
  unreadable: ['tcp://127.0.0.1:1', 'nats://127.0.0.1:4222', 'nats:', 'nats:a b', ''],
}));
