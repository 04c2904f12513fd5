/** Functions with types in threads, and how they are cancelled, with the package as it is installed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PackedProject, packProject } from '../support/packed.ts';

const MODULE = `
  import { isMainThread } from 'node:worker_threads';
  import { fn, json, text } from 'frond/functions';
  const known = { input: () => ({ type: 'object', required: ['w', 'h'] }), output: () => ({}) };
  const schema = (check) => ({ '~standard': { version: 1, vendor: 'test', validate: check, jsonSchema: known } });
  const box = schema((value) => (typeof value?.w === 'number' && typeof value?.h === 'number'
    ? { value } : { issues: [{ path: ['w'], message: 'a number is needed' }] }));
  const spin = (time) => { for (const end = performance.now() + time; performance.now() < end; ); };
  export default {
    area: fn({ description: 'w times h', input: box, output: json() }, ({ w, h }) => ({ area: w * h, isMainThread })),
    plain: (payload) => payload,
    words: fn({ input: text(), output: text(), errors: { GONE: box } }, async function* (line) { yield* line.split(' '); }),
    listens: fn({ input: text(), output: text() }, async (key, { signal, cache }) => {
      await cache.set(new Uint8Array([1]), key + '-began');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await cache.set(new TextEncoder().encode(signal.reason.code), key);
      return 'told';
    }),
    deaf: fn({ input: text(), output: text() }, async (key, { cache }) => {
      await cache.set(new Uint8Array([1]), key + '-began');
      spin(60_000);
      return 'late';
    }),
  };`;

const COMMON = `
  import { Client, json, text } from 'frond';
  import { Master, Server, Worker } from 'frond/cluster';
  import { remote } from 'frond/functions';
  import { zmtp } from 'frond/zmtp';
  const own = { transport: zmtp(), loggingLevel: 'silent' };
  const module = new URL('./module.mjs', import.meta.url);
  /** The value of a key, once it is there. */
  const value = async (client, key) => {
    for (let i = 0; i < 400; i++) {
      const found = await client.with(text()).get(key);
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error('no ' + key);
  };
  const outcome = (promise) => promise.then(() => 'answered', (error) => error.name);
  const said = [];`;

let project: PackedProject;
beforeAll(async () => {
  project = await packProject();
  writeFileSync(join(project.folder, 'module.mjs'), MODULE);
}, 60_000);
afterAll(() => project?.remove());

it('are called, checked and described as on the loop', async () => {
  const printed = await project.node(
    'typed.mjs',
    `${COMMON}
    const server = await Server.start({ ...own, name: 's', module, threads: 2 });
    const client = await Client.connect({ ...own, dbAddress: server.dbAddress });
    const typed = remote(client, 's', (await import('./module.mjs')).default);
    said.push(await typed.area({ w: 2, h: 3 }));
    const words = [];
    for await (const word of typed.words('one two')) words.push(word);
    said.push(words);
    said.push(await client.with(json()).eval('s.area', { w: 'x' }).catch(({ code, issues }) => ({ code, issues })));
    const { default: functions } = await import('./module.mjs');
    const onLoop = await Server.start({ ...own, name: 'l', functions });
    const master = await Master.start({ ...own, name: 'm' });
    const worker = await Worker.start({ ...own, dbAddress: master.dbAddress, module, threads: 1 });
    const described = [];
    for (const { dbAddress } of [onLoop, server, master]) {
      const one = await Client.connect({ ...own, dbAddress });
      let list = [];
      for (let i = 0; i < 400 && list.length === 0; i++) list = await one.with(json()).get('frond_functions');
      described.push(list);
      await one.close();
    }
    said.push(described[0].find(({ name }) => name === 'area'));
    said.push(...described.slice(1).map((list) => JSON.stringify(list) === JSON.stringify(described[0])));
    for (const role of [worker, master, onLoop]) await role.close();
    console.log(JSON.stringify(said));
    await client.close();
    await server.close();`,
  );
  expect(JSON.parse(printed)).toEqual([
    { area: 6, isMainThread: false },
    ['one', 'two'],
    { code: 'INVALID_CALL', issues: [{ path: ['w'], message: 'a number is needed' }] },
    {
      name: 'area',
      description: 'w times h',
      kind: 'one',
      input: { codec: 'JSON', schema: { type: 'object', required: ['w', 'h'] } },
      output: { codec: 'JSON' },
    },
    true,
    true,
  ]);
}, 60_000);

it.each(['server', 'master'])(
  'behind a %s hear of the abort; a thread that does not listen is ended, and the next call is served',
  async (kind) => {
    const printed = await project.node(
      `cancel-${kind}.mjs`,
      `${COMMON}
      const threads = { module, threads: 1, threadGrace: 200 };
      const role = ${
        kind === 'server'
          ? "await Server.start({ ...own, name: 's', ...threads })"
          : "await Master.start({ ...own, name: 's' })"
      };
      const worker = ${
        kind === 'server'
          ? 'undefined'
          : 'await Worker.start({ ...own, dbAddress: role.dbAddress, ...threads })'
      };
      const client = await Client.connect({ ...own, dbAddress: role.dbAddress });
      const words = client.with(text());
      for (const name of ['listens', 'deaf']) {
        const abort = new AbortController();
        const ended = outcome(words.eval('s.' + name, name, { signal: abort.signal }));
        await value(client, name + '-began');
        abort.abort();
        said.push(await ended);
        if (name === 'listens') said.push(await value(client, name));
        const started = performance.now();
        said.push((await client.with(json()).eval('s.area', { w: 1, h: 2 })).area);
        // The function computes for a minute: only a thread that was ended leaves room for this call.
        said.push(performance.now() - started < 30_000);
      }
      console.log(JSON.stringify(said));
      await client.close();
      await worker?.close();
      await role.close();`,
    );
    expect(JSON.parse(printed)).toEqual(['AbortError', 'CANCELLED', 2, true, 'AbortError', 2, true]);
  },
  60_000,
);
