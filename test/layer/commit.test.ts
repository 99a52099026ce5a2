import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, openSync, closeSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startHelper, type Helper } from '../../src/native/helper.ts';
import { commitUpper, defaultTimePolicy, emptyLayer, layerFormat } from '../../src/layer/layer.ts';
import { TsbuildError } from '../../src/base/errors.ts';
import { apply, asRoot, base, commit, describeTree, describeView, listTar, shell, stepOver, temporary, view } from './support.ts';

let helper: Helper;
before(async () => {
  if (asRoot.skip === false) helper = await startHelper();
});
after(() => helper?.close());

/** Runs a script over a base tree, commits, and compares the listing; then proves that the tar and the upperdir agree. */
async function check(
  t: { after(fn: () => void): void },
  input: { readonly base: string; readonly step: string },
  expected: readonly string[],
): Promise<void> {
  const directory = temporary(t);
  const lower = base(directory, input.base);
  const upper = stepOver(directory, [lower], input.step);
  const before = describeView(directory, [lower, upper]);
  const layer = await commit(helper, directory, { lowers: view(lower), upper, normalise: true });
  assert.deepEqual(listTar(layer.path), expected);
  assert.equal(layer.entryCount, expected.length);
  const applied = join(directory, 'applied');
  await apply(helper, layer.path, applied, layer.diffID);
  const normalised = describeView(directory, [lower, upper]);
  assert.deepEqual(describeView(directory, [lower, applied]), normalised, 'a committed and an applied snapshot are the same');
  assert.deepEqual(comparable(normalised), comparable(before), 'the layer says what the step did');
}

/** Without what the step's tree has and the layer must not have: real times, sockets, trusted attributes. */
function comparable(lines: readonly string[]): string[] {
  return lines.filter((line) => !line.startsWith('14')).map((line) => line.split(' ').toSpliced(2, 1).join(' ').replace(' trusted.mine=x', ''));
}

const t0 = 315619200;

test('commitUpper writes new files with clamped times and their parents', asRoot, (t) =>
  check(t, { base: 'mkdir -p usr/bin; echo a > usr/bin/a', step: 'echo hi > usr/bin/b; mkdir -m 700 new; ln -s ../x new/link; mkfifo -m 640 new/fifo' }, [
    `5 0700 0:0 0 ${t0} 'new'`,
    `6 0640 0:0 0 ${t0} 'new/fifo'`,
    `2 0777 0:0 0 ${t0} 'new/link' -> ../x`,
    `5 0755 0:0 0 ${t0} 'usr'`,
    `5 0755 0:0 0 ${t0} 'usr/bin'`,
    `0 0644 0:0 3 ${t0} 'usr/bin/b'`,
  ]));

test('commitUpper keeps times that are older than the clamp, and makes negative ones zero', asRoot, (t) =>
  check(t, { base: 'true', step: 'touch -d @1000.5 old; touch -d @-5 before; touch new' }, [
    `0 0644 0:0 0 0 'before'`,
    `0 0644 0:0 0 ${t0} 'new'`,
    `0 0644 0:0 0 1000 'old'`,
  ]));

test('commitUpper writes a whiteout for what is gone, before the entries of its directory', asRoot, (t) =>
  check(t, { base: 'mkdir d; touch d/z d/y; touch d/zz', step: 'rm d/z d/y; touch d/a; touch made; rm made' }, [
    `5 0755 0:0 0 ${t0} 'd'`,
    `0 0000 0:0 0 0 'd/.wh.y'`,
    `0 0000 0:0 0 0 'd/.wh.z'`,
    `0 0644 0:0 0 ${t0} 'd/a'`,
  ]));

