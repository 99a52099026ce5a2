import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { startHelper, type Helper } from '../../src/native/helper.ts';
import { exportTree, extractArchive, readFileInView, removeTree, scanView, statInView, type ExtractOptions } from '../../src/layer/layer.ts';
import { asRoot, base, commit, describeTree, describeView, listTar, makeTar, shell, temporary, view } from './support.ts';

let helper: Helper;
before(async () => {
  if (asRoot.skip === false) helper = await startHelper();
});
after(() => helper?.close());

test('scanView lists matches with their subtrees in byte order', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, `mkdir -p a/b/c 'x*y'; touch a/b/c/f a/b/e a/b.d a/z; ln -s b a/l; touch 'x*y/1' xay; chown 7:8 a/z; xattr a/z user.k v`);
  const scan = async (...patterns: string[]): Promise<string[]> => {
    const matches = await scanView(helper, { view: view(lower), patterns });
    return matches.map(({ pattern, path, realPath, entry, children }) => `${pattern} ${path}${path === realPath ? '' : ` = ${realPath}`} ${entry.type}: ${children.map(({ name }) => name).join(' ')}`.trim());
  };
  assert.deepEqual(await scan('a'), ['0 a directory: b b/c b/c/f b/e b.d l z']);
  assert.deepEqual(await scan('/a/../a/./b/'), ['0 a/b directory: c c/f e']);
  assert.deepEqual(await scan('../../a/l'), ['0 a/l = a/b directory: c c/f e']);
  assert.deepEqual(await scan('a/l/c'), ['0 a/l/c = a/b/c directory: f']);
  assert.deepEqual(await scan('a/?', 'missing', 'a/b*/e'), ['0 a/b directory: c c/f e', '0 a/l = a/b directory: c c/f e', '0 a/z file:', '2 a/b/e file:']);
  assert.deepEqual(await scan('x[*]y', 'x\\*y', 'x?y'), ['0 x*y directory: 1', '1 x*y directory: 1', '2 x*y directory: 1', '2 xay file:']);
  assert.deepEqual((await scan('/')).map((line) => line.slice(0, 17)), ['0  directory: a a']);
  const [match] = await scanView(helper, { view: view(lower), patterns: ['a/z'] });
  assert.deepEqual([match?.entry.uid, match?.entry.gid, match?.entry.xattrs], [7, 8, [['user.k', Buffer.from('v')]]]);
  await assert.rejects(scan('x['), { code: 'NAME_IMPOSSIBLE', message: /malformed/ });
});

test('scanView matches as Go does', asRoot, async (t) => {
  const directory = temporary(t);
  const cases: readonly (readonly [pattern: string, name: string, matches: boolean])[] = [
    ['a*', 'abc', true], ['a*b?c*x', 'abxbbxdbxebxczzx', true], ['a*b?c*x', 'abxbbxdbxebxczzy', false], ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false], ['ab[^e-g]', 'abc', true], ['a\\*b', 'a*b', true], ['a?b', 'a☺b', true], ['a[^a]b', 'a☺b', true],
    ['[a-ζ]*', 'α', true], ['*[a-ζ]', 'A', false], ['[\\]a]', ']', true], ['[\\-x]', '-', true], ['*a', 'ba', true], ['**', 'x', true],
    ['*x', 'xxx', true], ['a*a*a*a*a*a*a*a*a*a*a*a*b', 'a'.repeat(200), false],
  ];
  for (const [index, [pattern, name, expected]] of cases.entries()) {
    const lower = base(directory, 'true', String(index));
    execFileSync('touch', ['--', join(lower, name)]);
    const matches = await scanView(helper, { view: view(lower), patterns: [pattern] });
    assert.equal(matches.length === 1, expected, `${pattern} on ${name}`);
  }
});

test('readFileInView reads regular files inside the root and nothing else', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'mkdir etc; echo root > etc/passwd; ln -s /etc/passwd link; ln -s /proc/self/status proc; mkfifo fifo; mknod zero c 1 5; sock sock; ln -s loop loop; ln -s ../../../../../../../etc/passwd up');
  const read = async (path: string): Promise<string | null> => (await readFileInView(helper, { view: view(lower), path, sizeBytesMax: 100 }))?.toString() ?? null;
  assert.equal(await read('/etc/passwd'), 'root\n');
  assert.equal(await read('link'), 'root\n');
  assert.equal(await read('up'), 'root\n');
  for (const path of ['missing', 'etc', 'fifo', 'zero', 'sock', 'loop', 'proc', 'etc/passwd/x']) assert.equal(await read(path), null, path);
  await assert.rejects(readFileInView(helper, { view: view(lower), path: 'etc/passwd', sizeBytesMax: 4 }), { code: 'FILE_TOO_LARGE' });
});

test('statInView tells where paths lead', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'mkdir -p a/b; touch f; ln -s a link; ln -s /nowhere/at dangling');
  const stats = await statInView(helper, { view: view(lower), paths: ['/link/b', 'f', 'link/new/dir', 'dangling/x', 'f/x', '/'] });
  assert.deepEqual(stats.map((stat) => [stat.exists ? stat.entry.type : null, stat.realPath]), [
    ['directory', '/a/b'], ['file', '/f'], [null, '/a/new/dir'], [null, '/nowhere/at/x'], [null, ''], ['directory', '/'],
  ]);
});

