import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, lstatSync, mkdirSync, openSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import type { DiffID } from '../../src/base/digest.ts';
import { startHelper, type Helper } from '../../src/native/helper.ts';
import { applyLayer } from '../../src/layer/layer.ts';
import { apply, asRoot, base, describeTree, describeView, diffIDOf, makeTar, shell, temporary } from './support.ts';

let helper: Helper;
before(async () => {
  if (asRoot.skip === false) helper = await startHelper();
});
after(() => helper?.close());

/** Entries of a tree without root, times and data digests: `type mode owner path…`. */
function brief(root: string): string[] {
  return describeTree(root)
    .slice(1)
    .map((line) => line.replace(/^(\d+ \d+:\d+) -?\d+ /, '$1 ').replace(/ (\d+) [0-9a-f]{12}/, ' $1'));
}

/** Applies an archive made by a script and compares what is there. */
async function check(t: { after(fn: () => void): void }, script: string, expected: readonly string[], format: 'PAX' | 'GNU' | 'USTAR' = 'PAX'): Promise<string> {
  const directory = temporary(t);
  const target = join(directory, 'target');
  await apply(helper, makeTar(join(directory, 'layer.tar'), script, format), target);
  assert.deepEqual(brief(target), expected);
  return target;
}

async function refuses(t: { after(fn: () => void): void }, script: string, message: RegExp): Promise<void> {
  const directory = temporary(t);
  const tar = makeTar(join(directory, 'layer.tar'), script);
  await assert.rejects(apply(helper, tar, join(directory, 'target')), (error: unknown) => {
    assert.ok(error instanceof TsbuildError, String(error));
    assert.equal(error.code, 'LAYER_CORRUPT', error.message);
    assert.match(error.message, message);
    return true;
  });
}

/** Applies a layer onto a stack of one, and describes the result without its root. */
async function applyAbove(directory: string, below: string, tar: string): Promise<string[]> {
  const lower = base(directory, below);
  const [upper, work] = [join(directory, 'upper'), join(directory, 'work')];
  [upper, work].forEach((path) => mkdirSync(path));
  const fd = openSync(tar, 'r');
  try {
    await applyLayer(helper, { tarFd: fd, expected: diffIDOf(tar), target: { kind: 'view', view: { lowers: [{ kind: 'directory', path: lower }], upper, work } } });
  } finally {
    closeSync(fd);
  }
  return describeView(directory, [lower, upper]).slice(1);
}

test('applyLayer makes files, links, devices and fifos with owners, modes and times', asRoot, async (t) => {
  const target = await check(
    t,
    `d('d', mode=0o1777, uid=1, gid=2, mtime=77); f('d/f', 'hello', mode=0o4755, uid=3000000, gid=4, mtime=99.5)
s('d/l', 'f', uid=5); h('d/h', 'd/f'); add('c', CHRTYPE, devmajor=1, devminor=3, mode=0o666); add('b', BLKTYPE, devmajor=7, devminor=300); add('p', FIFOTYPE)`,
    ['60644 0:0 b 7:300', '20666 0:0 c 1:3', '41777 1:2 d', '104755 3000000:4 d/f 5', '104755 3000000:4 d/h 5 = d/f', '120777 5:0 d/l -> f', '10644 0:0 p'],
  );
  assert.equal(lstatSync(join(target, 'd/f'), { bigint: true }).mtimeNs, 99_500_000_000n);
  assert.equal(lstatSync(join(target, 'd')).mtimeMs, 77_000);
});

test('applyLayer reads GNU long names, base-256 numbers and v7 headers', asRoot, async (t) => {
  const long = `${'a'.repeat(90)}/${'b'.repeat(150)}`;
  await check(t, `d('${'a'.repeat(90)}'); f('${long}', uid=4294967294); s('s', '${long}')`, [
    `40755 0:0 ${'a'.repeat(90)}`,
    `100644 4294967294:0 ${long} 1`,
    `120777 0:0 s -> ${long}`,
  ], 'GNU');
  const directory = temporary(t);
  shell(directory, 'mkdir -p in/dir; echo x > in/dir/file; ln -s file in/dir/link; tar -C in --format=v7 --owner=0 --group=0 -cf v7.tar dir; tar -C in --format=oldgnu -cf old.tar dir');
  for (const name of ['v7', 'old']) {
    await apply(helper, join(directory, `${name}.tar`), join(directory, name));
    assert.deepEqual(brief(join(directory, name)), ['40755 0:0 dir', '100644 0:0 dir/file 2', '120777 0:0 dir/link -> file']);
  }
});

