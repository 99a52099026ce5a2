/** Directories as the addon packs them: hostile names and numbers come out as lstat says, and each entry costs one call. */
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodePath } from '../../src/base/path-bytes.ts';
import { readDirectory } from '../../src/native/directory.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('hostile names and link targets keep their bytes, and the targets belong to their links', (t) => {
  const root = Buffer.from(`${temporaryFolder(t)}/`);
  const names = ['a\nb', '\udcff', 'x\udcc3', '\u{1f600}', '\ufeffmark', '\ufffd', '__proto__', ' ', '\\', 'z'.repeat(255)];
  const bytes = (name: string): Buffer => Buffer.concat([root, encodePath(name)]);
  for (const [index, name] of names.entries()) {
    if (index % 2 === 0) writeFileSync(bytes(name), 'x'.repeat(index));
    else symlinkSync(encodePath(`to \udcfe ${name}`), bytes(name));
  }
  const expected = names.map((name, index) => [name, index % 2 === 0 ? 'file' : 'symlink', index % 2 === 0 ? '' : `to \udcfe ${name}`] as const);
  const sorted = expected.toSorted(([a], [b]) => Buffer.compare(encodePath(a), encodePath(b)));
  assert.deepEqual(readDirectory(root.toString(), '').map(({ name, type, linkTarget }) => [name, type, linkTarget]), sorted);
});

test('every number is the one of lstat, sizes beyond 32 bits and times before 1970 included', (t) => {
  const root = temporaryFolder(t);
  writeFileSync(join(root, 'large'), '', { mode: 0o4751 });
  truncateSync(join(root, 'large'), 5 * 2 ** 32 + 7);
  utimesSync(join(root, 'large'), 1, -86400.5);
  mkdirSync(join(root, 'z'), { mode: 0o1700 });
  for (const entry of readDirectory(root, '')) {
    const is = lstatSync(join(root, entry.name), { bigint: true });
    assert.deepEqual(
      [entry.mode, entry.uid, entry.gid, entry.sizeBytes, entry.mtimeNs, entry.ctimeNs, entry.device, entry.inode, entry.linkCount, entry.rdev, entry.xattrs],
      [Number(is.mode & 0o7777n), Number(is.uid), Number(is.gid), Number(is.size), is.mtimeNs, is.ctimeNs, is.dev, is.ino, Number(is.nlink), is.rdev, []],
    );
  }
  assert.deepEqual(readDirectory(root, 'z'), []);
});

test('a directory costs one lstat an entry, and one to open and two to list it', (t) => {
  const root = temporaryFolder(t);
  for (let index = 0; index < 500; index++) writeFileSync(join(root, `file-${index}`), '');
  const module = fileURLToPath(new URL('../../src/native/directory.ts', import.meta.url));
  const program = `import { readDirectory } from ${JSON.stringify(module)}; console.log(readDirectory(${JSON.stringify(root)}, '').length)`;
  const trace = join(temporaryFolder(t), 'trace');
  const printed = execFileSync('strace', ['-o', trace, '-e', 'trace=newfstatat,getdents64,openat2', process.execPath, '--import=tsx', '--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(printed.trim(), '500');
  const lines = readFileSync(trace, 'utf8').split('\n');
  const count = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;
  assert.equal(count(/^newfstatat\(\d+, "file-\d+"/), 500);
  assert.equal(count(/^openat2\(/), 1);
  assert.equal(count(/^getdents64\(/), 2);
});
