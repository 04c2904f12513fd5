/**
 * One seed for all runs, so that no mutant lives or dies by chance. A counterexample is not made smaller, and a property that holds is tried
 * for half a second: both cost most of the time.
 */
import fc, { type IRawProperty } from 'fast-check';

fc.configureGlobal({ seed: 1, endOnFailure: true });

const LONGEST = 500;
/** Of the real clock: tests have others. */
const now = performance.now.bind(performance);

/**
 * Passes values over once the time of a property is up. Its run under way ends first: fast-check's own limit would leave it behind, and it
 * would move the clock of the next test.
 */
function endInTime(example: object): void {
  const kind: IRawProperty<unknown> = Object.getPrototypeOf(example);
  const { run } = kind;
  const began = new WeakMap<object, number>();
  kind.run = function (this: object, value) {
    const start = began.get(this) ?? now();
    began.set(this, start);
    return now() - start > LONGEST ? null : run.call(this, value);
  } as typeof run;
}
endInTime(fc.property(fc.nat(), () => {}));
endInTime(fc.asyncProperty(fc.nat(), async () => {}));

// Mutants leave sockets open. With libzmq's own limit, all tests fail once 1,023 are, whatever the mutant.
if (process.env['MUTATION_TESTS']?.includes('/zeromq/')) {
  const { context } = await import('zeromq');
  context.maxSockets = 16_000;
}