test('commitUpper writes explicit whiteouts into a replaced directory, also deep in it', asRoot, (t) =>
  check(
    t,
    {
      base: 'mkdir -p d/sub/deep d/same; touch d/one d/sub/two d/sub/deep/three d/same/kept',
      step: 'rm -r d; mkdir -p d/sub/deep d/same; touch d/sub/new d/same/kept',
    },
    [
      `5 0755 0:0 0 ${t0} 'd'`,
      `0 0000 0:0 0 0 'd/.wh.one'`,
      `5 0755 0:0 0 ${t0} 'd/sub'`,
      `0 0000 0:0 0 0 'd/sub/.wh.two'`,
      `5 0755 0:0 0 ${t0} 'd/sub/deep'`,
      `0 0000 0:0 0 0 'd/sub/deep/.wh.three'`,
      `0 0644 0:0 0 ${t0} 'd/sub/new'`,
    ],
  ));

test('commitUpper replaces files by directories and directories by files without whiteouts of the same name', asRoot, (t) =>
  check(t, { base: 'mkdir d; touch d/x f; ln -s f l', step: 'rm -r d f l; echo 1 > d; mkdir f l; touch f/y' }, [
    `0 0644 0:0 2 ${t0} 'd'`,
    `5 0755 0:0 0 ${t0} 'f'`,
    `0 0644 0:0 0 ${t0} 'f/y'`,
    `5 0755 0:0 0 ${t0} 'l'`,
  ]));

test('commitUpper leaves out what was copied up but does not differ', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'mkdir -p a/b; echo same > a/b/f; ln -s t a/l; touch -d @1000 a/b/f; chmod 1777 a/b');
  const upper = stepOver(directory, [lower], 'chmod 600 a/b/f; chmod 644 a/b/f; echo same > a/b/f; touch a/x; rm a/x; touch -h a/l; chmod 700 a/b; chmod 1777 a/b');
  const layer = await commit(helper, directory, { lowers: view(lower), upper, normalise: true });
  assert.equal(layer.diffID, emptyLayer.diffID);
  assert.equal(layer.sizeBytes, emptyLayer.sizeBytes);
  assert.deepEqual(readdirSync(upper), []);
});

test('commitUpper sees a change that restores size and time', asRoot, (t) =>
  check(t, { base: 'echo aaa > f; touch -d @1000.123 f', step: 'echo bbb > f; touch -d @1000.123 f' }, [`0 0644 0:0 4 1000 'f'`]));

test('commitUpper sees owners, modes, attributes and devices', asRoot, (t) =>
  check(
    t,
    {
      base: 'touch owner group mode xattr; mknod dev c 1 3; mknod block b 7 200000; mkdir dir; touch acl',
      step: 'chown 1000:0 owner; chgrp 4294967294 group; chmod 4755 mode; xattr xattr user.b "1\\\\x00\\\\xff"; xattr xattr user.a x; rm dev; mknod dev c 1 5; chown 3000000 dir',
    },
    [
      `3 0644 0:0 0 ${t0} 'dev' 1:5`,
      `5 0755 3000000:0 0 ${t0} 'dir'`,
      `0 0644 0:4294967294 0 ${t0} 'group'`,
      `0 4755 0:0 0 ${t0} 'mode'`,
      `0 0644 1000:0 0 ${t0} 'owner'`,
      `0 0644 0:0 0 ${t0} 'xattr' user.a='x' user.b='1\\x00\\udcff'`,
    ],
  ));

