import { PANELS } from '../panels/panels.ts';
import { usePlayground } from './context.ts';

export function Nav({ current }: { readonly current: string }) {
  const { link } = usePlayground();
  return (
    <nav class="nav" aria-label="Panels">
      <ul>
        {PANELS.map(({ id, name }) => (
          <li key={id}>
            <a
              href={`#panel=${id}`}
              aria-current={id === current ? 'page' : undefined}
              onClick={(event) => {
                if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
                event.preventDefault();
                link.open(id);
              }}
            >
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
