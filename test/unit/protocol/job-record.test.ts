import { expect, it } from 'vitest';
import { encodeRecord, type JobRecord, readRecord } from '../../../src/protocol/job-record.ts';
import { bytes } from '../../support/bytes.ts';

const RECORDS: readonly JobRecord[] = [
  { kind: 'begun', messages: undefined, untilEnd: false },
  { kind: 'begun', messages: 3, untilEnd: true },
  { kind: 'sent', inputs: 0, cut: undefined, messages: undefined, untilEnd: false },
  { kind: 'sent', inputs: 1_000_000, cut: 'left', messages: 5, untilEnd: false },
  { kind: 'asked', by: 'me' },
  { kind: 'here' },
];

it.each(RECORDS)('%j is read as it was written', (record) => {
  expect(readRecord(encodeRecord(record))).toEqual(record);
});

it.each([
  '',
  'null',
  '5',
  '[]',
  '{}',
  '{"kind":"gone"}',
  '{"kind":"asked"}',
  '{"kind":"asked","by":5}',
  '{"kind":"sent"}',
  '{"kind":"sent","inputs":-1}',
  '{"kind":"sent","inputs":1.5}',
  '{"kind":"sent","inputs":"1"}',
])('%j of a stranger is no record', (text) => {
  expect(readRecord(bytes(text))).toBeUndefined();
});

it('bytes that are not UTF-8 are no record', () => {
  expect(readRecord(new Uint8Array([0xff]))).toBeUndefined();
});

it('a number that is none is left out', () => {
  expect(readRecord(bytes('{"kind":"begun","messages":"many","untilEnd":1}'))).toEqual({
    kind: 'begun',
    messages: undefined,
    untilEnd: false,
  });
});
