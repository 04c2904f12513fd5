/** The lines for a shell in README and docs, and that no block there is of a language that no test reads. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../cli/command.ts';
import { COMMANDS, loadCommand } from '../../cli/commands/index.ts';
import { blocksOf, pages } from '../support/docs.ts';
import { root } from '../support/packed.ts';

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const blocks = pages.flatMap(blocksOf);

/** What a shell would run: without comments, one command of a pipe or a list after the other. */
const commands = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.split('\n'))
  .flatMap((line) => line.replace(/(^| {2,})#.*/, '').split(/ && | \| /))
  .map((line) => line.trim())
  .filter((line) => line !== '');

/** The words of a command, without quotes and redirections. */
function wordsOf(command: string): readonly string[] {
  const words = command.replace(/ [<>] \S+/g, '').match(/'[^']*'|\S+/g) ?? [];
  return words.map((word) => word.replace(/^'(.*)'$/, '$1'));
}

describe('README and docs', () => {
  it('have blocks of languages that are read: here, in docs.test.ts, test/install and test/browser, or by the site', () => {
    expect([...new Set(blocks.map(({ language }) => language))].sort()).toEqual(
      ['html', 'js', 'json', 'mjs', 'sh', 'text', 'ts'].sort(),
    );
    const count = (page: string, language: string) =>
      blocks.filter((block) => block.page === page && block.language === language).length;
    // README's server, client and page, which test/install and test/browser run.
    expect(count('README.md', 'mjs')).toBe(2);
    expect(count('README.md', 'html')).toBe(1);
    // The script and the page for browsers, and the module for `frond serve`, which test/browser runs.
    expect(count('docs/guide/browser.md', 'html')).toBe(1);
    expect(count('docs/guide/browser.md', 'js')).toBe(1);
    expect(count('docs/guide/command.md', 'js')).toBe(1);
    expect(blocks.filter(({ language }) => language === 'html')).toHaveLength(2);
  });

  it('have JSON that can be read', () => {
    const json = blocks.filter(({ language }) => language === 'json');
    expect(json.length).toBeGreaterThan(0);
    for (const { text } of json) expect(() => JSON.parse(text)).not.toThrow();
  });

  const ofFrond = commands.filter((line) => /^(npx )?frond /.test(line));

  it.each(ofFrond)('%s', async (line) => {
    const [name = '', ...args] = wordsOf(line.replace(/^(npx )?frond /, ''));
    const entry = COMMANDS.find((one) => one.name === name);
    if (entry === undefined) throw new Error(`there is no command ${name}`);
    const command = await loadCommand(entry);
    const { positionals } = parseOptions(command, args, {});
    expect(positionals.length).toBeGreaterThanOrEqual(command.arity[0]);
    expect(positionals.length).toBeLessThanOrEqual(command.arity[1]);
  });

  it.each(commands.filter((line) => line.startsWith('npm ')))('%s', (line) => {
    const [, verb = '', ...rest] = line.split(' ');
    const own = verb === 'run' ? (rest[0] ?? '') : verb;
    expect(['ci', 'install', ...Object.keys(scripts)]).toContain(own);
  });

  it('have no other commands than those, and what feeds them', () => {
    const others = commands.filter((line) => !/^((npx )?frond|npm) /.test(line));
    const known =
      /^(ls$|export FROND_|node (server|client)\.mjs$|npx vite$|nft add |curl |printf |nats-server (--jetstream|-c nats-node\.conf)$|export NATS_)/;
    expect(others.filter((line) => !known.test(line))).toEqual([]);
  });
});
