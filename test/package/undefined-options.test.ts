/** Options may be given as `undefined`, also by projects with exactOptionalPropertyTypes, as this one. */
import { expectTypeOf, it } from 'vitest';
import type { Client, EvalOptions, JobOptions, MapOptions } from '../../src/index.ts';
import type { NatsOptions } from '../../transports/nats/index.ts';
import type {
  RelayIdentity,
  RelayLimits,
  RelayOptions,
  UpstreamTarget,
} from '../../transports/relay/options.ts';
import type { WebsocketOptions } from '../../transports/websocket/options.ts';
import type { ZeromqOptions } from '../../transports/zeromq/options.ts';
import type { ZmtpOptions } from '../../transports/zmtp/options.ts';

/** Parts that may be left out, but not given as `undefined`. */
type Strict<T> = {
  [K in keyof T]-?: Record<string, never> extends Pick<T, K>
    ? { [P in K]: undefined } extends Pick<T, K>
      ? never
      : K
    : never;
}[keyof T];

it('are as good as options that are left out', () => {
  expectTypeOf<Strict<EvalOptions>>().toBeNever();
  expectTypeOf<Strict<JobOptions>>().toBeNever();
  expectTypeOf<Strict<MapOptions>>().toBeNever();
  expectTypeOf<Strict<Parameters<typeof Client.connect>[0]>>().toBeNever();
  expectTypeOf<Strict<RelayOptions>>().toBeNever();
  expectTypeOf<Strict<RelayLimits>>().toBeNever();
  expectTypeOf<Strict<RelayIdentity>>().toBeNever();
  expectTypeOf<Strict<UpstreamTarget>>().toBeNever();
  expectTypeOf<Strict<WebsocketOptions>>().toBeNever();
  expectTypeOf<Strict<NatsOptions>>().toBeNever();
  expectTypeOf<Strict<ZeromqOptions>>().toBeNever();
  expectTypeOf<Strict<ZmtpOptions>>().toBeNever();
});

it('are noticed where they are not', () => {
  expectTypeOf<Strict<{ readonly a?: string; readonly b?: number | undefined }>>().toEqualTypeOf<'a'>();
});
