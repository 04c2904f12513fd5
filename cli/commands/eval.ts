import type { CallProgress } from '../../src/client/call-progress.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { CommandContext, CommandDetails } from '../command.ts';
import { callOptions, readPath, withClient } from '../connect.ts';
import { payloadOf } from '../input.ts';
import { COMMON_OPTIONS, CONNECTION_OPTIONS } from '../options.ts';
import { codecFor, SAID_CODECS } from '../said-codec.ts';
import { writeResult } from '../terminal/output.ts';
import { toldLine } from '../terminal/progress.ts';

/** `frond eval`. */
export const evalCommand: CommandDetails = {
  synopsis: ['FUNCTION[,FUNCTION…] [PAYLOAD]'],
  about: [
    'FUNCTION is server.function. Several, separated by commas, are the stages of a pipeline. The answer then comes from its last server: give the pub_address of that server with --sub.',
    'The payload is PAYLOAD or, without it, the bytes of stdin. The bytes of the answer go to stdout unchanged; a newline follows only on a terminal. With --messages above 1, each answer is a line. If one of them is a failure, the others are still written.',
    SAID_CODECS,
  ],
  examples: [
    { line: "frond eval demo.upper 'hello' --db tcp://127.0.0.1:5555", does: 'send a string' },
    { line: `frond eval shop.price '{"article": "pear"}'`, does: 'call a function with types' },
    { line: 'frond eval images.resize < in.png > out.png', does: 'send a file (FROND_DB is set)' },
    {
      line: "frond eval demo.upper 'hello' --relay wss://relay.example",
      does: 'call through a relay (FROND_TOKEN is set)',
    },
    { line: 'frond eval first.parse,last.count "$text" --sub tcp://10.0.0.7:5557', does: 'call a pipeline' },
    {
      line: 'frond get pub_address --db tcp://10.0.0.7:5555',
      does: 'ask the last server what to give as --sub',
    },
  ],
  options: [
    ...CONNECTION_OPTIONS,
    'messages',
    'priority',
    'cache',
    'raw',
    'error-sentinel',
    ...COMMON_OPTIONS,
  ],
  arity: [1, 2],
  run,
};

async function run(context: CommandContext): Promise<number> {
  const { options, output, screen, signal } = context;
  const [call = '', argument] = context.positionals;
  const { path, server } = readPath(call);
  const messages = options.number('messages') ?? 1;
  const format = options.flag('json') ? 'json' : messages > 1 ? 'lines' : 'exact';
  const write = async (answers: readonly Uint8Array[]) => {
    for (const answer of answers) await writeResult(output, answer, format);
  };
  try {
    // Stdin is read last, so that other mistakes are reported before anybody types a payload.
    const answers = await withClient(context, server, async (client, offers) => {
      const payload = await payloadOf(context, argument, 'payload');
      const caller = client.with(await codecFor(context, path, offers));
      const call = { messages, ...callOptions(options), signal };
      if (!screen.canRedraw) return caller.eval(path, payload, call);
      try {
        const onProgress = (progress: CallProgress) => screen.status(toldLine(progress));
        return await caller.eval(path, payload, { ...call, onProgress });
      } finally {
        screen.status(undefined);
      }
    });
    await write(Array.isArray(answers) ? answers : [answers]);
  } catch (error) {
    // Of several answers, those that did not fail count.
    if (error instanceof PalmError) await write((error.results ?? []) as readonly Uint8Array[]);
    throw error;
  }
  return 0;
}
