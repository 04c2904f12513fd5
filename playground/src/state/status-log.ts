import { signal } from '@preact/signals';
import type { Client, ConnectionStatus, Logger } from 'frond';
import { duration } from './numbers.ts';

export type LogTone = 'good' | 'bad' | 'busy' | 'plain';

/** Who is said to have done what the user did here. */
export const YOU = 'you';

export interface LogLine {
  readonly number: number;
  readonly at: Date;
  /** Which client, or who else says it. */
  readonly who: string;
  readonly tone: LogTone;
  readonly text: string;
  /** What is the same in every repetition of it. */
  readonly kind: string;
  /** Times that it happened, and whether these are the least: of what happens very often, roles tell now and then. */
  readonly count: number;
  readonly isLeast: boolean;
}

const KEPT = 200;

/** Characters of a line: servers may give any reason. */
const LONGEST = 500;

/** Lines that are looked through for an earlier one of the same kind. */
const NEAR = 40;

/** What happened to the connections, in words. What goes on happening is one line, with a count, and moves to the end. */
export class StatusLog {
  readonly lines = signal<readonly LogLine[]>([]);
  #number = 0;

  /**
   * @param kind - what is the same in every repetition; left out, the text is.
   * @param times - how often it happened at least; left out, once more than before.
   */
  add(who: string, text: string, tone: LogTone = 'plain', kind = text, times?: number): void {
    const lines = this.lines.peek();
    const before = this.#earlier(lines, who, tone, kind);
    const line = {
      number: before?.number ?? this.#number++,
      at: new Date(),
      who,
      tone,
      text: text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text,
      kind,
      count: times ?? (before?.count ?? 0) + 1,
      isLeast: times !== undefined,
    };
    this.lines.value = [...lines.filter((one) => one !== before).slice(1 - KEPT), line];
  }

  /** The line that this repeats. What was well, or done by the user, since then began something new. */
  #earlier(lines: readonly LogLine[], who: string, tone: LogTone, kind: string): LogLine | undefined {
    for (const line of lines.slice(-NEAR).reverse()) {
      if (line.who === who && line.tone === tone && line.kind === kind) return line;
      if (line.who === YOU || (line.who === who && line.tone === 'good')) return undefined;
    }
    return undefined;
  }

  /** Tells what happens to a client until it is closed. */
  async follow(who: string, client: Client<never, unknown> | Client): Promise<void> {
    for await (const status of client.status()) {
      const kind = 'address' in status ? `${status.type} ${status.address}` : status.type;
      this.add(who, inWords(status), TONES[status.type], kind);
    }
  }

  /** Takes what clients and roles log. */
  logger(who: string): Logger {
    const log = (tone: LogTone) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
      const reason = fields?.['reason'];
      const times = fields?.['times'];
      const text = reason === undefined ? message : `${message}: ${String(reason)}`;
      this.add(who, text, tone, message, typeof times === 'number' ? times : undefined);
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
      return `trying ${status.address} again in ${duration(status.delay)} (attempt ${status.attempt})`;
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
