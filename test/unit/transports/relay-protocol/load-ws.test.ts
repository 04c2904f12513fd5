/** The package ws, which users install: that it is there, and new enough for a relay. */
import { describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { checkWs, loadWs } from '../../../../transports/relay-protocol/load-ws.ts';

const tooOld = expect.objectContaining({
  code: 'INVALID_CALL',
  message: 'the relay needs the package ws from 8.21 on, and an older one is installed: npm install ws@8',
});

describe('the package ws', () => {
  it('is what is installed', async () => {
    expect((await loadWs('a test')).WebSocketServer).toBe(WebSocketServer);
  });

  it('is refused where it does not bound fragments, as before 8.21', () => {
    expect(() => checkWs({ maxFragments: 1_024 } as never)).not.toThrow();
    for (const defaults of [undefined, {}]) expect(() => checkWs(defaults)).toThrow(tooOld);
  });

  it('is not looked at on Bun, which has its own', () => {
    const versions = Object.getOwnPropertyDescriptor(process, 'versions') as PropertyDescriptor;
    Object.defineProperty(process, 'versions', { ...versions, value: { ...process.versions, bun: '1.3.0' } });
    try {
      expect(() => checkWs(undefined)).not.toThrow();
    } finally {
      Object.defineProperty(process, 'versions', versions);
    }
  });
});
