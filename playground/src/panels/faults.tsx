import { useSignal } from '@preact/signals';
import type { PageCluster, PageWorker } from '../cluster/page-cluster.ts';
import { usePlayground } from '../context.ts';
import { Log } from '../parts/log.tsx';
import { YOU } from '../state/status-log.ts';
import { Progress } from './progress.tsx';

export function FaultsPanel() {
  const { cluster, job } = usePlayground();
  return (
    <>
      {cluster.value === undefined ? <LinkFaults /> : <ClusterFaults cluster={cluster.value} />}
      {job.phase.value !== 'idle' && <Progress />}
      <Log />
    </>
  );
}

/** Delays of a worker for each message, in milliseconds. */
const DELAYS = [0, 1, 20, 200] as const;

function ClusterFaults({ cluster }: { readonly cluster: PageCluster }) {
  const { log, link } = usePlayground();
  // Reading the signal draws the panel anew when the cluster changes.
  cluster.changes.value;
  const { isTextUp } = cluster;
  const act = async (what: string, run: () => Promise<void> | void) => {
    log.add(YOU, what, 'busy');
    await run();
  };
  return (
    <>
      <p class="hint">
        A fault shows best while something runs:{' '}
        <button
          type="button"
          class="link"
          onClick={() => {
            link.set({ fn: 'grove.square', results: '' });
            link.open('job');
          }}
        >
          start a job on the grove
        </button>{' '}
        and come back. The job goes on.
      </p>
      <ul class="offers">
        {cluster.workers.map((worker) => (
          <WorkerFaults key={worker.name} worker={worker} cluster={cluster} act={act} />
        ))}
        <li class="offer">
          <h3>
            text <span class="badge">Server</span>
            {!isTextUp && <span class="badge badge-bad">down</span>}
          </h3>
          <p class="hint">
            Cuts off all its clients. Calls under way fail with DISCONNECTED; later calls wait until the
            server is back.
          </p>
          {isTextUp ? (
            <button
              type="button"
              class="danger"
              onClick={() => act('stops the server text', () => cluster.stopText())}
            >
              Cut the connection
            </button>
          ) : (
            <button
              type="button"
              onClick={() => act('starts the server text again', () => cluster.startText())}
            >
              Start text again
            </button>
          )}
        </li>
      </ul>
    </>
  );
}

interface WorkerProps {
  readonly worker: PageWorker;
  readonly cluster: PageCluster;
  readonly act: (what: string, run: () => Promise<void> | void) => Promise<void>;
}

function WorkerFaults({ worker, cluster, act }: WorkerProps) {
  const { name, running, delay } = worker;
  return (
    <li class="offer">
      <h3>
        {name} <span class="badge">Worker</span>
        {running === undefined && <span class="badge badge-bad">dead</span>}
      </h3>
      <fieldset class="chips">
        <legend class="hint">Delay for each message, in ms</legend>
        {DELAYS.map((one) => (
          <button
            type="button"
            class="chip"
            key={one}
            aria-pressed={one === delay}
            aria-label={`Delay ${name} by ${one} ms`}
            onClick={() => act(`delays ${name} by ${one} ms`, () => cluster.slow(worker, one))}
          >
            {one}
          </button>
        ))}
      </fieldset>
      {running === undefined ? (
        <button type="button" onClick={() => act(`starts ${name} again`, () => cluster.revive(worker))}>
          Start {name} again
        </button>
      ) : (
        <button type="button" class="danger" onClick={() => act(`kills ${name}`, () => cluster.kill(worker))}>
          Kill {name}
        </button>
      )}
    </li>
  );
}

/** Milliseconds without a network. */
const OFFLINE = 3_000;

/** Behind a relay the page cannot break servers, but it can break the way to them. */
function LinkFaults() {
  const { links, log } = usePlayground();
  const isOffline = useSignal(false);
  return (
    <ul class="offers">
      <li class="offer">
        <h3>Cut the connection</h3>
        <p class="hint">
          Breaks every WebSocket of this page. The client dials again and continues: nothing is lost, and
          nothing arrives twice.
        </p>
        <button
          type="button"
          class="danger"
          onClick={() => {
            log.add(YOU, `cuts ${links.count} WebSockets`, 'busy');
            links.cut();
          }}
        >
          Cut the connection
        </button>
      </li>
      <li class="offer">
        <h3>No network for three seconds</h3>
        <p class="hint">
          Meanwhile each attempt to connect fails, and the pauses between attempts grow. Nothing is lost if
          the network is back within a minute.
        </p>
        <button
          type="button"
          class="danger"
          disabled={isOffline.value}
          onClick={() => {
            log.add(YOU, 'takes the network away', 'busy');
            isOffline.value = true;
            links.isOffline = true;
            setTimeout(() => {
              log.add(YOU, 'gives the network back', 'busy');
              links.isOffline = false;
              isOffline.value = false;
            }, OFFLINE);
          }}
        >
          {isOffline.value ? 'No network…' : 'Take the network away'}
        </button>
      </li>
      <li class="offer">
        <h3>Slow or dead workers</h3>
        <p class="hint">
          The workers run where the cluster runs. Press Ctrl-C in one of them or start another, and watch the
          topology.
        </p>
      </li>
    </ul>
  );
}
