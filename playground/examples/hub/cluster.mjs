import { text } from 'frond';

const { encode, decode } = text();

export default [
  {
    role: 'server',
    name: 'server',
    dbAddress: 'tcp://127.0.0.1:5555',
    pullAddress: 'tcp://127.0.0.1:5556',
    pubAddress: 'tcp://127.0.0.1:5557',
    pipelined: true,
    functions: {
      foo: (payload) => encode(`you sent me ${decode(payload)}`),
    },
  },
  {
    role: 'hub',
    name: 'hub',
    subAddress: 'tcp://127.0.0.1:5557',
    pubAddress: 'tcp://127.0.0.1:5558',
    workerPullAddress: 'tcp://127.0.0.1:5559',
    workerPushAddress: 'tcp://127.0.0.1:5560',
    dbAddress: 'tcp://127.0.0.1:5561',
    previous: 'server',
  },
  {
    role: 'worker',
    name: 'worker1',
    dbAddress: 'tcp://127.0.0.1:5561',
    functions: {
      foo: (payload, { name }) => encode(`${name} processed ${decode(payload)}`),
    },
  },
];
