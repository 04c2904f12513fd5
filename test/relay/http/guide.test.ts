/** The lines of the guide for a shell give what it says. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Server } from '../../../src/cluster/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { blocksOf } from '../../support/docs.ts';
import { startRelay } from '../../support/relay.ts';

const run = promisify(execFile);
const blocks = blocksOf('docs/guide/http.md');
const examples = blocks
  .map((block, index) => [block.text.trim(), blocks[index + 1]] as const)
  .filter(([line]) => /\bcurl\b/.test(line));

describe('the guide about HTTP', () => {
  it('has examples', () => {
    expect(examples.length).toBeGreaterThanOrEqual(5);
  });

  it.each(examples)('%s', async (line, printed) => {
    const transport = memory();
    const any = 'memory://*';
    const addresses = { dbAddress: any, pullAddress: any, pubAddress: any };
    await using demo = await Server.start({
      transport,
      name: 'demo',
      ...addresses,
      loggingLevel: 'silent',
      functions: {
        upper: (payload) => bytes(textOf(payload).toUpperCase()),
        area: (payload) => {
          const { w, h } = JSON.parse(textOf(payload));
          return bytes(JSON.stringify({ area: w * h }));
        },
        *count(payload) {
          for (let i = 1; i <= Number(textOf(payload)); i++) yield bytes(String(i));
        },
      },
    });
    const relay = await startRelay({
      transport,
      servers: { demo: { dbAddress: demo.dbAddress } },
      authenticate: undefined,
      anonymous: { servers: ['demo'], functions: ['demo.*'] },
      http: true,
    });
    try {
      const command = line.replaceAll('7766', String(relay.port)).replaceAll('curl ', 'curl -s ');
      const { stdout } = await run('sh', ['-c', command], { timeout: 15_000 });
      expect(stdout.trim()).toBe(printed?.text.trim());
    } finally {
      await relay.close();
    }
  });
});
