/** Jobs that outlive their clients. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client, type DetachedJob, detachedJob, resumeJob, text } from '../../src/index.ts';
import { type NatsOptions, nats } from '../../transports/nats/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { NatsServer } from '../support/nats-server.ts';
import { type ScriptProcess, startScript } from '../support/processes.ts';
import { eventually, readAll, within } from '../support/wait.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await NatsServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** A server of frond with a client, on a cluster of NATS that no other test uses. */
async function cluster(options: NatsOptions = {}) {
  const transport = nats({ servers: server.url, heartbeat: 200, ...options });
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const role = await Server.start({
    transport,
    name: 'server',
    dbAddress: 'nats:server',
    loggingLevel: 'silent',
    concurrency: 64,
    functions: {
      same: (payload) => payload,
      odd: (payload) => {
        if (Number(textOf(payload)) % 2 === 0) throw new RangeError('even');
        return payload;
      },
      slow: async (payload) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return payload;
      },
      gated: async (payload) => {
        if (Number(textOf(payload)) >= 10) await gate;
        return payload;
      },
      tenant: (_, { metadata }) => bytes(metadata['tenant'] ?? ''),
      *twice(payload) {
        yield payload;
        yield payload;
      },
    },
  });
  const connect = async () =>
    (await Client.connect({ transport, dbAddress: 'nats:server', loggingLevel: 'silent' })).with(text());
  const clients: Client<string, string>[] = [];
  const client = async () => {
    const own = await connect();
    clients.push(own);
    return own;
  };
  return {
    transport,
    role,
    client,
    /** Lets `gated` go on. */
    release: () => release(),
    async [Symbol.asyncDispose]() {
      release();
      await Promise.all(clients.map((own) => own.close()));
      await role.close();
    },
  };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i));
const job = (...args: string[]) =>
  startScript(fileURLToPath(new URL('job-process.ts', import.meta.url)), [server.url, ...args]);
/** The results that a process has printed. */
const printed = ({ lines }: ScriptProcess) => lines.filter((line) => /^\d+$/.test(line));

/** The results up to the end, and the error that it was. */
async function failureOrAll(source: AsyncIterable<string>): Promise<{ results: string[]; error?: unknown }> {
  const results: string[] = [];
  try {
    for await (const result of source) results.push(result);
    return { results };
  } catch (error) {
    return { results, error };
  }
}

it('a process is killed, and another gets exactly the rest of its job, in order, none twice', async () => {
  await using own = await cluster();
  const process = await job('server.slow', '1000');
  await within(20_000, process.prints('sent'), 'all inputs to be sent');
  process.signal('SIGKILL');
  await process.ended;
  const had = printed(process);
  const client = await own.client();
  const resumed = resumeJob(client, process.said, { after: had.length });
  const rest = await within(20_000, readAll(resumed), 'the rest');
  expect(had.length).toBeGreaterThan(0);
  expect(rest.length).toBeGreaterThan(0);
  const whole = await within(20_000, readAll(resumeJob(client, process.said)), 'all of it');
  expect([...had, ...rest]).toEqual(whole);
  expect([...whole].sort((a, b) => Number(a) - Number(b))).toEqual(numbers(0, 1000));
  expect(resumed.progress).toMatchObject({ sent: 1000, received: 1000 });
});

it('a job whose process is killed before all its inputs were sent gives what there is, and then says so', async () => {
  await using own = await cluster();
  const process = await job('server.same', '-');
  await within(20_000, process.prints('20'), 'some results');
  process.signal('SIGKILL');
  await process.ended;
  const client = await own.client();
  const given: string[] = [];
  const reading = (async () => {
    for await (const result of resumeJob(client, process.said)) given.push(result);
  })();
  const error = await within(
    30_000,
    reading.catch((reason: unknown) => reason),
    'the end of the results',
  );
  expect(error).toMatchObject({ code: 'DISCONNECTED', sent: 'unknown' });
  expect(String(error)).toMatch(
    /the sender of job server\/.*… is gone and had not sent all inputs.* \d+ results came/,
  );
  expect(given).toEqual(numbers(0, given.length));
  expect(given.length).toBeGreaterThan(20);
});

