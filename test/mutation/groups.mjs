/**
 * Groups of source files, the tests that concern each, and the share of mutants in percent that these must kill. The first group that
 * matches a file has it. Only tests beside a group's files are named, because each mutant costs a run of those that reach it; a fault
 * in a constant of a module costs a run of all of them, so groups are small. Groups of one `room` share a target.
 */
export const GROUPS = [
  {
    name: 'patterns',
    room: 'auth',
    files: /^transports\/relay\/(auth\/identity|name-patterns)\.ts/,
    tests: [
      'test/unit/transports/relay/auth/identity.test.ts',
      'test/unit/transports/relay/name-patterns.test.ts',
    ],
    target: 95,
  },
  {
    name: 'guards',
    room: 'auth',
    files: /^transports\/relay\/auth\/.*-guard\.ts/,
    tests: ['test/unit/transports/relay/auth/*-guard.test.ts'],
    target: 95,
  },
  {
    name: 'tokens',
    room: 'auth',
    files: /^transports\/relay\/auth\/(schema|tokens)\.ts/,
    tests: [
      'test/unit/transports/relay/auth/schema.test.ts',
      'test/unit/transports/relay/auth/token*.test.ts',
    ],
    target: 95,
  },
  {
    name: 'auth',
    files: /^transports\/relay\/auth\//,
    tests: ['test/unit/transports/relay/auth/token-file.test.ts', 'test/relay/token-file-changes.test.ts'],
    target: 95,
  },
  {
    name: 'wire',
    room: 'protocol',
    files: /^src\/protocol\/(wire|bytes)\.ts/,
    tests: ['test/unit/protocol/wire.test.ts', 'test/unit/protocol/bytes.test.ts'],
    target: 85,
  },
  {
    name: 'envelope',
    room: 'protocol',
    files: /^src\/protocol\/(envelope|envelope-fields|envelope-head)\.ts/,
    tests: ['test/unit/protocol/envelope.test.ts', 'test/unit/protocol/envelope-head.test.ts'],
    target: 85,
  },
  {
    name: 'plain',
    room: 'protocol',
    files: /^src\/protocol\/envelope-plain\.ts/,
    tests: ['test/unit/protocol/envelope-plain.test.ts'],
    target: 85,
  },
  {
    name: 'protocol',
    files: /^src\/protocol\//,
    tests: ['test/unit/protocol/{[!e]*,errors}.test.ts', 'test/unit/protocol.test.ts'],
    target: 85,
  },
  {
    name: 'places',
    room: 'async',
    files: /^src\/async\/(flow-limit|places|turns)\.ts/,
    tests: ['test/unit/async/{flow-limit,places,turns}.test.ts'],
    target: 85,
  },
  {
    name: 'async',
    files: /^src\/async\//,
    tests: ['test/unit/async/!(flow-limit|places|turns).test.ts'],
    target: 85,
  },
  { name: 'client', files: /^src\/client\//, tests: ['test/unit/client/**'], target: 85 },
  { name: 'cluster', files: /^src\/cluster\//, tests: ['test/unit/cluster/**'], target: 80 },
  { name: 'src', files: /^src\//, tests: ['test/unit/*.test.ts'], target: 80 },
  {
    name: 'websocket',
    files: /^transports\/(relay-protocol|websocket)\//,
    tests: ['test/unit/transports/relay-protocol/**', 'test/unit/transports/websocket/**'],
    target: 80,
  },
  { name: 'relay', files: /^transports\/relay\//, tests: ['test/unit/transports/relay/**'], target: 80 },
  { name: 'zeromq', files: /^transports\/zeromq\//, tests: ['test/unit/transports/zeromq/**'], target: 70 },
  { name: 'zmtp', files: /^transports\/zmtp\//, tests: ['test/unit/transports/zmtp/**'], target: 70 },
  {
    name: 'shared',
    files: /^transports\/shared\//,
    tests: ['test/unit/transports/shared/**'],
    target: 70,
  },
  { name: 'memory', files: /^transports\/memory\//, tests: ['test/conformance/memory.test.ts'], target: 70 },
];
