/** Other readers of envelopes. They must see the same fields as ours. */
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import protobufjs from 'protobufjs';
import type { PalmMessage } from '../../../src/protocol/message.ts';
import { FIELDS } from '../../support/envelope-readers.ts';

export type Fields = Omit<PalmMessage, 'unknown'>;
export type Reader = '@bufbuild/protobuf' | 'protobufjs' | 'pure Python';

export const OTHERS: readonly Reader[] = ['@bufbuild/protobuf', 'protobufjs', 'pure Python'];

const TYPES = { string: 9, int64: 3, bytes: 12 } as const;
const OPTIONAL = 1;

const schema = (() => {
  const field = FIELDS.map(([name, number, type]) => ({
    name,
    number,
    type: TYPES[type],
    label: OPTIONAL,
    jsonName: name,
  }));
  const file = create(FileDescriptorProtoSchema, {
    name: 'palm.proto',
    syntax: 'proto3',
    messageType: [{ name: 'PalmMessage', field }],
  });
  const found = createFileRegistry(file, () => undefined).getMessage('PalmMessage');
  if (found === undefined) throw new Error('the schema has no PalmMessage');
  return found;
})();

const type = (() => {
  const own = new protobufjs.Type('PalmMessage');
  for (const [name, number, kind] of FIELDS) own.add(new protobufjs.Field(name, number, kind));
  new protobufjs.Root().add(own);
  return own;
})();

/** The fields that another reader sees in a frame; undefined when it refuses the frame. */
export function fieldsBy(reader: Reader, frame: Uint8Array): Fields | undefined {
  try {
    if (reader === '@bufbuild/protobuf') return plain(fromBinary(schema, frame));
    return plain(type.decode(reader === 'protobufjs' ? frame.slice() : asPurePython(frame)));
  } catch {
    return undefined;
  }
}

function plain(message: object): Fields {
  const own: Readonly<Record<string, unknown>> = { ...message };
  const entries = FIELDS.map(([name, , kind]) => {
    const value = own[name];
    if (kind === 'int64') return [name, Number(String(value ?? 0))];
    if (kind === 'string') return [name, value ?? ''];
    return [name, value instanceof Uint8Array ? new Uint8Array(value) : new Uint8Array(0)];
  });
  return Object.fromEntries(entries);
}

/**
 * The fields of a frame that Python's protobuf sees in its pure Python implementation: it compares tags byte for byte, so a tag that is longer
 * than necessary belongs to an unknown field.
 */
function asPurePython(frame: Uint8Array): Uint8Array {
  const reader = protobufjs.Reader.create(frame.slice());
  const seen: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const tag = reader.uint32();
    const isMinimal = reader.pos - start === protobufjs.Writer.create().uint32(tag).finish().length;
    reader.skipType(tag & 7);
    if (isMinimal) seen.push(frame.slice(start, reader.pos));
  }
  return Buffer.concat(seen);
}
