import { parseHostPort } from '../../../../cli/host-port.ts';
import { clip, oneLine, wrap } from '../../../../cli/terminal/text.ts';
import { encodeUtf8 } from '../../../../src/protocol/bytes.ts';
import { isReservedKey, wireKey } from '../../../../src/protocol/cache-keys.ts';
import { currentStage, isName, joinPath, parsePath } from '../../../../src/protocol/function-path.ts';
import { checkId } from '../../../../src/protocol/ids.ts';
import { checkMemoryAddress } from '../../../../transports/memory/network.ts';
import { NamePatterns } from '../../../../transports/relay/name-patterns.ts';
import { closeReason } from '../../../../transports/relay-protocol/close-codes.ts';
import { isRelayedName, parseRelayedAddress } from '../../../../transports/relay-protocol/server-address.ts';
import {
  checkDialAddress,
  checkZeromqAddress,
  resolveZeromqAddress,
} from '../../../../transports/shared/zeromq-address.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, claimBounded, claimSame, readOr } from '../claims.ts';
import { type Target, textIn } from '../target.ts';

const SEEDS = [
  'server.upper\ndemo.*',
  'first.echo server.upper\n*',
  'a.b c.d e.f\na*b.*c*',
  'tcp://127.0.0.1:5555\ntcp://example.org:1',
  'tcp://[::1]:5555\ntcp://0.0.0.0:7',
  'tcp://*:*\nipc:///tmp/x',
  'memory://server\ninproc://a',
  'server/results\nname',
  'worker_push_address\nfrond_status',
  '127.0.0.1:7766\n[::1]:*',
  'é.ü\n\\ud800.a',
];

/** Characters of strings that are also matched the slow way. */
const SHORT = 64;

/** Function paths, names, patterns, keys, addresses and strings for terminals. */
export const target: Target = {
  longest: 1_024,
  seeds: () => SEEDS.map(bytes),
  words: [
    'tcp://',
    'ipc://',
    'memory://',
    '[::1]',
    '127.0.0.1',
    '0.0.0.0',
    'localhost',
    '/results',
    '_address',
    '\\ud800',
  ],
  check(data) {
    const text = textIn(data);
    const [first = '', second = ''] = text.split('\n', 2);
    checkPath(first);
    checkPatterns(first, second);
    checkAddresses(first, second);
    checkTexts(text);
    const id = readOr(() => checkId('an id', first), 'INVALID_CALL');
    claim(id === undefined || !/\s/.test(id), 'an id has a space');
    if (first !== '') claim(wireKey(first, second) === second + first, 'a key changes on the wire');
    claim(!isReservedKey(first) || /^(name$|frond_|\w*_address)/.test(first), 'a key is wrongly reserved');
  },
};

function checkPath(path: string): void {
  const stages = readOr(() => parsePath(path), 'INVALID_CALL');
  for (const stage of [0, 1, 2 ** 31, -1]) {
    const current = currentStage(path, stage);
    claim(
      current === undefined || (isName(current.server) && isName(current.function)),
      'a stage contains an invalid name',
    );
    if (stages !== undefined) {
      const expected = stages.length === 1 ? stages[0] : stages[stage];
      claimSame(current, expected, 'another stage runs than was checked');
    }
  }
  if (stages === undefined) return;
  // A stage of three characters becomes two strings and an object.
  claimBounded(stages, bytes(path), 64);
  claim(joinPath(path) === path, 'a path changes on the wire');
  claimSame(
    stages.map((stage) => `${stage.server}.${stage.function}`).join(' '),
    path,
    'the stages are not the path',
  );
  encodeUtf8(path);
}

function checkPatterns(name: string, pattern: string): void {
  const isMatch = new NamePatterns([pattern]).match(name);
  if (name.length > SHORT || pattern.length > SHORT) return;
  claim(
    isMatch === slowMatch(name, pattern),
    `${JSON.stringify(pattern)} and ${JSON.stringify(name)}: ${isMatch}`,
  );
}

/** Matches part by part and tries every length for every star. */
function slowMatch(name: string, pattern: string): boolean {
  if (pattern === '*') return true;
  const [parts, wanted] = [name.split('.'), pattern.split('.')];
  return parts.length === wanted.length && parts.every((part, i) => fits(part, wanted[i] ?? ''));
}

function fits(text: string, pattern: string): boolean {
  let ends = new Set([0]);
  for (const unit of pattern.split('')) {
    const next = new Set<number>();
    for (const at of ends) {
      if (unit === '*') for (let end = at; end <= text.length; end++) next.add(end);
      else if (text[at] === unit) next.add(at + 1);
    }
    ends = next;
  }
  return ends.has(text.length);
}

function checkAddresses(address: string, via: string): void {
  const canDial = (one: string) => readOr(() => [checkDialAddress(one)], 'INVALID_CALL') !== undefined;
  readOr(() => checkZeromqAddress(address), 'INVALID_CALL');
  readOr(() => checkMemoryAddress(address), 'INVALID_CALL');
  const resolved = resolveZeromqAddress(address, via);
  if (canDial(address) && canDial(via)) claim(canDial(resolved), `${resolved} cannot be dialled`);
  const relayed = readOr(() => parseRelayedAddress(address), 'INVALID_CALL');
  claim(
    relayed === undefined || isRelayedName(relayed.server),
    'an address behind a relay contains an invalid name',
  );
  const place = readOr(() => parseHostPort(address), 'USAGE');
  claim(place === undefined || (place.port >= 0 && place.port <= 65_535), 'a port is out of range');
}

function checkTexts(text: string): void {
  const reason = closeReason(text);
  claim(bytes(reason).length <= 123, 'the reason of a close is too long');
  for (const line of [oneLine(text), clip(text, 20)])
    claim(!/\p{Cc}/u.test(line), 'a line contains a control character');
  claim(clip(text, 20).length <= 20 + text.length, 'clipping makes a string longer');
  const bare = (one: string) => one.replaceAll(' ', '');
  claimSame(bare(wrap(text, 20).join('')), bare(text), 'wrapping changes a string');
}
