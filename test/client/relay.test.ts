import { memory } from '../../transports/memory/index.ts';
import { throughRelay } from '../support/through-relay/through.ts';
import { testJobs } from './job-suite.ts';
import { testClient } from './suite.ts';

const name = 'a relay to memory';
const make = () => ({ ...throughRelay(memory(), { wrap: false }), anyAddress: 'memory://*' });

testClient(name, make);
testJobs(name, make);
