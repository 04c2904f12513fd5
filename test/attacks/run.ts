/**
 * npm run test:attacks [-- --long --seed N --only NAME, and what vitest takes]: the commands of frond as a user starts them,
 * attacked on loopback, with honest clients beside. Ends with a table of what that did to the attacked process. FROND_NATIVE=1 has all of them
 * use the package zeromq.
 * ATTACKS_JSON names a file that gets the rows of the table, one JSON object a line.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runSeeded } from '../support/seeded-run.ts';
import { readRows, tableOf } from './table.ts';

const folder = await mkdtemp(join(tmpdir(), 'frond-attacks-'));
const rows = process.env['ATTACKS_JSON'] ?? join(folder, 'rows.jsonl');
try {
  await writeFile(rows, '');
  process.exitCode = await runSeeded({
    project: 'attacks',
    prefix: 'ATTACKS',
    options: { only: (name) => ['-t', name] },
    env: { ATTACKS_ROWS: rows },
  });
  console.log(`\n${tableOf(readRows(rows))}`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
