import { text } from 'frond';

const { encode, decode } = text();

let count = 0;

export default [
  {
    role: 'server',
    name: 'my_server',
    dbAddress: 'tcp://127.0.0.1:5555',
    pullAddress: 'tcp://127.0.0.1:5556',
    pubAddress: 'tcp://127.0.0.1:5557',
    functions: {
      foo: (payload) => encode(`you sent me ${decode(payload)}`),
    },
    handleStream(message) {
      const topic = count++ % 2 === 0 ? 'even' : 'odd';
      return { topic, message: { ...message, stage: message.stage + 1 } };
    },
  },
  {
    role: 'pipeline',
    name: 'my_pipeline',
    dbAddress: 'tcp://127.0.0.1:5560',
    subAddress: 'tcp://127.0.0.1:5557',
    pubAddress: 'tcp://127.0.0.1:5561',
    previous: 'even',
    functions: {
      foo: (payload) => encode(`and I pipelined ${decode(payload)}`),
    },
  },
  {
    role: 'pipeline',
    name: 'my_pipeline',
    dbAddress: 'tcp://127.0.0.1:5570',
    subAddress: 'tcp://127.0.0.1:5557',
    pubAddress: 'tcp://127.0.0.1:5571',
    previous: 'odd',
    functions: {
      // It gives nothing: the message ends here.
      foo(payload, { logger }) {
        logger.warning(`Echo: ${decode(payload)}`);
      },
    },
  },
];
