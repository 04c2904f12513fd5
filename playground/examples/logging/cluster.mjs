import { text } from 'frond';

const { encode, decode } = text();

function logger(name) {
  const at = (level) => (message) => console.error(`${name} ${level} ${message}`);
  return { debug: at('DEBUG'), info: at('INFO'), warning: at('WARNING'), error: at('ERROR') };
}

let gathered = 0;
let calls = 0;

export default [
  {
    role: 'master',
    name: 'server',
    pullAddress: 'tcp://127.0.0.1:5555',
    pubAddress: 'tcp://127.0.0.1:5556',
    workerPullAddress: 'tcp://127.0.0.1:5557',
    workerPushAddress: 'tcp://127.0.0.1:5558',
    dbAddress: 'tcp://127.0.0.1:5559',
    logger: logger('server'),
    loggingLevel: 'warning',
    *scatter(message) {
      for (let i = 0; i < 3; i++) yield message;
    },
    *gather(message, { logger }) {
      gathered++;
      if (gathered % 30 === 0) {
        logger.warning('Changing the payload of a message');
        yield { ...message, payload: encode('final message') };
      } else {
        yield message;
      }
    },
  },
  {
    role: 'worker',
    name: 'worker1',
    dbAddress: 'tcp://127.0.0.1:5559',
    logger: logger('worker1'),
    loggingLevel: 'info',
    functions: {
      async foo(payload, { name, cache, logger }) {
        const cached = (await cache.get('cached')) ?? encode('');
        calls++;
        if (calls % 10 === 0) logger.info(`Processed ${calls} messages`);
        return encode(`${name}${decode(cached)}${decode(payload)}`);
      },
    },
  },
];
