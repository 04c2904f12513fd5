import { testClients } from '../conformance/index.ts';
import { natsGround } from './grounds.ts';

testClients('nats', natsGround());
