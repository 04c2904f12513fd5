/** Loads the thread that `resident.mjs` keeps. It is run by nothing else. */
import { it } from 'vitest';

it('is resident', () => {});
