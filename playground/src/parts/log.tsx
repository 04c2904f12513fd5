import { useEffect, useRef } from 'preact/hooks';
import { usePlayground } from '../context.ts';
import { grouped } from '../state/numbers.ts';

const TIME = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});

/** What happened to the connections, newest last. */
export function Log() {
  const { log } = usePlayground();
  const lines = log.lines.value;
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [lines]);
  return (
    <section class="log" aria-label="Status log">
      <header class="log-head">
        <h3>Status</h3>
        <button type="button" class="quiet" onClick={() => log.clear()}>
          Clear
        </button>
      </header>
      {lines.length === 0 ? (
        <p class="empty">Nothing has happened yet.</p>
      ) : (
        <div
          class="log-lines"
          ref={list}
          role="log"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
          tabIndex={0}
          aria-label="What happened to the connections"
        >
          <ol>
            {lines.map(({ number, at, who, tone, text, count, isLeast }) => (
              <li key={number} class={`tone-${tone}`}>
                <time>{TIME.format(at)}</time>
                <b>{who}</b>
                <span>
                  {text}
                  {count > 1 && (
                    <i class="log-count">
                      {' '}
                      × {grouped(count)}
                      {isLeast && ' or more'}
                    </i>
                  )}
                </span>
              </li>
            ))}
          </ol>
        </div>
      )}
    </section>
  );
}
