import type { Mutant } from '../mutant.ts';

const DISPATCHER = 'test/unit/cluster/dispatch/dispatcher.test.ts';
const REGISTRY = 'test/unit/cluster/dispatch/worker-registry.test.ts';
const LEASED_WORKER = 'test/unit/cluster/dispatch/leased-worker.test.ts';
const LEASES = 'test/unit/cluster/dispatch/leases.test.ts';
const WORK_ASSIGNER = 'test/unit/cluster/dispatch/work-assigner.test.ts';
const PUSHED_OFFERS = 'test/unit/cluster/dispatch/pushed-offers.test.ts';
const LEASED_LINK = 'test/unit/cluster/worker-link/leased-link.test.ts';
const WORK_LINK = 'test/unit/cluster/worker-link/work-link.test.ts';
const ENGINE = 'test/unit/cluster/runtime/engine.test.ts';
const CACHE_SERVICE = 'test/unit/cluster/runtime/cache-service.test.ts';
const ROLE_HOST = 'test/unit/cluster/runtime/role-host.test.ts';

export const CLUSTER: readonly Mutant[] = [
  {
    name: 'cluster-given-up-counted-as-redelivered',
    file: 'src/cluster/dispatch/dispatcher.ts',
    find: 'this.#losses.redelivered += held - givenUp.length;',
    replace: 'this.#losses.redelivered += held;',
    suites: [DISPATCHER],
  },
  {
    name: 'cluster-given-up-not-counted',
    file: 'src/cluster/dispatch/dispatcher.ts',
    find: '    this.#losses.givenUp += givenUp.length;\n',
    replace: '',
    suites: [DISPATCHER],
  },
  {
    name: 'cluster-dead-workers-not-counted',
    file: 'src/cluster/dispatch/dispatcher.ts',
    find: '    this.#losses.workers++;\n',
    replace: '',
    suites: [DISPATCHER],
  },
  {
    name: 'cluster-failure-of-a-second-run-swallowed',
    file: 'src/cluster/dispatch/dispatcher.ts',
    find: 'if (this.#leases.isNews(lease) || this.#results.isFailure(frame)) results.push(frame);',
    replace: 'if (this.#leases.isNews(lease)) results.push(frame);',
    suites: [DISPATCHER],
  },
  {
    name: 'cluster-offers-outlive-their-worker',
    file: 'src/cluster/dispatch/dispatcher.ts',
    find: '    this.#offers.went(worker);\n',
    replace: '',
    suites: ['test/cluster/worker-offers.test.ts'],
  },
  {
    name: 'cluster-worker-that-left-may-come-back',
    file: 'src/cluster/dispatch/dispatcher.ts',
    find: 'if (!this.#registry.hasLeft(id)) return;',
    replace: 'return;',
    suites: [DISPATCHER],
  },
  {
    name: 'cluster-one-request-too-many-waits-to-be-gathered',
    file: 'src/cluster/dispatch/dispatcher.ts',
    find: 'worker.ungathered >= WORKER_RESULTS)',
    replace: 'worker.ungathered > WORKER_RESULTS)',
    suites: [DISPATCHER],
  },
  {
    name: 'cluster-gathered-requests-still-count',
    file: 'src/cluster/dispatch/dispatcher.ts',
    find: '      worker.ungathered--;\n',
    replace: '',
    suites: [DISPATCHER],
  },
  {
    name: 'cluster-stranger-speaks-in-a-workers-name',
    file: 'src/cluster/dispatch/leased-worker.ts',
    find: 'return !this.#isLinked || from === undefined || from.link === this.#link;',
    replace: 'return true;',
    suites: [LEASED_WORKER],
  },
  {
    name: 'cluster-only-the-last-request-is-known-again',
    file: 'src/cluster/dispatch/leased-worker.ts',
    find: 'if (this.#recentRequests.size > WORKER_REQUESTS_KNOWN) this.#recentRequests.shift();',
    replace: 'if (this.#recentRequests.size > 1) this.#recentRequests.shift();',
    suites: [LEASED_WORKER],
  },
  {
    name: 'cluster-requests-are-remembered-without-end',
    file: 'src/cluster/dispatch/leased-worker.ts',
    find: 'if (this.#recentRequests.size > WORKER_REQUESTS_KNOWN) this.#recentRequests.shift();',
    replace: '',
    suites: [LEASED_WORKER],
  },
  {
    name: 'cluster-kept-answer-is-not-given-back',
    file: 'src/cluster/dispatch/leased-worker.ts',
    find: '    this.#kept.give(this.#answer?.length ?? 0);\n',
    replace: '',
    suites: [LEASED_WORKER],
  },
  {
    name: 'cluster-forgotten-worker-is-watched-on',
    file: 'src/cluster/dispatch/leased-worker.ts',
    find: `    this.offers = undefined;
    this.#stopWatch();`,
    replace: '    this.offers = undefined;',
    suites: [LEASED_WORKER],
  },
  {
    name: 'cluster-sign-of-life-leaves-its-timer',
    file: 'src/cluster/dispatch/leased-worker.ts',
    find: `    this.#signOfLife?.stop();
    this.#signOfLife = undefined;
    this.moved();`,
    replace: `    this.#signOfLife = undefined;
    this.moved();`,
    suites: [LEASED_WORKER],
  },
  {
    name: 'cluster-each-further-break-postpones-the-death',
    file: 'src/cluster/dispatch/worker-registry.ts',
    find: 'worker.goneSince ??= performance.now();',
    replace: 'worker.goneSince = performance.now();',
    suites: [REGISTRY],
  },
  {
    name: 'cluster-one-worker-too-many-is-remembered',
    file: 'src/cluster/dispatch/worker-registry.ts',
    find: 'if (this.#alive.size > WORKERS) this.#makeRoom(worker);',
    replace: '',
    suites: [REGISTRY],
  },
  {
    name: 'cluster-dead-workers-are-remembered-without-end',
    file: 'src/cluster/dispatch/worker-registry.ts',
    find: 'if (this.#dead.size > DEAD_WORKERS) {',
    replace: 'if (this.#dead.size > 2 * DEAD_WORKERS) {',
    suites: [REGISTRY],
  },
  {
    name: 'cluster-left-workers-are-remembered-without-end',
    file: 'src/cluster/dispatch/worker-registry.ts',
    find: '      this.#left.delete(oldest);\n',
    replace: '',
    suites: [REGISTRY],
  },
  {
    name: 'cluster-registry-looks-on-after-close',
    file: 'src/cluster/dispatch/worker-registry.ts',
    find: '    this.#stopLooking?.();\n',
    replace: '',
    suites: [REGISTRY],
  },
  {
    name: 'cluster-busy-machine-counts-as-silence',
    file: 'src/cluster/dispatch/worker-registry.ts',
    find: 'const excused = late > heartbeat / LOOKS ? late : 0;',
    replace: 'const excused = 0;',
    suites: [REGISTRY],
  },
  {
    name: 'cluster-message-alone-goes-with-others',
    file: 'src/cluster/dispatch/leases.ts',
    find: 'if (message.deaths === this.#maxDeliveries - 1) this.#alone.add(message);',
    replace: 'if (message.deaths === this.#maxDeliveries) this.#alone.add(message);',
    suites: [LEASES],
  },
  {
    name: 'cluster-lease-bytes-are-not-given-back',
    file: 'src/cluster/dispatch/leases.ts',
    find: '    this.#budgets.out.give(costOf(message.frame));\n',
    replace: '',
    suites: [LEASES],
  },
  {
    name: 'cluster-lease-of-another-worker-is-found',
    file: 'src/cluster/dispatch/leases.ts',
    find: 'return lease?.worker === worker ? lease : undefined;',
    replace: 'return lease;',
    suites: [LEASES],
  },
  {
    name: 'cluster-work-behind-a-slow-message-is-kept',
    file: 'src/cluster/worker-link/leased-link.ts',
    find: `        this.#prefetch.isSlow(UNBEGUN_TIME);
        this.#giveBack();`,
    replace: '        this.#prefetch.isSlow(UNBEGUN_TIME);',
    suites: [LEASED_LINK],
  },
  {
    name: 'cluster-returned-work-leaves-the-timer',
    file: 'src/cluster/worker-link/leased-link.ts',
    find: `    this.#stopHoldTimer?.();
    this.#stopHoldTimer = undefined;
    for (const work`,
    replace: `    this.#stopHoldTimer = undefined;
    for (const work`,
    suites: [LEASED_LINK],
  },
  {
    name: 'cluster-confirmed-results-still-count',
    file: 'src/cluster/worker-link/leased-link.ts',
    find: 'for (const item of items) this.#unconfirmed -= item.frame.length;',
    replace: '',
    suites: [LEASED_LINK],
  },
  {
    name: 'cluster-failed-message-of-pylm-skips-stages',
    file: 'src/cluster/runtime/engine.ts',
    find: 'if (message.status !== Status.ok && message.features !== 0) return emit(message);',
    replace: 'if (message.status !== Status.ok) return emit(message);',
    suites: [ENGINE],
  },
  {
    name: 'cluster-failed-message-of-frond-runs-later-stages',
    file: 'src/cluster/runtime/engine.ts',
    find: 'if (message.status !== Status.ok && message.features !== 0) return emit(message);',
    replace: '',
    suites: [ENGINE],
  },
  {
    name: 'cluster-ended-messages-are-not-counted',
    file: 'src/cluster/runtime/engine.ts',
    find: '    this.#settings.meter.tally.ended++;\n',
    replace: '',
    suites: [ENGINE],
  },
  {
    name: 'cluster-call-of-another-server-runs-here',
    file: 'src/cluster/runtime/engine.ts',
    find: '(!isNamed || current.server === name)',
    replace: '(!isNamed || current.server !== undefined)',
    suites: [ENGINE],
  },
  {
    name: 'cluster-set-of-a-configuration-key-is-taken',
    file: 'src/cluster/runtime/cache-service.ts',
    find: '    if (isReservedKey(key)) return reserved(key);\n    // A copy',
    replace: '    // A copy',
    suites: [CACHE_SERVICE],
  },
  {
    name: 'cluster-delete-of-a-configuration-key-is-taken',
    file: 'src/cluster/runtime/cache-service.ts',
    find: '    if (isReservedKey(key)) return reserved(key);\n    return when(this.#store.delete',
    replace: '    return when(this.#store.delete',
    suites: [CACHE_SERVICE],
  },
  {
    name: 'cluster-key-one-longer',
    file: 'src/cluster/runtime/cache-service.ts',
    find: 'if (key.length > LONGEST_KEY) {',
    replace: 'if (key.length > LONGEST_KEY + 1) {',
    suites: [CACHE_SERVICE],
  },
  {
    name: 'cluster-store-requests-count-for-ever',
    file: 'src/cluster/runtime/cache-service.ts',
    find: '        this.#waiting -= frame.length;\n',
    replace: '',
    suites: [CACHE_SERVICE],
  },
  {
    name: 'cluster-refused-requests-are-not-counted',
    file: 'src/cluster/runtime/cache-service.ts',
    find: "      dropped(this.#tally, this.#logger, 'cache request refused', fields);\n",
    replace: '      void fields;\n',
    suites: [CACHE_SERVICE],
  },
  {
    name: 'cluster-publisher-not-flushed-before-the-other-links',
    file: 'src/cluster/runtime/role-host.ts',
    find: '    await this.#published?.close({ timeout: left() });\n',
    replace: '',
    suites: [ROLE_HOST],
  },
  {
    name: 'cluster-failed-start-leaves-the-connection-open',
    file: 'src/cluster/runtime/role-host.ts',
    find: '    await connection.close({ timeout: 0 });\n    throw error;',
    replace: '    throw error;',
    suites: [ROLE_HOST],
  },
  {
    name: 'cluster-link-begins-what-it-has-returned',
    file: 'src/cluster/worker-link/leased-link.ts',
    find: "if (work.state === 'returned') return undefined;",
    replace: '',
    suites: [LEASED_LINK],
  },
  {
    name: 'cluster-link-keeps-unbegun-work-when-it-stops',
    file: 'src/cluster/worker-link/leased-link.ts',
    find: '    this.#giveBack();\n    this.#arrived = [];',
    replace: '    this.#arrived = [];',
    suites: [LEASED_LINK],
  },
  {
    name: 'cluster-link-leaves-without-its-last-results',
    file: 'src/cluster/worker-link/leased-link.ts',
    find: 'await this.#exchange(0, true);',
    replace: 'await this.#exchange(0, true, []);',
    suites: [LEASED_LINK],
  },
  {
    name: 'cluster-link-asks-twice-for-work',
    file: 'src/cluster/worker-link/leased-link.ts',
    find: '      this.#isAsking = true;\n',
    replace: '',
    suites: [LEASED_LINK],
  },
  {
    name: 'cluster-link-shows-no-life',
    file: 'src/cluster/worker-link/leased-link.ts',
    find: 'if (this.#begun > 0 && !this.#isAsking && !this.#isShowingLife) this.#showLife();',
    replace: '',
    suites: [LEASED_LINK],
  },
  {
    name: 'cluster-link-ends-the-lease-of-another',
    file: 'src/cluster/worker-link/leased-link.ts',
    find: 'if (last?.lease === work.lease) last.kind',
    replace: 'if (last !== undefined) last.kind',
    suites: [LEASED_LINK],
  },
  {
    name: 'cluster-link-that-broke-once-never-says-good-bye',
    file: 'src/cluster/worker-link/leased-link.ts',
    find: '        this.#isBroken = false;\n',
    replace: '',
    suites: [LEASED_LINK],
  },
  {
    name: 'cluster-link-numbers-a-request-anew-after-a-break',
    file: 'src/cluster/worker-link/leased-link.ts',
    find: 'const reply = readWorkReply(this.#codec, await ask(frame));',
    replace:
      'const reply = readWorkReply(this.#codec, await ask(this.#isBroken ? encodeWorkRequest(this.#codec, { ...request, sequence: ++this.#sequence }) : frame));',
    suites: [LEASED_LINK],
  },
  {
    name: 'cluster-pushed-link-does-not-count-lost-results',
    file: 'src/cluster/worker-link/work-link.ts',
    find: 'if (count > 0) this.#settings.onLost(count, error);',
    replace: 'void error;',
    suites: [WORK_LINK],
  },
  {
    name: 'cluster-pushed-link-sends-results-again',
    file: 'src/cluster/worker-link/work-link.ts',
    find: '    this.#results = [];\n    this.#told = 0;\n',
    replace: '    this.#told = 0;\n',
    suites: [WORK_LINK],
  },
  {
    name: 'cluster-pushed-link-waits-for-a-master-that-has-moved',
    file: 'src/cluster/worker-link/work-link.ts',
    find: 'this.#settings.pusher.close({ timeout: 0 });',
    replace: 'this.#settings.pusher.close();',
    suites: [WORK_LINK],
  },
  {
    name: 'cluster-pushed-link-tells-pylm-progress',
    file: 'src/cluster/worker-link/work-link.ts',
    find: '    if (!this.takesProgress) return;\n',
    replace: '',
    suites: [WORK_LINK],
  },
  {
    name: 'cluster-pushed-progress-is-a-result',
    file: 'src/cluster/dispatch/work-assigner.ts',
    find: 'else if (!isProgressFrame(result)) results.push(result);',
    replace: 'else if (result.length > 0) results.push(result);',
    suites: [WORK_ASSIGNER],
  },
  {
    name: 'cluster-pushed-offers-without-pullers',
    file: 'src/cluster/dispatch/pushed-offers.ts',
    find: 'const counts = left-- > 0;',
    replace: 'const counts = left-- > Number.NEGATIVE_INFINITY;',
    suites: [PUSHED_OFFERS],
  },
];
