/**
 * Keeps the version the same everywhere. `npm version` runs it without arguments: it gives the changelog's "Unreleased" the new version and
 * today's date, and jsr.json the version. `node .github/version.mjs check v1.2.3` fails where one of them differs.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const changelog = readFileSync('CHANGELOG.md', 'utf8');
const jsr = readFileSync('jsr.json', 'utf8');
const [, , verb, tag] = process.argv;

if (verb === 'check') {
  const faults = [];
  if (tag !== `v${version}`) faults.push(`the tag is ${tag}, and package.json says ${version}`);
  if (JSON.parse(jsr).version !== version)
    faults.push(`jsr.json says ${JSON.parse(jsr).version}, not ${version}`);
  if (!changelog.includes(`\n## ${version} (`)) faults.push(`CHANGELOG.md has no heading for ${version}`);
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
} else {
  if (!changelog.includes('\n## Unreleased\n'))
    throw new Error('CHANGELOG.md has no heading "## Unreleased"');
  const today = new Date().toISOString().slice(0, 10);
  writeFileSync('CHANGELOG.md', changelog.replace('\n## Unreleased\n', `\n## ${version} (${today})\n`));
  writeFileSync('jsr.json', jsr.replace(/"version": "[^"]*"/, `"version": "${version}"`));
}
