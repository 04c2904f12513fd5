import { useSignal } from '@preact/signals';
import { usePlayground } from '../context.ts';
import { Field } from '../parts/fields.tsx';
import { Log } from '../parts/log.tsx';

export function ConnectPanel() {
  const playground = usePlayground();
  const { link, connection } = playground;
  const phase = connection.phase.value;
  const place = connection.place.value;
  const draft = useSignal({
    relay: link.value.relay,
    token: link.value.token,
    servers: link.value.servers || link.value.server,
  });
  const change = (part: Partial<typeof draft.value>) => {
    draft.value = { ...draft.value, ...part };
  };
  const open = (relay: string) => {
    const { token, servers } = draft.value;
    const [server = ''] = servers.split(',');
    link.set(
      relay === ''
        ? { relay: '', token: '', server: '', servers: '' }
        : { relay, token, server: server.trim(), servers },
    );
    playground.connect();
  };
  const isHere = place?.kind === 'page';
  return (
    <>
      <div class="places">
        <section class={`place ${isHere ? 'is-chosen' : ''}`} aria-label="In this page">
          <h3>In this page</h3>
          <p>
            A Server, a Master with three Workers, a Pipeline and a Sink, all of them real, on the memory
            transport. Nothing leaves the page.
          </p>
          <button type="button" disabled={isHere && phase.type === 'connected'} onClick={() => open('')}>
            {isHere ? 'Connected' : 'Use the cluster in this page'}
          </button>
        </section>
        <form
          class={`place ${isHere ? '' : 'is-chosen'}`}
          aria-label="Through a relay"
          onSubmit={(event) => {
            event.preventDefault();
            open(draft.value.relay);
          }}
        >
          <h3>Through a relay</h3>
          <p>
            <code>npx frond demo</code> starts a cluster and a relay, and prints a link that opens this page
            connected.
          </p>
          <Field
            label="URL of the relay"
            value={draft.value.relay}
            placeholder="ws://127.0.0.1:7766/"
            isMono
            onInput={(relay) => change({ relay })}
          />
          <div class="row">
            <Field
              label="Token"
              type="password"
              value={draft.value.token}
              onInput={(token) => change({ token })}
            />
            <Field
              label="Servers"
              value={draft.value.servers}
              placeholder="demo, second"
              isMono
              onInput={(servers) => change({ servers })}
            />
          </div>
          <button type="submit" class="primary">
            Connect
          </button>
        </form>
      </div>
      <Log />
    </>
  );
}
