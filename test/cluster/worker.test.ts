import { grounds } from '../support/cluster.ts';
import { testWorkers } from './worker-suite.ts';

for (const [name, make] of grounds) testWorkers(name, make);