test('commitUpper keeps file capabilities and ACLs, and drops other attributes', asRoot, (t) => {
  const acl = '\\\\x02\\\\x00\\\\x00\\\\x00' + ['01:06:ffffffff', '02:04:e8030000', '04:04:ffffffff', '10:04:ffffffff', '20:04:ffffffff']
    .map((entry) => { const [tag, perm, id = ''] = entry.split(':'); return `\\\\x${tag}\\\\x00\\\\x${perm}\\\\x00` + (id.match(/../g) ?? []).map((b) => `\\\\x${b}`).join(''); }).join('');
  const capability = '\\\\x01\\\\x00\\\\x00\\\\x02\\\\x00\\\\x20\\\\x00\\\\x00' + '\\\\x00'.repeat(12);
  return check(t, { base: 'true', step: `touch f; xattr f security.capability "${capability}"; xattr f trusted.mine x; touch g; xattr g system.posix_acl_access "${acl}"` }, [
    `0 0644 0:0 0 ${t0} 'f' security.capability='\\x01\\x00\\x00\\x02\\x00 ` + "\\x00".repeat(14) + `'`,
    `0 0644 0:0 0 ${t0} 'g' system.posix_acl_access='\\x02\\x00\\x00\\x00\\x01\\x00\\x06\\x00\\udcff\\udcff\\udcff\\udcff\\x02\\x00\\x04\\x00\\udce8\\x03\\x00\\x00\\x04\\x00\\x04\\x00\\udcff\\udcff\\udcff\\udcff\\x10\\x00\\x04\\x00\\udcff\\udcff\\udcff\\udcff \\x00\\x04\\x00\\udcff\\udcff\\udcff\\udcff'`,
  ]);
});

test('commitUpper writes the first name of a link group with the data', asRoot, (t) =>
  check(t, { base: 'echo x > one; ln one two; echo y > other', step: 'mkdir a z; echo data > z/file; ln z/file a/link; ln other other2; ln -s x s; ln s s2' }, [
    `5 0755 0:0 0 ${t0} 'a'`,
    `0 0644 0:0 5 ${t0} 'a/link'`,
    `0 0644 0:0 2 ${t0} 'other'`,
    `1 0644 0:0 0 ${t0} 'other2' -> other`,
    `2 0777 0:0 0 ${t0} 's' -> x`,
    `1 0777 0:0 0 ${t0} 's2' -> s`,
    `5 0755 0:0 0 ${t0} 'z'`,
    `1 0644 0:0 0 ${t0} 'z/file' -> a/link`,
  ]));

test('commitUpper drops a link group as a whole when it is as it was', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'echo x > a; ln a b; echo y > c; cp -p c d');
  const upper = stepOver(directory, [lower], 'rm a b c d; echo x > a; ln a b; echo y > c; ln c d');
  const layer = await commit(helper, directory, { lowers: view(lower), upper });
  assert.deepEqual(listTar(layer.path), [`0 0644 0:0 2 ${t0} 'c'`, `1 0644 0:0 0 ${t0} 'd' -> c`]);
});

test('commitUpper keeps names that are long, not UTF-8, or end ustar at its limits', asRoot, (t) => {
  const name = (length: number): string => 'n'.repeat(length);
  const deep = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(30)).join('/');
  return check(t, { base: 'true', step: `touch $'\\xff\\xfe\\n' 'ünï'; touch ${name(100)} ${name(101)}; mkdir ${name(99)} && mkdir ${name(100)}1; mkdir -p ${deep}; ln -s ${name(150)} long; touch ${deep}/f; ln ${deep}/f hard` }, [
    ...Array.from({ length: 10 }, (_, i) => `5 0755 0:0 0 ${t0} '${deep.split('/').slice(0, i + 1).join('/')}'`),
    `0 0644 0:0 0 ${t0} '${deep}/f'`,
    `1 0644 0:0 0 ${t0} 'hard' -> ${deep}/f`,
    `2 0777 0:0 0 ${t0} 'long' -> ${name(150)}`,
    `5 0755 0:0 0 ${t0} '${name(99)}'`,
    `0 0644 0:0 0 ${t0} '${name(100)}'`,
    `5 0755 0:0 0 ${t0} '${name(100)}1'`,
    `0 0644 0:0 0 ${t0} '${name(101)}'`,
    `0 0644 0:0 0 ${t0} '\\xfcn\\xef'`,
    `0 0644 0:0 0 ${t0} '\\udcff\\udcfe\\n'`,
  ]);
});

test('commitUpper leaves sockets out with a warning, and removes what they replaced', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'touch s');
  const upper = stepOver(directory, [lower], 'rm s; sock s; sock t');
  const layer = await commit(helper, directory, { lowers: view(lower), upper, normalise: true });
  assert.deepEqual(listTar(layer.path), [`0 0000 0:0 0 0 '.wh.s'`]);
  assert.equal(layer.warnings.length, 2);
  assert.match(layer.warnings[0] ?? '', /^\/s: a socket/);
  assert.deepEqual(describeView(directory, [lower, upper]).length, 1);
});

