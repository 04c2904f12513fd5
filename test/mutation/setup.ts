/** One seed for all runs, so that no mutant lives or dies by chance; a counterexample is not made smaller, which costs most of the time. */
import fc from 'fast-check';

fc.configureGlobal({ seed: 1, endOnFailure: true });
