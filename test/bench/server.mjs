/** A frond Server in a process of its own, until stdin ends. Prints the address of its cache. */
const dist = new URL('../../dist/node/', import.meta.url);
const { Server } = await import(new URL('cluster.js', dist).href);
const { zeromq } = await import(new URL('zeromq.js', dist).href);

const any = 'tcp://127.0.0.1:*';
const server = await Server.start({
  transport: zeromq(),
  name: 'server',
  dbAddress: any,
  pullAddress: any,
  pubAddress: any,
  loggingLevel: 'warning',
  functions: { same: (payload) => payload },
});
console.log(server.dbAddress);
process.stdin.resume().on('end', () => server.close());
