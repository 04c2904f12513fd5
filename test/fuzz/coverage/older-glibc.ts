/**
 * The native part of Jazzer.js 4.0.0 needs glibc 2.38 and the libstdc++ of GCC 13. Debian 12, the base of Node 20's usual image, has older
 * ones. Three symbols make the difference, and all are dispensable: two are `strtol` and `strtoul` under the names that C23 gives them, the third is
 * a marker that does nothing. If the addon cannot be loaded, a temporary copy that asks for the older names is loaded instead. Nothing in
 * node_modules is changed.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const ADDON = 'fuzzer-linux-x64.node';

/** Section types of ELF (man 5 elf). */
const DYNSYM = 11;
const VERSION_NEEDS = 0x6ffffffe;
const VERSIONS = 0x6fffffff;

/** Version index of a symbol that takes any version. */
const ANY_VERSION = 1;
/** Flag of a version that may be missing. */
const WEAK_VERSION = 2;
const WEAK_SYMBOL = 0x20;

const TOO_NEW = ['GLIBC_2.38', 'GLIBCXX_3.4.32'];
/** The new names are the old ones behind this prefix. */
const C23 = '__isoc23_';

/** Lets Jazzer.js load its addon with an older C library. Call this before Jazzer.js is loaded. */
export function allowOlderGlibc(): void {
  const load = process.dlopen;
  process.dlopen = (module: object, filename: string, flags?: number) => {
    const open = (path: string) => (flags === undefined ? load(module, path) : load(module, path, flags));
    try {
      open(filename);
    } catch (error) {
      if (basename(filename) !== ADDON || !/GLIBC(XX)?_/.test(String(error))) throw error;
      const folder = mkdtempSync(join(tmpdir(), 'frond-fuzz-'));
      try {
        const copy = join(folder, ADDON);
        writeFileSync(copy, forOlderGlibc(readFileSync(filename)));
        open(copy);
      } finally {
        // The library stays mapped without its file.
        rmSync(folder, { recursive: true });
      }
    }
  };
}

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

function forOlderGlibc(elf: Buffer): Buffer {
  const patched = Buffer.from(elf);
  const sections = sectionsOf(patched);
  const ofType = (type: number) => {
    const section = sections.find((one) => one.type === type);
    if (section === undefined) throw new Error(`the addon of Jazzer.js has no section of type ${type}`);
    return section;
  };
  const [symbols, versions, needs] = [ofType(DYNSYM), ofType(VERSIONS), ofType(VERSION_NEEDS)];
  const names = sections[symbols.link]?.offset ?? 0;
  const nameAt = (offset: number) =>
    patched.toString('latin1', names + offset, patched.indexOf(0, names + offset));
  const tooNew = new Set<number>();
  for (let need = needs.offset, more = true; more; ) {
    for (let aux = need + patched.readUInt32LE(need + 8), moreAux = true; moreAux; ) {
      if (TOO_NEW.includes(nameAt(patched.readUInt32LE(aux + 8)))) {
        patched.writeUInt16LE(WEAK_VERSION, aux + 4);
        tooNew.add(patched.readUInt16LE(aux + 6));
      }
      const next = patched.readUInt32LE(aux + 12);
      moreAux = next !== 0;
      aux += next;
    }
    const next = patched.readUInt32LE(need + 12);
    more = next !== 0;
    need += next;
  }
  const SYMBOL = 24;
  for (let index = 0; index < symbols.size / SYMBOL; index++) {
    if (!tooNew.has(patched.readUInt16LE(versions.offset + 2 * index))) continue;
    patched.writeUInt16LE(ANY_VERSION, versions.offset + 2 * index);
    const symbol = symbols.offset + SYMBOL * index;
    const name = patched.readUInt32LE(symbol);
    if (nameAt(name).startsWith(C23)) patched.writeUInt32LE(name + C23.length, symbol);
    else patched.writeUInt8((patched.readUInt8(symbol + 4) & 0xf) | WEAK_SYMBOL, symbol + 4);
  }
  return patched;
}

function sectionsOf(elf: Buffer): Section[] {
  const start = Number(elf.readBigUInt64LE(40));
  const [size, count] = [elf.readUInt16LE(58), elf.readUInt16LE(60)];
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    return {
      type: elf.readUInt32LE(at + 4),
      offset: Number(elf.readBigUInt64LE(at + 24)),
      size: Number(elf.readBigUInt64LE(at + 32)),
      link: elf.readUInt32LE(at + 40),
    };
  });
}
