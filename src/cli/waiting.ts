/** Says what a command waits for, as soon as it has waited long enough for somebody to wonder. */
import type { Connection, Transport } from '../transport.ts';
import type { CommandContext } from './command.ts';
import { oneLine } from './terminal-text.ts';

/** Milliseconds without a connection before it is said, and between two looks. */
const PAUSE = 1_000;

export interface Waiting {
  /** The transport to use: its connections are looked at. */
  readonly transport: Transport;
  /** The server has answered. */
  connected(): void;
  stop(): void;
}

/** Watches the links of a command on their way to `server`. Each new reason is said once, on stderr. */
export function tellWaiting(
  { options, screen }: CommandContext,
  transport: Transport,
  server: string,
): Waiting {
  let connection: Connection | undefined;
  let isConnected = false;
  let told = '';
  const look = () => {
    const trouble = connection?.trouble ?? '';
    if (isConnected && trouble === '') return;
    const text = `waiting for ${server}${trouble}`;
    if (text === told) return;
    told = text;
    screen.line(oneLine(text));
  };
  // With --json stderr has errors alone.
  const timer = options.flag('json') ? undefined : setInterval(look, PAUSE);
  return {
    transport: {
      ...transport,
      open: async () => {
        connection = await transport.open();
        return connection;
      },
    },
    connected() {
      isConnected = true;
    },
    stop: () => clearInterval(timer),
  };
}
