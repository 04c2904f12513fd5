import { usePlayground } from '../context.ts';
import { PathField } from '../parts/path-field.tsx';
import { type ServerInfo, takesCalls } from '../state/discovery.ts';

export function FunctionsPanel() {
  const { link, connection } = usePlayground();
  const servers = connection.discovery.servers.value;
  return (
    <>
      <div class="form">
        <PathField />
        <div class="row actions">
          <button type="button" class="primary" onClick={() => link.open('call')}>
            Call it
          </button>
          <button type="button" onClick={() => link.open('job')}>
            Stream a job through it
          </button>
        </div>
      </div>
      {servers.length === 0 ? (
        <p class="empty">
          No server is known yet. Type a function as server.function above, or open Connect.
        </p>
      ) : (
        <ul class="offers">
          {servers.map((server) => (
            <Offer key={server.name} server={server} />
          ))}
        </ul>
      )}
    </>
  );
}

function Offer({ server }: { readonly server: ServerInfo }) {
  const { link } = usePlayground();
  const { name, status, functions, trouble } = server;
  const isFirst = takesCalls(server);
  const isBare = functions.length === 1;
  const { fn } = link.value;
  return (
    <li class="offer">
      <h3>
        {name} <span class="badge">{status?.role ?? 'server'}</span>
        {trouble !== undefined && <span class="badge badge-bad">not reached</span>}
      </h3>
      {!isFirst && <p class="hint">Takes messages from the servers before it. Use it as a later stage.</p>}
      {status?.workers !== undefined && isBare && (
        <p class="hint">Its workers know what else they offer: type the function’s name above.</p>
      )}
      {functions.length === 0 ? (
        <p class="hint">It does not say what it offers. Type the function’s name above.</p>
      ) : (
        <ul class="chips">
          {functions.map((one) => {
            const stage = `${name}.${one}`;
            return (
              <li key={one}>
                <button
                  type="button"
                  class="chip mono"
                  aria-label={stage}
                  aria-pressed={fn.split(' ').includes(stage)}
                  onClick={() => link.set({ fn: isFirst ? stage : `${fn} ${stage}` })}
                >
                  {isFirst ? one : `+ ${one}`}
                </button>
              </li>
            );
          })}
        </ul>
      )}
    </li>
  );
}
