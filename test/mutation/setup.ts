/**
 * One seed for all runs, so that no mutant lives or dies by chance. A counterexample is not made smaller, and a property that holds is tried
 * for half a second: both cost most of the time.
 */
import fc from 'fast-check';

fc.configureGlobal({
  seed: 1,
  endOnFailure: true,
  interruptAfterTimeLimit: 500,
  markInterruptAsFailure: false,
});
