import type { PalmErrorCode } from '../../src/protocol/errors.ts';

/** A peer did what this end does not let it do: the reason for which its link is ended. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly code: Extract<PalmErrorCode, 'PROTOCOL' | 'FORBIDDEN' | 'TOO_LARGE'>;

  constructor(message: string, code: Violation['code'] = 'PROTOCOL') {
    super(message);
    this.code = code;
  }
}
