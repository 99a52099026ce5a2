/**
 * One directory as the addon packs it (addon/directory.cc), read where it lies: an entry is a view of its row, so what
 * nobody asks for is never decoded. A walk asks most entries of a context for name and type only. Start at
 * `openDirectoryTable`.
 */
import { decodePath } from '../base/path-bytes.ts';
import { entryTypeOf, permissionsOf, type DirectoryEntry, type EntryType, type Xattrs } from './directory-entry.ts';

/** Count of rows and bytes of names, both of 64 bits. */
const headBytes = 16;
/** `struct Row` of addon/directory.cc: six words of 64 bits, then four of 32. */
const rowBytes = 64;
const at = { size: 0, mtime: 8, ctime: 16, device: 24, inode: 32, rdev: 40, mode: 48, uid: 52, gid: 56, linkCount: 60 } as const;

const noXattrs: Xattrs = [];

/** The entries of one directory, in the order of the table. */
export function openDirectoryTable(packed: ArrayBuffer): readonly DirectoryEntry[] {
  const head = new DataView(packed, 0, headBytes);
  const count = Number(head.getBigUint64(0, true));
  const namesAt = headBytes + count * rowBytes;
  const targetsAt = namesAt + Number(head.getBigUint64(8, true));
  const rows = new DataView(packed, headBytes, count * rowBytes);
  const names = decodeList(new Uint8Array(packed, namesAt, targetsAt - namesAt));
  const targets = new Map<number, string>();
  const table: Table = { rows, targets };
  const entries = names.map((name, number) => new TableEntry(table, number * rowBytes, name));
  if (targetsAt === packed.byteLength) return entries;
  const links = entries.filter(({ type }) => type === 'symlink');
  for (const [number, target] of decodeList(new Uint8Array(packed, targetsAt)).entries()) targets.set(links[number]?.row ?? -1, target);
  return entries;
}

/** Texts with a NUL behind each, decoded together: calls of the decoder are what costs. */
function decodeList(bytes: Uint8Array): string[] {
  const texts = decodePath(bytes).split('\0');
  texts.pop(); // what stands behind the last NUL
  return texts;
}

interface Table {
  readonly rows: DataView;
  /** Of symbolic links, by where their rows begin. */
  readonly targets: ReadonlyMap<number, string>;
}

class TableEntry implements DirectoryEntry {
  readonly name: string;
  /** Where its row begins. */
  readonly row: number;
  private readonly table: Table;

  constructor(table: Table, row: number, name: string) {
    this.table = table;
    this.row = row;
    this.name = name;
  }

  get type(): EntryType {
    return entryTypeOf(this.u32(at.mode));
  }
  get mode(): number {
    return permissionsOf(this.u32(at.mode));
  }
  get uid(): number {
    return this.u32(at.uid);
  }
  get gid(): number {
    return this.u32(at.gid);
  }
  get sizeBytes(): number {
    return this.u32(at.size) + this.u32(at.size + 4) * 2 ** 32;
  }
  get mtimeNs(): bigint {
    return this.table.rows.getBigInt64(this.row + at.mtime, true);
  }
  get ctimeNs(): bigint {
    return this.table.rows.getBigInt64(this.row + at.ctime, true);
  }
  get device(): bigint {
    return this.table.rows.getBigUint64(this.row + at.device, true);
  }
  get inode(): bigint {
    return this.table.rows.getBigUint64(this.row + at.inode, true);
  }
  get linkCount(): number {
    return this.u32(at.linkCount);
  }
  get rdev(): bigint {
    return this.table.rows.getBigUint64(this.row + at.rdev, true);
  }

  get linkTarget(): string {
    return this.table.targets.get(this.row) ?? '';
  }
  get xattrs(): Xattrs {
    return noXattrs;
  }

  private u32(offset: number): number {
    return this.table.rows.getUint32(this.row + offset, true);
  }
}