it('a job that is under way is read by two others at once, each of which gets all', async () => {
  await using own = await cluster({ cluster: 'under-way' });
  const [sender, reader] = [await own.client(), await own.client()];
  const sent = detachedJob(sender, 'server.gated', numbers(0, 20));
  const readers = [resumeJob(reader, sent.id), resumeJob(reader, sent.id), resumeJob(sender, sent.id)];
  const begun = await within(10_000, sent.next(), 'the first result');
  const first = await Promise.all(readers.map((own) => within(10_000, own.next(), 'a first result')));
  expect([begun, ...first].map(({ value }) => value)).toEqual(['0', '0', '0', '0']);
  own.release();
  const rest = await Promise.all([sent, ...readers].map((own) => within(20_000, readAll(own), 'the rest')));
  const order = rest[0] ?? [];
  expect([...order].sort((a, b) => Number(a) - Number(b))).toEqual(numbers(1, 20));
  expect(rest).toEqual([order, order, order, order]);
});

it('a reader goes on behind the position that it had, and behind so many results', async () => {
  await using own = await cluster({ cluster: 'position' });
  const client = await own.client();
  const sent = detachedJob(client, 'server.same', numbers(0, 3_000), { window: 50 });
  const had: string[] = [];
  expect(sent.progress.position).toBeUndefined();
  for await (const result of sent) {
    had.push(result);
    if (had.length === 100) break;
  }
  const { position = '' } = sent.progress;
  expect(position).toMatch(/^100@\d+(\.\d+)?$/);
  for (const after of [position, 100]) {
    const resumed = resumeJob(client, sent.id, { after });
    const more = await within(10_000, failureOrAll(resumed), 'the rest');
    // It was left when some inputs had been sent.
    expect(more.error).toMatchObject({ code: 'CANCELLED' });
    expect([...had, ...more.results]).toEqual(numbers(0, had.length + more.results.length));
    expect(resumed.progress.received).toBe(resumed.progress.sent);
  }
});

it('each position is good', async () => {
  await using own = await cluster({ cluster: 'positions' });
  const client = await own.client();
  const sent = detachedJob(client, 'server.same', numbers(0, 40));
  const positions: (string | undefined)[] = [];
  for await (const _ of sent) positions.push(sent.progress.position);
  for (const [index, after] of positions.entries()) {
    const resumed = resumeJob(client, sent.id, { after: after ?? 0 });
    const first = await within(10_000, resumed.next(), 'the next result');
    expect(first).toEqual(
      index === 39 ? { done: true, value: undefined } : { done: false, value: String(index + 1) },
    );
    expect(resumed.progress.position).toBe(positions[Math.min(index + 1, 39)]);
    await resumed.return();
  }
});

it('goes with metadata and within interceptors as any job', async () => {
  await using own = await cluster({ cluster: 'within' });
  const client = await own.client();
  const kinds: string[] = [];
  client.use((next) => (call) => {
    kinds.push(call.kind);
    return next(call);
  });
  const sent = detachedJob(client, 'server.tenant', ['a', 'b'], { metadata: { tenant: 'acme' } });
  expect(await within(10_000, readAll(sent), 'the job')).toEqual(['acme', 'acme']);
  expect(sent.progress).toMatchObject({ sent: 2, received: 2, position: expect.stringMatching(/^2@/) });
  expect(await within(10_000, readAll(resumeJob(client, sent.id)), 'the job')).toEqual(['acme', 'acme']);
  // Reading calls nothing.
  expect(kinds).toEqual(['job']);
});

it('a job without results for its own reader ends when its input has left', async () => {
  await using own = await cluster({ cluster: 'unread' });
  const sender = await own.client();
  const sent = detachedJob(sender, 'server.slow', numbers(0, 50), { messages: 0 });
  expect(await within(10_000, readAll(sent), 'the end of the input')).toEqual([]);
  await sender.close();
  const resumed = await within(10_000, readAll(resumeJob(await own.client(), sent.id)), 'the results');
  expect([...resumed].sort((a, b) => Number(a) - Number(b))).toEqual(numbers(0, 50));
});

