/** Digests of context files, remembered by what lstat says: DESIGN.md, section 4; git's rule for racy files. */
import { strict as assert } from 'node:assert';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { digestOf, type ContentDigest } from '../../src/base/digest.ts';
import { FileDigests, type FileContent, type Xattrs } from '../../src/context/digests.ts';
import type { PlacedEntry, TreeEntry } from '../../src/context/tree.ts';

const second = 1_000_000_000n;
const now = 1_000n * second;

/** Files with their contents; a hasher that counts, and a cache file on disk. */
interface Fixture {
  readonly contents: Map<string, string>;
  readonly attributes: Map<string, Xattrs>;
  /** Every path that was hashed, in order. */
  readonly hashed: string[];
  readonly cacheFile: string;
  /** The digests as a new build opens them. */
  readonly open: (options?: { readonly now?: bigint; readonly readContents?: (root: string, paths: readonly string[]) => Promise<readonly FileContent[]> }) => FileDigests;
}

/** What the reader says of a path; a directory has no text. */
function contentOf(text: string, xattrs: Xattrs = []): FileContent {
  return { digest: text === 'directory' ? null : digestOf<ContentDigest>(text), xattrs };
}

async function fixture(test: TestContext): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'tsbuild-digests-'));
  test.after(() => rm(folder, { recursive: true, force: true }));
  const contents = new Map<string, string>();
  const attributes = new Map<string, Xattrs>();
  const hashed: string[] = [];
  const cacheFile = join(folder, 'files');
  const read = (root: string, paths: readonly string[]): Promise<readonly FileContent[]> => {
    assert.equal(root, '/context');
    hashed.push(...paths);
    return Promise.resolve(paths.map((path) => contentOf(contents.get(path) ?? '', attributes.get(path))));
  };
  return {
    contents,
    attributes,
    hashed,
    cacheFile,
    open: ({ now: time = now, readContents = read } = {}) =>
      new FileDigests({ root: '/context', cacheFile, readContents, writeFile: (path, text) => writeFile(path, text), nowNs: () => time }),
  };
}

function entryOf(path: string, changes: Partial<TreeEntry> = {}): PlacedEntry {
  const entry: TreeEntry = { name: path, type: 'file', mode: 0o644, sizeBytes: 3, mtimeNs: 5n, ctimeNs: 5n, device: 1n, inode: 2n, linkCount: 1, rdev: 0n, linkTarget: '', ...changes };
  return { path, entry };
}

test('a file is hashed once a build, and not again by the next if it is unchanged', async (test) => {
  const { contents, hashed, open } = await fixture(test);
  contents.set('a', 'one').set('b', 'two');
  const first = open();
  const digests = await first.digest([entryOf('a'), entryOf('b'), entryOf('p', { type: 'fifo' }), entryOf('l', { type: 'symlink', linkTarget: 'a' })]);
  assert.deepEqual([...digests], [['a', contentOf('one')], ['b', contentOf('two')]]);
  await first.digest([entryOf('b'), entryOf('a')]);
  assert.deepEqual([hashed, first.hashedCount], [['a', 'b'], 2]);
  await first.save();
  const second = open();
  assert.equal((await second.digest([entryOf('b')])).get('b')?.digest, digestOf('two'));
  assert.deepEqual([hashed.length, second.hashedCount], [2, 0]);
});

test('whatever lstat tells otherwise makes a file be hashed again', async (test) => {
  const changes: readonly Partial<TreeEntry>[] = [{ sizeBytes: 4 }, { mtimeNs: 6n }, { ctimeNs: 6n }, { inode: 3n }, { device: 2n }];
  const { contents, hashed, open } = await fixture(test);
  contents.set('a', 'one');
  const first = open();
  await first.digest([entryOf('a')]);
  await first.save();
  contents.set('a', 'new');
  for (const change of changes) {
    assert.equal((await open().digest([entryOf('a', change)])).get('a')?.digest, digestOf('new'), String(Object.keys(change)));
  }
  assert.equal(hashed.length, 1 + changes.length);
  await open().digest([entryOf('a', { mode: 0o600, linkCount: 9 })]);
  assert.equal(hashed.length, 1 + changes.length);
});

