import { checkWritable, wireKey } from '../protocol/keys.ts';
import { encodeUtf8 } from '../protocol/bytes.ts';
import type { Command, CommandContext } from '../../cli/command.ts';
import { withClient } from '../../cli/connect.ts';
import { CommandError } from '../../cli/errors.ts';
import { COMMON_OPTIONS, CONNECTION_OPTIONS } from '../../cli/options.ts';
import { payloadOf } from './payload.ts';
import { writeResult } from './results.ts';

export const setCommand: Command = {
  name: 'set',
  summary: 'store a value under a key, and print the key',
  synopsis: ['KEY [VALUE]', '--random-key [VALUE]'],
  about: [
    'Stores VALUE, or what stdin gives, byte for byte, under KEY in the server\'s key-value store, and prints the key on a line. With --json: {"key": …}.',
  ],
  examples: [
    { line: "frond set motto 'festina lente' --db tcp://127.0.0.1:5555", does: 'a text' },
    { line: 'frond set model < model.bin', does: 'bytes (FROND_DB says where)' },
    { line: 'key=$(frond set --random-key < model.bin)', does: 'a key that nobody else has' },
  ],
  options: [...CONNECTION_OPTIONS, 'random-key', ...COMMON_OPTIONS],
  arity: [0, 2],
  run,
};

async function run(context: CommandContext): Promise<number> {
  const { options, output, signal } = context;
  const { key, value } = readArguments(context);
  if (key !== undefined) checkWritable(wireKey(key, options.text('session')));
  // Stdin is read when all else is known to be well: who pipes or types is told at once what is not.
  const stored = await withClient(context, undefined, async (client) => {
    const bytes = await payloadOf(context, value, 'value');
    return client.set(bytes, key, { signal });
  });
  if (options.flag('json')) await output.json({ key: stored });
  else await writeResult(output, encodeUtf8(stored), 'lines');
  return 0;
}

function readArguments({ options, positionals }: CommandContext) {
  if (!options.flag('random-key')) {
    const [key, value] = positionals;
    if (key === undefined)
      throw new CommandError('USAGE', 'frond set needs KEY, or --random-key to have one made');
    return { key, value };
  }
  const [value, ...rest] = positionals;
  if (rest.length > 0) throw new CommandError('USAGE', 'with --random-key, frond set takes VALUE and no KEY');
  return { key: undefined, value };
}
