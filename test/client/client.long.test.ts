import { memory } from '../../transports/memory/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { cuttingDial } from '../support/through-relay/cutting.ts';
import { throughRelay } from '../support/through-relay/through.ts';
import { testJobs } from './job-suite.ts';
import { testClient } from './suite.ts';

const grounds = {
  zeromq: () => ({ transport: zeromq(), anyAddress: 'tcp://127.0.0.1:*' }),
  'a relay to zeromq': () => ({
    ...throughRelay(zeromq(), { wrap: false }),
    anyAddress: 'tcp://127.0.0.1:*',
  }),
};

for (const [name, make] of Object.entries(grounds)) {
  testClient(name, make);
  testJobs(name, make);
}

testJobs('a relay to memory, over a link that is cut again and again', () => ({
  ...throughRelay(memory(), { wrap: false, dial: cuttingDial }),
  anyAddress: 'memory://*',
}));
