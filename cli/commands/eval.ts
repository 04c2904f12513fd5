import { PalmError } from '../../src/protocol/errors.ts';
import type { Command, CommandContext } from '../command.ts';
import { readPath, withClient } from '../connect.ts';
import { payloadOf } from '../input.ts';
import { COMMON_OPTIONS, CONNECTION_OPTIONS } from '../options.ts';
import { writeResult } from '../terminal/output.ts';

export const evalCommand: Command = {
  name: 'eval',
  summary: 'call a function with one payload',
  synopsis: ['FUNCTION[,FUNCTION…] [PAYLOAD]'],
  about: [
    'FUNCTION is server.function; several with commas between them are the stages of a pipeline, whose answers come from its last server: --sub says where.',
    'The payload is PAYLOAD, or what stdin gives, byte for byte. The answer goes to stdout byte for byte, without a newline behind it unless stdout is a terminal. With --messages above 1, each answer is a line; those that are good are written also when another fails.',
  ],
  examples: [
    { line: "frond eval demo.upper 'hello' --db tcp://127.0.0.1:5555", does: 'a text' },
    { line: 'frond eval images.resize < in.png > out.png', does: 'bytes (FROND_DB says where)' },
    {
      line: "frond eval demo.upper 'hello' --relay wss://relay.example",
      does: 'through a relay (FROND_TOKEN says who you are)',
    },
    { line: 'frond eval first.parse,last.count "$text" --sub tcp://10.0.0.7:5557', does: 'a pipeline' },
    {
      line: 'frond get pub_address --db tcp://10.0.0.7:5555',
      does: 'what to give as --sub, from the last server',
    },
  ],
  options: [...CONNECTION_OPTIONS, 'messages', 'cache', 'error-sentinel', ...COMMON_OPTIONS],
  arity: [1, 2],
  run,
};

async function run(context: CommandContext): Promise<number> {
  const { options, output, signal } = context;
  const [call = '', argument] = context.positionals;
  const { path, server } = readPath(call);
  const messages = options.number('messages') ?? 1;
  const format = options.flag('json') ? 'json' : messages > 1 ? 'lines' : 'exact';
  const write = async (answers: readonly Uint8Array[]) => {
    for (const answer of answers) await writeResult(output, answer, format);
  };
  try {
    // Stdin is read when all else is known to be well: who pipes or types is told at once what is not.
    const answers = await withClient(context, server, async (client) => {
      const payload = await payloadOf(context, argument, 'payload');
      return client.eval(path, payload, { messages, cache: options.text('cache') ?? '', signal });
    });
    await write(Array.isArray(answers) ? answers : [answers]);
  } catch (error) {
    // The good answers beside one that failed are answers.
    if (error instanceof PalmError) await write((error.results ?? []) as readonly Uint8Array[]);
    throw error;
  }
  return 0;
}
