import { memory } from '../../transports/memory/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { testJobs } from './job-suite.ts';
import { testClient } from './suite.ts';

const grounds = {
  memory: () => ({ transport: memory(), anyAddress: 'memory://*' }),
  zmtp: () => ({ transport: zmtp(), anyAddress: 'tcp://127.0.0.1:*' }),
};

for (const [name, make] of Object.entries(grounds)) {
  testClient(name, make);
  testJobs(name, make);
}
