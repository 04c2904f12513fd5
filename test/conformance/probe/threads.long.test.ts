import { testClients, testClusters } from '../index.ts';
import { threads } from './threads.ts';

const ground = () => ({ transport: threads(), anyAddress: 'thread://*' });

testClients('threads', ground);
testClusters('threads', ground);
