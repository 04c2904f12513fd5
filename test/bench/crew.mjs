/**
 * A worker of the built package in a process of its own, until stdin ends: node crew.mjs DB leased|pushed [NAP [zeromq | zmtp]]
 * `nap` takes NAP milliseconds. `lost` is answered by the second worker that runs it: the first says that it has it.
 */
const dist = new URL('../../dist/node/', import.meta.url);
const { Client } = await import(new URL('index.js', dist).href);
const { Worker } = await import(new URL('cluster.js', dist).href);

const [dbAddress, how, nap = '0', kind = 'zeromq'] = process.argv.slice(2);
const transport = (await import(new URL(`${kind}.js`, dist).href))[kind]();
const decoder = new TextDecoder();

async function pushAddresses() {
  const client = await Client.connect({ transport, dbAddress });
  const [pushAddress, pullAddress] = await Promise.all(
    ['worker_push_address', 'worker_pull_address'].map((key) => client.get(key)),
  );
  await client.close();
  return { pushAddress: decoder.decode(pushAddress), pullAddress: decoder.decode(pullAddress) };
}

const worker = await Worker.start({
  transport,
  dbAddress,
  loggingLevel: 'warning',
  ...(how === 'pushed' && (await pushAddresses())),
  functions: {
    same: (payload) => payload,
    nap: async (payload) => {
      await new Promise((resolve) => setTimeout(resolve, Number(nap)));
      return payload;
    },
    lost: async (payload, { cache }) => {
      const key = `had-${decoder.decode(payload)}`;
      if ((await cache.get(key)) !== undefined) return payload;
      await cache.set(payload, key);
      console.log('has it');
      return new Promise(() => {});
    },
  },
});
console.log('working');
process.stdin.resume().on('end', () => worker.close());
