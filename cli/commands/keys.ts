import { wireKey } from '../../src/protocol/keys.ts';
import type { Command, CommandContext } from '../command.ts';
import { withClient } from '../connect.ts';
import { missingKey } from '../../src/cli/missing-key.ts';
import { COMMON_OPTIONS, CONNECTION_OPTIONS } from '../options.ts';
import { writeResult } from '../../src/cli/results.ts';

export const getCommand: Command = {
  name: 'get',
  summary: 'print the value of a key',
  synopsis: ['KEY'],
  about: [
    "Prints the value that the server's key-value store has for KEY, byte for byte, without a newline behind it unless stdout is a terminal. Exit code 1 when there is none; a pylm server does not tell an empty value from a missing one.",
  ],
  examples: [
    { line: 'frond get motto --db tcp://127.0.0.1:5555', does: 'a key' },
    { line: 'frond get model > model.bin', does: 'bytes (FROND_DB says where)' },
    { line: 'frond get pull_address', does: "the server's own keys can be read too" },
  ],
  options: [...CONNECTION_OPTIONS, ...COMMON_OPTIONS],
  arity: [1, 1],
  run,
};

async function run(context: CommandContext): Promise<number> {
  const { options, output, signal } = context;
  const [key = ''] = context.positionals;
  wireKey(key, undefined);
  const value = await withClient(context, undefined, (client) => client.get(key, { signal }));
  if (value === undefined) throw missingKey(key);
  await writeResult(output, value, options.flag('json') ? 'json' : 'exact');
  return 0;
}
