/** What COPY is going to write, and the digest that makes its key: SEMANTICS A6, 62, 63, 69 to 71; "Ours", 4 and 5. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { digestOf, type ContentDigest } from '../../src/base/digest.ts';
import { digestItems, landingOf, parentMode, planItems, type CopyItem, type CopyOrigin, type Landing, type Owner } from '../../src/build/copy-plan.ts';
import type { Match } from '../../src/context/select.ts';
import type { TreeEntry } from '../../src/context/tree.ts';
import type { CopyOperation } from '../../src/graph/vertex.ts';

const origin: CopyOrigin = { kind: 'directory', path: '/context' };
const root: Owner = { uid: 0, gid: 0 };
const operation: CopyOperation = {
  kind: 'copy', instruction: 'COPY', root: 0, sources: [], destination: '/', owner: null, mode: null, link: false, parents: false, excludes: [], unpack: false, unpackRemote: false,
};
const asIs = landingOf(operation, null);

function entryOf(name: string, changes: Partial<TreeEntry> = {}): TreeEntry {
  return { name, type: 'file', mode: 0o644, sizeBytes: 1, mtimeNs: 1n, ctimeNs: 1n, device: 1n, inode: 1n, linkCount: 1, rdev: 0n, linkTarget: '', ...changes };
}

/** A directory with these entries. */
function directory(path: string, children: readonly TreeEntry[]): Match {
  return { name: path.split('/').at(-1) ?? '', path, entry: path === '' ? null : entryOf(path, { type: 'directory', mode: 0o755 }), children: children.map((entry) => ({ path: entry.name, entry })) };
}

function file(path: string, changes: Partial<TreeEntry> = {}): Match {
  return { name: path.split('/').at(-1) ?? '', path, entry: entryOf(path, changes), children: [] };
}

function plan(matches: readonly Match[], landing: Landing = asIs): readonly CopyItem[] {
  return planItems(origin, matches, landing, () => root);
}

/** The digest of the matches; each file's content is its path, unless told. */
function digest(matches: readonly Match[], landing: Landing = asIs, contents: Readonly<Record<string, string>> = {}): ContentDigest {
  const items = plan(matches, landing);
  const paths = items.flatMap(({ entries }) => entries.map(({ sourcePath }) => sourcePath));
  return digestItems(items, new Map(paths.map((path) => [path, { digest: digestOf<ContentDigest>(contents[path] ?? path), xattrs: [] }])));
}

test('planItems tells a single entry from the contents of a directory', () => {
  const [one, two, all] = plan([file('sub/a'), directory('sub', [entryOf('x'), entryOf('d/y')]), directory('', [entryOf('z')])]);
  assert.deepEqual([one?.isSingle, one?.name, one?.entries.map(({ sourcePath, path }) => [sourcePath, path])], [true, 'a', [['sub/a', '']]]);
  assert.deepEqual([two?.isSingle, two?.name, two?.entries.map(({ sourcePath, path }) => [sourcePath, path])], [false, 'sub', [['sub/x', 'x'], ['sub/d/y', 'd/y']]]);
  assert.deepEqual([all?.isSingle, all?.name, all?.entries.map(({ sourcePath, path }) => [sourcePath, path])], [false, '', [['z', 'z']]]);
});

test('A6.63 --chmod lands on everything but links, X on directories and executables alone', () => {
  const children = [entryOf('f', { mode: 0o640 }), entryOf('x', { mode: 0o740 }), entryOf('d', { type: 'directory', mode: 0o700 }), entryOf('l', { type: 'symlink', mode: 0o777, linkTarget: 'f' })];
  const modes = (mode: string): readonly string[] => plan([directory('s', children)], landingOf({ ...operation, mode }, null))[0]?.entries.map((entry) => entry.mode.toString(8)) ?? [];
  assert.deepEqual(modes('4755'), ['4755', '4755', '4755', '777']);
  assert.deepEqual(modes('go=rX'), ['644', '755', '755', '777']);
});

