/** Calls that have metadata or a priority of their own, that interceptors stand around, or whose caller wants to hear of progress. Others need none of this. */
import { checkInterceptors, type Interceptor, intercepted } from '../interceptor.ts';
import type { Logger } from '../logging.ts';
import { inspectValue, invalidCall } from '../protocol/errors.ts';
import { NO_BYTES } from '../protocol/message.ts';
import { encodeMetadata, joined, type Metadata } from '../protocol/metadata.ts';
import { encodePriority } from '../protocol/priority.ts';
import { guardTap } from '../tap.ts';
import type { CallSpec } from './call.ts';
import type { CallLink } from './call-link.ts';
import type { ProgressListener } from './call-progress.ts';
import type { ClientSettings, ServerProfile } from './connect-options.ts';
import type { OpenSettings } from './core.ts';

/**
 * Guards the tap of a client, encodes its metadata, checks its interceptors, and takes its server from the options with `thisConfig`.
 * @throws PalmError `INVALID_CALL` for what is not acceptable.
 */
export function prepare(settings: ClientSettings): OpenSettings {
  const { tap, metadata, interceptors, logger, thisConfig } = settings;
  return {
    ...settings,
    tap: tap && guardTap(tap, logger),
    metadata: { ...metadata },
    metadataField: metadata && encodeMetadata(metadata),
    interceptors: checkInterceptors(interceptors ?? []),
    profile: thisConfig ? profileOf(settings) : undefined,
  };
}

/** The server of a client that asks it for nothing. */
function profileOf({ serverName, pushAddress, subAddress }: ClientSettings): ServerProfile {
  if (serverName === undefined || pushAddress === undefined || subAddress === undefined)
    throw invalidCall(
      'with thisConfig, give serverName, pushAddress and subAddress: the server is not asked',
    );
  return { serverName, addresses: { pushAddress, subAddress }, isDirect: false, isEndKnown: true };
}

/** What such a call needs of its client. */
export interface CallSurroundings {
  readonly interceptors: readonly Interceptor[];
  readonly settings: { readonly metadata?: Metadata | undefined; readonly logger: Logger };
  callLink(): CallLink;
}

/** What the caller said of the call. */
export interface CallExtras {
  readonly metadata?: Metadata | undefined;
  readonly priority?: number | undefined;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A call as it is run in the end. */
type Run<T> = (spec: CallSpec, input: unknown, signal: AbortSignal | undefined) => T | Promise<T>;

/**
 * Runs a call with its metadata, within the interceptors of its client.
 * @throws PalmError `INVALID_CALL` for metadata or a priority that is not acceptable; what an interceptor throws.
 */
async function elaborate(
  client: CallSurroundings,
  kind: 'eval' | 'job' | 'map',
  spec: CallSpec,
  input: unknown,
  { metadata, priority = 0, onProgress, signal }: CallExtras,
  run: Run<unknown>,
): Promise<unknown> {
  const { interceptors, settings } = client;
  if (metadata !== undefined) encodeMetadata(metadata);
  const priorityField = encodePriority(priority);
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw invalidCall(`onProgress must be a function, not ${inspectValue(onProgress)}`);
  const handler = intercepted(async ({ input, metadata, signal }) => {
    const own = { ...spec, metadata: encodeMetadata(metadata) };
    const runUrgent = (call: CallSpec) =>
      run({ ...call, metadata: joined(priorityField, call.metadata ?? NO_BYTES) }, input, signal);
    if (onProgress === undefined) return runUrgent(own);
    const { withProgress } = await import('./call-progress.ts');
    return withProgress(client.callLink(), settings.logger, kind, onProgress, own, runUrgent);
  }, interceptors);
  const whole = { ...settings.metadata, ...metadata } as Record<string, string>;
  return handler({ kind, path: spec.function, input, metadata: whole, signal });
}

/** Runs an eval so. In a function of its own, because the first load of a page must not have that word in it. */
export function elaborateEval(
  client: CallSurroundings,
  spec: CallSpec,
  input: unknown,
  extras: CallExtras,
  run: Run<unknown>,
): Promise<unknown> {
  return elaborate(client, 'eval', spec, input, extras, run);
}

/** A job or map. */
interface Results<T, P> extends AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly progress: P;
  return(): Promise<IteratorResult<T, undefined>>;
}

/** Opens a job or map as {@link elaborate} runs a call: an interceptor may have put results of its own in the place of the run's. */
export async function elaborateResults<T, P>(
  client: CallSurroundings,
  kind: 'job' | 'map',
  spec: CallSpec,
  payloads: unknown,
  extras: CallExtras,
  open: (spec: CallSpec, input: unknown, signal: AbortSignal | undefined) => Results<T, P>,
): Promise<Results<T, P | undefined>> {
  let run: Results<T, P> | undefined;
  const results = await elaborate(client, kind, spec, payloads, extras, (...call) => {
    run = open(...call);
    return run;
  });
  if (run !== undefined && results === run) return run;
  if (typeof results !== 'object' || results === null || !(Symbol.asyncIterator in results)) {
    await run?.return();
    throw invalidCall(
      `an interceptor must give the results of a ${kind} as an async iterable, not ${inspectValue(results)}`,
    );
  }
  const iterator = (results as AsyncIterable<T, undefined>)[Symbol.asyncIterator]();
  const close = async () => {
    // The interceptor's own iterator may wait for a result, so the run is left first.
    await run?.return();
    await iterator.return?.();
    return { done: true, value: undefined } as const;
  };
  const replaced: Results<T, P | undefined> = {
    get progress() {
      return run?.progress;
    },
    next: () => iterator.next(),
    return: close,
    [Symbol.asyncIterator]: () => replaced,
    [Symbol.asyncDispose]: async () => {
      await close();
    },
  };
  return replaced;
}
