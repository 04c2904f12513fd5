/** Messages of clients, spoilt by chance. */
import { type ClientFrame, Type } from '../../../transports/relay-protocol/frames.ts';
import { bytes } from '../../support/bytes.ts';
import { Frames, FUNCTIONS } from '../../support/frames.ts';
import type { Random } from '../../support/random.ts';
import { envelope, messageOf } from '../../support/relay-peer.ts';

const NUMBERS = [0, 1, 2, 3, 7, 255, 65_536, 2 ** 32, Number.MAX_SAFE_INTEGER];
const KEYS = ['', 'name', 'frond_status', 'pub_address', '__proto__', 'k', 'alice/k'];
const NAMES = ['server', 'server', 'server/results', '', '__proto__', 'constructor', 'a.b', 'x'.repeat(300)];

export class Mutants {
  readonly #random: Random;
  readonly #frames: Frames;
  #requests = 1;

  constructor(random: Random) {
    this.#random = random;
    this.#frames = new Frames(random, 'server');
  }

  /**
   * A message of a client, or what nearly is one.
   * @param id - the client's, which calls and topics are often under.
   * @param sequence - the number that would be right.
   */
  message(id: string, sequence: number): Uint8Array {
    const random = this.#random;
    if (random.oneIn(20)) return this.#frames.noise();
    const frames = Array.from({ length: random.below(4) }, () =>
      random.oneIn(2) ? this.#frame(id) : this.#allowed(id),
    );
    const numbers = [sequence, sequence, sequence, sequence, 0, 0, random.pick(NUMBERS)];
    const message = messageOf(frames, random.pick(numbers), random.oneIn(20) ? random.pick(NUMBERS) : 0);
    return random.oneIn(2) ? message : this.#spoilt(message);
  }

  /** A message that says what a client may say, if not what a sensible one would. */
  allowed(id: string, sequence: number): Uint8Array {
    const frames = Array.from({ length: this.#random.below(4) }, () => this.#allowed(id));
    return messageOf(frames, sequence, 0);
  }

  #allowed(id: string): ClientFrame {
    const random = this.#random;
    const stage = () => `${random.oneIn(9) ? 'other' : 'server'}.${random.pick(FUNCTIONS)}`;
    const call = () =>
      envelope({
        client: `${id}/${random.below(9)}`,
        function: random.oneIn(3) ? `${stage()} ${stage()}` : stage(),
        stage: random.oneIn(9) ? random.pick(NUMBERS) : 0,
        features: random.below(8),
        pipeline: random.pick(KEYS),
        payload: random.bytes(random.below(100)),
      });
    const request = () =>
      envelope({
        client: id,
        function: `${random.pick(['server', '_', ''])}.${random.pick(['get', 'set', 'delete', 'work', ''])}`,
        cache: random.pick(KEYS),
        features: random.below(8),
        payload: bytes(random.pick(KEYS)),
      });
    const all: readonly (() => ClientFrame)[] = [
      () => [Type.pong],
      // Another id each time: one that is under way is not to be used again.
      () => [Type.request, this.#requests++, random.pick(NAMES.slice(0, 3)), request()],
      () => [Type.cancel, random.below(this.#requests + 2)],
      // 1 is open.
      () => [Type.send, 1, random.below(3), Array.from({ length: 1 + random.below(3) }, call)],
    ];
    return random.pick(all)();
  }

  #frame(id: string): ClientFrame {
    const random = this.#random;
    const number = () => (random.oneIn(3) ? random.pick(NUMBERS) : random.below(5));
    const name = random.pick(NAMES);
    const text = () => random.pick([null, 'wrong', id]);
    const topic = random.pick([`${id}/`, `${id}/1`, id, '', name]);
    const calls = () => Array.from({ length: random.below(4) }, () => this.#frames.call());
    const all: readonly (() => ClientFrame)[] = [
      () => [Type.hello, text(), text(), number()],
      () => [Type.pong],
      () => [Type.ping],
      () => [Type.piece, number(), random.oneIn(3), random.bytes(random.below(60))],
      () => [Type.request, number(), name, this.#frames.request(false)],
      () => [Type.cancel, number()],
      () => [Type.open, number(), number(), name, topic],
      () => [Type.close, number()],
      () => [Type.send, number(), number(), calls()],
      () => [Type.taken, number(), number()],
    ];
    return random.pick(all)();
  }

  #spoilt(message: Uint8Array): Uint8Array {
    const random = this.#random;
    const changed = message.slice(0, random.oneIn(4) ? random.below(message.length + 1) : message.length);
    for (let i = 1 + random.below(4); i > 0 && changed.length > 0; i--) {
      // The numbers in front are left alone more often than not, or little would be looked at behind them.
      const at = changed.length > 24 && !random.oneIn(4) ? 23 + random.below(changed.length - 23) : 0;
      changed[at || random.below(changed.length)] = random.below(256);
    }
    return random.oneIn(8) ? new Uint8Array([...changed, ...random.bytes(4)]) : changed;
  }
}