test('A6.62 parents get 0755, or an octal --chmod', () => {
  assert.deepEqual([null, '700', 'u=rwx'].map((mode) => parentMode(landingOf({ ...operation, mode }, null))), [0o755, 0o700, 0o755]);
});

test('A6.59 A6.61 a given owner lands on everything, else the source tells it', () => {
  const owners = (owner: Owner | null): readonly Owner[] => planItems(origin, [file('a')], landingOf(operation, owner), () => ({ uid: 3, gid: 4 })).flatMap(({ entries }) => entries.map((entry) => entry.owner));
  assert.deepEqual([owners(null), owners({ uid: 1, gid: 2 })], [[{ uid: 3, gid: 4 }], [{ uid: 1, gid: 2 }]]);
});

test('A6.68 names of one file are one group within a match; a link from elsewhere makes none', () => {
  const linked = { linkCount: 2, inode: 7n };
  const numbers = (matches: readonly Match[]): readonly (readonly number[])[] => plan(matches).map(({ entries }) => entries.map(({ linkGroup }) => linkGroup));
  const entries = [entryOf('a', linked), entryOf('b'), entryOf('c', linked), entryOf('d', { linkCount: 3, type: 'directory' }), entryOf('e', { ...linked, device: 2n })];
  assert.deepEqual(numbers([directory('s', entries)]), [[1, 0, 1, 0, 0]]);
  assert.deepEqual(numbers([file('a', linked), file('b', linked)]), [[0], [0]]);
});

test('A6.69 the digest depends on what lands, and not on times, inodes or where it comes from', () => {
  const usual = digest([file('a')]);
  for (const changes of [{ mtimeNs: 9n }, { ctimeNs: 9n }, { inode: 9n }, { device: 9n }, { sizeBytes: 1 }]) assert.equal(digest([file('a', changes)]), usual);
  assert.equal(digest([{ ...file('elsewhere/a') }], asIs, { 'elsewhere/a': 'a' }), usual);
  const different: readonly (readonly Match[])[] = [
    [file('b')], [file('a', { mode: 0o755 })], [file('a', { type: 'fifo' })], [file('a', { type: 'symlink', linkTarget: 'x' })], [file('a', { type: 'symlink', linkTarget: 'y' })], [file('a', { type: 'character', rdev: 1n })], [file('a', { type: 'character', rdev: 2n })],
    [], [file('a'), file('a')], [directory('a', [])], [directory('', [entryOf('a')])],
  ];
  const digests = [usual, digest([file('a')], asIs, { a: 'other' }), ...different.map((matches) => digest(matches))];
  assert.equal(new Set(digests).size, digests.length);
});

test('Ours.4 a change of the mode of a directory changes the digest', () => {
  const with755 = directory('s', [entryOf('d', { type: 'directory', mode: 0o755 })]);
  const with700 = directory('s', [entryOf('d', { type: 'directory', mode: 0o700 })]);
  assert.notEqual(digest([with755]), digest([with700]));
});

test("Ours.5 with --chmod and --chown the digest does not depend on the checkout's", () => {
  const fixed = landingOf({ ...operation, mode: '644' }, { uid: 5, gid: 5 });
  assert.equal(digest([file('a', { mode: 0o664 })], fixed), digest([file('a', { mode: 0o600 })], fixed));
  assert.notEqual(digest([file('a')], fixed), digest([file('a')], landingOf({ ...operation, mode: '644' }, { uid: 6, gid: 5 })));
});

test('A6.104 the digest cannot be led astray by names', () => {
  const names = ['a', 'a,b', 'a"', 'a","b', '["a"]', '\n', 'a\nb', '__proto__', '\udcff', '\udcfe'];
  const digests = names.flatMap((name) => [digest([directory('s', [entryOf(name)])], asIs, { [`s/${name}`]: 'c' }), digest([directory('s', [entryOf(name, { type: 'symlink', linkTarget: name })])])]);
  assert.equal(new Set(digests).size, digests.length);
});
