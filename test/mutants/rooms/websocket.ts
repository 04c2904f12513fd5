import type { Mutant } from '../mutant.ts';

const SESSION = 'test/unit/transports/websocket/relay-session.test.ts';
/** Both ends of a session, held to a model. */
const ENDS = 'test/unit/transports/relay/session/session.test.ts';
const ADOPTABLE = 'test/unit/transports/websocket/adoptable.test.ts';
/** Relays that adopt a session one after another, held to a model. */
const ADOPTION = 'test/relay/peers/adoption.test.ts';
const LOG = 'test/unit/transports/relay-protocol/reliable-log.test.ts';

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
    find: 'this.#lose(`the session is lost:',
    replace: 'void (`the session is lost:',
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
  {
    name: 'websocket-half-a-frame-is-forgotten-over-a-break',
    file: 'transports/websocket/relay-session.ts',
    find: 'const session: SharedSession = before ?? {',
    replace:
      'const session: SharedSession = (before && { ...before, incoming: new Incoming(readRelayFrame, maxFrame + MESSAGE_ROOM) }) ?? {',
    suites: [SESSION],
  },
  {
    name: 'websocket-lost-session-is-not-told',
    file: 'transports/websocket/relay-session.ts',
    find: 'if (!isResumed && ',
    replace: 'if (!isResumed && maxFrame < 0 && ',
    suites: [ENDS, SESSION],
  },
  {
    name: 'websocket-resumed-session-begins-anew',
    file: 'transports/websocket/relay-session.ts',
    find: '    if (before) return;\n    // In a chunk',
    replace: '    // In a chunk',
    suites: [ENDS, SESSION],
  },
  {
    name: 'log-sends-again-under-other-numbers',
    file: 'transports/relay-protocol/reliable-log.ts',
    find: 'let sequence = received;',
    replace: 'let sequence = 0;',
    suites: [ENDS, LOG],
  },
  {
    name: 'log-does-not-send-again',
    file: 'transports/relay-protocol/reliable-log.ts',
    find: 'for (const message of this.#kept) this.#put(message, ++sequence);',
    replace: 'void sequence;',
    suites: [ENDS],
  },
  {
    name: 'log-takes-a-message-twice',
    file: 'transports/relay-protocol/reliable-log.ts',
    find: 'if (sequence <= this.#received) return false;',
    replace: 'if (sequence <= this.#received) return true;',
    suites: [LOG],
  },
  {
    name: 'log-confirms-what-it-holds',
    file: 'transports/relay-protocol/reliable-log.ts',
    find: '    if (!this.#isHeld) {\n      this.#told',
    replace: '    {\n      this.#told',
    suites: [LOG],
  },
  {
    name: 'log-without-a-socket-leaves-its-timer',
    file: 'transports/relay-protocol/reliable-log.ts',
    find: '    this.#out = undefined;\n    this.#stopTimer?.();',
    replace: '    this.#out = undefined;',
    suites: [ENDS, LOG],
  },
  {
    name: 'pieces-of-one-stream-come-out-of-order',
    file: 'transports/relay-protocol/pieces.ts',
    find: 'return [Type.piece, stream, isLast, frame.subarray(at, end)];',
    replace: 'return [Type.piece, stream, isLast, frame.subarray(at === 0 ? at : at - 1, end)];',
    suites: [ENDS],
  },
  {
    name: 'adoption-forgets-what-was-pushed',
    file: 'transports/websocket/adoptable.ts',
    find: 'for (const frame of frames) this.#kept.set(this.#next++, { frame, flow });',
    replace: 'this.#next += frames.length + Number(flow === undefined) * 0;',
    suites: [ADOPTABLE, ADOPTION],
  },
  {
    name: 'adoption-keeps-what-is-stored',
    file: 'transports/websocket/adoptable.ts',
    find: 'this.#kept.delete(number);',
    replace: 'void number;',
    suites: [ADOPTABLE],
  },
  {
    name: 'adoption-sends-before-the-channel-is-ready',
    file: 'transports/websocket/adoptable.ts',
    find: "return this.isPending ? 'kept' : this.#store(",
    replace: 'return this.#store(',
    suites: [ADOPTABLE, ADOPTION],
  },
  {
    name: 'adoption-passes-over-answers-that-are-still-coming',
    file: 'transports/websocket/adoptable.ts',
    find: 'this.#early.set(count, reached);',
    replace: 'this.#early.set(Math.min(count, this.#next), reached);',
    suites: [ADOPTABLE, ADOPTION],
  },
  {
    name: 'adoption-gives-answers-twice',
    file: 'transports/websocket/adoptable.ts',
    find: 'frames.slice(Math.max(0, known - before))',
    replace: 'frames.slice(Math.max(0, (known - before) * 0))',
    suites: [ADOPTABLE, ADOPTION],
  },
  {
    name: 'adoption-writes-again',
    file: 'transports/websocket/adoptable.ts',
    find: "function.endsWith('.get')",
    replace: "function.includes('.')",
    suites: [ADOPTABLE],
  },
  {
    name: 'adoption-under-other-terms',
    file: 'transports/websocket/adoption.ts',
    find: 'now[name] !== terms[name]',
    replace: "now[name] !== terms[name] && name === 'client'",
    suites: [SESSION],
  },
];
