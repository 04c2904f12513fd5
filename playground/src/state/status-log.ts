import { signal } from '@preact/signals';
import type { Client, ConnectionStatus, Logger } from 'frond';

export type LogTone = 'good' | 'bad' | 'busy' | 'plain';

export interface LogLine {
  readonly number: number;
  readonly at: Date;
  /** Which client, or who else says it. */
  readonly who: string;
  readonly tone: LogTone;
  readonly text: string;
}

const KEPT = 200;

/** What happened to the connections, in words. */
export class StatusLog {
  readonly lines = signal<readonly LogLine[]>([]);
  #number = 0;

  add(who: string, text: string, tone: LogTone = 'plain'): void {
    const line = { number: this.#number++, at: new Date(), who, tone, text };
    this.lines.value = [...this.lines.peek().slice(1 - KEPT), line];
  }

  /** Tells what happens to a client until it is closed. */
  async follow(who: string, client: Client<never, unknown> | Client): Promise<void> {
    for await (const status of client.status()) this.add(who, inWords(status), TONES[status.type]);
  }

  /** Takes what clients and roles log. */
  logger(who: string): Logger {
    const log = (tone: LogTone) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
      const reason = fields?.['reason'];
      this.add(who, reason === undefined ? message : `${message}: ${String(reason)}`, tone);
    };
    return { debug: log('plain'), info: log('plain'), warning: log('busy'), error: log('bad') };
  }

  clear(): void {
    this.lines.value = [];
  }
}

const TONES: Readonly<Record<ConnectionStatus['type'], LogTone>> = {
  connecting: 'plain',
  connected: 'good',
  disconnected: 'bad',
  reconnecting: 'busy',
  refused: 'bad',
  slow: 'busy',
  lost: 'bad',
  closed: 'plain',
};

function inWords(status: ConnectionStatus): string {
  switch (status.type) {
    case 'connecting':
      return `dialling ${status.address}`;
    case 'connected':
      return `connected to ${status.address}`;
    case 'disconnected':
      return `cut from ${status.address}: ${status.reason}`;
    case 'reconnecting':
      return `trying ${status.address} again in ${Math.round(status.delay)} ms (attempt ${status.attempt})`;
    case 'refused':
      return `turned ${status.count} away at ${status.address}: ${status.reason}`;
    case 'lost':
      return `${status.count} results for ${status.topic} were dropped: it reads too slowly`;
    case 'slow':
      return `${status.queued} frames wait at ${status.address}`;
    case 'closed':
      return status.error === undefined ? 'closed' : `closed: ${status.error.message}`;
  }
}