test('a file that changed less than two seconds before it was hashed is not remembered', async (test) => {
  const table: readonly (readonly [times: Partial<TreeEntry>, remembered: boolean])[] = [
    [{ mtimeNs: now, ctimeNs: 5n }, false], [{ mtimeNs: 5n, ctimeNs: now - second }, false], [{ mtimeNs: now + second, ctimeNs: 5n }, false],
    [{ mtimeNs: now - 2n * second, ctimeNs: 5n }, true], [{ mtimeNs: now - 2n * second + 1n, ctimeNs: 5n }, false], [{ mtimeNs: 5n, ctimeNs: 5n }, true],
  ];
  for (const [times, remembered] of table) {
    const { hashed, open } = await fixture(test);
    const first = open();
    await first.digest([entryOf('a', times)]);
    await first.save();
    await open().digest([entryOf('a', times)]);
    assert.equal(hashed.length, remembered ? 1 : 2, JSON.stringify(times, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
  }
});

test('a racy file drops what was remembered of it before', async (test) => {
  const { cacheFile, open } = await fixture(test);
  const first = open();
  await first.digest([entryOf('a'), entryOf('b')]);
  await first.save();
  const second = open();
  await second.digest([entryOf('a', { mtimeNs: now })]);
  await second.save();
  assert.deepEqual((await readFile(cacheFile, 'utf8')).split('\n').length, 2);
});

test('two who want the same file at once wait for one hash', async (test) => {
  const { contents, hashed, open } = await fixture(test);
  contents.set('a', 'one').set('b', 'two').set('c', 'three');
  const digests = open();
  const [x, y] = await Promise.all([digests.digest([entryOf('a'), entryOf('b')]), digests.digest([entryOf('b'), entryOf('c')])]);
  assert.deepEqual([x.get('b')?.digest, y.get('b')?.digest, y.get('c')?.digest], [digestOf('two'), digestOf('two'), digestOf('three')]);
  assert.deepEqual(hashed, ['a', 'b', 'c']);
  assert.equal(digests.hashedCount, 3);
});

test('a failing hash fails everyone who waits for it, and is tried again by who asks later', async (test) => {
  const { open } = await fixture(test);
  let isBroken = true;
  const digests = open({ readContents: (_root, paths) => (isBroken ? Promise.reject(new Error('disk')) : Promise.resolve(paths.map((path) => contentOf(path)))) });
  const outcomes = await Promise.allSettled([digests.digest([entryOf('a')]), digests.digest([entryOf('a')])]);
  assert.deepEqual(outcomes.map(({ status }) => status), ['rejected', 'rejected']);
  isBroken = false;
  assert.equal((await digests.digest([entryOf('a')])).get('a')?.digest, digestOf('a'));
});

test('a list that is missing, broken or of another version costs hashing and nothing else', async (test) => {
  const digest = digestOf('other');
  const table: readonly (readonly [text: string, hashes: number])[] = [
    ['', 1], ['tsbuild-files/1\n["a","1 2 3 5 5","x"]', 1], ['tsbuild-files/2\n{', 1], ['tsbuild-files/2\n[]\nnull\n["a",1,2]\n["a","1 2 3 5 5","sha256:x"]', 1],
    [`tsbuild-files/2\n["a","1 2 3 5 5","${digest}"]`, 0], [`tsbuild-files/2\n["a","1 2 3 5 5","${digest}`, 1], [`tsbuild-files/2\n["__proto__","1 2 3 5 5","${digest}"]`, 1],
    ['tsbuild-files/2\n["a","1 2 3 5 5",null,[["dXNlci5h","AA=="]]]', 0], ['tsbuild-files/2\n["a","1 2 3 5 5",null,[["dXNlci5h"]]]', 1], ['tsbuild-files/2\n["a","1 2 3 5 5",null,{}]', 1],
  ];
  for (const [text, hashes] of table) {
    const { cacheFile, open, hashed } = await fixture(test);
    await writeFile(cacheFile, text);
    await open().digest([entryOf('a')]);
    assert.equal(hashed.length, hashes, text);
  }
});

test('names that are not UTF-8 are remembered', async (test) => {
  const { hashed, open } = await fixture(test);
  for (let round = 0; round < 2; round++) {
    const digests = open();
    await digests.digest([entryOf('\udcff\n"'), entryOf('__proto__')]);
    await digests.save();
  }
  assert.deepEqual(hashed, ['\udcff\n"', '__proto__']);
});

test('what did not change is not written again', async (test) => {
  const { cacheFile, open } = await fixture(test);
  await open().save();
  await assert.rejects(readFile(cacheFile), { code: 'ENOENT' });
  const first = open();
  await first.digest([entryOf('a')]);
  await first.save();
  await rm(cacheFile);
  await first.save();
  await assert.rejects(readFile(cacheFile), { code: 'ENOENT' });
});

test('attributes of files and directories are remembered byte by byte, and read again when ctime changes', async (test) => {
  const { contents, attributes, hashed, open } = await fixture(test);
  const value = Buffer.from([0, 255, 10, 34]);
  contents.set('a', 'one').set('d', 'directory');
  attributes.set('a', [['security.capability', value], ['user.\udcff', Buffer.alloc(0)]]).set('d', [['user.x', value]]);
  const entries = [entryOf('a'), entryOf('d', { type: 'directory' })];
  const first = open();
  await first.digest(entries);
  await first.save();
  const second = open();
  const known = await second.digest(entries);
  assert.deepEqual([known.get('a'), known.get('d')], [contentOf('one', attributes.get('a')), contentOf('directory', attributes.get('d'))]);
  assert.deepEqual(hashed, ['a', 'd']);
  attributes.set('d', []);
  assert.deepEqual((await open().digest([entryOf('d', { type: 'directory', ctimeNs: 6n })])).get('d'), contentOf('directory'));
});
