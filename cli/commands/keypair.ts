import type { CommandContext, CommandDetails } from '../command.ts';
import { COMMON_OPTIONS } from '../options.ts';
import { factLines } from '../terminal/text.ts';

/** `frond keypair`. */
export const keypairCommand: CommandDetails = {
  synopsis: [''],
  about: [
    "Prints a new key pair for CURVE, ZeroMQ's encryption. The secret key stays where it is used: with a server as FROND_SECRET_KEY, with a client or worker as FROND_CLIENT_KEY. Others get the public key: clients give that of their server as --server-key, and a server lists those of its clients with --allow-key.",
  ],
  examples: [
    { line: 'frond keypair', does: 'print a key pair' },
    { line: 'frond keypair --json | jq -r .secretKey > bee.key', does: 'keep the secret key in a file' },
    {
      line: 'FROND_CLIENT_KEY=$(cat bee.key) frond worker functions.mjs',
      does: 'use it (FROND_DB and FROND_SERVER_KEY are set)',
    },
  ],
  options: [...COMMON_OPTIONS],
  own: {
    json: {
      kind: 'flag',
      help: 'print one JSON object: {"publicKey": …, "secretKey": …}; errors on stderr as {"error": …}',
    },
  },
  arity: [0, 0],
  run,
};

async function run({ options, output }: CommandContext): Promise<number> {
  const { curveKeyPair } = await import('../../transports/zmtp/index.ts');
  const { publicKey, secretKey } = curveKeyPair();
  if (options.flag('json')) await output.json({ publicKey, secretKey });
  else {
    const lines = factLines([
      ['public key', publicKey],
      ['secret key', secretKey],
    ]);
    await output.line(lines.join('\n'));
  }
  return 0;
}
