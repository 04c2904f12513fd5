import type { Mutant } from '../mutant.ts';

const PLACES = 'test/unit/async/places.test.ts';
const NUMBERED = 'test/unit/async/numbered.test.ts';
const DECISIONS = 'test/unit/transports/shared/key-decisions.test.ts';

/** Of what several rooms share, and of the command. */
export const SHARED: readonly Mutant[] = [
  {
    name: 'numbered-keeps-empty-pages',
    file: 'src/async/numbered.ts',
    find: '    if (page.count === 0) this.#pages.delete(key);\n',
    replace: '',
    suites: [NUMBERED],
  },
  {
    name: 'numbered-counts-what-it-replaces',
    file: 'src/async/numbered.ts',
    find: `    if (page.items[number % PAGE] === undefined) {
      page.count++;
      this.#size++;
    }`,
    replace: '    page.count++;\n    this.#size++;',
    suites: [NUMBERED],
  },
  {
    name: 'numbered-counts-in-pages-what-it-replaces',
    file: 'src/async/numbered.ts',
    find: `    if (page.items[number % PAGE] === undefined) {
      page.count++;
      this.#size++;
    }`,
    replace: '    if (page.items[number % PAGE] === undefined) this.#size++;\n    page.count++;',
    suites: [NUMBERED],
  },
  {
    name: 'numbered-leaves-its-items-in-their-places',
    file: 'src/async/numbered.ts',
    find: '    page.items[number % PAGE] = undefined;\n',
    replace: '',
    suites: [NUMBERED],
  },
  {
    name: 'numbered-is-a-map',
    file: 'src/async/numbered.ts',
    find: 'export class Numbered<T> {',
    replace:
      'export class Numbered<T> extends Map<number, T> {\n  override [Symbol.iterator](): never {\n    return this.values() as never;\n  }\n}\nexport class Unused<T> {',
    suites: [NUMBERED],
  },
  {
    name: 'places-are-taken-past-those-that-wait',
    file: 'src/async/places.ts',
    find: 'if (this.#waiting.size > 0) return 0;',
    replace: '',
    suites: [PLACES],
  },
  {
    name: 'places-are-fewer-than-none',
    file: 'src/async/places.ts',
    find: 'this.#taken = Math.max(0, this.#taken - count);',
    replace: 'this.#taken -= count;',
    suites: [PLACES],
  },
  {
    name: 'places-let-in-one-at-a-time',
    file: 'src/async/places.ts',
    find: 'if (free < company) return;',
    replace: 'if (free < 1) return;',
    suites: [PLACES],
  },
  {
    name: 'places-are-given-by-halves',
    file: 'src/async/places.ts',
    find: 'if (free < Math.min(next.most, company)) break;',
    replace: 'if (free < 1) break;',
    suites: [PLACES],
  },
  {
    name: 'places-given-to-those-that-waited-do-not-count',
    file: 'src/async/places.ts',
    find: '      this.#taken += taken;\n      next.turn',
    replace: '      next.turn',
    suites: [PLACES],
  },
  {
    name: 'places-are-looked-after-when-nobody-waits',
    file: 'src/async/places.ts',
    find: 'if (this.#waiting.size === 0) this.#rest();',
    replace: '',
    suites: [PLACES, 'test/unit/async/flow-limit.test.ts'],
  },
  {
    name: 'places-dismissed-leave-their-timer',
    file: 'src/async/places.ts',
    find: 'settle(next);\n    this.#rest();',
    replace: 'settle(next);',
    suites: [PLACES],
  },
  {
    name: 'keys-one-decision-too-many-at-once',
    file: 'transports/shared/key-decisions.ts',
    find: 'if (this.#deciding >= MOST_DECISIONS)',
    replace: 'if (this.#deciding > MOST_DECISIONS)',
    suites: [DECISIONS],
  },
  {
    name: 'keys-decisions-are-counted-for-ever',
    file: 'transports/shared/key-decisions.ts',
    find: '    this.#deciding--;\n',
    replace: '',
    suites: [DECISIONS],
  },
  {
    name: 'keys-anything-true-lets-in',
    file: 'transports/shared/key-decisions.ts',
    find: 'refusal = isAllowed === true ? undefined : NOT_ALLOWED;',
    replace: 'refusal = isAllowed ? undefined : NOT_ALLOWED;',
    suites: [DECISIONS],
  },
  {
    name: 'keys-undecided-come-in',
    file: 'transports/shared/key-decisions.ts',
    find: 'let refusal: KeyRefusal | undefined = UNDECIDED;',
    replace: 'let refusal: KeyRefusal | undefined;',
    suites: [DECISIONS],
  },
  {
    name: 'keys-decided-when-the-handshake-is-over',
    file: 'transports/shared/key-decisions.ts',
    find: 'Math.min(DECISION_TIMEOUT, handshakeTimeout / 2)',
    replace: 'Math.min(DECISION_TIMEOUT, handshakeTimeout * 50)',
    suites: [DECISIONS],
  },
  {
    name: 'keys-function-that-throws-allows',
    file: 'transports/shared/key-decisions.ts',
    find: 'decided().catch(() => {}),',
    replace: `decided().catch(() => {
        refusal = undefined;
      }),`,
    suites: [DECISIONS],
  },
  {
    name: 'cli-always-native',
    file: 'cli/cluster-transport.ts',
    find: "if (!options.flag('native')) return overZeromq(zmtp(keys));\n",
    replace: "options.flag('native');\n  void zmtp;\n",
    suites: ['test/cli/native.test.ts'],
  },
  {
    name: 'cli-forgets-the-keys',
    file: 'cli/cluster-transport.ts',
    find: 'return overZeromq(zmtp(keys));',
    replace: 'return overZeromq(zmtp());',
    suites: ['test/unit/cli/cluster-transport.test.ts'],
  },
  {
    name: 'cli-forgets-the-keys-with-native',
    file: 'cli/cluster-transport.ts',
    find: 'opening(zeromq(keys), ',
    replace: 'opening(zeromq(), ',
    suites: ['test/unit/cli/cluster-transport.test.ts'],
  },
  {
    name: 'cli-missing-package-is-not-told-as-usage',
    file: 'cli/cluster-transport.ts',
    find: "throw new CommandError('USAGE', text, hint, error);",
    replace: 'throw error;',
    suites: ['test/unit/cli/cluster-transport.test.ts'],
  },
  {
    name: 'memory-keeps-deliveries-after-its-end',
    file: 'transports/memory/bound.ts',
    find: '    await super.close();\n    this.#held.clear();\n',
    replace: '    await super.close();\n',
    suites: ['test/unit/transports/memory/bound.test.ts'],
  },
  {
    name: 'nats-what-is-owed-is-not-heard-of',
    file: 'transports/nats/reclaim.ts',
    find: '    else if (word === OWED) this.#isOwed = true;\n',
    replace: '',
    suites: ['test/unit/transports/nats/reclaim.test.ts'],
  },
  {
    name: 'nats-what-is-owed-is-forgotten-by-a-look',
    file: 'transports/nats/reclaim.ts',
    find: 'giveAgain(session, queue, held)));\n',
    replace: 'giveAgain(session, queue, held)));\n        this.#isOwed = false;\n',
    suites: ['test/unit/transports/nats/reclaim.test.ts'],
  },
  {
    name: 'nats-what-is-owed-is-forgotten-by-a-failed-look',
    file: 'transports/nats/reclaim.ts',
    find: 'asked again.\n        this.#isOwed = true;\n',
    replace: 'asked again.\n',
    suites: ['test/unit/transports/nats/reclaim.test.ts'],
  },
  {
    name: 'nats-what-is-owed-is-looked-for-for-ever',
    file: 'transports/nats/reclaim.ts',
    find: '      this.#isOwed = false;\n',
    replace: '',
    suites: ['test/unit/transports/nats/reclaim.test.ts'],
  },
  {
    name: 'nats-watched-end-never-removed',
    file: 'transports/nats/watched-ends.ts',
    find: '      ends.delete(end);\n',
    replace: '',
    suites: ['test/unit/transports/nats/watched-ends.test.ts'],
  },
  {
    name: 'nats-subscriber-is-gone-at-once',
    file: 'transports/nats/absences.ts',
    find: `    if (now - absence.since < this.#absence) return;
`,
    replace: '',
    suites: ['test/unit/transports/nats/absences.test.ts'],
  },
  {
    name: 'nats-absence-outlives-its-session',
    file: 'transports/nats/absences.ts',
    find: `    for (const topic of [...this.#absences.keys()]) this.#forget(topic);
`,
    replace: '',
    suites: ['test/unit/transports/nats/absences.test.ts'],
  },
  {
    name: 'nats-look-for-subscribers-outlives-its-session',
    file: 'transports/nats/absences.ts',
    find: 'if (session === this.#session) this.#found(',
    replace: 'this.#found(',
    suites: ['test/unit/transports/nats/absences.test.ts'],
  },
  {
    name: 'nats-absence-is-never-forgotten',
    file: 'transports/nats/absences.ts',
    find: `      else if (now - absence.wanted >= this.#absence) this.#forget(topic);
`,
    replace: '',
    suites: ['test/unit/transports/nats/absences.test.ts'],
  },
  {
    name: 'nats-hears-of-subscribers-after-the-end',
    file: 'transports/nats/absences.ts',
    find: `    this.#stopHearing();
`,
    replace: '',
    suites: ['test/unit/transports/nats/absences.test.ts'],
  },
  {
    name: 'nats-looks-for-subscribers-after-the-end',
    file: 'transports/nats/absences.ts',
    find: `    this.#stopTimer();
`,
    replace: '',
    suites: ['test/unit/transports/nats/absences.test.ts'],
  },
  {
    name: 'nats-subscriber-that-comes-is-not-heard',
    file: 'transports/nats/absences.ts',
    find: 'if (isTakenBy(topic, subscription)) this.#forget(topic);',
    replace: ';',
    suites: ['test/unit/transports/nats/absences.test.ts'],
  },
  {
    name: 'nats-subscriber-that-is-back-stays-gone',
    file: 'transports/nats/absences.ts',
    find: 'if (absence?.isTold) harmless',
    replace: 'if (absence === undefined) harmless',
    suites: ['test/unit/transports/nats/absences.test.ts'],
  },
  {
    name: 'nats-looks-for-any-number-of-subscribers',
    file: 'transports/nats/absences.ts',
    find: `      if (wanted.size === NATS_LOOKED_FOR) break;
`,
    replace: '',
    suites: ['test/unit/transports/nats/absences.test.ts'],
  },
  {
    name: 'nats-any-number-of-calls-goes-past',
    file: 'transports/nats/prompt-calls.ts',
    find: `      if (countOf(calls) >= NATS_PROMPT) return false;
`,
    replace: '',
    suites: ['test/unit/transports/nats/prompt-calls.test.ts'],
  },
  {
    name: 'nats-answered-calls-still-count',
    file: 'transports/nats/prompt-calls.ts',
    find: `    call.left -= count;
`,
    replace: `    call.left -= 0 * count;
`,
    suites: ['test/unit/transports/nats/prompt-calls.test.ts'],
  },
  {
    name: 'nats-unanswered-calls-count-for-ever',
    file: 'transports/nats/prompt-calls.ts',
    find: 'if (now - at >= FORGOTTEN) calls.delete(key);',
    replace: 'if (now - at < 0) calls.delete(key);',
    suites: ['test/unit/transports/nats/prompt-calls.test.ts'],
  },
  {
    name: 'nats-clients-with-prompt-calls-pile-up',
    file: 'transports/nats/prompt-calls.ts',
    find: '    keepNewest(this.#clients, MOST_CLIENTS);\n',
    replace: '',
    suites: ['test/unit/transports/nats/prompt-calls.test.ts'],
  },
  {
    name: 'nats-calls-leave-their-lane',
    file: 'transports/nats/call-lanes.ts',
    find: 'client.calls.get(topic) ?? (isBusy ? client.lane : undefined)',
    replace: 'isBusy ? client.lane : undefined',
    suites: ['test/unit/transports/nats/call-lanes.test.ts'],
  },
  {
    name: 'nats-a-busy-client-fills-all-lanes',
    file: 'transports/nats/call-lanes.ts',
    find: 'client.left > 0 && now - client.at < KEPT',
    replace: 'client.left < 0 && now - client.at < KEPT',
    suites: ['test/unit/transports/nats/call-lanes.test.ts'],
  },
  {
    name: 'nats-a-client-keeps-its-lane-for-ever',
    file: 'transports/nats/call-lanes.ts',
    find: 'client.left > 0 && now - client.at < KEPT',
    replace: 'client.left > 0',
    suites: ['test/unit/transports/nats/call-lanes.test.ts'],
  },
  {
    name: 'nats-answers-do-not-count-in-lanes',
    file: 'transports/nats/call-lanes.ts',
    find: 'client.left = Math.max(0, client.left - count);',
    replace: 'client.left = Math.max(0, client.left);',
    suites: ['test/unit/transports/nats/call-lanes.test.ts'],
  },
  {
    name: 'nats-what-was-sent-does-not-count-in-lanes',
    file: 'transports/nats/call-lanes.ts',
    find: 'waiting[lane] = (waiting[lane] ?? 0) + 1;',
    replace: 'waiting[lane] ??= 0;',
    suites: ['test/unit/transports/nats/call-lanes.test.ts'],
  },
  {
    name: 'nats-lanes-are-asked-for-each-call',
    file: 'transports/nats/call-lanes.ts',
    find: 'if (load !== undefined && now - load.at < KNOWN) return false;',
    replace: 'if (load !== undefined && now - load.at < 0) return false;',
    suites: ['test/unit/transports/nats/call-lanes.test.ts'],
  },
  {
    name: 'nats-all-are-forgotten-for-a-new-one',
    file: 'transports/nats/keep-newest.ts',
    find: '    if (known.size <= most) return;\n  }',
    replace: '  }',
    suites: ['test/unit/transports/nats/call-lanes.test.ts', 'test/unit/transports/nats/seen-ids.test.ts'],
  },
  {
    name: 'nats-clients-in-lanes-pile-up',
    file: 'transports/nats/call-lanes.ts',
    find: '    keepNewest(this.#clients, MOST_CLIENTS);\n',
    replace: '',
    suites: ['test/unit/transports/nats/call-lanes.test.ts'],
  },
  {
    name: 'nats-calls-in-lanes-pile-up',
    file: 'transports/nats/call-lanes.ts',
    find: '    keepNewest(client.calls, MOST_CALLS);\n',
    replace: '',
    suites: ['test/unit/transports/nats/call-lanes.test.ts'],
  },
  {
    name: 'nats-flush-outlives-its-connection',
    file: 'transports/nats/session.ts',
    find: 'await Promise.race([this.#connection.flush().catch(() => {}), this.ended]);',
    replace: 'await this.#connection.flush().catch(() => {});',
    suites: ['test/unit/transports/nats/session.test.ts'],
  },
  {
    name: 'nats-leader-is-waited-for-for-ever',
    file: 'transports/nats/link.ts',
    find: '|| performance.now() > end) throw',
    replace: '|| performance.now() < 0) throw',
    suites: ['test/unit/transports/nats/link.test.ts'],
  },
  {
    name: 'nats-any-failure-is-waited-for',
    file: 'transports/nats/link.ts',
    find: 'if (!(error instanceof NoLeader) || ',
    replace: 'if (',
    suites: ['test/unit/transports/nats/link.test.ts'],
  },
  {
    name: 'nats-waits-for-a-leader-after-the-end',
    file: 'transports/nats/link.ts',
    find: '    this.#closed.resolve();\n',
    replace: '',
    suites: ['test/unit/transports/nats/link.test.ts'],
  },
  {
    name: 'nats-connects-after-the-end',
    file: 'transports/nats/link.ts',
    find: '    this.#first ??= deferred();\n    this.#first.promise.catch(() => {});\n    this.#first.reject(',
    replace: '    this.#first?.reject(',
    suites: ['test/unit/transports/nats/link.test.ts'],
  },
];
