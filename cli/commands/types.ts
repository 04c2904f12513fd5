import { FUNCTIONS_KEY } from '../../src/functions/contract/description.ts';
import { openApiOf } from '../../src/functions/contract/openapi.ts';
import { readDescriptions } from '../../src/functions/contract/read-descriptions.ts';
import { replyText } from '../../src/protocol/cache-request.ts';
import { messageOf, PalmError } from '../../src/protocol/errors.ts';
import type { CommandContext, CommandDetails } from '../command.ts';
import { noAddress, noName, ServerKeys, serverFrom } from '../connect.ts';
import { COMMON_OPTIONS, NATS_OPTIONS } from '../options.ts';
import { nameText } from '../terminal/text.ts';
import { declarationOf } from '../types/declaration.ts';
import { WaitNotices } from '../wait-notices.ts';

/** Milliseconds to wait for the server, unless --timeout says otherwise. */
const TIMEOUT = 5_000;

/** `frond types`. */
export const typesCommand: CommandDetails = {
  synopsis: ['[ADDRESS]'],
  about: [
    'Asks the server with the db_address ADDRESS what its functions take and give, and writes that as TypeScript: a constant, named as the server, whose type is for remote(…) of frond/functions. Functions of bytes have no types and are left out.',
    'A pylm server says nothing about its functions.',
  ],
  examples: [
    { line: 'frond types tcp://127.0.0.1:5555 > images.d.ts', does: 'write the types' },
    { line: 'frond types tcp://127.0.0.1:5555 --openapi > images.json', does: 'write OpenAPI' },
    { line: 'frond types images --relay wss://relay.example', does: 'ask a server behind a relay' },
  ],
  options: [
    'db',
    'relay',
    'token',
    'server-key',
    'native',
    ...NATS_OPTIONS,
    'openapi',
    'timeout',
    ...COMMON_OPTIONS,
  ],
  own: {
    timeout: {
      kind: 'time',
      value: 'MS',
      help: 'milliseconds to wait for the answer; inf for no limit',
      default: '5000',
    },
    openapi: {
      kind: 'flag',
      help: 'print OpenAPI 3.1 for calls through a relay over HTTP, which has the same at /openapi.json',
    },
    json: { kind: 'flag', help: 'print what the server says, as one JSON list' },
  },
  arity: [0, 1],
  run,
};

async function run(context: CommandContext): Promise<number> {
  const { options, output, positionals, signal } = context;
  const { transport, dbAddress, isRelayed } = await serverFrom(context, positionals[0]);
  if (dbAddress === undefined) throw isRelayed ? noName() : noAddress();
  const notices = new WaitNotices(context);
  const keys = await ServerKeys.open(notices.over(transport), dbAddress);
  try {
    const asked = keys.within(options.number('timeout') ?? TIMEOUT, signal, ask(keys));
    const { name, functions } = await notices.for(dbAddress, asked);
    if (options.flag('openapi')) await output.json(openApiOf(name, [{ server: name, functions }]));
    else if (options.flag('json')) await output.json(functions);
    else await output.line(declarationOf(name, functions));
    return 0;
  } finally {
    await keys.close();
  }
}

async function ask(keys: ServerKeys) {
  const own = await keys.read('name');
  const name = replyText(own);
  // Not asked of a pylm server, which logs an error for every missing key.
  const text = own.features === undefined ? '' : replyText(await keys.read(FUNCTIONS_KEY));
  if (text === '') {
    const why = `server ${nameText(name)} does not say what its functions take and give`;
    throw new PalmError('WRONG_SERVER', `${why}: it is pylm's, or of an older frond`);
  }
  try {
    return { name, functions: readDescriptions(text) };
  } catch (cause) {
    throw new PalmError(
      'PROTOCOL',
      `what server ${nameText(name)} says of its functions cannot be read: ${messageOf(cause)}`,
      { cause },
    );
  }
}
