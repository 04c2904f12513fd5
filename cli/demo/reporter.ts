import type { Io } from '../io.ts';
import { jsonOf, type Output } from '../terminal/output.ts';
import { duration, grouped, perSecond } from '../terminal/progress.ts';
import { clip, oneLine, type Style, styleFor } from '../terminal/text.ts';
import type { Cluster } from './cluster.ts';
import type { Gateway } from './gateway.ts';

/** What the demo did, one method for each step. `took` is milliseconds. What a method gives must be awaited. */
export interface DemoReporter {
  clusterIsUp(cluster: Cluster, took: number): Written;
  called(path: string, payload: string, answer: string, took: number): Written;
  jobBegins(path: string, text: string): Written;
  result(result: Uint8Array): Written;
  jobEnded(lines: number, words: number, took: number): Written;
  repeated(messages: number, took: number): Written;
  shared(key: string, value: string, took: number): Written;
  ended(summary: Summary): Written;
  next(steps: NextSteps): Written;
  page(gateway: Gateway): Written;
}

export type Written = Promise<void> | undefined;

export interface Summary {
  readonly lines: number;
  /** Messages of every step, and how many of them went through a second. */
  readonly messages: number;
  readonly perSecond: number;
  readonly took: number;
}

/** Results of the job that are shown, unless all are: a title and its sonnet. */
const SHOWN = 15;
const WIDTH = 80;
const LABEL = 9;
const LONGEST_BAR = 12;

/** Tells people, within 80 columns. */
export class PlainReporter implements DemoReporter {
  readonly #output: Output;
  readonly #style: Style;
  readonly #width: number;
  readonly #showsAll: boolean;
  readonly #isEmbedded: boolean;
  #results = 0;

  /**
   * @param showsAll - every result, and not the first few alone.
   * @param isEmbedded - whether ZeroMQ is missing.
   */
  constructor({ stdout, env }: Io, output: Output, showsAll: boolean, isEmbedded: boolean) {
    this.#output = output;
    this.#style = styleFor(stdout, env);
    this.#width = Math.min(output.columns ?? WIDTH, WIDTH);
    this.#showsAll = showsAll;
    this.#isEmbedded = isEmbedded;
  }

  async clusterIsUp({ roles, boundAt }: Cluster, took: number): Promise<void> {
    const { strong, faint } = this.#style;
    const where = this.#isEmbedded ? 'within this process' : 'over TCP on this machine';
    await this.#output.line(strong(`frond demo: a PALM cluster and its clients, ${where}\n`));
    if (this.#isEmbedded) {
      await this.#step('note', 'the package zeromq is not there: no sockets, and no other processes');
      await this.#indented('npm install frond zeromq');
    }
    const functions = roles.find(({ name }) => name === 'demo')?.functions ?? [];
    await this.#step('server', `demo, with ${functions.join(', ')}`, took);
    await this.#indented(boundAt);
    const workers = roles.filter(({ role }) => role === 'worker').map(({ name }) => name);
    await this.#output.line(
      faint(`${' '.repeat(LABEL)}and crew, whose workers are ${workers.join(', ')}; clean → count → tally`),
    );
  }

  async called(path: string, payload: string, answer: string, took: number): Promise<void> {
    await this.#step('eval', `${path} of "${payload}"`, took);
    await this.#indented(answer);
  }

  jobBegins(path: string, text: string): Written {
    return this.#step('job', `${path} of every line of ${text}, as they come`);
  }

  result(result: Uint8Array): Written {
    this.#results++;
    if (this.#results > SHOWN && !this.#showsAll) return undefined;
    const [count = '', ...line] = new TextDecoder().decode(result).split('\t');
    const { accent, faint } = this.#style;
    const bar = '▪'.repeat(Math.min(Math.max(Number(count), 0), LONGEST_BAR)).padEnd(LONGEST_BAR);
    const text = this.#clippedLine(line.join(' '));
    return this.#output.line(
      `${' '.repeat(LABEL)}${accent(clip(count, 4).padStart(4))}  ${faint(bar)}  ${text}`.trimEnd(),
    );
  }

  /** Only a terminal is too narrow for a whole line. */
  #clippedLine(text: string): string {
    if (!this.#output.isTerminal) return oneLine(text);
    return clip(text, Math.max(this.#width - LABEL - LONGEST_BAR - 8, 1));
  }

  async jobEnded(lines: number, words: number, took: number): Promise<void> {
    const { faint } = this.#style;
    const hidden = this.#showsAll ? 0 : lines - SHOWN;
    if (hidden > 0)
      await this.#output.line(faint(`${' '.repeat(LABEL + 3)}… ${grouped(hidden)} more (--all)`));
    await this.#step('', `${grouped(lines)} lines, ${grouped(words)} words`, took);
  }

  async repeated(messages: number, took: number): Promise<void> {
    await this.#step('again', `the same lines over and over: ${grouped(messages)} messages`, took);
    await this.#indented(perSecond(messages, took));
  }

  async shared(key: string, value: string, took: number): Promise<void> {
    await this.#step('set, get', `one client stores "${key}", another reads it`, took);
    await this.#indented(value);
  }

  ended({ lines, messages, perSecond: rate, took }: Summary): Written {
    const facts = [
      `${grouped(lines)} lines`,
      `${grouped(messages)} messages`,
      `${grouped(rate)} messages/s`,
      duration(took),
    ];
    return this.#output.line(`\n${this.#style.strong(facts.join(' · '))}`);
  }

  async next({ start, calls }: NextSteps): Promise<void> {
    const { accent } = this.#style;
    if (start !== undefined) {
      await this.#output.line('\nYour turn. Start one that stays:\n');
      await this.#output.line(`  ${accent(oneLine(start))}`);
    }
    if (calls.length > 0)
      await this.#output.line(`\n${start === undefined ? 'In' : 'and in'} another terminal:\n`);
    for (const line of calls) await this.#output.line(`  ${accent(oneLine(line))}`);
  }

  async page({ link }: Gateway): Promise<void> {
    await this.#output.line('\nAnd in a browser the playground, until Ctrl-C:\n');
    await this.#output.line(`  ${this.#style.accent(link)}`);
  }

  #step(label: string, text: string, took?: number): Written {
    const { strong, faint } = this.#style;
    const time = took === undefined ? '' : duration(took);
    const room = this.#width - LABEL - time.length - 1;
    const body = took === undefined ? clip(text, room) : clip(text, room).padEnd(room + 1);
    return this.#output.line(`${strong(label.padEnd(LABEL))}${body}${faint(time)}`);
  }

  #indented(text: string): Written {
    return this.#output.line(`${' '.repeat(LABEL)}${this.#style.accent(clip(text, this.#width - LABEL))}`);
  }
}

