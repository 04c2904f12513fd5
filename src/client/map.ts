/** `client.map` and `client.mapSettled`: what a page loads when it first uses them. */
import type { PayloadCodec } from '../protocol/payload.ts';
import type { CallSpec } from './call.ts';
import type { ClientCore } from './core.ts';
import { openInput } from './stream/input.ts';
import { type MapOptions, settleMapOptions } from './stream/options.ts';
import { MapRun } from './stream/map.ts';

/**
 * @param isSettled - whether a failed input is a result like others.
 * @throws PalmError `INVALID_CALL` naming the option that is not acceptable, or when the server takes no calls.
 */
export function openMap<In, Out>(
  core: ClientCore,
  codec: PayloadCodec<In, Out>,
  spec: CallSpec,
  payloads: Iterable<In> | AsyncIterable<In>,
  options: MapOptions,
  isSettled = false,
): MapRun<In, Out> {
  const { timeout, errorSentinel } = core.settings;
  return new MapRun(core.callPath(), openInput(payloads), {
    ...settleMapOptions(options, payloads, timeout),
    spec,
    codec,
    signal: options.signal,
    signals: core.signals,
    calls: core.calls,
    errorSentinel,
    isSettled,
  });
}
