import { grounds } from '../support/cluster.ts';
import { testRoles } from './roles-suite.ts';

for (const [name, make] of grounds) testRoles(name, make);
