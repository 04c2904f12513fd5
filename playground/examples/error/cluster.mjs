export default {
  role: 'server',
  name: 'my_server',
  dbAddress: 'tcp://127.0.0.1:5555',
  pullAddress: 'tcp://127.0.0.1:5556',
  pubAddress: 'tcp://127.0.0.1:5557',
  functions: {
    foo() {
      throw new RangeError('that is too much');
    },
  },
};