/** Tells machines: one JSON object a line. */
export class JsonReporter implements DemoReporter {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  clusterIsUp({ boundAt, roles }: Cluster, took: number): Written {
    return this.#tell({ cluster: { db: boundAt, roles, ms: rounded(took) } });
  }

  called(path: string, payload: string, answer: string, took: number): Written {
    return this.#tell({ eval: { function: path, payload, answer, ms: rounded(took) } });
  }

  jobBegins(): Written {
    return undefined;
  }

  result(result: Uint8Array): Written {
    return this.#tell(jsonOf(result));
  }

  jobEnded(lines: number, words: number, took: number): Written {
    return this.#tell({ job: { lines, words, ms: rounded(took) } });
  }

  repeated(messages: number, took: number): Written {
    return this.#tell({ again: { messages, ms: rounded(took) } });
  }

  shared(key: string, value: string, took: number): Written {
    return this.#tell({ shared: { key, value, ms: rounded(took) } });
  }

  ended({ lines, messages, perSecond: rate, took }: Summary): Written {
    return this.#tell({
      summary: { lines, messages, messagesPerSecond: Math.round(rate), ms: rounded(took) },
    });
  }

  next({ start, calls }: NextSteps): Written {
    return this.#tell({ next: start === undefined ? calls : [start, ...calls] });
  }

  page({ link, relay, token, servers }: Gateway): Written {
    return this.#tell({ playground: { url: link, relay, token, servers } });
  }

  #tell(facts: object): Written {
    return this.#output.json(facts);
  }
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}

// Lines to try in another terminal.

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
  return { start: `${invocation} demo ${way}`, calls: callLines(invocation, way) };
}

/** Beside a demo that stays. @param dbAddress - undefined when ZeroMQ is missing. */
export function nextSteps(invocation: string, dbAddress: string | undefined, gateway: Gateway): NextSteps {
  if (dbAddress !== undefined) return { start: undefined, calls: callLines(invocation, `--db ${dbAddress}`) };
  const { relay, token } = gateway;
  const place = `export FROND_RELAY=${relay} FROND_TOKEN=${token}`;
  return { start: undefined, calls: [place, ...callLines(invocation, '--db demo')] };
}

function callLines(invocation: string, way: string): readonly string[] {
  return [
    `${invocation} eval demo.reverse 'stressed' ${way}`,
    `ls | ${invocation} job demo.upper ${way}`,
    `${invocation} set motto 'carpe diem' ${way}`,
  ];
}
