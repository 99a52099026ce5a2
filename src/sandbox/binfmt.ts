/**
 * Which programs this machine's kernel can start: its own, and those for which an interpreter is registered with
 * binfmt_misc (Documentation/admin-guide/binfmt-misc.rst). Nothing is registered here and nothing is started.
 * Start at `interpretersFor`; `readBinfmtEntries` reads the kernel's list.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode } from '../base/errors.ts';
import type { Platform } from '../image/config.ts';
import { hostPlatform } from '../image/platform.ts';

/** Where the kernel lists what is registered. */
export const binfmtFolder = '/proc/sys/fs/binfmt_misc';

/** A registered interpreter that is recognised by the first bytes of a program. */
export interface BinfmtEntry {
  readonly name: string;
  readonly interpreter: string;
  /** The kernel opened the interpreter when it was registered (flag F): steps need not have it in their own root. */
  readonly isOpened: boolean;
  readonly offset: number;
  readonly magic: Buffer;
  readonly mask: Buffer;
}

/**
 * Reads the text of one entry. Null: it is disabled, or it goes by the name of files.
 * @param text as the kernel prints it: `enabled`, `interpreter PATH`, `flags: OCF`, `offset N`, `magic HEX`, `mask HEX`
 */
export function parseBinfmtEntry(name: string, text: string): BinfmtEntry | null {
  const lines = text.split('\n');
  const value = (key: string): string | undefined => lines.find((line) => line.startsWith(`${key} `))?.slice(key.length + 1);
  const [interpreter, magic] = [value('interpreter'), value('magic')];
  if (lines[0] !== 'enabled' || interpreter === undefined || magic === undefined) return null;
  const bytes = Buffer.from(magic, 'hex');
  const mask = value('mask');
  return {
    name,
    interpreter,
    isOpened: value('flags:')?.includes('F') ?? false,
    offset: Number(value('offset') ?? 0),
    magic: bytes,
    mask: mask === undefined ? Buffer.alloc(bytes.length, 0xff) : Buffer.from(mask, 'hex'),
  };
}

/** The entries that would start a program of the platform. */
export function interpretersFor(platform: Platform, entries: readonly BinfmtEntry[]): readonly BinfmtEntry[] {
  const header = elfHeader(platform);
  return header === null ? [] : entries.filter((entry) => matches(entry, header));
}

function matches({ offset, magic, mask }: BinfmtEntry, header: Buffer): boolean {
  return magic.length > 0 && magic.every((byte, at) => (((header[offset + at] ?? 0) ^ byte) & (mask[at] ?? 0xff)) === 0);
}

/** Class (1: 32 bit, 2: 64 bit), byte order (1: little, 2: big) and `e_machine` of ELF, by OCI architecture (elf(5), linux/elf-em.h). */
const elfOf: Readonly<Record<string, readonly [bits: 1 | 2, order: 1 | 2, machine: number]>> = {
  '386': [1, 1, 3], amd64: [2, 1, 62], arm: [1, 1, 40], arm64: [2, 1, 183], loong64: [2, 1, 258], mips: [1, 2, 8], mipsle: [1, 1, 8], mips64: [2, 2, 8],
  mips64le: [2, 1, 8], ppc64: [2, 2, 21], ppc64le: [2, 1, 21], riscv64: [2, 1, 243], s390x: [2, 2, 22],
};
const headerSizeBytes = 64;

/** The first bytes of an executable of the platform; null for one whose programs are not known. */
function elfHeader({ os, architecture }: Platform): Buffer | null {
  const elf = os === 'linux' ? elfOf[architecture] : undefined;
  if (elf === undefined) return null;
  const [bits, order, machine] = elf;
  const header = Buffer.alloc(headerSizeBytes);
  header.set([0x7f, 0x45, 0x4c, 0x46, bits, order, 1]);
  const executable = 2;
  if (order === 1) {
    header.writeUInt16LE(executable, 16);
    header.writeUInt16LE(machine, 18);
    header.writeUInt32LE(1, 20);
  } else {
    header.writeUInt16BE(executable, 16);
    header.writeUInt16BE(machine, 18);
    header.writeUInt32BE(1, 20);
  }
  return header;
}

/** What each architecture's kernels run besides their own: 32-bit programs. */
const siblings: Readonly<Record<string, string>> = { amd64: '386', arm64: 'arm' };

/** What this machine is asked. */
export interface KernelFiles {
  /** `/proc/sys/fs/binfmt_misc`. */
  readonly binfmt: string;
  /** `/proc/sys/abi`: its `vsyscall32` tells an amd64 kernel that has 32-bit programs. */
  readonly abi: string;
}

export const kernelFiles: KernelFiles = { binfmt: binfmtFolder, abi: '/proc/sys/abi' };

/**
 * Whether the kernel itself runs the platform's programs; variants are not looked at.
 * @param nodeArchitecture `process.arch`
 */
export async function runsNatively(platform: Platform, nodeArchitecture: string, files: KernelFiles): Promise<boolean> {
  const host = hostPlatform(nodeArchitecture);
  if (platform.os !== host.os) return false;
  if (platform.architecture === host.architecture) return true;
  if (siblings[host.architecture] !== platform.architecture) return false;
  // An arm64 kernel says nowhere whether its processor has 32-bit mode: trying tells.
  return host.architecture !== 'amd64' || (await listOrNothing(files.abi)).includes('vsyscall32');
}

/** What is registered now; nothing where binfmt_misc is not mounted or switched off. */
export async function readBinfmtEntries({ binfmt }: KernelFiles): Promise<readonly BinfmtEntry[]> {
  const names = await listOrNothing(binfmt);
  if (!names.includes('status') || !(await readFile(join(binfmt, 'status'), 'utf8')).startsWith('enabled')) return [];
  const entries = names.filter((name) => name !== 'status' && name !== 'register').sort();
  return (await Promise.all(entries.map(async (name) => readEntry(join(binfmt, name), name)))).filter((entry) => entry !== null);
}

async function readEntry(path: string, name: string): Promise<BinfmtEntry | null> {
  try {
    return parseBinfmtEntry(name, await readFile(path, 'utf8'));
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return null; // it was unregistered meanwhile
    throw error;
  }
}

async function listOrNothing(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}
