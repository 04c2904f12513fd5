import type { Mutant } from '../mutant.ts';

export const ZEROMQ: readonly Mutant[] = [
  {
    name: 'zeromq-subscription-proved-after-a-break',
    file: 'transports/zeromq/subscription.ts',
    find: '    this.#isProved = false;\n',
    replace: '',
    suites: ['test/zeromq/endings.test.ts'],
  },
  {
    name: 'zeromq-publisher-closes-without-what-waits',
    file: 'transports/zeromq/publish.ts',
    find: '    await atMost(options.timeout ?? 0, this.#emptied());\n',
    replace: '',
    suites: ['test/zeromq/endings.test.ts'],
  },
];
