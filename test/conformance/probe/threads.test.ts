import { testTransport } from '../suite.ts';
import { threads } from './threads.ts';

testTransport('threads', () => ({
  transport: threads(),
  anyAddress: 'thread://*',
  unreadable: ['tcp://127.0.0.1:1', 'thread://', ''],
}));
