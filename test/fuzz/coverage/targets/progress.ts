import protobufjs from 'protobufjs';
import { isProgressFrame, PushedCalls } from '../../../../src/cluster/dispatch/push-workers.ts';
import { Cancellations } from '../../../../src/cluster/runtime/cancellations.ts';
import { Engine } from '../../../../src/cluster/runtime/engine.ts';
import { Flow } from '../../../../src/cluster/runtime/flow.ts';
import { cacheOf, type FunctionContext, wishedProgress } from '../../../../src/cluster/runtime/functions.ts';
import { Meter } from '../../../../src/cluster/runtime/meter.ts';
import { defaultStream, Publisher } from '../../../../src/cluster/runtime/publisher.ts';
import { MemoryStore } from '../../../../src/cluster/runtime/store.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { NOTICES } from '../../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { palmMessage, Status } from '../../../../src/protocol/message.ts';
import {
  isProgressTopic,
  ownProgressField,
  progressField,
  progressName,
  readProgress,
} from '../../../../src/protocol/progress.ts';
import type { Delivery } from '../../../../src/transport.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, claimBounded, claimPlain, claimSame, readOr } from '../claims.ts';
import type { Target } from '../target.ts';

const codec = new EnvelopeCodec();

/** Another reader of the field, which takes the last one. */
const type = new protobufjs.Type('Wish').add(new protobufjs.Field('wish', 1006, 'string'));
new protobufjs.Root().add(type);

const nothing = () => {};
const logger = { debug: nothing, info: nothing, warning: nothing, error: nothing };

/** A server's flow, and what it published. */
function serverOf(pipelined: boolean) {
  const published: Delivery[] = [];
  const meter = new Meter();
  const scope = {
    name: 's',
    cache: cacheOf(new MemoryStore()),
    logger,
    functionLogger: logger,
    cancellations: new Cancellations(new AbortController().signal),
    includeStack: false,
    meter,
  };
  const tell = (payload: Bytes, { progress }: FunctionContext) => {
    for (let done = 0; done < 3; done++) progress(done, 2, 'so far');
    return payload;
  };
  const engine = new Engine({ ...scope, isNamed: true, mayEnd: false, functions: { tell } });
  const publisher = new Publisher({
    ...scope,
    publish: async (deliveries) => {
      published.push(...deliveries);
    },
    handleStream: defaultStream('s', pipelined),
    isVerbatim: false,
  });
  const flow = new Flow<Bytes>({
    step: engine.run,
    outlet: publisher,
    frameOf: (frame) => frame,
    concurrency: 1,
    meter,
    logger,
    handsOut: true,
    isIntake: true,
  });
  return async (frame: Bytes): Promise<readonly Delivery[]> => {
    published.length = 0;
    const batches = [[frame.slice()]];
    await flow.serve({
      next: async () => {
        const value = batches.shift();
        return value === undefined ? { done: true, value: undefined } : { done: false, value };
      },
    });
    return published.splice(0);
  };
}

const servers = [serverOf(false), serverOf(true)] as const;

const CALL = { pipeline: 'p', client: 'me/1', function: 's.tell', features: 3, ordinal: 7 };
const PAYLOAD = bytes('{"done":1,"total":2,"note":"x"}');

/**
 * A frame that a stranger sends, as it says that it wants progress (field 1006), or is progress (status 8): as a call to a server, as the result of
 * a worker that is pushed to, and as what a client hears.
 */
export const target: Target = {
  longest: 1_024,
  seeds: () => {
    const unknown = progressField('7a');
    return [
      palmMessage({ ...CALL, unknown }),
      palmMessage({ ...CALL, unknown: progressField('../b') }),
      palmMessage({ ...CALL, unknown: new Uint8Array([...unknown, ...unknown]) }),
      palmMessage({ ...CALL, unknown, payload: PAYLOAD, status: Status.progress }),
      palmMessage({ ...CALL, unknown: progressField('A'), payload: PAYLOAD, status: Status.progress }),
      palmMessage({ ...CALL, payload: PAYLOAD, status: Status.progress, error: 'e', errorName: 'n' }),
      palmMessage({ ...CALL, unknown, payload: PAYLOAD, status: Status.failed, error: 'e' }),
      palmMessage({ client: 'me', function: 's.tell', unknown, payload: PAYLOAD }),
      palmMessage({ client: 'a/b/c', function: 's.tell t.x', unknown, payload: bytes('{"done":-1}') }),
    ].map((message) => codec.encode(message).slice());
  },
  words: [
    's.tell',
    'me/1',
    '\xf2\x3e\x01a',
    '\xf2\x3e\x00',
    '\xf2\xbe\x00',
    '\xf0\x3e\x01',
    '\xc8\x3e\x08',
    '\xc8\x3e\x88\x00',
    '\xc0\x3e\x03',
    '\xfa\x3e\x00',
    '{"done":',
    '"total":',
    '"note":',
    '1e999',
    '\\ud800',
  ],
  check: run,
};

