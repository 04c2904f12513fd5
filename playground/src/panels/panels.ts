import type { FunctionComponent } from 'preact';
import { CachePanel } from './cache.tsx';
import { CallPanel } from './call.tsx';
import { ConnectPanel } from './connect.tsx';
import { FaultsPanel } from './faults.tsx';
import { FunctionsPanel } from './functions.tsx';
import { JobPanel } from './job.tsx';
import { WirePanel } from './wire.tsx';

export interface Panel {
  readonly id: string;
  readonly name: string;
  /** What it is for, in one line. */
  readonly about: string;
  readonly Body: FunctionComponent;
}

export const PANELS: readonly Panel[] = [
  {
    id: 'call',
    name: 'Call',
    about: 'One payload in, its answer out: to a function of one server, or through a pipeline of several.',
    Body: CallPanel,
  },
  {
    id: 'job',
    name: 'Job & map',
    about: 'A stream of inputs in, a stream of results out. It takes input only while results are read.',
    Body: JobPanel,
  },
  {
    id: 'functions',
    name: 'Functions',
    about: 'The functions of the servers. Choose one to call it, or several to chain them.',
    Body: FunctionsPanel,
  },
  {
    id: 'cache',
    name: 'Cache',
    about: 'The key-value store that clients, functions and workers share.',
    Body: CachePanel,
  },
  {
    id: 'wire',
    name: 'Wire',
    about: 'Every envelope that leaves this page or arrives, decoded.',
    Body: WirePanel,
  },
  {
    id: 'faults',
    name: 'Faults',
    about: 'Break something, and watch what the client does.',
    Body: FaultsPanel,
  },
  {
    id: 'connect',
    name: 'Connect',
    about: 'The cluster inside this page, or any PALM cluster behind a relay.',
    Body: ConnectPanel,
  },
];
