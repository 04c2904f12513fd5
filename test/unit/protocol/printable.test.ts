import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clipped,
  escaped,
  escapedLines,
  printableJson,
  remoteReason,
} from '../../../src/protocol/printable.ts';

describe('an escaped string', () => {
  it.each([
    ['plain text, ~ and all', 'plain text, ~ and all'],
    ['é 漢 😀', 'é 漢 😀'],
    ['\u001b[31m', '\\u001b[31m'],
    ['a\nb\tc\0', 'a\\u000ab\\u0009c\\u0000'],
    ['\u007f\u0085', '\\u007f\\u0085'],
    ['\u202e\u2066\ufeff\u00ad', '\\u202e\\u2066\\ufeff\\u00ad'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['\ud800x', '\\ud800x'],
    ['\u{e0041}', '\\udb40\\udc41'],
    // Joiners and Arabic number signs are of scripts and emoji.
    ['\u200c\u200d\u0600\u06dd\u08e2', '\u200c\u200d\u0600\u06dd\u08e2'],
  ])('%j is %j', (text, shown) => {
    expect(escaped(text)).toBe(shown);
  });

  it('holds nothing that acts on a terminal, and reads as JSON as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = printableJson(text);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\ufeff]/u);
        expect(JSON.parse(shown)).toBe(text);
      }),
    );
  });
});

describe('an escaped text of several lines', () => {
  it.each([
    ['a\nb', 'a\nb'],
    ['a\r\nb\rc\n', 'a\nb\nc\n'],
    ['a\n\rb', 'a\n\nb'],
    ['a\tb', 'a\tb'],
    ['a\u001bb\u2028', 'a\\u001bb\\u2028'],
    ['é', 'é'],
  ])('%j is %j', (text, shown) => {
    expect(escapedLines(text)).toBe(shown);
  });
});

describe('a clipped string', () => {
  it.each([
    ['abc', 4, 'abc'],
    ['abc', 3, 'abc'],
    ['abc', 2, 'ab…'],
    ['abc', 0, '…'],
    ['a😀b', 3, 'a😀…'],
    ['a😀b', 2, 'a…'],
    ['😀😀', 1, '…'],
  ])('%j at %i is %j', (text, most, shown) => {
    expect(clipped(text, most)).toBe(shown);
  });
});

describe('the reason of a failure elsewhere', () => {
  it('has at most 16,384 characters, and lines', () => {
    const text = (length: number) => 'x'.repeat(length);
    expect(remoteReason(text(16_384))).toBe(text(16_384));
    expect(remoteReason(text(16_385))).toBe(`${text(16_384)}…`);
    expect(remoteReason('a\r\n\tb\u001b')).toBe('a\n\tb\\u001b');
  });
});

describe('a value on one line', () => {
  it('is JSON', () => {
    expect(printableJson({ a: ['\u001b', 1] })).toBe('{"a":["\\u001b",1]}');
    expect(printableJson('\u2028')).toBe('"\\u2028"');
  });
});