test('applyLayer reads every sparse format of GNU tar', asRoot, async (t) => {
  const directory = temporary(t);
  shell(directory, `truncate -s 3M sparse; echo start | dd of=sparse conv=notrunc status=none
    for i in $(seq 1 40); do echo $i | dd of=sparse bs=1 seek=$((i * 65536)) conv=notrunc status=none; done
    tar --format=oldgnu -Scf gnu.tar sparse; for v in 0.0 0.1 1.0; do tar --format=pax --sparse-version=$v -Scf $v.tar sparse; done`);
  const expected = readFileSync(join(directory, 'sparse'));
  for (const name of ['gnu', '0.0', '0.1', '1.0']) {
    await apply(helper, join(directory, `${name}.tar`), join(directory, name));
    assert.deepEqual(readFileSync(join(directory, name, 'sparse')), expected, name);
    assert.ok(statSync(join(directory, `${name}.tar`)).size < expected.length / 2, 'the archive is sparse');
  }
});

test('applyLayer keeps allow-listed attributes only', asRoot, (t) =>
  check(t, `f('f', pax_headers={'SCHILY.xattr.user.k': 'v', 'SCHILY.xattr.trusted.overlay.opaque': 'y', 'SCHILY.xattr.user.overlay.x': 'y', 'SCHILY.xattr.security.selinux': 'z', 'SCHILY.xattr.trusted.t': 't'})`, [
    '100644 0:0 f 1 user.k=v',
  ]).then(() => undefined));

test('applyLayer turns whiteouts into those of overlayfs, and hides what they hide', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'mkdir -p d/sub o; touch gone d/gone d/stays o/below d/sub/below w; mkdir wd; touch wd/below');
  const target = join(directory, 'target');
  await apply(helper, makeTar(join(directory, 'layer.tar'), `f('.wh.gone'); d('d'); f('d/.wh.gone'); f('d/.wh.missing'); d('o'); f('o/new'); f('o/.wh..wh..opq'); f('.wh.w'); f('w', 'again'); f('.wh.wd'); d('wd'); f('wd/new'); d('d/sub'); f('d/.wh.sub')`), target);
  const names = describeView(directory, [lower, target]).slice(1).map((line) => line.split(' ')[3]);
  assert.deepEqual(names, ['d', 'd/stays', 'd/sub', 'o', 'o/new', 'w', 'wd', 'wd/new']);
});

test('applyLayer counts the directories that the layer does not list', asRoot, async (t) => {
  const directory = temporary(t);
  const tar = makeTar(join(directory, 'layer.tar'), `f('a/b/c'); f('a/x'); d('n'); f('n/.wh.o')`);
  const applied = await apply(helper, tar, join(directory, 'target'));
  assert.deepEqual(applied, { entryCount: 4, impliedCount: 2, warnings: [] });
});

test('applyLayer into a view follows what lies below and keeps its attributes', asRoot, async (t) => {
  const directory = temporary(t);
  const below = 'mkdir -p tmp usr/lib del op/sub oq/sub/deep wh/in; chmod 1777 tmp; ln -s usr/lib lib; touch del/x usr/lib/libc op/a op/sub/b oq/sub/b oq/sub/deep/b wh/in/b';
  const tar = makeTar(join(directory, 'layer.tar'), `f('tmp/f'); f('lib/new'); h('lib/hard', 'usr/lib/libc'); f('.wh.del'); f('op/.wh..wh..opq'); d('op'); d('op/sub'); f('op/sub/n')
f('oq/sub/deep/n'); f('oq/.wh..wh..opq'); f('wh/in/n'); f('.wh.wh')`);
  const lines = (await applyAbove(directory, below, tar)).map((line) => line.split(' '));
  assert.deepEqual(lines.map(([mode, , , path]) => `${mode} ${path}`), [
    '120777 lib', '40755 op', '40755 op/sub', '100644 op/sub/n', '40755 oq', '40755 oq/sub', '40755 oq/sub/deep', '100644 oq/sub/deep/n', '41777 tmp', '100644 tmp/f', '40755 usr', '40755 usr/lib', '100644 usr/lib/hard', '100644 usr/lib/libc', '100644 usr/lib/new', '40755 wh', '40755 wh/in', '100644 wh/in/n',
  ]);
});

