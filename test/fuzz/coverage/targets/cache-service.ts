import { CacheService } from '../../../../src/cluster/runtime/cache-service.ts';
import { tally } from '../../../../src/cluster/runtime/status.ts';
import { MemoryStore } from '../../../../src/cluster/runtime/store.ts';
import { isReservedKey } from '../../../../src/protocol/cache-keys.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { Feature, palmMessage } from '../../../../src/protocol/message.ts';
import type { RequestOrigin } from '../../../../src/transport.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, readOr } from '../claims.ts';
import type { Target } from '../target.ts';

const codec = new EnvelopeCodec();
const silent = () => {};
const logger = { debug: silent, info: silent, warning: silent, error: silent };
const from: RequestOrigin = { onGone: silent } as unknown as RequestOrigin;

const CONFIG = { name: 'server', pull_address: 'tcp://127.0.0.1:5556' };
/** Bytes of a reply beside what the request contains. */
const REPLY = 512;

const SHAPES = [
  { function: 'server.get', payload: bytes('name') },
  { function: '_.get', payload: bytes('k') },
  { function: 'server.set', cache: 'k', payload: bytes('v') },
  { function: 'server.set', cache: 'pull_address', payload: bytes('v') },
  { function: 'server.set', payload: bytes('v') },
  { function: 'server.delete', payload: bytes('k') },
  { function: 'server.\u0007' },
  { function: '__proto__.constructor', payload: bytes('__proto__') },
];

/** The key-value service of a server. */
export const target: Target = {
  longest: 1_024,
  seeds: () =>
    SHAPES.flatMap((shape) =>
      [0, Feature.replies].map((features) => codec.encode(palmMessage({ client: 'me', features, ...shape }))),
    ),
  words: [
    'server.get',
    '_.set',
    '.delete',
    'pull_address',
    'frond_status',
    '__proto__',
    '\xc0\x3e\x02',
    '\x07\x07\x07\x07',
  ],
  async check(data) {
    const store = new MemoryStore();
    const service = new CacheService({
      offers: () => new Uint8Array(0),
      config: CONFIG,
      status: () => bytes('{}'),
      store,
      logger,
      tally: tally(),
      work: undefined,
    });
    const reply = await service.answer(data, from);
    claim(reply.length <= data.length + REPLY, `${data.length} bytes are answered with ${reply.length}`);
    for (const [key, value] of Object.entries(CONFIG)) {
      const request = codec.encode(palmMessage({ function: 'server.get', payload: bytes(key) }));
      const own = Buffer.from(await service.answer(request, from)).toString();
      claim(own === value, `the server's key ${key} was changed`);
    }
    const message = readOr(() => codec.decode(data), 'PROTOCOL');
    claim(message !== undefined || reply.length === 0, 'a frame that is not an envelope is answered');
    if (message === undefined) return;
    if ((message.features & Feature.replies) !== 0) {
      claim((codec.decode(reply).features & Feature.replies) !== 0, 'a reply is not an envelope');
    }
    const isStored = message.function.split('.')[1] === 'set' && !isReservedKey(message.cache);
    claim(store.size === (isStored ? 1 : 0), `${store.size} keys are stored`);
  },
};
