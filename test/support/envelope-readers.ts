/** Other readers of envelopes, which know nothing of ours: what each takes a frame for. */
import { create, createFileRegistry, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import protobufjs from 'protobufjs';
import type { PalmMessage } from '../../src/protocol/message.ts';

type Type = 'string' | 'int64' | 'bytes';

/** Every field of an envelope: its name, number and type. */
export const FIELDS: readonly (readonly [
  name: Exclude<keyof PalmMessage, 'unknown'>,
  number: number,
  Type,
])[] = [
  ['pipeline', 1, 'string'],
  ['client', 2, 'string'],
  ['stage', 3, 'int64'],
  ['function', 4, 'string'],
  ['cache', 5, 'string'],
  ['payload', 6, 'bytes'],
  ['features', 1000, 'int64'],
  ['status', 1001, 'int64'],
  ['error', 1002, 'string'],
  ['errorName', 1003, 'string'],
  ['ordinal', 1004, 'int64'],
];

/** What a reader saw, in a form in which all are alike: integers in decimal, payloads in hex. */
export type Seen = Readonly<Record<string, string>>;

export interface Reader {
  readonly name: string;
  /** Throws for what it does not take. */
  read(frame: Uint8Array): Seen;
}

export function seenBy(read: (name: keyof PalmMessage) => unknown): Seen {
  const shown = (value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
  return Object.fromEntries(FIELDS.map(([name]) => [name, shown(read(name))]));
}

const TYPES = { string: 9, int64: 3, bytes: 12 } as const;

const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: 'palm.proto',
    syntax: 'proto3',
    messageType: [
      {
        name: 'PalmMessage',
        field: FIELDS.map(([name, number, type]) => ({
          name,
          number,
          type: TYPES[type],
          label: 1,
          jsonName: name,
        })),
      },
    ],
  }),
  () => undefined,
);
const found = registry.getMessage('PalmMessage');
if (found === undefined) throw new Error('the schema has no PalmMessage');
const schema = found;

const source = FIELDS.map(([name, number, type]) => `${type} ${name} = ${number};`).join(' ');
const protobufjsType = protobufjs
  .parse(`syntax = "proto3"; message PalmMessage { ${source} }`, { keepCase: true })
  .root.lookupType('PalmMessage');

/** As @bufbuild/protobuf has it. */
export function toLibrary(message: Omit<PalmMessage, 'unknown'>): Message {
  const values = FIELDS.map(([name, , type]) => [
    name,
    type === 'int64' ? BigInt(message[name] as number) : message[name],
  ]);
  return create(schema, Object.fromEntries(values) as never);
}

export function fromLibrary(frame: Uint8Array): Message {
  return fromBinary(schema, frame);
}

export function libraryEncode(message: Omit<PalmMessage, 'unknown'>): Uint8Array {
  return toBinary(schema, toLibrary(message));
}

export const READERS: readonly Reader[] = [
  {
    name: '@bufbuild/protobuf',
    read: (frame) => {
      const message = fromLibrary(frame) as unknown as Readonly<Record<string, unknown>>;
      return seenBy((name) => message[name]);
    },
  },
  {
    name: 'protobufjs',
    read: (frame) => {
      const message = protobufjsType.decode(frame) as unknown as Readonly<Record<string, unknown>>;
      return seenBy((name) => message[name]);
    },
  },
];
