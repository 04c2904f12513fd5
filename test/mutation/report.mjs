/** What a run of mutants prints: the survivors that nobody has named, and a table of files. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const LIST = fileURLToPath(new URL('survivors.md', import.meta.url));

/**
 * The mutants that `survivors.md` names. A heading names a file; an entry below it has the line of code, what the mutant puts there, and
 * the reason why it may stay. An entry without a replacement stands for all mutants of such a line. Lines move, so they have no numbers.
 */
function readNamed() {
  const named = new Set();
  let file = '';
  for (const line of readFileSync(LIST, 'utf8').split('\n')) {
    const [, heading] = /^## (.+)$/.exec(line) ?? [];
    if (heading !== undefined) file = heading;
    const [, , code, , replacement] = /^- (`+) ?(.*?) ?\1(?: → (`+) ?(.*?) ?\3)?: ./.exec(line) ?? [];
    if (code !== undefined) named.add(keyOf(file, code, replacement));
  }
  return named;
}

function keyOf(file, code, replacement = '') {
  return [file, plain(code), plain(replacement)].join('\n');
}

/** On one line, and of a length that can be read. */
function plain(code) {
  const line = code.replace(/\s+/g, ' ').trim();
  return line.length > 110 ? `${line.slice(0, 109)}…` : line;
}

function quoted(code) {
  const text = plain(code);
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

const named = readNamed();
const isNamed = ({ file, code, replacement }) =>
  named.has(keyOf(file, code, replacement)) || named.has(keyOf(file, code));
const has =
  (...all) =>
  ({ status }) =>
    all.includes(status);
const isKilled = has('Killed', 'Timeout');
const isAlive = has('Survived', 'NoCoverage');

/** Prints the survivors that have no reason yet, as entries for `survivors.md`. */
export function printSurvivors(rooms) {
  let file = '';
  for (const mutant of rooms.flatMap(({ mutants }) => mutants)) {
    if (!isAlive(mutant) || isNamed(mutant)) continue;
    if (mutant.file !== file) console.log(`\n## ${mutant.file}\n`);
    file = mutant.file;
    const where = mutant.status === 'NoCoverage' ? `line ${mutant.line}, in no test` : `line ${mutant.line}`;
    console.log(`- ${quoted(mutant.code)} → ${quoted(mutant.replacement)}: (${where})`);
  }
}

function rowOf(name, mutants) {
  const killed = mutants.filter(isKilled).length;
  const alive = mutants.filter(isAlive);
  const all = killed + alive.length;
  return {
    name,
    killed,
    alive: alive.length,
    named: alive.filter(isNamed).length,
    untried: mutants.length - all,
    rate: (100 * killed) / all,
    all,
  };
}

/** Prints the table. Returns whether each room reaches its target. */
export function printTable(rooms) {
  const rows = [['', 'killed', 'survived', 'of them named', 'not tried', 'rate', 'target', '']];
  let isReached = true;
  for (const { name, target, mutants } of rooms) {
    for (const file of new Set(mutants.map((mutant) => mutant.file))) {
      rows.push(
        cells(
          rowOf(
            file,
            mutants.filter((mutant) => mutant.file === file),
          ),
        ),
      );
    }
    const row = rowOf(`all of ${name}`, mutants);
    const reaches = row.all === 0 || row.rate >= target;
    isReached &&= reaches;
    rows.push([...cells(row), `${target} %`, reaches ? 'reached' : 'MISSED'], []);
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  console.log();
  for (const row of rows) {
    const aligned = row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
    console.log(aligned.join('  ').trimEnd());
  }
  return isReached;
}

function cells({ name, killed, alive, named, untried, rate, all }) {
  if (all === 0) return [name, '0', '0', '0', String(untried), ''];
  // Rounded down, so that what is shown as reached is.
  return [
    name,
    String(killed),
    String(alive),
    String(named),
    String(untried),
    `${(Math.floor(rate * 10) / 10).toFixed(1)} %`,
  ];
}