test('A6.103 applyLayer contains names that climb, absolute names and names through links', asRoot, async (t) => {
  const target = await check(
    t,
    `f('../../escaped', 'a'); f('/absolute', 'b'); s('out', '/'); f('out/inside', 'c'); s('up', '../../..'); f('up/too', 'd'); d('x'); f('x/../y', 'e'); f('./z', 'f'); s('abs', '/x'); f('abs/w', 'g')`,
    ['120777 0:0 abs -> /x', '100644 0:0 absolute 1', '100644 0:0 escaped 1', '100644 0:0 inside 1', '120777 0:0 out -> /', '100644 0:0 too 1', '120777 0:0 up -> ../../..', '40755 0:0 x', '100644 0:0 x/w 1', '100644 0:0 y 1', '100644 0:0 z 1'],
  );
  assert.ok(!existsSync(join(target, '../escaped')) && !existsSync(join(target, '../../escaped')));
});

test('A6.103 applyLayer never writes, links, chmods or removes through a link to the host', asRoot, async (t) => {
  const directory = temporary(t);
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'precious', { mode: 0o600 });
  const folder = base(directory, 'echo keep > file', 'folder');
  const target = join(directory, 'target');
  // The same names over and over: as a link to the host, then as something that would write through it.
  const script = `
s('f', '${victim}'); f('f', 'evil')
s('m', '${victim}'); h('hard', 'm'); add('hard', mode=0o777)
s('dir', '${folder}'); d('dir', mode=0o777); f('dir/file', 'evil')
s('dir2', '${folder}'); f('dir2/.wh.file')
s('dev', '${victim}'); add('dev', CHRTYPE, devmajor=1, devminor=3)
s('s2', '${victim}'); s('s2', 'x')`;
  await apply(helper, makeTar(join(directory, 'layer.tar'), script), target);
  assert.equal(readFileSync(victim, 'utf8'), 'precious');
  assert.equal(lstatSync(victim).mode & 0o777, 0o600);
  assert.equal(lstatSync(victim).nlink, 1);
  assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'keep\n');
  assert.equal(readlinkSync(join(target, 's2')), 'x');
});

test('applyLayer leaves out and counts hard links to what is not in the layer', asRoot, async (t) => {
  for (const script of [`h('h', '/etc/passwd')`, `h('h', '../../../../etc/passwd')`, `s('etc', '/etc'); h('h', 'etc/passwd')`]) {
    const directory = temporary(t);
    const applied = await apply(helper, makeTar(join(directory, 'layer.tar'), script), join(directory, 'target'));
    assert.equal(applied.impliedCount, 1);
    assert.ok(!brief(join(directory, 'target')).some((line) => line.endsWith(' h') || line.includes(' h ')));
    await assert.rejects(applyAbove(directory, 'true', join(directory, 'layer.tar')), { code: 'LAYER_CORRUPT', message: /hard link h leads to .*passwd, which is not there/ });
  }
  await refuses(t, `d('d'); h('h', 'd')`, /leads to a directory/);
});

test('applyLayer lets the last entry of a name win', asRoot, (t) =>
  check(t, `f('a', '1'); f('a', '22'); d('b'); f('b/x'); f('b', 'file'); f('c'); d('c'); f('c/in'); s('l', 'c'); d('l'); f('l/real'); h('a2', 'a'); f('a', '333'); d('r', mode=0o700); d('r', mode=0o711)`, [
    '100644 0:0 a 3', '100644 0:0 a2 2', '100644 0:0 b 4', '40755 0:0 c', '100644 0:0 c/in 1', '40755 0:0 l', '100644 0:0 l/real 1', '40711 0:0 r',
  ]).then(() => undefined));

test('applyLayer forgets a directory that was replaced by a link', asRoot, async (t) => {
  const directory = temporary(t);
  const outside = base(directory, 'true', 'outside');
  const script = `d('d'); f('d/a'); s('d', '${outside}'); f('d/b'); d('d2'); f('d2/a'); f('.wh.d2'); f('d2/c')`;
  await apply(helper, makeTar(join(directory, 'layer.tar'), script), join(directory, 'target'));
  assert.deepEqual(brief(outside), []);
});

