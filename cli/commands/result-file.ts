/**
 * The file of `frond map --resume`. It is changed only when it is known to hold results of the same run, and when there is a
 * result to write. A note beside it records the run, because lines alone do not tell.
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
import { isMissing, unreadable, unwritable } from '../input.ts';
import { quoted } from '../terminal/text.ts';
import { type Done, type LineFormat, NOTHING_DONE, type Results, readResults } from './map-resume.ts';

/** What two runs must have in common, as the note records it. */
export interface Run {
  /** The stages of the call, with commas between them. */
  readonly function: string;
  readonly format: LineFormat;
}

/** Suffixes of the note, and of a note or file while it is being written. */
const NOTE = '.frond-map';
const UNFINISHED = '.frond-map-unfinished';

/** Bytes of the largest note: it holds the names of functions. */
const LONGEST_NOTE = 1024 * 1024;

/** A file when it was checked. */
interface CheckedFile extends Results {
  readonly stats: BigIntStats;
}

/** A file of results that a run continues or creates. */
export class ResultFile {
  /** Path with all links followed. */
  readonly #path: string;
  readonly #name: string;
  readonly #run: Run;
  readonly #before: CheckedFile | undefined;
  #handle: Promise<FileHandle> | undefined;

  private constructor(path: string, name: string, run: Run, before: CheckedFile | undefined) {
    this.#path = path;
    this.#name = name;
    this.#run = run;
    this.#before = before;
  }

  /**
   * Reads and checks the file, if there is one. Changes nothing.
   * @param isAdopted - whether lines are accepted as results of this run without a note.
   * @throws CommandError `INPUT` when it is not a file or not of this run; `OUTPUT` when it cannot be written.
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

  /** A stream that appends to the file. Its first bytes create the file, or cut off an incomplete last line. */
  stream(): Writable {
    return new Writable({
      write: (chunk: Buffer, _, done) => {
        this.#append(chunk).then(() => done(), done);
      },
    });
  }

  /** Resolves when all bytes are on the disk. @throws CommandError `OUTPUT` when they cannot be written there. */
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
    // Left over from a run that was killed here. If one is a link, only the link is removed.
    for (const left of [path + UNFINISHED, path + NOTE + UNFINISHED]) await rm(left, { force: true });
    await writeNote(path, this.#run);
    const before = this.#before;
    if (before === undefined) return open(path, 'ax');
    if (!isSame(before.stats, await statsOf(path, this.#name))) throw changed(this.#name);
    if (before.whole < before.size) await this.#replace(before);
    // Not 'a', which would create the file if somebody has removed it.
    return open(path, constants.O_WRONLY | constants.O_APPEND);
  }

  /** Replaces the file by a copy without the incomplete line. The file stays until the copy is complete and on the disk. */
  async #replace({ whole, stats }: CheckedFile): Promise<void> {
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

/** The path with all links followed. @throws CommandError `INPUT` for a link to a missing file. */
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

/** Undefined for a missing file. @throws CommandError `INPUT` for a folder, a pipe and the like. */
async function statsOf(path: string, name: string): Promise<BigIntStats | undefined> {
  const stats = await stat(path, { bigint: true }).catch((error) => {
    if (isMissing(error)) return undefined;
    throw unreadable(name, error);
  });
  if (stats === undefined || stats.isFile()) return stats;
  throw new CommandError('INPUT', `${name} is not a regular file: a run into it cannot be resumed`);
}

/** @throws CommandError `OUTPUT` when the file or its folder is read-only. */
async function checkWritable(path: string, name: string, stats: BigIntStats | undefined): Promise<void> {
  // The superuser can write to it anyway, but a file is read-only on purpose.
  if (stats !== undefined && (stats.mode & 0o222n) === 0n)
    throw unwritable(name, new Error('it is read-only'));
  try {
    // Files are created beside it, too.
    await access(dirname(path), constants.W_OK | constants.X_OK);
    if (stats !== undefined) await access(path, constants.W_OK);
  } catch (error) {
    throw unwritable(name, error);
  }
}

function emptied(stats: BigIntStats | undefined): CheckedFile | undefined {
  return stats === undefined ? undefined : { done: NOTHING_DONE, whole: 0, size: 0, stats };
}

/** Whether the file is the same as before, neither written nor replaced. */
function isSame(before: BigIntStats, now: BigIntStats | undefined): boolean {
  return (
    now !== undefined &&
    now.ino === before.ino &&
    now.dev === before.dev &&
    now.size === before.size &&
    now.mtimeNs === before.mtimeNs
  );
}

/** Whether there is a note of this run. @throws CommandError `INPUT` for a note of another run. */
async function isNoted(path: string, name: string, run: Run): Promise<boolean> {
  const note = await readNote(path);
  if (note === undefined) return false;
  if (note.function === run.function && note.format === run.format) return true;
  const format = note.format === 'plain' ? '' : ` with --${note.format}`;
  throw new CommandError(
    'INPUT',
    `${name} holds results of ${inspectValue(note.function)}${format}, not of this run; the file is unchanged`,
    `give --resume the output of the same command line; ${quoted(path + NOTE)} records what the file holds`,
  );
}

async function readNote(path: string): Promise<Run | undefined> {
  const note = path + NOTE;
  const other = new CommandError('INPUT', `${quoted(note)} is not a note of frond map`);
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
  const { function: stages, format } = run;
  if (typeof stages !== 'string' || !isFormat(format)) throw other;
  return { function: stages, format };
}

function isFormat(format: unknown): format is LineFormat {
  return format === 'plain' || format === 'json' || format === 'jsonl';
}

/** Writes the note, unless it is there. It must exist before the first result: a file without a note is not continued. */
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

/** Makes a new file name survive a loss of power, on systems that can. */
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
    `${name} is not empty, and no note beside it says that it holds results of ${inspectValue(path)}; the file is unchanged`,
    'accept its lines as results of this run with --adopt, or give the name of a new file',
  );
}

function changed(name: string): CommandError {
  return new CommandError(
    'OUTPUT',
    `${name} was changed by another process during the run, and is not written`,
  );
}
