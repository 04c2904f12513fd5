/** A relay tells every Master of the workers whose client is gone. */
import { expect, it } from 'vitest';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../../src/protocol/envelope.ts';
import { readWorkRequest } from '../../../../../src/protocol/work-request.ts';
import { WorkerWatch } from '../../../../../transports/relay/session/requests.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';

it('tells each server of its own, also where a client uses one id for several', () => {
  const codec = new EnvelopeCodec();
  const told: string[] = [];
  const upstream = (name: string) =>
    ({
      name,
      requestWork: (frame: Bytes) => {
        const { worker, isAway } = readWorkRequest(codec.decode(frame));
        told.push(`${name} ${worker} ${isAway}`);
        return { reply: new Promise<Bytes>(() => {}), cancel: () => {} };
      },
    }) as unknown as Upstream;
  const [first, second] = [upstream('first'), upstream('second')];
  const watch = new WorkerWatch();
  for (const server of [first, second]) watch.saw(server, { worker: 'w', name: 'n', leaves: false });
  watch.away();
  expect(told.sort()).toEqual(['first w true', 'second w true']);
  watch.saw(first, { worker: 'w', name: 'n', leaves: true });
  told.length = 0;
  watch.leave();
  expect(told).toEqual(['second w true']);
  expect(watch.bytes).toBe(0);
});
