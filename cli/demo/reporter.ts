import type { Io } from '../io.ts';
import { jsonOf, type Output } from '../terminal/output.ts';
import { duration, grouped, perSecond } from '../terminal/progress.ts';
import { clip, oneLine, type Style, styleFor } from '../terminal/text.ts';
import type { Cluster } from './cluster.ts';
import type { Gateway } from './gateway.ts';

/** Reports the steps of the demo. Times are in milliseconds. What a method returns must be awaited. */
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

/** Resolves when the output takes more; undefined when it does already. */
export type Written = Promise<void> | undefined;

/** Figures for the end of a tour. */
export interface Summary {
  readonly lines: number;
  /** Messages of all steps, and messages per second of the fastest job. */
  readonly messages: number;
  readonly perSecond: number;
  readonly took: number;
}

/** How many results of the job are shown without --all: a title and its sonnet. */
const SHOWN = 15;
const WIDTH = 80;
const LABEL = 9;
const LONGEST_BAR = 12;

/** Reports as text, within 80 columns. */
export class PlainReporter implements DemoReporter {
  readonly #output: Output;
  readonly #style: Style;
  readonly #width: number;
  readonly #showsAll: boolean;
  #results = 0;

  /** @param showsAll - whether every result is shown, and not only the first {@link SHOWN}. */
  constructor({ stdout, env }: Io, output: Output, showsAll: boolean) {
    this.#output = output;
    this.#style = styleFor(stdout, env);
    this.#width = Math.min(output.columns ?? WIDTH, WIDTH);
    this.#showsAll = showsAll;
  }

  async clusterIsUp({ roles, boundAt, over }: Cluster, took: number): Promise<void> {
    const { strong, faint } = this.#style;
    const title = `frond demo: a PALM cluster and its clients, over ${over} on this machine`;
    await this.#output.line(strong(`${title}\n`));
    const functions = roles.find(({ name }) => name === 'demo')?.functions ?? [];
    await this.#step('server', `demo, with ${functions.join(', ')}`, took);
    await this.#indented(boundAt);
    const workers = roles.filter(({ role }) => role === 'worker').map(({ name }) => name);
    await this.#output.line(
      faint(`${' '.repeat(LABEL)}crew with the workers ${workers.join(', ')}; clean → count → tally`),
    );
  }

  async called(path: string, payload: string, answer: string, took: number): Promise<void> {
    await this.#step('eval', `${path} with "${payload}"`, took);
    await this.#indented(answer);
  }

  jobBegins(path: string, text: string): Written {
    return this.#step('job', `${path} for every line of ${text}`);
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

  /** Lines are cut only for a terminal. */
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
    await this.#step('again', `the same lines repeated: ${grouped(messages)} messages`, took);
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
      await this.#output.line('\nTry it yourself. Start a demo that stays:\n');
      await this.#output.line(`  ${accent(oneLine(start))}`);
    }
    await this.#output.line(`\n${start === undefined ? 'Try it in' : 'Then call it in'} another terminal:\n`);
    for (const line of calls) await this.#output.line(`  ${accent(oneLine(line))}`);
  }

  async page({ link }: Gateway): Promise<void> {
    await this.#output.line('\nOpen the playground in a browser. Ctrl-C ends the demo.\n');
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

/** Reports as JSON, one object on each line. */
export class JsonReporter implements DemoReporter {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  clusterIsUp({ boundAt, roles }: Cluster, took: number): Written {
    return this.#write({ cluster: { db: boundAt, roles, ms: rounded(took) } });
  }

  called(path: string, payload: string, answer: string, took: number): Written {
    return this.#write({ eval: { function: path, payload, answer, ms: rounded(took) } });
  }

  jobBegins(): Written {
    return undefined;
  }

  result(result: Uint8Array): Written {
    return this.#write(jsonOf(result));
  }

  jobEnded(lines: number, words: number, took: number): Written {
    return this.#write({ job: { lines, words, ms: rounded(took) } });
  }

  repeated(messages: number, took: number): Written {
    return this.#write({ again: { messages, ms: rounded(took) } });
  }

  shared(key: string, value: string, took: number): Written {
    return this.#write({ shared: { key, value, ms: rounded(took) } });
  }

  ended({ lines, messages, perSecond: rate, took }: Summary): Written {
    return this.#write({
      summary: { lines, messages, messagesPerSecond: Math.round(rate), ms: rounded(took) },
    });
  }

  next({ start, calls }: NextSteps): Written {
    return this.#write({ next: start === undefined ? calls : [start, ...calls] });
  }

  page({ link, relay, token, servers }: Gateway): Written {
    return this.#write({ playground: { url: link, relay, token, servers } });
  }

  #write(facts: object): Written {
    return this.#output.json(facts);
  }
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}

// Lines to paste into another terminal.

/** pylm's usual port. */
const USUAL_ADDRESS = 'tcp://127.0.0.1:5555';

/** Lines for the user to try. */
export interface NextSteps {
  /** Starts a demo that stays. Undefined when this one stays. */
  readonly start: string | undefined;
  /** Call it. */
  readonly calls: readonly string[];
}

/** For a demo that ends. */
export function stepsAfter(invocation: string, isOnNats: boolean): NextSteps {
  // The demo prints the URL, whose port the system chooses.
  if (isOnNats)
    return {
      start: `${invocation} demo --nats`,
      calls: callLines(invocation, '--db nats:demo --nats URL'),
    };
  const target = `--db ${USUAL_ADDRESS}`;
  return { start: `${invocation} demo ${target}`, calls: callLines(invocation, target) };
}

/** For a demo that stays. */
export function nextSteps(invocation: string, dbAddress: string, nats: string | undefined): NextSteps {
  const target = nats === undefined ? `--db ${dbAddress}` : `--db ${dbAddress} --nats ${nats}`;
  return { start: undefined, calls: callLines(invocation, target) };
}

function callLines(invocation: string, target: string): readonly string[] {
  return [
    `${invocation} eval demo.reverse 'stressed' ${target}`,
    `ls | ${invocation} job demo.upper ${target}`,
    `${invocation} set motto 'carpe diem' ${target}`,
  ];
}
