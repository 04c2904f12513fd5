/** Lines to try in another terminal. */
import type { Gateway } from '../../../cli/demo/gateway.ts';

/** pylm's usual port. */
const USUAL_ADDRESS = 'tcp://127.0.0.1:5555';

export interface NextSteps {
  /** Starts a demo that stays; undefined when this one does. */
  readonly start: string | undefined;
  /** Calls to it. */
  readonly calls: readonly string[];
}

/** After a demo that ends. @param isEmbedded - whether ZeroMQ is missing. */
export function stepsAfter(invocation: string, isEmbedded: boolean): NextSteps {
  // How to reach one without ZeroMQ it says itself: its token is another each time.
  if (isEmbedded) return { start: `${invocation} demo`, calls: [] };
  const way = `--db ${USUAL_ADDRESS}`;
  return { start: `${invocation} demo ${way}`, calls: callsOver(invocation, way) };
}

/** Beside a demo that stays. @param dbAddress - undefined when ZeroMQ is missing. */
export function stepsBeside(invocation: string, dbAddress: string | undefined, gateway: Gateway): NextSteps {
  if (dbAddress !== undefined) return { start: undefined, calls: callsOver(invocation, `--db ${dbAddress}`) };
  const { relay, token } = gateway;
  const place = `export FROND_RELAY=${relay} FROND_TOKEN=${token}`;
  return { start: undefined, calls: [place, ...callsOver(invocation, '--db demo')] };
}

function callsOver(invocation: string, way: string): readonly string[] {
  return [
    `${invocation} eval demo.reverse 'stressed' ${way}`,
    `ls | ${invocation} job demo.upper ${way}`,
    `${invocation} set motto 'carpe diem' ${way}`,
  ];
}