it('failures are results: a listener takes them, or reading throws one and goes on behind it', async () => {
  await using own = await cluster({ cluster: 'failures' });
  const client = await own.client();
  const sent = detachedJob(client, 'server.odd', numbers(0, 6), { messages: 0 });
  await within(10_000, readAll(sent), 'the end of the input');
  const codes: string[] = [];
  const resumed = resumeJob(client, sent.id, { onRemoteError: ({ code }) => codes.push(code) });
  expect(await within(10_000, readAll(resumed), 'the results')).toEqual(['1', '3', '5']);
  expect(codes).toEqual(['REMOTE', 'REMOTE', 'REMOTE']);
  const seen: unknown[] = [];
  let after: string | number = 0;
  for (let tries = 0; tries < 4; tries++) {
    const part: DetachedJob<string> = resumeJob(client, sent.id, { after });
    const { results, error } = await within(10_000, failureOrAll(part), 'the next failure');
    seen.push(...results, (error as { code?: unknown } | undefined)?.code);
    after = part.progress.position ?? after;
  }
  expect(seen).toEqual(['REMOTE', '1', 'REMOTE', '3', 'REMOTE', '5', undefined]);
  expect(String(after)).toMatch(/^6@/);
});

it('a job of a function that gives several ends as its options say', async () => {
  await using own = await cluster({ cluster: 'several' });
  const client = await own.client();
  const counted = detachedJob(client, 'server.twice', ['a', 'b'], { messages: 4 });
  const four = await within(10_000, readAll(counted), 'four results');
  expect([...four].sort()).toEqual(['a', 'a', 'b', 'b']);
  const ended = detachedJob(client, 'server.twice', ['c'], { untilEnd: true });
  expect(await within(10_000, readAll(ended), 'the end of the function')).toEqual(['c', 'c']);
  for (const [id, expected] of [
    [counted.id, four],
    [ended.id, ['c', 'c']],
  ] as const)
    expect(await within(10_000, readAll(resumeJob(client, id)), 'the same')).toEqual(expected);
  expect(await within(10_000, readAll(resumeJob(client, counted.id, { messages: 3 })), 'three')).toEqual(
    four.slice(0, 3),
  );
});

it('an input that throws ends the job behind the results of those before, for the next reader too', async () => {
  await using own = await cluster({ cluster: 'thrown' });
  const client = await own.client();
  function* inputs() {
    yield '0';
    yield '1';
    throw new RangeError('no more paper');
  }
  const sent = detachedJob(client, 'server.same', inputs());
  const live = await within(10_000, failureOrAll(sent), 'the end');
  expect([live.results, String(live.error)]).toEqual([['0', '1'], 'RangeError: no more paper']);
  const { results, error } = await within(10_000, failureOrAll(resumeJob(client, sent.id)), 'the end');
  expect(results).toEqual(['0', '1']);
  expect(error).toMatchObject({
    code: 'CANCELLED',
    message: expect.stringMatching(/after 2 inputs.*no more paper/),
  });
});

it('a sender that waits for its input is there, and its reader waits with it', async () => {
  await using own = await cluster({ cluster: 'waiting' });
  const client = await own.client();
  let go = () => {};
  const more = new Promise<void>((resolve) => {
    go = resolve;
  });
  async function* inputs() {
    yield '0';
    await more;
    yield '1';
  }
  const sent = detachedJob(client, 'server.same', inputs());
  expect((await within(10_000, sent.next(), 'the first result')).value).toBe('0');
  const resumed = resumeJob(await own.client(), sent.id, { idleTimeout: 4_000 });
  expect((await within(10_000, resumed.next(), 'the first result')).value).toBe('0');
  const next = resumed.next();
  // Longer than the reader waits for a result that is owed.
  await new Promise((resolve) => setTimeout(resolve, 9_000));
  go();
  expect((await within(10_000, next, 'the second result')).value).toBe('1');
  expect((await within(10_000, resumed.next(), 'the end')).done).toBe(true);
  expect(await within(10_000, readAll(sent), 'the rest')).toEqual(['1']);
});

it('a result that does not come is a TIMEOUT, and says how many came', async () => {
  await using own = await cluster({ cluster: 'late' });
  const client = await own.client();
  const sent = detachedJob(client, 'server.gated', numbers(0, 12), { messages: 0 });
  await within(10_000, readAll(sent), 'the end of the input');
  const resumed = resumeJob(client, sent.id, { idleTimeout: 500 });
  const { results, error } = await within(10_000, failureOrAll(resumed), 'the end');
  expect(results).toHaveLength(10);
  expect(error).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('(10 of 12 came)') });
});

