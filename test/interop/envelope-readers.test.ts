/** What the relay passes on of a stranger's frame, read by Python's protobuf in both implementations. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { type PlainEnvelope, readPlain } from '../../src/protocol/envelope-plain.ts';
import { anyFrame, NASTIES } from '../support/envelope-frames.ts';
import { type Seen, seenBy } from '../support/envelope-readers.ts';
import { type Protobuf, runPython } from './pylm.ts';

const FRAMES = 20_000;
const PYLM = ['pipeline', 'client', 'stage', 'function', 'cache', 'payload'];

/** As pylm's own message, and as one with frond's fields. */
type Reading = readonly [pylm: Seen | null, frond: Seen | null];

async function readInPython(protobuf: Protobuf, frames: readonly Bytes[]) {
  const input = frames.map((frame) => `${Buffer.from(frame).toString('hex')}\n`).join('');
  const env = { PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION: protobuf === 'upb' ? 'upb' : 'python' };
  const { stdout } = await runPython('read_frames.py', [protobuf], { input, env });
  const [implementation, ...lines] = stdout.trim().split('\n');
  return { implementation, readings: lines.map((line) => JSON.parse(line) as Reading) };
}

function passed(frame: Bytes): PlainEnvelope | undefined {
  try {
    return readPlain(new EnvelopeCodec(), frame);
  } catch {
    return undefined;
  }
}

/** Where it is not read strictly; undefined when it is no envelope. */
function readingOfOurs(frame: Bytes): Seen | undefined {
  try {
    const message = new EnvelopeCodec().decode(frame);
    return seenBy((name) => message[name]);
  } catch {
    return undefined;
  }
}

const only = (names: readonly string[], seen: Seen) =>
  Object.fromEntries(names.map((name) => [name, seen[name]]));

describe.each([
  ['shipped', 'python'],
  ['upb', 'upb'],
] as const)("read by Python's protobuf, %s", (protobuf, implementation) => {
  it('says what the relay judged, whatever came', async () => {
    const frames = [...Object.values(NASTIES), ...fc.sample(anyFrame, FRAMES)];
    const plain = frames.map(passed).filter((own) => own !== undefined);
    expect(plain.length).toBeGreaterThan(FRAMES / 10);

    const read = await readInPython(
      protobuf,
      plain.map(({ frame }) => frame),
    );

    expect(read.implementation).toBe(implementation);
    for (const [i, { message }] of plain.entries()) {
      const seen = seenBy((name) => message[name]);
      expect(read.readings[i]).toEqual([only(PYLM, seen), seen]);
    }
  });
});

it('pylm would read other fields than we do in some that are refused', async () => {
  const refused = Object.entries(NASTIES).filter(([, frame]) => passed(frame) === undefined);

  const { readings } = await readInPython(
    'shipped',
    refused.map(([, frame]) => frame),
  );

  const apart = refused.filter(([, frame], i) => {
    const seen = readingOfOurs(frame);
    return seen !== undefined && JSON.stringify(readings[i]?.[0]) !== JSON.stringify(only(PYLM, seen));
  });
  expect(apart.map(([name]) => name)).toEqual([
    'a second function under a longer tag',
    'a second function under the longest tag',
    'a second client under a longer tag',
    'a second payload under a longer tag',
    'a stage under a longer tag',
  ]);
});
