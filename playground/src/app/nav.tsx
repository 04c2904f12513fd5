import { useEffect, useRef } from 'preact/hooks';
import { usePlayground } from '../context.ts';
import { PANELS } from '../panels/panels.ts';

export function Nav({ current }: { readonly current: string }) {
  const { link } = usePlayground();
  const bar = useRef<HTMLElement>(null);
  useEffect(() => {
    const link = bar.current?.querySelector<HTMLElement>('[aria-current]');
    // On a phone the links are wider than the screen.
    if (link)
      bar.current?.scrollTo({ left: link.offsetLeft - bar.current.clientWidth / 2 + link.offsetWidth / 2 });
  }, [current]);
  return (
    <nav class="nav" ref={bar} aria-label="Panels">
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