async function run(data: Bytes): Promise<void> {
  const message = readOr(() => codec.decode(data), 'PROTOCOL');
  if (message === undefined) return;
  const name = wishedProgress(message.unknown);
  checkName(message.unknown, data, name);
  checkValue(message.payload, data);
  checkPushed(data);
  for (const serve of servers) {
    const told = (await serve(data)).filter(({ topic, frames }) => isTold(topic, frames));
    const { client, status, features, function: path } = message;
    // Calls of pylm's clients have no features: the next function runs, whatever became of them.
    const isRun = status === Status.ok || (features === 0 && status !== Status.progress);
    if (name === undefined || !client.includes('/') || !isRun)
      claim(told.length === 0, 'progress is told to a caller that cannot hear it');
    const own = `${client.slice(0, client.lastIndexOf('/') + 1)}${name}~`;
    for (const { topic, frames } of told) {
      claim(topic === own || topic === NOTICES, `progress is told under ${JSON.stringify(topic)}`);
      for (const frame of frames) {
        const said = codec.decode(frame);
        claimSame(
          [said.client, said.function, said.unknown.length],
          [own, path, 0],
          'another call is told of',
        );
        claim(readProgress(said.payload) !== undefined, 'what is told is no progress');
      }
    }
  }
}

function isTold(topic: string, frames: readonly Bytes[]): boolean {
  return topic === NOTICES || frames.some((frame) => codec.decode(frame).status === Status.progress);
}

/** Whoever asks, asks under one name, which every reader sees. */
function checkName(unknown: Bytes, data: Bytes, name: string | undefined): void {
  const read = readOr(() => ({ name: progressName(unknown) }), 'PROTOCOL');
  claimSame(read?.name, name, 'a name is told from none in two ways');
  if (read === undefined) return;
  const theirs = theirName(data);
  if (theirs !== undefined) claimSame(name ?? '', theirs, 'protobufjs reads another name');
  const field = ownProgressField(unknown);
  if (name === undefined) {
    claim(field.length === 0, 'a field is left of no wish');
    return;
  }
  claim(/^[0-9a-z]{1,16}$/.test(name), `the name ${JSON.stringify(name)} is accepted`);
  claimSame(progressName(field), name, 'the field alone has another name');
  claim(isProgressTopic(`x/${name}~`) && !isProgressTopic(name), 'a name looks like a topic of progress');
}

function theirName(data: Bytes): string | undefined {
  try {
    return String(Reflect.get(type.decode(data.slice()), 'wish'));
  } catch {
    return undefined;
  }
}

function checkValue(payload: Bytes, data: Bytes): void {
  const progress = readProgress(payload);
  if (progress === undefined) return;
  claimBounded(progress, data, 4);
  claimPlain(progress);
  const { done, total = done, note = '' } = progress;
  claim(Number.isFinite(done) && done >= 0 && Number.isFinite(total) && total >= done, 'an amount is none');
  claim(note.length <= 201, `a note has ${note.length} UTF-16 units`);
}

/** What a worker that is pushed to gives back is progress where its status says so, and nowhere else. */
function checkPushed(data: Bytes): void {
  const pushed = new PushedCalls();
  pushed.note(data);
  for (const again of [1, 2]) {
    const result = pushed.resultOf(data);
    claim(result !== undefined, 'a result of what was pushed is refused');
    const { status } = codec.decode(result);
    claimSame(
      isProgressFrame(result),
      status === Status.progress,
      `status ${status} is misread, look ${again}`,
    );
  }
}