/** Unpacks an archive into a stack and returns the view's lines `mode owner path…`. */
async function extract(t: { after(fn: () => void): void }, script: string, options: Partial<ExtractOptions> & { readonly below?: string } = {}): Promise<string[]> {
  const directory = temporary(t);
  const lower = base(directory, options.below ?? 'true');
  const [upper, work] = [join(directory, 'upper'), join(directory, 'work')];
  [upper, work].forEach((path) => mkdirSync(path));
  const fd = openSync(makeTar(join(directory, 'a.tar'), script), 'r');
  try {
    const active = { lowers: [{ kind: 'directory', path: lower }], upper, work } as const;
    await extractArchive(helper, { view: active, destination: '/', tarFd: fd, ...options });
  } finally {
    closeSync(fd);
  }
  await commit(helper, directory, { lowers: view(lower), upper, normalise: true });
  return describeView(directory, [lower, upper]).slice(1).map((line) => line.replace(/^(\d+ \d+:\d+) (\d+) /, '$1 ').replace(/ [0-9a-f]{12}/, ''));
}

test('extractArchive keeps owners and modes, and makes the destination', asRoot, async (t) => {
  assert.deepEqual(await extract(t, `d('.', mode=0o700, uid=9); d('./d', mode=0o750, uid=1, gid=2); f('./d/f', 'abc', mode=0o4711, uid=3); f('x/y')`, { destination: '/new/dest' }), [
    '40755 0:0 new', '40755 0:0 new/dest', '40750 1:2 new/dest/d', '104711 3:0 new/dest/d/f 3', '40755 0:0 new/dest/x', '100644 0:0 new/dest/x/y 1',
  ]);
});

test('extractArchive leaves the destination as it is and follows its links', asRoot, async (t) => {
  assert.deepEqual(await extract(t, `d('.', mode=0o700, uid=9); f('f'); d('sub', mode=0o711)`, { below: 'mkdir -p -m 1777 real; mkdir real/sub; touch real/sub/kept; ln -s real link', destination: '/link' }), [
    '120777 0:0 link -> real', '41777 0:0 real', '100644 0:0 real/f 1', '40711 0:0 real/sub', '100644 0:0 real/sub/kept 0',
  ]);
});

test('extractArchive gives everything the owner and mode asked for', asRoot, async (t) => {
  assert.deepEqual(await extract(t, `d('d', uid=1); f('d/f', uid=2, mode=0o755); s('d/l', 'f', uid=3)`, { destination: '/n', owner: { uid: 5, gid: 6 }, mode: 0o640 }), [
    '40755 5:6 n', '40640 5:6 n/d', '100640 5:6 n/d/f 1', '120777 5:6 n/d/l -> f',
  ]);
});

test('extractArchive refuses whiteout names, destinations that are files, and broken archives', asRoot, async (t) => {
  const refuses = (script: string, options: Parameters<typeof extract>[2], code: string): Promise<void> =>
    assert.rejects(extract(t, script, options), (error: unknown) => error instanceof TsbuildError && error.code === code);
  await refuses(`d('bin'); f('bin/.wh.sh')`, { below: 'mkdir bin; touch bin/sh' }, 'NAME_IMPOSSIBLE');
  await refuses(`f('x')`, { below: 'touch f', destination: '/f' }, 'COPY_CONFLICT');
  await refuses(`f('x')`, { below: 'touch f', destination: '/f/g' }, 'COPY_CONFLICT');
  await refuses(`f('a'); raw(b'garbage!' * 64)`, {}, 'ARCHIVE_INVALID');
});

test('exportTree writes the merged tree with real times', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'mkdir -p d/e; echo 1 > d/f; ln d/f h; ln -s x d/l; touch gone; chown 7 d/e; touch -d @1700000000.5 d/f d/e d; touch -h -d @1600000000 d/l', 'lower');
  const upper = base(directory, 'mknod gone c 0 0', 'upper');
  const path = join(directory, 'out.tar');
  const fd = openSync(path, 'w');
  const written = await exportTree(helper, { view: view(lower, upper) }, fd);
  closeSync(fd);
  assert.deepEqual(listTar(path), [
    "5 0755 0:0 0 1700000000 'd'", "5 0755 7:0 0 1700000000 'd/e'", "0 0644 0:0 2 1700000000 'd/f'", "2 0777 0:0 0 1600000000 'd/l' -> x", "1 0644 0:0 0 1700000000 'h' -> d/f",
  ]);
  assert.equal(written.entryCount, 5);
});

test('removeTree deletes across modes, depths and links, and only the tree', asRoot, async (t) => {
  const directory = temporary(t);
  const tree = base(directory, `mkdir -p a/locked victim; touch a/locked/f; chmod 000 a/locked; ln -s ${directory}/keep a/link; mknod w c 0 0; mkfifo p
    python3 -c "
import os
for i in range(3000):
    os.mkdir('deep'); os.chdir('deep'); open('f', 'w').close()
"`, 'tree');
  shell(directory, 'mkdir keep; touch keep/file');
  await removeTree(helper, tree);
  assert.ok(!existsSync(tree));
  assert.deepEqual(readdirSync(join(directory, 'keep')), ['file']);
  await removeTree(helper, tree);
  await removeTree(helper, join(directory, 'no/such/parent'));
});

test('exportTree and commitUpper agree about what describeTree sees', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = base(directory, 'mkdir -p x/y; echo 1 > x/y/z; touch -d @100 x x/y x/y/z');
  const layer = await commit(helper, directory, { lowers: view(), upper: lower });
  const path = join(directory, 'out.tar');
  const fd = openSync(path, 'w');
  const exported = await exportTree(helper, { view: view(lower) }, fd);
  closeSync(fd);
  assert.equal(exported.diffID, layer.diffID);
  assert.equal(describeTree(lower).length, layer.entryCount + 1);
});
