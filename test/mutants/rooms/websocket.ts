import type { Mutant } from '../mutant.ts';

const SESSION = 'test/unit/transports/websocket/relay-session.test.ts';

export const WEBSOCKET: readonly Mutant[] = [
  {
    name: 'websocket-resumed-session-given-up-after-the-window',
    file: 'transports/websocket/relay-session.ts',
    find: '    this.#stopResume();\n    this.#connectedAt = performance.now();',
    replace: '    this.#connectedAt = performance.now();',
    suites: [SESSION],
  },
  {
    name: 'websocket-wake-listener-left-after-close',
    file: 'transports/websocket/relay-session.ts',
    find: '    this.#stopWake();\n',
    replace: '',
    suites: [SESSION],
  },
  {
    name: 'websocket-retry-left-after-close',
    file: 'transports/websocket/relay-session.ts',
    find: '    this.#stopRetry?.();\n    this.#stopAsking();',
    replace: '    this.#stopAsking();',
    suites: [SESSION],
  },
  {
    name: 'websocket-resume-timer-left-after-close',
    file: 'transports/websocket/relay-session.ts',
    find: '    this.#stopResume();\n    this.#stopWatch();\n    this.#socket?.drop(CloseCode.normal',
    replace: '    this.#stopWatch();\n    this.#socket?.drop(CloseCode.normal',
    suites: [SESSION],
  },
  {
    name: 'websocket-session-never-given-up',
    file: 'transports/websocket/relay-session.ts',
    find: 'this.#lose(`the connection to the relay is lost:',
    replace: 'void (`the connection to the relay is lost:',
    suites: [SESSION],
  },
  {
    name: 'websocket-refused-token-tried-again-and-again',
    file: 'transports/websocket/relay-session.ts',
    find: '      this.#wasRefused = true;\n',
    replace: '',
    suites: [SESSION],
  },
  {
    name: 'websocket-ping-is-not-answered',
    file: 'transports/websocket/relay-session.ts',
    find: 'if (type === Type.ping) session.log.tell([Type.pong]);\n      else if',
    replace: 'if',
    suites: [SESSION],
  },
  {
    name: 'websocket-one-reader-that-caught-up-releases-for-all',
    file: 'transports/websocket/connection.ts',
    find: 'if (this.#slowReaders === 0) this.#session.isHeld = false;',
    replace: 'this.#session.isHeld = false;',
    suites: ['test/unit/transports/websocket/connection.test.ts'],
  },
];
