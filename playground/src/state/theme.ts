import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const NEXT: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const STORED = 'frond-playground-theme';

/** Light or dark: as the system has it, unless it was chosen here. */
export class ThemeChoice {
  readonly choice = signal<Theme>(stored());
  readonly #systemIsDark = signal(false);

  constructor() {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    this.#systemIsDark.value = dark.matches;
    dark.addEventListener('change', () => {
      this.#systemIsDark.value = dark.matches;
    });
    effect(() => {
      document.documentElement.dataset['theme'] = this.isDark ? 'dark' : 'light';
    });
  }

  get isDark(): boolean {
    const { value } = this.choice;
    return value === 'dark' || (value === 'system' && this.#systemIsDark.value);
  }

  next(): void {
    this.choice.value = NEXT[this.choice.value];
    try {
      localStorage.setItem(STORED, this.choice.value);
    } catch {
      // Where nothing may be stored, the choice lasts as long as the page.
    }
  }
}

function stored(): Theme {
  try {
    const value = localStorage.getItem(STORED);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}
