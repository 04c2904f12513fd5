/** A worker in a process of its own that dies, hangs or stalls as it is told: mortal-process.ts DB [OPTIONS of zmtp() as JSON]. Says when it is up. */
import { Worker } from '../../src/cluster/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { textOf } from '../support/bytes.ts';

const [dbAddress = '', options] = process.argv.slice(2);
const say = (what: string) => process.stdout.write(`${what}\n`);

const worker = await Worker.start({
  transport: options === undefined ? zeromq({ heartbeatInterval: 300 }) : zmtp(JSON.parse(options)),
  dbAddress,
  loggingLevel: 'silent',
  timeout: 10_000,
  functions: {
    die: () => {
      process.kill(process.pid, 'SIGKILL');
      return new Promise(() => {});
    },
    /** Lets nothing else have its turn for so many milliseconds. */
    spin: (payload) => {
      say('spins');
      const end = performance.now() + Number(textOf(payload));
      while (performance.now() < end);
      return payload;
    },
    hold: () => {
      say('holds');
      return new Promise(() => {});
    },
    *three(payload) {
      for (let i = 1; i <= 3; i++) {
        if (i === 3 && textOf(payload) === 'die') process.kill(process.pid, 'SIGKILL');
        yield new TextEncoder().encode(`${textOf(payload)} ${i}`);
      }
    },
  },
});
say('working');
process.stdin.resume().once('end', () => worker.close({ timeout: 0 }));
