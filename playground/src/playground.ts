import { signal } from '@preact/signals';
import { PageCluster } from './cluster/page-cluster.ts';
import { pagePlace } from './cluster/page-place.ts';
import { CacheDesk } from './state/cache-desk.ts';
import { CallDesk } from './state/call-desk.ts';
import { Connection } from './state/connection.ts';
import { takesCalls } from './state/discovery.ts';
import { Frames } from './state/frames.ts';
import { JobDesk } from './state/job-desk.ts';
import { Link, type LinkState } from './state/link.ts';
import type { Place } from './state/place.ts';
import { Links, relayPlace } from './state/relay-place.ts';
import { StatusLog } from './state/status-log.ts';
import { ThemeChoice } from './state/theme.ts';
import { Traffic } from './state/traffic.ts';
import { WireLog } from './state/wire-log.ts';

/** The whole state of the page and what it can do. The components draw this state. */
export class Playground {
  readonly frames = new Frames();
  readonly link = new Link((before) => this.#arrived(before));
  readonly theme = new ThemeChoice();
  readonly log = new StatusLog();
  readonly wire = new WireLog();
  readonly links = new Links();
  readonly connection = new Connection(this.log, this.wire);
  readonly traffic = new Traffic(this.wire, this.frames, this.connection);
  readonly call = new CallDesk(this);
  readonly job = new JobDesk(this);
  readonly cache = new CacheDesk(this);
  /** The cluster in the page, while the page is connected to it. */
  readonly cluster = signal<PageCluster | undefined>(undefined);

  /** Counts calls of {@link connect}, so that a late one is noticed. */
  #turn = 0;

  constructor() {
    this.frames.each(() => this.wire.publish());
    let named: Place | undefined;
    this.connection.phase.subscribe(({ type }) => {
      const place = this.connection.place.peek();
      if (type !== 'connected' || place === named) return;
      named = place;
      this.#nameFunction();
    });
    this.connect();
  }

  /** Connects to what the link names: a relay, or the cluster in the page. */
  async connect(): Promise<void> {
    const { relay, token, server, servers } = this.link.value;
    const turn = ++this.#turn;
    if (relay === '') return this.#connectHere(turn);
    this.cluster.value = undefined;
    const names = [server, ...servers.split(',')].map((name) => name.trim()).filter((name) => name !== '');
    try {
      await this.connection.open(relayPlace({ url: relay, token, servers: [...new Set(names)] }, this.links));
    } catch (error) {
      await this.connection.fail(error);
    }
  }

  /** Chooses a function of a known server when the server in the link does not exist. */
  #nameFunction(): void {
    const servers = this.connection.discovery.servers.peek();
    const named = this.link.value.fn.split('.')[0];
    const first = servers.find(takesCalls);
    if (first === undefined || servers.some(({ name }) => name === named)) return;
    const { functions } = first;
    const usual = functions.find((one) => one === 'reverse' || one === 'upper');
    const own = functions.find((one) => one !== 'echo');
    this.link.set({ fn: `${first.name}.${usual ?? own ?? 'echo'}` });
  }

  /** Connects to the place that a new link names. */
  #arrived(before: LinkState): void {
    const { relay, token, server, servers } = this.link.value;
    const isSame =
      relay === before.relay &&
      token === before.token &&
      server === before.server &&
      servers === before.servers;
    if (!isSame) this.connect();
  }

  async #connectHere(turn: number): Promise<void> {
    const cluster = new PageCluster(this.log.logger('cluster'));
    await cluster.start();
    // The user may have chosen another place meanwhile.
    if (turn !== this.#turn) return cluster.close();
    this.cluster.value = cluster;
    await this.connection.open(pagePlace(cluster));
  }
}
