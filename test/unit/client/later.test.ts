/** What a client loads when it first needs it. */
import { expect, it, vi } from 'vitest';
import type { CallSpec } from '../../../src/client/call.ts';
import type { CallSurroundings } from '../../../src/client/elaborate.ts';
import { elaborateEval, loadElaborate } from '../../../src/client/later.ts';
import { consoleLogger } from '../../../src/logging.ts';
import { readMetadata } from '../../../src/protocol/metadata.ts';

const SPEC: CallSpec = { function: 's.f', cache: '', pipeline: '', features: 0 };

it('an eval with metadata is run by code that is loaded then', async () => {
  const client = {
    interceptors: [],
    settings: { logger: consoleLogger('test') },
    callLink: vi.fn(),
  } satisfies CallSurroundings;
  const run = vi.fn(async ({ metadata }: CallSpec, input: unknown) => [
    readMetadata(metadata ?? new Uint8Array()),
    input,
  ]);
  const { signal } = new AbortController();
  const ran = await elaborateEval(client, SPEC, 'in', { metadata: { lang: 'de' }, signal }, run);
  expect(ran).toEqual([{ lang: 'de' }, 'in']);
  expect(run.mock.calls).toEqual([[expect.objectContaining({ function: 's.f' }), 'in', signal]]);
});

it('what opens a client with a tap, metadata or interceptors is loaded then', async () => {
  const { prepare } = await loadElaborate();
  expect(() => prepare({ metadata: { 'NOT A NAME': '' } } as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_CALL' }),
  );
});
