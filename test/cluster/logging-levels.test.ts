/** What roles and relays log, and from which level on. */
import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import { Master, Server, Worker } from '../../src/cluster/index.ts';
import type { Logger, LoggingLevel } from '../../src/logging.ts';
import { memory } from '../../transports/memory/index.ts';
import { createRelay } from '../../transports/relay/index.ts';
import { within } from '../support/wait.ts';

type Options = { readonly logger: Logger; readonly loggingLevel?: LoggingLevel };

const transport = memory();

/** What starts, and the line that it logs with the level info. */
const STARTS: Readonly<
  Record<string, readonly [line: string, start: (options: Options) => Promise<AsyncDisposable>]>
> = {
  'a Server': ['serving', (options) => Server.start({ transport, name: 'server', ...options })],
  'a Master': ['serving', (options) => Master.start({ transport, name: 'master', ...options })],
  'a Worker': [
    'working',
    async (options) => {
      const master = await Master.start({ transport, name: 'master', loggingLevel: 'silent' });
      const worker = await Worker.start({ transport, dbAddress: master.dbAddress, ...options });
      const close = async () => {
        await worker.close();
        await master.close();
      };
      return { [Symbol.asyncDispose]: close };
    },
  ],
  'a relay': [
    'relaying',
    async (options) => {
      const relay = await createRelay({
        server: createServer(),
        transport,
        servers: {},
        anonymous: { servers: [], functions: [] },
        ...options,
      });
      return { [Symbol.asyncDispose]: () => relay.close() };
    },
  ],
};

it.each(
  Object.entries(STARTS).flatMap(([what, [line, start]]) =>
    ([undefined, 'debug', 'info', 'warning', 'error', 'silent'] as const).map(
      (loggingLevel) => [what, loggingLevel, line, start] as const,
    ),
  ),
)('%s with the level %s', async (_what, loggingLevel, line, start) => {
  const lines: string[] = [];
  const at = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const logger = { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
  const own = await start({ logger, ...(loggingLevel !== undefined && { loggingLevel }) });
  await within(5_000, Promise.resolve(own[Symbol.asyncDispose]()));
  const isToldOf = [undefined, 'debug', 'info'].includes(loggingLevel);
  expect(lines.includes(`info: ${line}`)).toBe(isToldOf);
  if (!isToldOf) expect(lines).toEqual([]);
});
