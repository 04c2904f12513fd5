/** Hosts that vanish: nothing says so, and nothing that is sent to them has an answer. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { zmtp } from '../../transports/zmtp/index.ts';
import { bytes } from '../support/bytes.ts';
import { canMakeHosts, type Host, Hosts } from '../support/hosts.ts';
import { type ScriptProcess, startScript } from '../support/processes.ts';
import { until, within } from '../support/wait.ts';

const PROCESS = fileURLToPath(new URL('host-process.ts', import.meta.url));
const MORTAL = fileURLToPath(new URL('../cluster/mortal-process.ts', import.meta.url));

/** Silence alone counts as death only after ten minutes, so that no test can end by it. */
const OPTIONS = JSON.stringify({ heartbeatInterval: 500, busyTimeout: 600_000 });

type Start = (host: Host, script: string, ...args: string[]) => Promise<ScriptProcess>;

/** Starts scripts on hosts, and kills them before their networks end. */
async function onHosts(use: (hosts: Hosts, start: Start) => Promise<void>): Promise<void> {
  await using hosts = await Hosts.make();
  const started: ScriptProcess[] = [];
  try {
    await use(hosts, async (host, script, ...args) => {
      const own = await startScript(script, args, { launcher: hosts.launcher(host) });
      started.push(own);
      return own;
    });
  } finally {
    for (const own of started) own.signal('SIGKILL');
    await Promise.all(started.map(({ ended }) => ended));
  }
}

describe.runIf(canMakeHosts())('a host that vanishes', () => {
  it('is found long before its process could have computed enough, by requests and pushes', async () => {
    await onHosts(async (hosts, start) => {
      const silent = await start('there', PROCESS, 'silent', hosts.anyAddress('there'), OPTIONS);
      const dialler = await start('here', PROCESS, 'dialler', silent.said, OPTIONS);
      // Both links are up: one in its handshake would end by its own time-out.
      await silent.prints('asked');
      // Its process is stopped for many heartbeats, and its system acknowledges: that is no death.
      silent.signal('SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      expect(dialler.lines).toEqual(['sent']);
      silent.signal('SIGCONT');
      hosts.vanish('there');
      const broken = () => dialler.lines.filter((line) => /^(push|request) /.test(line));
      await within(
        30_000,
        until(() => broken().length === 2),
        () => `both links to break, after ${JSON.stringify(dialler.lines)},`,
      );
      for (const line of broken())
        expect(line).toMatch(/ DISCONNECTED .*its host has acknowledged nothing for \d+ ms/);
    });
  }, 120_000);

  it('has the work that its worker held done by another', async () => {
    await onHosts(async (hosts, start) => {
      const master = await start('here', PROCESS, 'master', hosts.anyAddress('here'), OPTIONS);
      const worker = await start('there', MORTAL, master.said, OPTIONS);
      expect(await master.ask('call')).toBe('calling');
      await worker.prints('holds');
      expect(await master.ask('help')).toBe('helped');
      hosts.vanish('there');
      await master.prints('answered x');
    });
  }, 120_000);
});

describe('a peer that takes nothing', () => {
  it('for many heartbeats, with its window closed, is alive', async () => {
    const transport = zmtp({ heartbeatInterval: 100, busyTimeout: 600_000 });
    await using server = await transport.open();
    await using client = await transport.open();
    const pull = await server.bindPull('tcp://127.0.0.1:*');
    const pusher = client.push(pull.address);
    await within(5_000, pusher.ready());
    let breaks = 0;
    pusher.onBreak(() => breaks++);
    let isTaken = false;
    const sending = pusher.send(Array.from({ length: 4_000 }, () => bytes('x'.repeat(10_000)))).then(() => {
      isTaken = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect({ breaks, isTaken }).toEqual({ breaks: 0, isTaken: false });
    let read = 0;
    for await (const batch of pull) {
      read += batch.length;
      if (read === 4_000) break;
    }
    await within(5_000, sending);
    expect(breaks).toBe(0);
  }, 30_000);
});
