import { useEffect, useRef } from 'preact/hooks';
import { CodeCard } from '../code/code-card.tsx';
import { PlaygroundContext, usePlayground } from '../context.ts';
import { PANELS, type Panel } from '../panels/panels.ts';
import type { Playground } from '../playground.ts';
import { TopologyCard } from '../topology/topology.tsx';
import { Header } from './header.tsx';
import { Nav } from './nav.tsx';
import { ConnectionNotice } from './notice.tsx';

export function App({ playground }: { readonly playground: Playground }) {
  return (
    <PlaygroundContext.Provider value={playground}>
      <Page />
    </PlaygroundContext.Provider>
  );
}

function Page() {
  const { link } = usePlayground();
  const [first] = PANELS;
  const panel = PANELS.find(({ id }) => id === link.value.panel) ?? first;
  const main = useRef<HTMLElement>(null);
  if (panel === undefined) return null;
  return (
    <div class="app">
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the panel
      </button>
      <Header />
      <Nav current={panel.id} />
      <main class="main" ref={main} tabIndex={-1} aria-labelledby="panel-title">
        <PanelView key={panel.id} panel={panel} />
      </main>
      <aside class="aside" aria-label="Topology and code">
        <TopologyCard />
        <CodeCard panel={panel.id} />
      </aside>
    </div>
  );
}

function PanelView({ panel }: { readonly panel: Panel }) {
  const { id, name, about, Body } = panel;
  useEffect(() => {
    document.title = `${name} · frond playground`;
  }, [name]);
  return (
    <div class="panel">
      <header class="panel-head">
        <h1 id="panel-title">{name}</h1>
        <p>{about}</p>
      </header>
      <ConnectionNotice panel={id} />
      <Body />
    </div>
  );
}
