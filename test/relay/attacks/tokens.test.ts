/** Who has no token, or none that counts: 4401, and nothing is said of tokens anywhere. */
import { expect, it } from 'vitest';
import { testRelays } from '../../support/besieged-relay.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { EVERYTHING } from '../../support/relay.ts';
import { dial } from '../../support/relay-peer.ts';
import { within } from '../../support/wait.ts';

const besieged = testRelays();
const hour = 3_600_000;

it.each([
  ['no token', null],
  ['an empty one', ''],
  ['a wrong one', 'guess'],
  ['one with more behind it', 'right-token\n'],
  ['one that expired', 'expired-token'],
  ['a name of the prototype', '__proto__'],
  ['a very long one', 'x'.repeat(10_000)],
])('closes who shows %s with 4401', async (_, token) => {
  const identities = {
    'right-token': EVERYTHING,
    'expired-token': { ...EVERYTHING, expires: Date.now() - hour },
  };
  const { dial: open, meanwhile } = await besieged({ identities });
  await meanwhile(async () => {
    const peer = await open();
    peer.sendLone([1, token, null, 0]);
    expect((await peer.end()).code).toBe(4401);
    expect(peer.frames).toEqual([]);
  });
});

it('tells a client whose token is wrong so, and asks its provider but once more', async () => {
  const { connect, meanwhile } = await besieged();
  await meanwhile(async () => {
    let asked = 0;
    const token = () => `wrong ${++asked}`;
    await expect(connect('', {}, { token })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(asked).toBe(2);
    await expect(connect('wrong')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

it('closes a client whose token expires while it is connected; it shows a fresh one and goes on', async () => {
  let expires = Date.now() + hour;
  const {
    connect,
    meanwhile,
    log,
    relay,
    dial: open,
  } = await besieged({
    authenticate: (token) => {
      if (token !== 'first' && token !== 'second') return EVERYTHING;
      return { ...EVERYTHING, name: 'visitor', expires: token === 'first' ? expires : Date.now() + hour };
    },
  });
  await meanwhile(async () => {
    const raw = await open();
    await raw.greet('first');
    let asked = 0;
    const client = await connect('', {}, { token: () => (++asked === 1 ? 'first' : 'second') });
    // Calls under way at the change are answered: it is the same session.
    const seen: string[] = [];
    const inputs = async function* () {
      for (let i = 0; asked < 2 || i < 50; i++) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (i === 10) {
          // Only now, when both are connected, however long the machine took for that.
          expires = Date.now() + 500;
          await relay.reauthenticate();
        }
        yield bytes(`n${i}`);
      }
      yield bytes('last');
    };
    for await (const answer of client.job('server.upper', inputs())) {
      seen.push(textOf(answer));
      if (seen.at(-1) === 'LAST') break;
    }
    expect(seen).toEqual([...seen.keys()].map((i) => (i === seen.length - 1 ? 'LAST' : `N${i}`)));
    expect(asked).toBe(2);
    expect((await raw.end()).code).toBe(4401);
  });
  expect(log.filter((line) => line.includes('"identity":"visitor"') && line.includes('4401'))).toHaveLength(
    2,
  );
});

it('closes a client whose token has expired and who has no other', async () => {
  let expires = Date.now() + hour;
  const { connect, meanwhile, relay } = await besieged({
    authenticate: (token) => (token === 'only' ? { ...EVERYTHING, name: 'visitor', expires } : EVERYTHING),
  });
  await meanwhile(async () => {
    const client = await connect('only');
    const reading = (async () => {
      for await (const _ of client.job('server.upper', forEver()));
    })();
    const ended = expect(within(10_000, reading)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expires = Date.now() + 300;
    await relay.reauthenticate();
    await ended;
  });
});

async function* forEver() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    yield bytes('x');
  }
}

it('says no token in any log line, figure, URL or reason', async () => {
  const secret = 'S3cret/token+with=characters';
  const { url, log, ask, connect, meanwhile } = await besieged({
    identities: { [secret]: EVERYTHING },
    authenticate: (token) => {
      if (token === undefined) return undefined;
      if (token.startsWith('bad')) throw new Error(`no such token: ${token}`);
      return { ...EVERYTHING, name: token === secret ? 'keeper' : 'honest' };
    },
    limits: { greetingTimeout: 300 },
  });
  const urls: string[] = [];
  const ends: string[] = [];
  await meanwhile(async () => {
    const client = await connect(secret);
    expect(textOf(await client.eval('server.upper', bytes('a')))).toBe('A');
    await client.close();
    for (const [token, code] of [
      [`bad ${secret}`, 4401],
      [secret, 4400],
    ] as const) {
      const peer = await dial(url);
      urls.push(peer.socket.url);
      peer.sendLone([1, token, null, 0]);
      if (code === 4400) peer.sendLone([1, token, token, 0]);
      const { code: own, reason } = await peer.end();
      expect(own).toBe(code);
      ends.push(reason);
    }
    const early = await dial(`${url}?x=1`, { headers: { 'User-Agent': 'x' } });
    early.socket.send(secret);
    ends.push((await early.end()).reason);
  });
  const { text } = await ask('/metrics');
  expect(log.length).toBeGreaterThan(4);
  expect(text).toContain('frond_relay_closes_total');
  for (const said of [...log, ...urls, ...ends, text]) {
    expect(said).not.toContain(secret);
    expect(said).not.toContain(encodeURIComponent(secret));
  }
});
