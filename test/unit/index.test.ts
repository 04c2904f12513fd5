/** What the types of a client promise: `npm run check` reads them, and nothing of it runs. */
import { describe, expectTypeOf, it } from 'vitest';
import {
  type Client,
  json,
  type MapOutcome,
  type MapProgress,
  type MapResults,
  type PalmError,
  text,
} from '../../src/index.ts';

interface Point {
  readonly x: number;
}

declare const client: Client;
const points = () => client.with(json<Point>());
const words = () => client.with(text());

describe('a typed client', () => {
  it('maps values of its codec to such, in the order of the input or not', () => {
    const map = () => points().map('server.f', [{ x: 1 }], { ordered: false, retries: 2 });
    expectTypeOf(map).returns.toEqualTypeOf<MapResults<Point>>();
    expectTypeOf<MapResults<Point>['progress']>().toEqualTypeOf<MapProgress | undefined>();
    // @ts-expect-error what is no Point is no input
    expectTypeOf(() => points().map('server.f', ['one'])).toBeFunction();
  });

  it('takes sync and async iterables', () => {
    async function* later() {
      yield 'word';
    }
    expectTypeOf(() => words().map('server.f', later())).returns.toEqualTypeOf<MapResults<string>>();
    expectTypeOf(() => words().map('server.f', new Set(['word']))).returns.toEqualTypeOf<
      MapResults<string>
    >();
  });

  it('gives as many answers as are asked for, and the good ones on an error', () => {
    expectTypeOf(() => words().eval('server.f', 'word')).returns.resolves.toEqualTypeOf<string>();
    expectTypeOf(() =>
      words().eval('server.f', 'word', { messages: 1 }),
    ).returns.resolves.toEqualTypeOf<string>();
    expectTypeOf(() => words().eval('server.f', 'word', { messages: 4 })).returns.resolves.toEqualTypeOf<
      string[]
    >();
    expectTypeOf(() => words().eval('server.f', 'word', { messages: 0 })).returns.resolves.toEqualTypeOf<
      string[]
    >();
    expectTypeOf<PalmError['results']>().toEqualTypeOf<readonly unknown[] | undefined>();
  });

  it('tells what became of each input when it is settled', () => {
    const settled = () => words().mapSettled(['first.f', 'second.g'], ['word']);
    expectTypeOf(settled).returns.toEqualTypeOf<MapResults<MapOutcome<string>>>();
    type Fulfilled = Extract<MapOutcome<string>, { status: 'fulfilled' }>;
    type Rejected = Extract<MapOutcome<string>, { status: 'rejected' }>;
    expectTypeOf<Fulfilled['value']>().toEqualTypeOf<string>();
    expectTypeOf<Rejected['reason']>().toEqualTypeOf<PalmError>();
  });

  it('gives a list where more answers than one are asked for', () => {
    expectTypeOf(() => words().eval('server.f', 'word')).returns.resolves.toEqualTypeOf<string>();
    expectTypeOf(() => words().eval('server.f', 'word', { messages: 3 })).returns.resolves.toEqualTypeOf<
      string[]
    >();
  });
});
