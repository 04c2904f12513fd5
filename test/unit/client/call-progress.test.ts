/** Progress of a call, as its caller hears it: under a topic of its own, for as long as the call lasts, and nothing is left of it then. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallSpec } from '../../../src/client/call.ts';
import { type CallProgress, withProgress } from '../../../src/client/call-progress.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { palmMessage, Status } from '../../../src/protocol/message.ts';
import { encodeMetadata } from '../../../src/protocol/metadata.ts';
import { encodeProgress, progressName } from '../../../src/protocol/progress.ts';
import { bytes } from '../../support/bytes.ts';
import { FakeServer } from '../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const SPEC: CallSpec = { function: 'one.f two.g', cache: '', pipeline: 'p', features: 1 };

/** A call that hears of its progress; `end` ends it. */
async function begin(
  kind: 'eval' | 'job' | 'map',
  listener: (progress: CallProgress) => unknown = () => {},
  metadata?: Bytes,
) {
  const { link } = await FakeServer.open();
  const warning = vi.fn();
  const logger = { debug: vi.fn(), info: vi.fn(), warning, error: vi.fn() };
  let spec: CallSpec | undefined;
  let end = (_error?: Error) => {};
  let endResults = () => {};
  const spoken = { ...SPEC, ...(metadata !== undefined && { metadata }) };
  const outcome = withProgress(link, logger, kind, listener, spoken, (own) => {
    spec = own;
    return new Promise((resolve, reject) => {
      const results = {
        onEnd: (ended: () => void) => {
          endResults = ended;
        },
      };
      end = (error) => (error === undefined ? resolve(kind === 'eval' ? 'answer' : results) : reject(error));
    });
  });
  outcome.catch(() => {});
  const [id = ''] = link.mailbox.ids();
  const tell = (done: number, fields: object = {}) =>
    link.mailbox.get(id)?.answer(
      palmMessage({
        status: Status.progress,
        payload: encodeProgress({ done, total: undefined, note: undefined }),
        ...fields,
      }),
      { topic: '', frames: [] },
    );
  return {
    link,
    warning,
    outcome,
    id,
    tell,
    spec,
    end: (error?: Error) => end(error),
    endResults: () => endResults(),
  };
}

describe('progress', () => {
  it('is asked for under the id that the call is to have, before the metadata of the call', async () => {
    const metadata = encodeMetadata({ lang: 'de' });
    for (const more of [undefined, metadata]) {
      const { spec, id, end, link } = await begin('eval', () => {}, more);
      const field = spec?.metadata ?? new Uint8Array();
      expect(id).toBe(`${progressName(field)}~`);
      expect([...field.subarray(field.length - (more?.length ?? 0))]).toEqual([...(more ?? [])]);
      expect(spec).toEqual({ ...SPEC, id: progressName(field), metadata: field });
      // One name for all of the call.
      expect(link.mailbox.ids()).toEqual([id]);
      end();
    }
  });

  it('names the function of its stage, or the whole path, and the input of a map', async () => {
    const heard: CallProgress[] = [];
    const { tell, end } = await begin('map', (progress) => heard.push(progress));
    tell(1, { stage: 0, ordinal: 1 });
    tell(2, { stage: 1, ordinal: 7 });
    tell(3, { stage: 9 });
    const rest = { total: undefined, note: undefined };
    expect(heard).toEqual([
      { done: 1, function: 'one.f', index: 0, ...rest },
      { done: 2, function: 'two.g', index: 6, ...rest },
      { done: 3, function: 'one.f two.g', index: undefined, ...rest },
    ]);
    end();
  });

  it('is not what has another status, or says nothing', async () => {
    const heard: unknown[] = [];
    const { tell, end } = await begin('eval', (progress) => heard.push(progress));
    tell(1, { status: 0 });
    tell(1, { status: Status.failed });
    tell(1, { payload: bytes('{}') });
    expect(heard).toEqual([]);
    end();
  });

  it.each(['eval', 'job', 'map'] as const)('of a %s that fails leaves nothing', async (kind) => {
    const { outcome, end, link } = await begin(kind);
    const error = new PalmError('TIMEOUT', 'late');
    end(error);
    await expect(outcome).rejects.toBe(error);
    expect(link.mailbox.ids()).toEqual([]);
  });

  it('of an eval ends with its answer', async () => {
    const heard: unknown[] = [];
    const { outcome, end, link, tell } = await begin('eval', (progress) => heard.push(progress));
    end();
    expect(await outcome).toBe('answer');
    expect(link.mailbox.ids()).toEqual([]);
    tell(1);
    expect([heard, link.mailbox.unclaimed]).toEqual([[], 1]);
  });

  it.each(['job', 'map'] as const)('of a %s goes on until its results end', async (kind) => {
    const heard: number[] = [];
    const { outcome, end, endResults, link, tell } = await begin(kind, ({ done }) => heard.push(done));
    end();
    await outcome;
    tell(1);
    expect(link.mailbox.ids()).toHaveLength(1);
    endResults();
    expect([heard, link.mailbox.ids()]).toEqual([[1], []]);
  });

  it('goes on after a break of the link, as inputs are sent again, but not after the end', async () => {
    const heard: number[] = [];
    const { outcome, end, endResults, link, tell, id } = await begin('map', ({ done }) => heard.push(done));
    const inbox = link.mailbox.get(id);
    const broken = new PalmError('DISCONNECTED', 'gone');
    expect(link.mailbox.fail([id], broken)).toBe(1);
    tell(1);
    end();
    await outcome;
    endResults();
    inbox?.fail(broken);
    expect([heard, link.mailbox.ids()]).toEqual([[1], []]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('is told no more to a listener that %s, which is logged once', async (_what, fails) => {
    const listener = vi.fn(fails);
    const { tell, warning, end } = await begin('map', listener);
    // A rejection is seen later.
    tell(1, { stage: 1 });
    tell(2, { stage: 1 });
    await vi.advanceTimersByTimeAsync(0);
    tell(3, { stage: 1 });
    expect(warning.mock.calls).toEqual([
      ['onProgress threw, and hears no more', { function: 'two.g', reason: 'no' }],
    ]);
    expect(listener.mock.calls.length).toBeLessThanOrEqual(2);
    end();
  });
});
