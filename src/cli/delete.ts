import { checkWritable, wireKey } from '../protocol/keys.ts';
import type { Command, CommandContext } from '../../cli/command.ts';
import { withClient } from '../../cli/connect.ts';
import { missingKey } from './missing-key.ts';
import { COMMON_OPTIONS, CONNECTION_OPTIONS } from '../../cli/options.ts';

export const deleteCommand: Command = {
  name: 'delete',
  summary: 'delete a key',
  synopsis: ['KEY'],
  about: [
    'Deletes KEY from the server\'s key-value store and prints nothing; exit code 1 when it was not there. With --json: {"deleted": true} or {"deleted": false}.',
  ],
  examples: [
    { line: 'frond delete motto --db tcp://127.0.0.1:5555', does: 'a key' },
    { line: 'frond delete motto --json || true', does: 'whether it was there or not (FROND_DB says where)' },
  ],
  options: [...CONNECTION_OPTIONS, ...COMMON_OPTIONS],
  arity: [1, 1],
  run,
};

async function run(context: CommandContext): Promise<number> {
  const { options, output, signal } = context;
  const [key = ''] = context.positionals;
  checkWritable(wireKey(key, options.text('session')));
  const deleted = await withClient(context, undefined, (client) => client.delete(key, { signal }));
  if (options.flag('json')) await output.json({ deleted });
  else if (!deleted) throw missingKey(key);
  return deleted ? 0 : 1;
}
