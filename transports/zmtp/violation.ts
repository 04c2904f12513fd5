import type { PalmErrorCode } from '../../src/protocol/errors.ts';

/** The reason to end a link: its peer broke the protocol or a limit. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly code: Extract<PalmErrorCode, 'PROTOCOL' | 'FORBIDDEN' | 'TOO_LARGE'>;
  /** What the peer is told. */
  readonly told: string;

  constructor(message: string, code: Violation['code'] = 'PROTOCOL', told: string = message) {
    super(message);
    this.code = code;
    this.told = told;
  }
}
