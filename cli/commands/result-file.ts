/**
 * The file of `frond map --resume`. Nothing of it is changed before it is known to hold results of the same run, and before
 * there is one to write. What says so is a note beside it: lines alone could be anybody's.
 */
import type { BigIntStats } from 'node:fs';
import {
  access,
  constants,
  copyFile,
  type FileHandle,
  lstat,
  open,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { inspectValue } from '../../src/protocol/errors.ts';
import { CommandError } from '../errors.ts';
import { unreadable, unwritable } from '../input.ts';
import { quoted } from '../terminal/text.ts';
import { type Done, type LineFormat, NOTHING_DONE, type Results, readResults } from './map-resume.ts';

/** What makes two runs the same, as the note says it. */
export interface Run {
  /** The stages of the call, with commas between them. */
  readonly function: string;
  readonly format: LineFormat;
}

/** Ends of the names of the files beside: the note, and what becomes it or the file once it is whole. */
const NOTE = '.frond-map';
const UNFINISHED = '.frond-map-unfinished';

/** Bytes of a note: it holds the names of functions. */
const LONGEST_NOTE = 1024 * 1024;

/** A file as it was when it was checked. */
interface Before extends Results {
  readonly stats: BigIntStats;
}

export class ResultFile {
  /** Where it is, all links followed. */
  readonly #path: string;
  readonly #name: string;
  readonly #run: Run;
  readonly #before: Before | undefined;
  #handle: Promise<FileHandle> | undefined;

  private constructor(path: string, name: string, run: Run, before: Before | undefined) {
    this.#path = path;
    this.#name = name;
    this.#run = run;
    this.#before = before;
  }

  /**
   * Reads and checks the file, if there is one, and changes nothing.
   * @param isAdopted - whether lines count as results of this run though there is no note.
   * @throws CommandError `INPUT` when it is not a file, or not of this run; `OUTPUT` when it cannot be written.
   */
  static async open(path: string, run: Run, isAdopted: boolean): Promise<ResultFile> {
    const name = quoted(path);
    const real = await targetOf(path, name);
    const stats = await statsOf(real, name);
    await checkWritable(real, name, stats);
    if (stats === undefined || stats.size === 0n) return new ResultFile(real, name, run, emptied(stats));
    if (!(await isNoted(real, name, run)) && !isAdopted && run.format === 'plain') throw notNoted(name, run);
    const results = await readResults(real, run.format);
    const after = await statsOf(real, name);
    if (!isSame(stats, after)) throw changed(name);
    return new ResultFile(real, name, run, { ...results, stats });
  }

  get done(): Done {
    return this.#before?.done ?? NOTHING_DONE;
  }

  /** Takes what is to stand behind it. The first of that makes the file, or cuts half of a line that is at its end. */
  stream(): Writable {
    return new Writable({
      write: (chunk: Buffer, _, done) => {
        this.#append(chunk).then(() => done(), done);
      },
    });
  }

  /** Resolves when what was written is on the disk. @throws CommandError `OUTPUT` when it cannot get there. */
  async close(): Promise<void> {
    const handle = await this.#handle?.catch(() => undefined);
    if (handle === undefined) return;
    try {
      await handle.sync();
    } catch (error) {
      throw unwritable(this.#name, error);
    } finally {
      await handle.close();
    }
  }

  async #append(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return;
    this.#handle ??= this.#prepare();
    await (await this.#handle).appendFile(bytes);
  }

  async #prepare(): Promise<FileHandle> {
    const path = this.#path;
    // What a run left that was killed here; a link of that name goes, and not what it leads to.
    for (const left of [path + UNFINISHED, path + NOTE + UNFINISHED]) await rm(left, { force: true });
    await writeNote(path, this.#run);
    const before = this.#before;
    if (before === undefined) return open(path, 'ax');
    if (!isSame(before.stats, await statsOf(path, this.#name))) throw changed(this.#name);
    if (before.whole < before.size) await this.#replace(before);
    // Not 'a', which makes a file that somebody has taken away.
    return open(path, constants.O_WRONLY | constants.O_APPEND);
  }

  /** Puts a copy without half a line in its place: what is there stays until the other is whole, and on the disk. */
  async #replace({ whole, stats }: Before): Promise<void> {
    const path = this.#path;
    const copy = path + UNFINISHED;
    try {
      await copyFile(path, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      const handle = await open(copy, 'r+');
      try {
        await handle.truncate(whole);
        await handle.chmod(Number(stats.mode & 0o7777n));
        await handle.chown(Number(stats.uid), Number(stats.gid)).catch(() => {});
        await handle.sync();
      } finally {
        await handle.close();
      }
      if (!isSame(stats, await statsOf(path, this.#name))) throw changed(this.#name);
      await rename(copy, path);
    } catch (error) {
      await rm(copy, { force: true }).catch(() => {});
      throw error;
    }
    await syncFolder(path);
  }
}

/** The path behind all links. @throws CommandError `INPUT` for a link that leads nowhere. */
async function targetOf(path: string, name: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isMissing(error)) throw unreadable(name, error);
  }
  const isLink = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isLink) throw new CommandError('INPUT', `${name} is a link to a file that is not there`);
  const folder = dirname(resolve(path));
  const real = await realpath(folder).catch((error) => {
    throw unwritable(name, error);
  });
  return join(real, basename(path));
}

/** Undefined when there is nothing. @throws CommandError `INPUT` for what has no lines to keep, such as a folder or pipe. */
async function statsOf(path: string, name: string): Promise<BigIntStats | undefined> {
  const stats = await stat(path, { bigint: true }).catch((error) => {
    if (isMissing(error)) return undefined;
    throw unreadable(name, error);
  });
  if (stats === undefined || stats.isFile()) return stats;
  throw new CommandError('INPUT', `${name} is not a regular file, and so cannot be gone on with`);
}

/** @throws CommandError `OUTPUT`. */
async function checkWritable(path: string, name: string, stats: BigIntStats | undefined): Promise<void> {
  // The superuser may write everything, but what is read-only is so on purpose.
  if (stats !== undefined && (stats.mode & 0o222n) === 0n)
    throw unwritable(name, new Error('it is read-only'));
  try {
    // Files are made beside it, too.
    await access(dirname(path), constants.W_OK | constants.X_OK);
    if (stats !== undefined) await access(path, constants.W_OK);
  } catch (error) {
    throw unwritable(name, error);
  }
}

function emptied(stats: BigIntStats | undefined): Before | undefined {
  return stats === undefined ? undefined : { done: NOTHING_DONE, whole: 0, size: 0, stats };
}

/** Whether nobody has written the file, or put another in its place, since. */
function isSame(before: BigIntStats, now: BigIntStats | undefined): boolean {
  return (
    now !== undefined &&
    now.ino === before.ino &&
    now.dev === before.dev &&
    now.size === before.size &&
    now.mtimeNs === before.mtimeNs
  );
}

/** Whether a note says that the file is of this run. @throws CommandError `INPUT` when it says another. */
async function isNoted(path: string, name: string, run: Run): Promise<boolean> {
  const note = await readNote(path);
  if (note === undefined) return false;
  if (note.function === run.function && note.format === run.format) return true;
  const format = note.format === 'plain' ? '' : ` with --${note.format}`;
  throw new CommandError(
    'INPUT',
    `${name} holds results of ${inspectValue(note.function)}${format}, and not of this run; nothing in it was changed`,
    `${quoted(path + NOTE)} says so; --resume takes the output of the same run, written with the same options`,
  );
}

async function readNote(path: string): Promise<Run | undefined> {
  const note = path + NOTE;
  const other = new CommandError(
    'INPUT',
    `${quoted(note)} is not the note that frond map keeps of such a file`,
  );
  let text: string;
  try {
    const stats = await stat(note);
    if (!stats.isFile() || stats.size > LONGEST_NOTE) throw other;
    text = await readFile(note, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error instanceof CommandError ? error : unreadable(quoted(note), error);
  }
  let run: Partial<Run>;
  try {
    run = JSON.parse(text).map ?? {};
  } catch {
    throw other;
  }
  const { function: path_, format } = run;
  if (typeof path_ !== 'string' || !isFormat(format)) throw other;
  return { function: path_, format };
}

function isFormat(format: unknown): format is LineFormat {
  return format === 'plain' || format === 'json' || format === 'jsonl';
}

/** Writes the note, unless it is there, and before there is a result: what is without it is not gone on with. */
async function writeNote(path: string, run: Run): Promise<void> {
  const note = path + NOTE;
  const text = `${JSON.stringify({ map: { function: run.function, format: run.format } })}\n`;
  if ((await readFile(note, 'utf8').catch(() => '')) === text) return;
  const unfinished = note + UNFINISHED;
  const handle = await open(unfinished, 'wx');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, note);
  await syncFolder(note);
}

/** So that a new name outlives a loss of power; not every system can. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch {}
}

function notNoted(name: string, { function: path }: Run): CommandError {
  return new CommandError(
    'INPUT',
    `${name} is not empty, and nothing beside it says that it holds results of ${inspectValue(path)}; nothing in it was changed`,
    '--adopt takes its lines for results of this run; else give the name of a new file',
  );
}

function changed(name: string): CommandError {
  return new CommandError('OUTPUT', `${name} was changed by something else meanwhile, and so is not written`);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
