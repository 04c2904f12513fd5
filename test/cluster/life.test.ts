import { grounds } from '../support/cluster.ts';
import { testLife } from './life-suite.ts';

for (const [name, make] of grounds) testLife(name, make);