test('applyLayer treats odd whiteouts and roots as what they are', asRoot, async (t) => {
  for (const name of ['.wh.', '.wh..', '.wh...', 'd/.wh..']) await refuses(t, `d('d'); f('${name}')`, /whiteout of nothing/);
  await refuses(t, `f('.wh.d/x')`, /used as a directory/);
  await refuses(t, `s('.', '/etc')`, /root is not a directory/);
  await refuses(t, `f('./')
raw(b'')`.replace("f('./')", "add('./', SYMTYPE, linkname='/')"), /root is not a directory/);
  await check(t, `d('./', mode=0o700, uid=5); f('.wh..wh.plnk/1'); f('.wh..wh.aufs'); f('ok')`, ['100644 0:0 ok 1']);
  await check(t, `add('w', CHRTYPE, devmajor=0, devminor=0)`, ['20000 0:0 w 0:0']);
});

test('applyLayer names what is wrong with a broken tar', asRoot, async (t) => {
  await refuses(t, `f('a'); raw(b'garbage!' * 64)`, /wrong checksum/);
  await refuses(t, `raw(TarInfo('a').tobuf()[:300]); tar.close = lambda: None`, /ends in a header/);
  await refuses(t, `m = TarInfo('a'); m.size = 5000; raw(m.tobuf()); tar.close = lambda: None`, /ends in a file's data/);
  await refuses(t, `f('a'); raw(bytes(512)); f('b')`, /lone zero block/);
  await refuses(t, `f('a', pax_headers={'comment': 'x' * (2 << 20)})`, /extended header of \d+ bytes is over the limit/);
  await refuses(t, `f('a' * 300)`, /more than 255 bytes/);
  await refuses(t, `f('/'.join('a' * 200 for _ in range(400)))`, /path has more than 65536 bytes/);
  await refuses(t, `f('a', pax_headers={'size': '-5'})`, /PAX size is not a number/);
  await refuses(t, `f('a', pax_headers={'uid': '4294967295'})`, /owner is out of range/);
  await refuses(t, `add('a', CHRTYPE, devmajor=4096)`, /device number is out of range/);
  await refuses(t, `add('a', b'Z')`, /unknown type 'Z'/);
  await refuses(t, `s('a', '')`, /has no target/);
  await refuses(t, `f('a', pax_headers={'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9'})`, /sparse map/);
  await refuses(t, `f('a', pax_headers={'GNU.sparse.map': '5,1,0,1', 'GNU.sparse.size': '9'})`, /sparse map/);
});

test('applyLayer takes archives without an end, and reads what follows the end for the digest', asRoot, async (t) => {
  await check(t, `f('a'); tar.close = lambda: None`, ['100644 0:0 a 1']);
  await check(t, `f('a'); raw(bytes(1024)); raw(b'trailing garbage' * 100000)`, ['100644 0:0 a 1']);
  const directory = temporary(t);
  writeFileSync(join(directory, 'empty.tar'), '');
  await apply(helper, join(directory, 'empty.tar'), join(directory, 'target'));
});

test('applyLayer refuses bytes with another digest', asRoot, async (t) => {
  const directory = temporary(t);
  const tar = makeTar(join(directory, 'layer.tar'), `f('a')`);
  await assert.rejects(apply(helper, tar, join(directory, 'target'), `sha256:${'0'.repeat(64)}` as DiffID), { code: 'LAYER_CORRUPT', message: /has the digest sha256:/ });
});

test('applyLayer unpacks paths longer than the kernel takes at once', asRoot, async (t) => {
  const directory = temporary(t);
  const parts = Array.from({ length: 60 }, () => 'p'.repeat(200));
  await apply(helper, makeTar(join(directory, 'layer.tar'), `import itertools
parts = ['p' * 200] * 60
for i in range(1, 61): d('/'.join(parts[:i]), mode=0o700)
f('/'.join(parts) + '/end')`), join(directory, 'target'));
  const found = execFileSync('find', ['target', '-name', 'end', '-printf', '%d'], { cwd: directory, encoding: 'utf8' });
  assert.equal(found, String(parts.length + 1));
  // Node's rm stops at PATH_MAX.
  execFileSync('rm', ['-rf', join(directory, 'target')]);
});
