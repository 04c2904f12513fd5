/** The errors that a function declares, as its callers tell them apart. */
import { PalmError } from '../protocol/errors.ts';
import type { ErrorShapes } from './contract/definition.ts';
import type { Taken } from './contract/shape.ts';

/** An error that a function declares: its code is `remoteName`, and `data` is of the shape that is declared for the code. */
export type RemoteError<
  Errors extends ErrorShapes,
  Code extends keyof Errors & string = keyof Errors & string,
> = {
  readonly [C in Code]: PalmError & {
    readonly code: 'REMOTE';
    readonly remoteName: C;
    readonly data: Taken<Errors[C]>;
  };
}[Code];

/**
 * Whether an error is one that a function declares. TypeScript then knows its `data`, and tells the errors apart by `remoteName`.
 * @param error - what a call was rejected with, what a loop over results threw, or the `reason` of an outcome.
 * @param called - the function that was called, as `remote` gives it.
 * @param code - the code of the error. Default: any that is declared.
 * @example
 * if (isErrorOf(error, shop.price, 'SOLD_OUT')) console.log(error.data.until);
 */
export function isErrorOf<
  Errors extends ErrorShapes,
  Code extends keyof Errors & string = keyof Errors & string,
>(error: unknown, called: { readonly errors?: Errors }, code?: Code): error is RemoteError<Errors, Code>;
export function isErrorOf(error: unknown, _called: unknown, code?: string): boolean {
  // A server tells data of declared errors alone.
  if (!(error instanceof PalmError) || error.code !== 'REMOTE' || error.data === undefined) return false;
  return code === undefined || error.remoteName === code;
}
