import { text } from 'frond';

const { encode, decode } = text();

export default [
  {
    role: 'server',
    name: 'my_server',
    dbAddress: 'tcp://127.0.0.1:5555',
    pullAddress: 'tcp://127.0.0.1:5556',
    pubAddress: 'tcp://127.0.0.1:5557',
    pipelined: true,
    functions: {
      foo: (payload) => encode(`you sent me ${decode(payload)}`),
    },
  },
  {
    role: 'sink',
    name: 'my_pipeline',
    dbAddress: 'tcp://127.0.0.1:5560',
    subAddresses: ['tcp://127.0.0.1:5557'],
    previous: ['my_server'],
    pubAddress: 'tcp://127.0.0.1:5561',
    functions: {
      foo: (payload) => encode(`and I pipelined ${decode(payload)}`),
    },
  },
];
