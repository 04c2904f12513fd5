/** What a relay remembers of calls that it let through. */
import { describe, expect, it } from 'vitest';
import { Verdicts } from '../../../../../transports/relay/auth/call-guard.ts';

const MiB = 1_048_576;

describe('calls that passed', () => {
  it('are known again', () => {
    const verdicts = new Verdicts();
    expect(verdicts.has('a')).toBe(false);
    verdicts.add('a');
    verdicts.add('a');
    expect(verdicts.has('a')).toBe(true);
    expect(verdicts.has('b')).toBe(false);
  });

  it('take no more than 1 MiB, and long ones are not remembered', () => {
    const verdicts = new Verdicts();
    for (let i = 0; i < 20_000; i++) verdicts.add(`${i} ${'x'.repeat(i % 500)}`);
    expect(verdicts.bytes).toBeGreaterThan(0.9 * MiB);
    expect(verdicts.bytes).toBeLessThanOrEqual(MiB);
    const { bytes } = verdicts;
    verdicts.add('x'.repeat(4_096));
    expect(verdicts.has('x'.repeat(4_096))).toBe(false);
    expect(verdicts.bytes).toBe(bytes);
  });

  it('stay while they are in use, whatever somebody makes up', () => {
    const verdicts = new Verdicts();
    verdicts.add('honest');
    for (let i = 0; i < 50_000; i++) {
      verdicts.add(`made up ${i}`);
      if (i % 1_000 === 0) expect(verdicts.has('honest')).toBe(true);
    }
    expect(verdicts.has('honest')).toBe(true);
    expect(verdicts.has('made up 0')).toBe(false);
  });
});
