import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync, appendFileSync, linkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadAddon } from '../../src/native/addon.ts';
import { readContents, readDirectory } from '../../src/native/directory.ts';
import { pump } from '../../src/layer/layer.ts';
import { execFileSync } from 'node:child_process';
import { asRoot, shell, temporary } from './support.ts';

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

test('pump copies and digests, and leaves the descriptors to the caller', async (t) => {
  const directory = temporary(t);
  const data = Buffer.alloc(3_500_000, 'pump');
  writeFileSync(join(directory, 'in'), data);
  const from = openSync(join(directory, 'in'), 'r');
  const to = openSync(join(directory, 'out'), 'w');
  const pumping = pump(from, to);
  closeSync(from);
  closeSync(to);
  assert.deepEqual(await pumping, { sha256: sha256(data), sizeBytes: data.length });
  assert.deepEqual(readFileSync(join(directory, 'out')), data);
});

test('pump without a target only digests', async (t) => {
  const path = join(temporary(t), 'in');
  writeFileSync(path, '');
  const fd = openSync(path, 'r');
  assert.deepEqual(await pump(fd, null), { sha256: sha256(Buffer.alloc(0)), sizeBytes: 0 });
  closeSync(fd);
});

test('pump reports a full disk, a limit and a reader that went away', async (t) => {
  const path = join(temporary(t), 'in');
  writeFileSync(path, Buffer.alloc(2_000_000));
  const from = (): number => openSync(path, 'r');
  await assert.rejects(pump(from(), openSync('/dev/full', 'w')), { code: 'ENOSPC', syscall: 'write' });
  await assert.rejects(pump(from(), null, { sizeMax: 1_999_999 }), { code: 'EFBIG' });
  const pipe = loadAddon().createPipe();
  closeSync(pipe.readFd);
  await assert.rejects(pump(from(), pipe.writeFd), { code: 'EPIPE' });
  await assert.rejects(pump(openSync(temporary(t), 'r'), null), { code: 'EISDIR', syscall: 'read' });
  await assert.rejects(pump(9999, null), { code: 'EBADF' });
});

test('pump stops when its signal aborts, also while nothing comes', async () => {
  const pipe = loadAddon().createPipe();
  const controller = new AbortController();
  const pumping = pump(pipe.readFd, null, { signal: controller.signal });
  controller.abort(new Error('given up'));
  await assert.rejects(pumping, /given up/);
  closeSync(pipe.readFd);
  closeSync(pipe.writeFd);
});

test('readDirectory lists by bytes with what lstat says', (t) => {
  const root = temporary(t);
  mkdirSync(join(root, 'b'));
  writeFileSync(join(root, 'a'), 'hello', { mode: 0o640 });
  linkSync(join(root, 'a'), join(root, 'a.b'));
  symlinkSync('tärget', join(root, 'b/link'));
  execFileSync('bash', ['-c', `touch $'x\\xffy'; mkfifo b/fifo`], { cwd: root });
  const names = readDirectory(root, '').map(({ name, type, sizeBytes, linkCount }) => [name, type, type === 'directory' ? 0 : sizeBytes, linkCount]);
  assert.deepEqual(names, [['a', 'file', 5, 2], ['a.b', 'file', 5, 2], ['b', 'directory', 0, 2], ['x\udcffy', 'file', 0, 1]]);
  assert.deepEqual(readDirectory(root, 'b').map(({ name, type, linkTarget }) => [name, type, linkTarget]), [['fifo', 'fifo', ''], ['link', 'symlink', 'tärget']]);
  symlinkSync('b', join(root, 'l'));
  assert.throws(() => readDirectory(root, 'l'), { code: 'ELOOP' });
  assert.throws(() => readDirectory(root, '..'), { code: 'EXDEV' });
  assert.throws(() => readDirectory(root, 'missing'), { code: 'ENOENT', path: 'missing' });
});

test('readContents digests in order, and names what it cannot read', async (t) => {
  const root = temporary(t);
  mkdirSync(join(root, 'd'));
  const paths = Array.from({ length: 300 }, (_, i) => `d/${i}`);
  paths.forEach((path) => writeFileSync(join(root, path), path.repeat(100)));
  assert.deepEqual(await readContents(root, paths), paths.map((path) => ({ digest: `sha256:${sha256(Buffer.from(path.repeat(100)))}`, xattrs: [] })));
  assert.deepEqual(await readContents(root, []), []);
  assert.deepEqual(await readContents(root, ['', 'd']), [{ digest: null, xattrs: [] }, { digest: null, xattrs: [] }]);
  await assert.rejects(readContents(root, ['d/1', 'd/none']), { code: 'ENOENT', path: 'd/none' });
  symlinkSync('/etc/passwd', join(root, 'evil'));
  await assert.rejects(readContents(root, ['evil']), { code: 'ELOOP' });
  execFileSync('mkfifo', [join(root, 'fifo')]);
  await assert.rejects(readContents(root, ['fifo']), { code: 'FILE_CHANGED', message: /fifo/ });
});

test('readContents sees a file that grows while it is read', async (t) => {
  const root = temporary(t);
  const path = join(root, 'big');
  execFileSync('truncate', ['-s', '1G', path]);
  const timer = setInterval(() => appendFileSync(path, 'more'), 5);
  t.after(() => clearInterval(timer));
  await assert.rejects(readContents(root, ['big']), { code: 'FILE_CHANGED', message: /big: it changed/ });
});

test('readContents reads user attributes and capabilities of files and directories, and no others', asRoot, async (t) => {
  const root = temporary(t);
  const capability = '\\x00\\x00\\x00\\x02\\x01' + '\\x00'.repeat(15);
  // u::rw, u:77:r, g::r, m::r, o::r (acl(5), in the form of the kernel's posix_acl_xattr.h)
  const acl = ['02000000', '01000600ffffffff', '020004004d000000', '04000400ffffffff', '10000400ffffffff', '20000400ffffffff'].join('').replace(/../g, '\\x$&');
  shell(root, `mkdir d; echo x > f; xattr f user.b 'b\\x00\\xff'; xattr f user.a ''; xattr f trusted.t t; xattr f user.overlay.o y; xattr f user.c=d x; xattr f security.capability '${capability}'; xattr d user.d 1; xattr f system.posix_acl_access '${acl}'`);
  const [f, d] = await readContents(root, ['f', 'd']);
  assert.deepEqual(f?.xattrs.map(([name, value]) => [name, Buffer.from(value).toString('hex')]), [['security.capability', `0000000201${'00'.repeat(15)}`], ['user.a', ''], ['user.b', '6200ff']]);
  assert.deepEqual(d?.xattrs.map(([name, value]) => [name, Buffer.from(value).toString('hex')]), [['user.d', '31']]);
});
