/** Every role once, with a client for each that shows whether it still answers. */
import { type RoleDefinition, type RunningRole, startRole, Worker } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import type { TestGround } from '../support/cluster.ts';

export const functions = {
  upper: (payload: Uint8Array) => bytes(textOf(payload).toUpperCase()),
  late: async (payload: Uint8Array) => payload,
  boom: () => {
    throw new Error('boom');
  },
  *many(payload: Uint8Array) {
    for (let i = 0; i < 3; i++) yield payload;
  },
  nothing: () => undefined,
};

/** Longer than any call takes, however busy the machine. */
const PATIENCE = 15_000;

export class Fleet implements AsyncDisposable {
  readonly ground: TestGround;
  readonly #opened: { close(options?: { timeout: number }): Promise<void> }[] = [];
  #asked = 0;

  constructor(ground: TestGround) {
    this.ground = ground;
  }

  own<T extends { close(options?: { timeout: number }): Promise<void> }>(closable: T): T {
    this.#opened.push(closable);
    return closable;
  }

  async start<R extends RunningRole>(definition: object): Promise<R> {
    const { transport, any } = this.ground;
    const bound = ['dbAddress', 'pubAddress', 'pullAddress', 'workerPullAddress', 'workerPushAddress'];
    const addresses = Object.fromEntries(bound.map((key) => [key, any]));
    const whole = {
      loggingLevel: 'silent',
      functions,
      ...addresses,
      ...definition,
    } as object as RoleDefinition;
    return this.own((await startRole(whole, transport)) as R);
  }

  /** A worker asks for the Master's addresses, so it gets none. */
  async work(dbAddress: string, given: object = {}): Promise<RunningRole> {
    const { transport } = this.ground;
    return this.own(
      await Worker.start({ transport, loggingLevel: 'silent', functions, dbAddress, ...given }),
    );
  }

  /** Calls, again and again: fails unless each is answered as it should be. */
  async caller(dbAddress: string, path: string[], subAddress?: string): Promise<() => Promise<void>> {
    const { transport } = this.ground;
    const sub = subAddress === undefined ? {} : { subAddress };
    const client = this.own(
      await Client.connect({ transport, dbAddress, loggingLevel: 'silent', timeout: PATIENCE, ...sub }),
    );
    return async () => {
      const text = `call ${++this.#asked}`;
      const answer = textOf(await client.eval(path, bytes(text)));
      if (answer !== text.toUpperCase()) throw new Error(`${path.join(' ')} answered ${answer} to ${text}`);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const closable of this.#opened.reverse()) await closable.close({ timeout: 200 });
  }
}