test('commitUpper refuses a file whose name says whiteout, naming it', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'true');
  const upper = stepOver(directory, [lower], 'mkdir d; touch d/.wh.evil');
  await assert.rejects(commit(helper, directory, { lowers: view(lower), upper }), (error: unknown) => {
    assert.ok(error instanceof TsbuildError);
    assert.equal(error.code, 'NAME_IMPOSSIBLE');
    assert.match(error.message, /\/d\/\.wh\.evil/);
    return true;
  });
});

test('commitUpper removes stubs that are still empty, deepest first, and follows no link', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'mkdir etc');
  const victim = join(directory, 'victim');
  mkdirSync(victim);
  const upper = stepOver(directory, [lower], `touch etc/hosts etc/kept; echo x > etc/full; mkdir -p made/for full/dir; touch made/for/it full/dir/file; ln -s ${victim} link`);
  shell(victim, 'touch empty; mkdir dir');
  const stubs = ['etc/hosts', '/made/for/it', 'etc/full', 'link/empty'].map((path) => ({ kind: 'file', path }) as const);
  const folders = ['/made', '/made/for', 'full/dir', 'link/dir', 'etc/kept'].map((path) => ({ kind: 'directory', path }) as const);
  const layer = await commit(helper, directory, { lowers: view(lower), upper, stubs: [...stubs, ...folders] });
  assert.deepEqual(listTar(layer.path).map((line) => line.split(' ')[5]), ["'etc'", "'etc/full'", "'etc/kept'", "'full'", "'full/dir'", "'full/dir/file'", "'link'"]);
  assert.deepEqual(readdirSync(victim).sort(), ['dir', 'empty']);
});

test('commitUpper under keep has real times and compares them', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'touch -d @1700000000.9 same changed; touch -d @1600000000 .');
  const upper = stepOver(directory, [lower], 'chmod 600 same; chmod 644 same; touch -d @1700000000.1 same; touch -d @1700000001 changed');
  const layer = await commit(helper, directory, { lowers: view(lower), upper, times: { kind: 'keep' } });
  assert.deepEqual(listTar(layer.path), [`0 0644 0:0 0 1700000001 'changed'`]);
});

test('commitUpper reads the forms of whiteouts and opaque directories that other kernels write', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'mkdir x o; touch x/gone x/stays o/below gone');
  const upper = base(directory, 'mkdir x o; touch x/gone gone nothing; mknod none c 0 0; xattr x trusted.overlay.opaque x; xattr x/gone trusted.overlay.whiteout ""; xattr o trusted.overlay.opaque y; rm gone; mknod gone c 0 0', 'upper');
  const layer = await commit(helper, directory, { lowers: view(lower), upper, normalise: true });
  assert.deepEqual(listTar(layer.path), [
    "0 0000 0:0 0 0 '.wh.gone'",
    `0 0644 0:0 0 ${t0} 'nothing'`,
    `5 0755 0:0 0 ${t0} 'o'`,
    "0 0000 0:0 0 0 'o/.wh.below'",
    `5 0755 0:0 0 ${t0} 'x'`,
    "0 0000 0:0 0 0 'x/.wh.gone'",
  ]);
  assert.ok(!describeTree(upper).some((line) => line.includes('overlay')), 'no attribute of overlayfs is left');
});

