import { type Bytes, decodeUtf8 } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { Feature, palmMessage } from '../../../../src/protocol/message.ts';
import { readMetadata } from '../../../../src/protocol/metadata.ts';
import { progressField, progressName } from '../../../../src/protocol/progress.ts';
import { encodeWorkRequest } from '../../../../src/protocol/work-request.ts';
import { CallGuard } from '../../../../transports/relay/auth/call-guard.ts';
import { Identity } from '../../../../transports/relay/auth/identity.ts';
import { RequestGuard } from '../../../../transports/relay/auth/request-guard.ts';
import type { Upstream } from '../../../../transports/relay/upstream/upstream.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, readLaterOr, readOr } from '../claims.ts';
import { fieldsBy, OTHERS } from '../readers.ts';
import type { Target } from '../target.ts';

const codec = new EnvelopeCodec();
const ID = 'r/1';

/** May call every function of `demo`, one of `other`, and use keys under its name. */
const identity = new Identity({
  name: 'alice',
  servers: ['demo', 'other'],
  functions: ['demo.*', 'other.f'],
  cache: 'session',
});
const guest = { id: ID, identity };

function upstreamOf(name: string): Upstream {
  // The members that the guard uses.
  const server = { name, palmName: name, isFrond: true, functions: undefined, known: async () => {} };
  return server as unknown as Upstream;
}

const demo = upstreamOf('demo');
const other = upstreamOf('other');
const calls = new CallGuard(codec, (name) => (name === 'demo' ? demo : name === 'other' ? other : undefined));
const requests = new RequestGuard(codec, () => undefined);

const CALL = {
  pipeline: 'p',
  client: `${ID}/1`,
  function: 'demo.upper',
  payload: bytes('hi'),
  features: 3,
  ordinal: 1,
};

/** The guards of a relay: whichever reader a server has, it sees only what was granted. */
export const target: Target = {
  longest: 1_024,
  seeds: () => [
    codec.encode(palmMessage(CALL)),
    codec.encode(
      palmMessage({
        ...CALL,
        function: 'demo.upper other.f',
        features: Feature.session,
        pipeline: 'alice/s',
      }),
    ),
    ...['7', '../b'].map((name) =>
      codec.encode(palmMessage({ ...CALL, unknown: progressField(name) })).slice(),
    ),
    codec.encode(palmMessage({ ...CALL, unknown: new Uint8Array([0xa2, 0, 10, ...bytes('demo.upper')]) })),
    codec.encode(palmMessage({ client: ID, function: 'demo.get', payload: bytes('alice/k'), features: 2 })),
    codec.encode(
      palmMessage({ client: ID, function: 'demo.set', cache: 'alice/k', payload: bytes('v'), features: 2 }),
    ),
    codec.encode(palmMessage({ client: ID, function: '_.get', payload: bytes('name'), features: 2 })),
    encodeWorkRequest(codec, {
      worker: ID,
      name: '',
      sequence: 1,
      want: 1,
      leaves: false,
      isAway: false,
      items: [],
    }),
    new Uint8Array([
      0x22,
      8,
      ...bytes('evil.run'),
      ...codec.encode(palmMessage(CALL)),
      0xa2,
      0,
      8,
      ...bytes('demo.run'),
    ]),
  ],
  words: [
    `${ID}/1`,
    'demo.upper',
    'other.f',
    'evil.run',
    '\xa2\x00',
    '\x92\x00',
    '\x22',
    'alice/',
    '_.work',
    '\xf2\x3e\x017',
    'demo.delete',
  ],
  check: run,
};

async function run(data: Bytes): Promise<void> {
  const verdict = await readLaterOr(async () => calls.judge(guest, demo, data), 'PROTOCOL', 'FORBIDDEN');
  if (verdict?.passes === true) claimGranted(verdict.frame);
  else if (verdict !== undefined)
    claim(verdict.topic.startsWith(`${ID}/`), "a refusal goes to another client's topic");
  const request = readOr(() => requests.judge(guest, 'demo', data), 'PROTOCOL', 'FORBIDDEN');
  if (request?.kind !== 'cache') {
    claim(request === undefined, 'a request for work passes without the grant');
    return;
  }
  for (const reader of OTHERS) {
    const fields = fieldsBy(reader, request.frame);
    if (fields === undefined) continue;
    const operation = fields.function.split('.')[1] ?? '';
    const key = operation === 'set' ? fields.cache : decodeUtf8(fields.payload);
    const isOwn =
      key.startsWith('alice/') || (operation === 'get' && /^(name|frond_\w*|\w*_address(_\d+)?)$/.test(key));
    claim(
      isOwn && /^(get|set|delete)$/.test(operation),
      `${reader} reads ${operation} of ${JSON.stringify(key)}`,
    );
    claim(
      `${fields.client}/`.startsWith(`${ID}/`),
      `${reader} reads a request of ${JSON.stringify(fields.client)}`,
    );
  }
}

function claimGranted(frame: Bytes): void {
  // What the server reads apart is acceptable: these throw otherwise.
  const { unknown } = codec.decode(frame);
  progressName(unknown);
  readMetadata(unknown);
  for (const reader of OTHERS) {
    const fields = fieldsBy(reader, frame);
    if (fields === undefined) continue;
    const stages = fields.function.split(' ');
    const isGranted =
      stages.every((stage) => /^(demo\.[^.\s]+|other\.f)$/u.test(stage)) && stages[0]?.startsWith('demo.');
    claim(isGranted === true, `${reader} reads a call of ${JSON.stringify(fields.function)}`);
    claim(fields.client.startsWith(`${ID}/`), `${reader} reads a call of ${JSON.stringify(fields.client)}`);
    claim(fields.stage === 0 && fields.status === 0, `${reader} reads a call that is under way`);
  }
}
