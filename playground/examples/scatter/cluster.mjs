import { text } from 'frond';

const { encode, decode } = text();

const functions = {
  async foo(payload, { name, cache }) {
    const cached = (await cache.get('cached')) ?? encode('');
    return encode(`${name}${decode(cached)}${decode(payload)}`);
  },
};

export default [
  {
    role: 'master',
    name: 'server',
    pullAddress: 'tcp://127.0.0.1:5555',
    pubAddress: 'tcp://127.0.0.1:5556',
    workerPullAddress: 'tcp://127.0.0.1:5557',
    workerPushAddress: 'tcp://127.0.0.1:5558',
    dbAddress: 'tcp://127.0.0.1:5559',
    *scatter(message) {
      for (let i = 0; i < 3; i++) yield message;
    },
  },
  { role: 'worker', name: 'worker1', dbAddress: 'tcp://127.0.0.1:5559', functions },
  { role: 'worker', name: 'worker2', dbAddress: 'tcp://127.0.0.1:5559', functions },
];
