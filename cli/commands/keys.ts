import { encodeUtf8 } from '../../src/protocol/bytes.ts';
import { checkWritable, wireKey } from '../../src/protocol/cache-keys.ts';
import type { CommandContext, CommandDetails } from '../command.ts';
import { withClient } from '../connect.ts';
import { CommandError } from '../errors.ts';
import { payloadOf } from '../input.ts';
import { COMMON_OPTIONS, CONNECTION_OPTIONS } from '../options.ts';
import { writeResult } from '../terminal/output.ts';
import { quoted } from '../terminal/text.ts';

/** `frond get`. */
export const getCommand: CommandDetails = {
  synopsis: ['KEY'],
  about: [
    "Prints the bytes that the server's key-value store holds under KEY; a newline follows only on a terminal. The exit code is 1 when there is no such key. A pylm server does not distinguish an empty value from a missing key.",
  ],
  examples: [
    { line: 'frond get motto --db tcp://127.0.0.1:5555', does: 'print a value' },
    { line: 'frond get model > model.bin', does: 'save it in a file (FROND_DB is set)' },
    { line: 'frond get pull_address', does: "read one of the server's own keys" },
  ],
  options: [...CONNECTION_OPTIONS, ...COMMON_OPTIONS],
  arity: [1, 1],
  run: runGet,
};

async function runGet(context: CommandContext): Promise<number> {
  const { options, output, signal } = context;
  const [key = ''] = context.positionals;
  wireKey(key, undefined);
  const value = await withClient(context, undefined, (client) => client.get(key, { signal }));
  if (value === undefined) throw missingKey(key);
  await writeResult(output, value, options.flag('json') ? 'json' : 'exact');
  return 0;
}

/** `frond set`. */
export const setCommand: CommandDetails = {
  synopsis: ['KEY [VALUE]', '--random-key [VALUE]'],
  about: [
    'Stores VALUE or, without it, the bytes of stdin under KEY in the server\'s key-value store. Prints the key on a line; with --json, {"key": …}.',
  ],
  examples: [
    { line: "frond set motto 'festina lente' --db tcp://127.0.0.1:5555", does: 'store a string' },
    { line: 'frond set model < model.bin', does: 'store a file (FROND_DB is set)' },
    { line: 'key=$(frond set --random-key < model.bin)', does: 'store it under a key that nobody else uses' },
  ],
  options: [...CONNECTION_OPTIONS, 'random-key', ...COMMON_OPTIONS],
  arity: [0, 2],
  run: runSet,
};

async function runSet(context: CommandContext): Promise<number> {
  const { options, output, signal } = context;
  const { key, value } = readArguments(context);
  if (key !== undefined) checkWritable(wireKey(key, options.text('session')));
  // Stdin is read last, so that other mistakes are reported before anybody types a value.
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
      throw new CommandError('USAGE', 'frond set needs KEY, or --random-key for a new random key');
    return { key, value };
  }
  const [value, ...rest] = positionals;
  if (rest.length > 0) throw new CommandError('USAGE', 'with --random-key, frond set takes VALUE but no KEY');
  return { key: undefined, value };
}

/** `frond delete`. */
export const deleteCommand: CommandDetails = {
  synopsis: ['KEY'],
  about: [
    'Deletes KEY from the server\'s key-value store and prints nothing; with --json, {"deleted": true} or {"deleted": false}. The exit code is 1 when there is no such key.',
  ],
  examples: [
    { line: 'frond delete motto --db tcp://127.0.0.1:5555', does: 'delete a key' },
    { line: 'frond delete motto --json || true', does: 'ignore a missing key (FROND_DB is set)' },
  ],
  options: [...CONNECTION_OPTIONS, ...COMMON_OPTIONS],
  arity: [1, 1],
  run: runDelete,
};

async function runDelete(context: CommandContext): Promise<number> {
  const { options, output, signal } = context;
  const [key = ''] = context.positionals;
  checkWritable(wireKey(key, options.text('session')));
  const deleted = await withClient(context, undefined, (client) => client.delete(key, { signal }));
  if (options.flag('json')) await output.json({ deleted });
  else if (!deleted) throw missingKey(key);
  return deleted ? 0 : 1;
}

function missingKey(key: string): CommandError {
  return new CommandError('MISSING', `there is no key ${quoted(key)}`);
}
