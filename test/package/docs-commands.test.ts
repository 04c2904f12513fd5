/** The lines for a shell in the README, and that no snippet of it is of a language that no test runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../cli/command.ts';
import { COMMANDS } from '../../cli/commands/index.ts';
import { root } from '../support/packed.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const snippets = [...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].map(([, language = '', text = '']) => ({
  language,
  text,
}));

/** What a shell would run: without comments, one command of a pipe or a list after the other. */
const commands = snippets
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.split('\n'))
  .flatMap((line) => line.replace(/ {2,}#.*/, '').split(/ && | \| /))
  .map((line) => line.trim())
  .filter((line) => line !== '');

/** The words of a command, without quotes and redirections. */
function wordsOf(command: string): readonly string[] {
  const words = command.replace(/ [<>] \S+/g, '').match(/'[^']*'|\S+/g) ?? [];
  return words.map((word) => word.replace(/^'(.*)'$/, '$1'));
}

describe('the README', () => {
  it('has snippets of languages that are run: here, in readme.test.ts, test/install and test/browser', () => {
    expect([...new Set(snippets.map(({ language }) => language))].sort()).toEqual([
      'html',
      'js',
      'mjs',
      'sh',
      'text',
      'ts',
    ]);
    // The quick start, and what it prints.
    expect(snippets.filter(({ language }) => language === 'mjs')).toHaveLength(2);
    expect(snippets.filter(({ language }) => language === 'text')).toHaveLength(1);
    // The page's client of a relay, and the module for `frond serve`.
    expect(snippets.filter(({ language }) => language === 'js')).toHaveLength(2);
    expect(snippets.filter(({ language }) => language === 'html')).toHaveLength(1);
  });

  const ofFrond = commands.filter((line) => /^(npx )?frond /.test(line));

  it.each(ofFrond)('%s', (line) => {
    const [name = '', ...args] = wordsOf(line.replace(/^(npx )?frond /, ''));
    const command = COMMANDS.find((one) => one.name === name);
    if (command === undefined) throw new Error(`there is no command ${name}`);
    const { positionals } = parseOptions(command, args, {});
    expect(positionals.length).toBeGreaterThanOrEqual(command.arity[0]);
    expect(positionals.length).toBeLessThanOrEqual(command.arity[1]);
  });

  it.each(commands.filter((line) => line.startsWith('npm ')))('%s', (line) => {
    const [, verb = '', ...rest] = line.split(' ');
    const own = verb === 'run' ? (rest[0] ?? '') : verb;
    expect(['ci', 'install', ...Object.keys(scripts)]).toContain(own);
  });

  it('has no other commands than those, and what feeds them', () => {
    const others = commands.filter((line) => !/^((npx )?frond|npm) /.test(line));
    expect(others.filter((line) => !/^(ls$|export FROND_|node (server|client)\.mjs$)/.test(line))).toEqual(
      [],
    );
  });
});