test('commitUpper writes the golden layer: layerFormat 1 is frozen', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'mkdir -p d/old; touch d/old/f gone; echo 1 > changed');
  const long = 'l'.repeat(120);
  const upper = stepOver(
    directory,
    [lower],
    `rm gone; rm -r d; mkdir d; echo 2 > changed; touch -d @86400 d/early; echo data > d/${long}; ln d/${long} again; ln -s ${long} s; mkfifo p
     mknod n c 1 3; chown 3000000:4000000 d/early; xattr changed user.k "v\\\\x00"; touch $'\\xff'; chmod 2755 d; head -c 70000 /dev/zero > big`,
  );
  const layer = await commit(helper, directory, { lowers: view(lower), upper });
  assert.equal(layerFormat, 1);
  assert.equal(layer.diffID, golden, 'another digest means another layerFormat');
  // The same listing from GNU tar, as a second reader.
  const gnu = execFileSync('tar', ['--numeric-owner', '--utc', '-tf', layer.path], { encoding: 'latin1' }).trim().split('\n');
  assert.equal(gnu.length, layer.entryCount);
});
const golden = 'sha256:2d780f19990b42a7e3cec80aced0e2168e3a9d70e3c0030777a5c92a0ec3e438';

test('commitUpper gives the same bytes for the same tree made in another order', asRoot, async (t) => {
  const directory = temporary(t);
  const names = Array.from({ length: 50 }, (_, i) => `f${i}`);
  const make = (order: readonly string[]): string => order.map((name) => `mkdir -p d${name.length}; echo ${name} > d${name.length}/${name}`).join('\n');
  const one = stepOver(directory, [], make(names), 'one');
  const two = stepOver(directory, [], make([...names].reverse()), 'two');
  assert.equal((await commit(helper, directory, { lowers: view(), upper: one }, 'a')).diffID, (await commit(helper, directory, { lowers: view(), upper: two }, 'b')).diffID);
});

test('commitUpper reports a full target with its errno', asRoot, async (t) => {
  const directory = temporary(t);
  const upper = stepOver(directory, [], 'head -c 3000000 /dev/zero > big');
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  await assert.rejects(commitUpper(helper, { lowers: view(), upper, stubs: [], times: defaultTimePolicy, normalise: false }, full), { code: 'ENOSPC', syscall: 'write' });
});

test('commitUpper refuses a file without blocks that the disk has no room for before it fills the disk', asRoot, async (t) => {
  const directory = temporary(t);
  const upper = stepOver(directory, [], 'truncate -s 8T huge');
  const before = commitUpper(helper, { lowers: view(), upper, stubs: [], times: defaultTimePolicy, normalise: false }, null, AbortSignal.timeout(5000));
  await assert.rejects(before, (error: unknown) => error instanceof TsbuildError && error.code === 'DISK_FULL' && error.message.includes('/huge'));
});

test('commitUpper stops when its signal aborts', asRoot, async (t) => {
  const directory = temporary(t);
  const upper = stepOver(directory, [], 'for i in $(seq 20); do truncate -s 1000M huge$i; done');
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('given up')), 50);
  await assert.rejects(commitUpper(helper, { lowers: view(), upper, stubs: [], times: defaultTimePolicy, normalise: false }, null, controller.signal), /given up/);
});

test('commitUpper writes sizes that ustar cannot hold', asRoot, async (t) => {
  const directory = temporary(t);
  const upper = stepOver(directory, [], 'truncate -s 8589934592 huge');
  const out = execFileSync('mkfifo', [join(directory, 'pipe')]);
  assert.equal(out.length, 0);
  const fd = openSync(join(directory, 'pipe'), 'r+');
  t.after(() => closeSync(fd));
  const controller = new AbortController();
  const committing = commitUpper(helper, { lowers: view(), upper, stubs: [], times: defaultTimePolicy, normalise: false }, fd, controller.signal);
  const header = execFileSync('head', ['-c', '2048', join(directory, 'pipe')]);
  controller.abort(new Error('enough'));
  // The pump may hang in a write to the fifo; emptying it lets it see the end.
  const drain = execFileSync.bind(null, 'timeout', ['1', 'cat', join(directory, 'pipe')], { maxBuffer: 1 << 30 });
  await Promise.all([assert.rejects(committing, /enough/), Promise.resolve().then(() => assert.throws(drain))]);
  assert.match(header.toString('latin1'), /19 size=8589934592\n/);
});
