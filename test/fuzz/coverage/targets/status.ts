import type { ServerKeys } from '../../../../cli/connect.ts';
import { inspectAgain, inspectServer, type ServerSnapshot } from '../../../../cli/inspect/snapshot.ts';
import { describeSnapshot, snapshotLine } from '../../../../cli/inspect/text.ts';
import { styleFor } from '../../../../cli/terminal/text.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { type CacheReply, plainReply } from '../../../../src/protocol/cache-request.ts';
import { Feature, NO_BYTES } from '../../../../src/protocol/message.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, claimBounded, claimPlain, readLaterOr, Violation } from '../claims.ts';
import type { Target } from '../target.ts';

const STATUS = {
  role: 'Server',
  name: 'demo',
  functions: ['echo', 'upper'],
  addresses: { db_address: 'tcp://127.0.0.1:5555', pull_address: 'tcp://127.0.0.1:5556' },
  uptime: 12_345_678,
  counters: { received: 12, answered: 11, failed: 1, ended: 0, dropped: 2, inFlight: 3 },
};
const WORKERS = {
  workers: [{ name: 'one', holds: 3, silent: 1_200 }],
  pushedWorkers: 2,
  losses: { workers: 1, redelivered: 2, givenUp: 0 },
};

/** Requests that one look may make. */
const MOST_REQUESTS = 4_096;
/** Characters of the description of a server that says nothing. */
const DESCRIPTION = 8_192;

const style = styleFor({}, {});

/**
 * What a server says of itself, as `frond inspect` reads it. The first character of an input says whose server it is: `f` is frond's,
 * with the rest for its status; `p` is pylm's, with a line for each key; `s` gives the rest for the address of any previous server; anything else
 * for any key.
 */
export const target: Target = {
  longest: 2_048,
  seeds: () =>
    [
      `f${JSON.stringify(STATUS)}`,
      `f${JSON.stringify({ ...STATUS, role: 'Master', ...WORKERS })}`,
      'f{"role":"x","__proto__":{"name":"y"}}',
      'pname=demo\npull_address=tcp://127.0.0.1:1\npub_address=tcp://127.0.0.1:2',
      'pname=k\nsub_address_0=a\nsub_address_1=b\nworker_push_address=c',
      'p',
      'atcp://127.0.0.1:5555',
      's',
    ].map(bytes),
  words: [
    ...[...Object.keys(STATUS), ...Object.keys(STATUS.counters), ...Object.keys(WORKERS)].map(
      (key) => `"${key}":`,
    ),
    ...[
      '"holds":',
      '"silent":',
      '"redelivered":',
      '"givenUp":',
      '"__proto__":',
      '"constructor":',
      '1e999',
      '-1e308',
      '\\u009b',
    ],
    ...['name=', 'sub_address=', 'sub_address_0=', 'worker_pull_address=', 'db_address='],
  ],
  check: run,
};

async function run(data: Bytes): Promise<void> {
  const server = new SaidServer(data);
  const seen = await readLaterOr(() => inspectServer(server.keys), 'PROTOCOL', 'WRONG_SERVER');
  if (seen === undefined) return;
  const { told } = server;
  claimBounded(seen, data, 128, 4_096, told);
  claimPlain(seen);
  for (const rates of [null, { received: 1, answered: 1, failed: 0 }]) {
    const text = describeSnapshot(seen, rates, style);
    claim(!/[^\n\P{Cc}]/u.test(text), 'a description contains a control character');
    claimShort(text, told);
    const line = snapshotLine(seen, rates);
    claim(!/\p{Cc}/u.test(line), 'a line contains a control character');
    claimShort(line, told);
  }
  const again = await readLaterOr<ServerSnapshot>(
    () => inspectAgain(server.keys, seen),
    'PROTOCOL',
    'WRONG_SERVER',
  );
  claim(again?.name === seen.name, 'a second look sees another server');
}

function claimShort(text: string, told: number): void {
  const most = DESCRIPTION + 64 * told;
  claim(text.length <= most, `${told} bytes are shown in ${text.length} characters, of ${most} at most`);
}

/** A server whose replies are in an input. */
class SaidServer {
  /** Bytes of all replies. */
  told = 0;
  /** The two members that `look` uses. */
  readonly keys = {
    read: (key: string) => this.#read(key),
    dbAddress: 'tcp://127.0.0.1:5555',
  } as unknown as ServerKeys;
  readonly #kind: string;
  readonly #rest: Bytes;
  readonly #lines: ReadonlyMap<string, string>;
  #requests = 0;

  constructor(data: Bytes) {
    this.#kind = String.fromCharCode(data[0] ?? 0);
    this.#rest = data.slice(1);
    const lines = this.#kind === 'p' ? Buffer.from(this.#rest).toString().split('\n') : [];
    this.#lines = new Map(
      lines.map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]),
    );
  }

  async #read(key: string): Promise<CacheReply> {
    if (++this.#requests > MOST_REQUESTS)
      throw new Violation('a server that answers every request is asked without end');
    const value = this.#valueOf(key);
    this.told += value.length;
    return { ...plainReply(value), ...(this.#kind === 'f' && { features: Feature.replies }) };
  }

  #valueOf(key: string): Bytes {
    const isPrevious = /^sub_address_\d/.test(key);
    switch (this.#kind) {
      case 'f':
        return key === 'name' ? bytes('demo') : key === 'frond_status' ? this.#rest : NO_BYTES;
      case 'p':
        return bytes(this.#lines.get(key) ?? '');
      case 's':
        return isPrevious ? this.#rest : NO_BYTES;
      default:
        return this.#rest;
    }
  }
}
