/**
 * npm run test:faults [-- --long --seed N, and what vitest takes]: clusters of processes whose parts are killed, stopped and
 * cut off, over zmtp() or, with FROND_NATIVE=1, zeromq(). Short runs, unless told otherwise. The seed is printed: with the same one, the same happens at the same times.
 */
import { runSeeded } from '../support/seeded-run.ts';

process.exitCode = await runSeeded({ project: 'faults', prefix: 'FAULTS' });
