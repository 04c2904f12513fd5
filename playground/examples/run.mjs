/** Runs an example, cluster and client in one process: `node playground/examples/run.mjs NAME [zmtp|zeromq|memory]`. */
import { startRole } from 'frond/cluster';
import { memory } from 'frond/memory';
import { zeromq } from 'frond/zeromq';
import { zmtp } from 'frond/zmtp';
import { elsewhere } from './elsewhere.mjs';
import { examples } from './list.mjs';

const transports = {
  zmtp: () => elsewhere(zmtp(), 'tcp://127.0.0.1:*'),
  zeromq: () => elsewhere(zeromq(), 'tcp://127.0.0.1:*'),
  memory: () => elsewhere(memory(), 'memory://*'),
};

const [name, on = 'zmtp', ...rest] = process.argv.slice(2);
if (name === undefined) {
  console.log(usage());
} else if (Object.hasOwn(examples, name) && Object.hasOwn(transports, on) && rest.length === 0) {
  await run(name, transports[on]());
} else {
  console.error(usage());
  process.exitCode = 2;
}

async function run(name, transport) {
  const { default: definitions } = await import(`./${name}/cluster.mjs`);
  const { default: client } = await import(`./${name}/client.mjs`);
  const roles = [];
  try {
    for (const definition of [definitions].flat()) {
      // What an example has to say is not to drown in what servers say of themselves.
      roles.push(await startRole({ loggingLevel: 'warning', ...definition }, transport));
    }
    for (const role of roles) await role.ready?.();
    await client(transport);
  } finally {
    for (const role of roles.reverse()) await role.close();
  }
}

function usage() {
  const lines = Object.entries(examples).map(([name, shows]) => `  ${name.padEnd(16)} ${shows}`);
  return ['node playground/examples/run.mjs NAME [zmtp|zeromq|memory]', '', ...lines].join('\n');
}
