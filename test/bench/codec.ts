/** The envelope codec against independent protobuf libraries, in one process. */
import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import protobufjs from 'protobufjs';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { Feature, palmMessage } from '../../src/protocol/message.ts';

const ROUNDS = 60_000;

export interface CodecRates {
  /** Messages encoded and decoded in a second. */
  readonly frond: number;
  readonly bufbuild: number;
  readonly protobufjs: number;
}

/** Messages of about 100 bytes, a job's: another payload each, now and then another call. */
function messages() {
  return Array.from({ length: 256 }, (_, i) => ({
    pipeline: 'V1StGXR8_Z5jdHi6B-myT',
    client: `V1StGXR8_Z5jdHi6B-myT/${(i >> 5).toString(36)}`,
    function: 'server.upper',
    payload: new Uint8Array(32).fill(i),
  }));
}

function rate(roundTrip: (index: number) => void): number {
  for (let i = 0; i < ROUNDS / 4; i++) roundTrip(i & 255);
  const began = performance.now();
  for (let i = 0; i < ROUNDS; i++) roundTrip(i & 255);
  return (ROUNDS / (performance.now() - began)) * 1_000;
}

export function codecRates(): CodecRates {
  const all = messages();
  const codec = new EnvelopeCodec();
  const ours = all.map((message) => palmMessage({ ...message, features: Feature.batches }));

  const strings = ['pipeline', 'client', 'function', 'cache'];
  const numbers: Readonly<Record<string, number>> = {
    pipeline: 1,
    client: 2,
    stage: 3,
    function: 4,
    cache: 5,
    payload: 6,
    features: 1000,
  };
  const typeOf = (name: string) => (strings.includes(name) ? 9 : name === 'payload' ? 12 : 3);
  const field = Object.entries(numbers).map(([name, number]) => ({
    name,
    number,
    type: typeOf(name),
    label: 1,
    jsonName: name,
  }));
  const file = create(FileDescriptorProtoSchema, {
    name: 'palm.proto',
    syntax: 'proto3',
    messageType: [{ name: 'Palm', field }],
  });
  const schema = createFileRegistry(file, () => undefined).getMessage('Palm');
  if (schema === undefined) throw new Error('the schema has no message');
  const theirs = all.map((message) => create(schema, { ...message, features: 1n } as never));

  const source = Object.entries(numbers).map(([name, number]) => {
    const type = strings.includes(name) ? 'string' : name === 'payload' ? 'bytes' : 'int64';
    return `${type} ${name} = ${number};`;
  });
  const type = protobufjs
    .parse(`syntax = "proto3"; message Palm { ${source.join(' ')} }`)
    .root.lookupType('Palm');
  const plain = all.map((message) => ({ ...message, features: 1 }));

  const at = <T>(list: readonly T[], index: number): T => list[index] as T;
  return {
    frond: rate((i) => codec.decode(codec.encode(at(ours, i)))),
    bufbuild: rate((i) => fromBinary(schema, toBinary(schema, at(theirs, i)))),
    protobufjs: rate((i) => type.decode(type.encode(at(plain, i)).finish())),
  };
}
