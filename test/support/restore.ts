/** Test files share a process. What one of them has replaced is put back before the next. Vitest runs this around every file (`setupFiles`). */
import { afterAll, vi } from 'vitest';

afterAll(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});