it('what NATS has dropped is LOST, from the start and behind a position', async () => {
  await using own = await cluster({ cluster: 'dropped', resultBytes: 400_000 });
  const client = await own.client();
  const sent = detachedJob(client, 'server.same', numbers(0, 10));
  const positions: (string | undefined)[] = [];
  for await (const _ of sent) positions.push(sent.progress.position);
  for (let number = 0; number < 60; number++) await client.eval('server.same', String(number).padEnd(10_000));
  for (const after of [0, 5, positions[4] ?? '']) {
    const { results, error } = await within(
      10_000,
      failureOrAll(resumeJob(client, sent.id, { after })),
      'the end',
    );
    expect([results, error]).toEqual([[], expect.objectContaining({ code: 'LOST' })]);
  }
});

it('ids of nothing, of another server, of other calls, and places that are not, are told within seconds', async () => {
  await using own = await cluster({ cluster: 'unknown' });
  const client = await own.client();
  const sent = detachedJob(client, 'server.same', ['0']);
  await within(10_000, readAll(sent), 'a job');
  const errorOf = async (id: string, after: number | string = 0) =>
    (await within(8_000, failureOrAll(resumeJob(client, id, { after })), 'the end')).error;
  expect(await errorOf(`server/${client.id}/${'x'.repeat(21)}`)).toMatchObject({
    code: 'LOST',
    message: expect.stringContaining('or there was no such job'),
  });
  expect(await errorOf(sent.id.replace('server/', 'other/'))).toMatchObject({ code: 'WRONG_SERVER' });
  for (const id of ['', 'x', `server/${client.id}/1`, `${sent.id}/1`, sent.id.slice(0, -1), `server/>/*`])
    expect(await errorOf(id), id).toMatchObject({ code: 'INVALID_CALL', sent: false });
  for (const after of [-1, 0.5, 'x', '1@', '@1'])
    expect(await errorOf(sent.id, after), String(after)).toMatchObject({ code: 'INVALID_CALL' });
  expect(await errorOf(sent.id, 2)).toMatchObject({
    code: 'INVALID_CALL',
    message: expect.stringContaining('has 1 results'),
  });
});

it('closing the client that reads a job ends it with CLOSED, and that of the sender lets others read', async () => {
  await using own = await cluster({ cluster: 'closed' });
  const [sender, reader] = [await own.client(), await own.client()];
  const sent = detachedJob(sender, 'server.gated', numbers(0, 12));
  expect((await within(10_000, sent.next(), 'the first result')).value).toBe('0');
  const resumed = resumeJob(reader, sent.id, { after: 10 });
  const next = failureOrAll(resumed);
  await eventually(async () => resumed.progress.received === 10);
  await within(5_000, reader.close(), 'closing the reader');
  expect(await within(5_000, next, 'the end')).toMatchObject({ results: [], error: { code: 'CLOSED' } });
  await within(5_000, sender.close(), 'closing the sender');
  expect((await within(5_000, failureOrAll(sent), 'the end')).error).toMatchObject({ code: 'CLOSED' });
  own.release();
  const others = await within(
    10_000,
    readAll(resumeJob(await own.client(), sent.id, { after: 10 })),
    'the rest',
  );
  expect(others).toHaveLength(2);
});

it('what a stranger stores under the topic of a job is PROTOCOL, and among its records nothing', async () => {
  await using own = await cluster({ cluster: 'strangers' });
  const client = await own.client();
  const sent = detachedJob(client, 'server.same', numbers(0, 3));
  await within(10_000, readAll(sent), 'a job');
  await using stranger = await own.transport.open();
  const [, sender, secret] = sent.id.split('/');
  const junk = new Uint8Array([255, 255, 255]);
  await stranger.store?.('nats:server', { topic: `${sender}/log-${secret}`, frames: [junk, bytes('x')] });
  expect(await within(10_000, readAll(resumeJob(client, sent.id)), 'the job')).toEqual(numbers(0, 3));
  await stranger.store?.('nats:server', { topic: `${sender}/job-${secret}`, frames: [junk] });
  const { results, error } = await within(
    10_000,
    failureOrAll(resumeJob(client, sent.id, { messages: 4 })),
    'the end',
  );
  expect([results, error]).toEqual([numbers(0, 3), expect.objectContaining({ code: 'PROTOCOL' })]);
});
