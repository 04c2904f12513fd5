import { PalmError } from 'frond';
import { usePlayground } from '../context.ts';
import type { Phase } from '../state/connection.ts';
import type { Place } from '../state/place.ts';
import { CopyLink } from './copy-link.tsx';
import { FrameMeter } from './frame-meter.tsx';

const THEME_NAMES = { system: 'as the system', light: 'light', dark: 'dark' } as const;

export function Header() {
  const { theme } = usePlayground();
  return (
    <header class="header">
      <div class="brand">
        <Leaf />
        <span class="brand-name">frond</span>
        <span class="brand-note">playground</span>
      </div>
      <Where />
      <FrameMeter />
      <CopyLink />
      <button
        type="button"
        class="quiet icon"
        aria-label={`Colours: ${THEME_NAMES[theme.choice.value]}. Change`}
        title={`Colours: ${THEME_NAMES[theme.choice.value]}`}
        onClick={() => theme.next()}
      >
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <circle cx="10" cy="10" r="6.500" class="icon-line" />
          {theme.choice.value === 'system' ? (
            <path d="M10 3.500a6.500 6.500 0 0 1 0 13z" class="icon-fill" />
          ) : (
            <circle
              cx="10"
              cy="10"
              r="3.500"
              class={theme.choice.value === 'dark' ? 'icon-fill' : 'icon-line'}
            />
          )}
        </svg>
      </button>
    </header>
  );
}

/** Shows the place and whether the page is connected to it. Leads to the panel that changes it. */
function Where() {
  const { connection, link } = usePlayground();
  const phase = connection.phase.value;
  const place = connection.place.value;
  const missing = connection.missing.value;
  const isPartly = phase.type === 'connected' && missing !== '';
  return (
    <button
      type="button"
      class={`where where-${phase.type} ${isPartly ? 'is-partly' : ''}`}
      onClick={() => link.open('connect')}
    >
      <span class="where-dot" aria-hidden="true" />
      <span class="where-text" role="status">
        {inWords(phase, place?.kind)}
        {isPartly && `, ${missing} not reached`}
      </span>
      {place?.kind === 'relay' && <span class="where-url mono">{place.label}</span>}
    </button>
  );
}

function inWords(phase: Phase, kind: Place['kind'] | undefined): string {
  switch (phase.type) {
    case 'connecting':
      return 'connecting';
    case 'connected':
      return kind === 'page' ? 'cluster in this page' : 'through a relay';
    case 'away':
      return 'cannot reach the relay, trying again';
    case 'failed':
      if (phase.isRetried) return 'not connected, trying again';
      return phase.error instanceof PalmError && phase.error.code === 'FORBIDDEN'
        ? 'refused'
        : 'not connected';
  }
}

function Leaf() {
  return (
    <svg class="leaf" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M6 28C10 18 16 10 27 4M9.500 21.500C6 19 5 15.500 5.500 12M14 15.200C10.500 12.500 10 9 11 5.500M19.500 9.500C17.500 7.500 17 5.500 17.500 3M11.500 19C16 20.500 20 19.500 23 16.500M16.500 12.300C20.500 13.500 24.500 12.500 27.500 9.500" />
    </svg>
  );
}
