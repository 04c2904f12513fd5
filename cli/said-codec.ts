/** How a command writes payloads and reads answers: by the codecs that the server says of its functions. */
import type { ShapeDescription } from '../src/functions/contract/description.ts';
import { schemaIssues } from '../src/functions/contract/schema-issues.ts';
import { issuesText } from '../src/functions/contract/shape.ts';
import { type Bytes, decodeUtf8, encodeUtf8 } from '../src/protocol/bytes.ts';
import { invalidCall, messageOf } from '../src/protocol/errors.ts';
import { parsePath } from '../src/protocol/function-path.ts';
import { bytes, type PayloadCodec } from '../src/protocol/payload.ts';
import { arrayCodecNamed } from '../src/protocol/typed-arrays.ts';
import type { CommandContext } from './command.ts';
import type { OffersOf } from './connect.ts';

/** For the help of the commands that call functions. */
export const SAID_CODECS =
  'Where a frond server says what its function takes and gives, the payload is that: JSON for a function of JSON, whose schema is looked at before anything is sent, and text or bytes as they are. MessagePack and numbers, such as of float64, are written as JSON in both directions. With --raw, payloads and answers stay as they are.';

type ByteCodec = PayloadCodec<Uint8Array, Uint8Array>;

/**
 * Makes payloads of what the user wrote, and what is shown of answers. The input is as the first function takes it, the answer as the last one
 * gives it, as far as the server that is called says that.
 */
export async function codecFor(
  { options }: CommandContext,
  path: readonly string[],
  offers: OffersOf,
): Promise<ByteCodec> {
  if (options.flag('raw')) return bytes();
  const stages = parsePath(path);
  const [first, last] = [stages[0], stages.at(-1)];
  const said = (await offers()) ?? [];
  const find = (stage: typeof first) =>
    stage?.server === first?.server ? said.find(({ name }) => name === stage?.function) : undefined;
  const [input, output] = [find(first)?.input, find(last)?.output];
  const [writer, reader] = await Promise.all([jsonCodecNamed(input?.codec), jsonCodecNamed(output?.codec)]);
  return {
    name: output?.codec ?? 'Uint8Array',
    encode: (payload) => encoded(payload, input, writer),
    decode: (payload) => (reader === undefined ? payload : encodeUtf8(jsonText(reader.decode(payload)))),
  };
}

/** The codec of values that are written as JSON for the user but not on the wire. */
async function jsonCodecNamed(name = ''): Promise<PayloadCodec<unknown, unknown> | undefined> {
  if (name === 'MessagePack') return (await import('../src/protocol/msgpack.ts')).msgpack();
  return arrayCodecNamed(name);
}

function encoded(
  payload: Uint8Array,
  input: ShapeDescription | undefined,
  writer: PayloadCodec<unknown, unknown> | undefined,
): Bytes {
  const own = payload as Bytes;
  if (input === undefined || (input.codec !== 'JSON' && writer === undefined)) return own;
  const value = parsed(own, input.codec);
  const issues = input.schema === undefined ? [] : schemaIssues(input.schema, value);
  if (issues.length > 0) throw invalidCall(issuesText(issues), { issues });
  return writer === undefined ? own : writer.encode(elementsFor(input.codec, value));
}

function parsed(payload: Bytes, codec: string): unknown {
  try {
    return JSON.parse(decodeUtf8(payload));
  } catch (cause) {
    const how = codec === 'JSON' ? 'the function takes JSON' : `${codec} is written as JSON here`;
    const text = `${how}, and this is not JSON: ${messageOf(cause)}; strings need their quotes, and --raw sends bytes as they are`;
    throw invalidCall(text, { cause });
  }
}

type Numbers = (list: readonly unknown[]) => unknown;

/** The typed arrays of the codecs of numbers. */
const ARRAYS: Readonly<Record<string, Numbers>> = {
  float32: (list) => Float32Array.from(list, Number),
  float64: (list) => Float64Array.from(list, Number),
  int8: (list) => Int8Array.from(list, Number),
  int16: (list) => Int16Array.from(list, Number),
  int32: (list) => Int32Array.from(list, Number),
  int64: (list) => BigInt64Array.from(list, toBigInt),
  uint16: (list) => Uint16Array.from(list, Number),
  uint32: (list) => Uint32Array.from(list, Number),
  uint64: (list) => BigUint64Array.from(list, toBigInt),
};

/** A value as its codec takes it: a typed array for the codecs of numbers. */
function elementsFor(codec: string, value: unknown): unknown {
  const make = Object.hasOwn(ARRAYS, codec) ? ARRAYS[codec] : undefined;
  if (make === undefined) return value;
  const isLarge = codec.endsWith('64') && codec !== 'float64';
  const isElement = (one: unknown) =>
    typeof one === 'number' || (isLarge && typeof one === 'string' && /^-?\d+$/.test(one));
  if (!Array.isArray(value) || !value.every(isElement))
    throw invalidCall(`${codec} is written as a list of numbers, such as [1, 2]`);
  return make(value);
}

function toBigInt(value: unknown): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw invalidCall(`${value} is not a whole number that JSON can hold: write it as a string`);
  return BigInt(value as string | number);
}

/** A value as JSON: typed arrays as lists, bytes in base64, and integers that JSON readers would round as strings. */
function jsonText(value: unknown): string {
  const text: string | undefined = JSON.stringify(value, function (this: unknown, key, written: unknown) {
    // A Buffer is written as an object before it comes here.
    const own: unknown = Object(this)[key];
    if (typeof own === 'bigint') return Number.isSafeInteger(Number(own)) ? Number(own) : String(own);
    if (own instanceof Uint8Array) return { base64: Buffer.from(own).toString('base64') };
    if (ArrayBuffer.isView(own) && !(own instanceof DataView)) return [...(own as Float64Array)];
    return written;
  });
  return text ?? 'null';
}
