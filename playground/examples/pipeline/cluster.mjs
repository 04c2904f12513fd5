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
    role: 'pipeline',
    name: 'my_pipeline',
    dbAddress: 'tcp://127.0.0.1:5560',
    subAddress: 'tcp://127.0.0.1:5557',
    pubAddress: 'tcp://127.0.0.1:5561',
    previous: 'my_server',
    functions: {
      foo: (payload) => encode(`and I pipelined ${decode(payload)}`),
    },
  },
];
