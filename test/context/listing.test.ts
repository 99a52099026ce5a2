/** What a listing says of each path, over contexts in memory; every file has one byte. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { parseIgnore } from '../../src/context/ignore.ts';
import { listPaths } from '../../src/context/list-paths.ts';
import { listContext, type ContextListing, type ListedEntry, type ListOptions } from '../../src/context/listing.ts';
import { openIgnore } from '../../src/context/open-ignore.ts';
import type { DirectoryReader } from '../../src/context/tree.ts';
import { readerOf } from './support.ts';

const { signal } = new AbortController();

function optionsOf(read: DirectoryReader, ignore: readonly string[]): ListOptions {
  return { read, ignore: openIgnore(parseIgnore(ignore.join('\n'), '.dockerignore')), signal, depthMax: Infinity };
}

/** `path size`, or `-path`, and behind `@` the line of the rule. */
function lineOf({ path, type, sizeBytes, isIncluded, rule }: ListedEntry): string {
  const name = type === 'missing' ? `?${path}` : isIncluded ? `${path} ${sizeBytes}` : `-${path}`;
  return rule === null ? name : `${name} @${rule.line}`;
}

const linesOf = ({ entries }: ContextListing): readonly string[] => entries.map(lineOf);

async function check(paths: readonly string[], ignore: readonly string[], expected: readonly string[]): Promise<void> {
  assert.deepEqual(linesOf(await listContext(optionsOf(readerOf(paths).read, ignore))), expected);
}

test('directories come before what is in them, with the sum of it, and all paths in the order of their bytes', () =>
  check(['a/b', 'a/c/d', 'a-b', 'a.b', 'a0', 'empty/', 'link -> a'], [], ['a-b 1', 'a.b 1', 'a 2', 'a/b 1', 'a/c 1', 'a/c/d 1', 'a0 1', 'empty 0', 'link 0']));

test('a directory that is ignored as a whole is one entry, and is not read', async () => {
  const { read, counts } = readerOf(['a/b/c', 'd']);
  assert.deepEqual(linesOf(await listContext(optionsOf(read, ['a']))), ['-a @1', 'd 1']);
  assert.deepEqual([...counts], [['', 1]]);
});

test('what a later rule takes back is listed with that rule, and so is all around it', () =>
  check(['a/b/c', 'a/b/d', 'a/e', 'f'], ['a', '!a/b/c'], ['a 1 @1', 'a/b 1 @1', 'a/b/c 1 @2', '-a/b/d @1', '-a/e @1', 'f 1']));

test('a directory in which a rule could take something back, but does not, is one entry', () =>
  check(['a/b/c', 'a/d', 'e'], ['a', '!a/b/x', '!**/y'], ['-a @1', 'e 1']));

test('a rule that takes back an empty directory keeps it', () => check(['a/b/', 'a/c'], ['a', '!a/b'], ['a 0 @1', 'a/b 0 @2', '-a/c @1']));

test('a socket is included like any file, with nothing in it', () => check(['a/s=', 'a/f|', 'b='], ['b'], ['a 0', 'a/f 0', 'a/s 0', '-b @1']));

test('totals count what is included, listed or not', async () => {
  const options = { ...optionsOf(readerOf(['a/b/c', 'a/b/d', 'e', 'f']).read, ['f']), depthMax: 2 };
  const listing = await listContext(options);
  assert.deepEqual(linesOf(listing), ['a 2', 'a/b 2', 'e 1', '-f @1']);
  assert.deepEqual(listing.totals, { fileCount: 3, directoryCount: 2, sizeBytes: 3 });
});

test('every directory is read once', async () => {
  const { read, counts } = readerOf(['a/b/c', 'a/d', 'e/f']);
  await listContext(optionsOf(read, ['**/x', '!a']));
  assert.deepEqual([...counts], [['', 1], ['a', 1], ['a/b', 1], ['e', 1]]);
});

test('single paths are told in their order, included, ignored or missing, directories with their sum', async () => {
  const options = optionsOf(readerOf(['a/b', 'a/c/d', 'e/f', 'g']).read, ['e', 'a/c', '*.txt']);
  const listing = await listPaths(['g', './a/', '/e/f', 'e', 'a/c/d', 'no', 'x.txt', 'a/../g', '.'], options);
  assert.deepEqual(linesOf(listing), ['g 1', 'a 1', '-e/f @1', '-e @1', '-a/c/d @2', '?no', '?x.txt @3', 'g 1', ' 2']);
});

const refuse = (errno: string): DirectoryReader => (path) => {
  throw new TsbuildError('usage', 'CONTEXT_UNREADABLE', `read context: ${path}: no`, { details: { path, errno } });
};

test('a directory that cannot be read is told, and the rest is listed', async () => {
  const { read } = readerOf(['a/b', 'c']);
  const listing = await listContext(optionsOf((path) => (path === 'a' ? refuse('EACCES')(path) : read(path)), []));
  assert.deepEqual(linesOf(listing), ['a 0', 'c 1']);
  assert.deepEqual(listing.unreadable.map(({ message }) => message), ['read context: a: no']);
});

test('a root that cannot be read is an error', () => assert.rejects(listContext(optionsOf(refuse('EACCES'), [])), { code: 'CONTEXT_UNREADABLE' }));

test('a single path below what is no directory is missing; below a link or what cannot be read it is an error', async () => {
  for (const errno of ['ENOENT', 'ENOTDIR']) assert.deepEqual(linesOf(await listPaths(['a/b'], optionsOf(refuse(errno), []))), ['?a/b']);
  await assert.rejects(listPaths(['a/b'], optionsOf(refuse('ELOOP'), [])), { code: 'CONTEXT_PATH_LINK' });
  await assert.rejects(listPaths(['a/b'], optionsOf(refuse('EACCES'), [])), { code: 'CONTEXT_UNREADABLE' });
});

test('an interruption ends the listing with its reason', async () => {
  const controller = new AbortController();
  const { read } = readerOf(['a/b/c']);
  const stop = (path: string) => {
    controller.abort(new Error('enough'));
    return read(path);
  };
  await assert.rejects(listContext({ ...optionsOf(stop, []), signal: controller.signal }), { message: 'enough' });
});

test('suspects are what is included: outermost directories as a whole, files by name', async () => {
  const paths = ['.git/config', 'a/node_modules/b/node_modules/c', 'a/node_modules/k.pem', 'a/id_rsa', 'a/.aws/credentials', 'credentials', 'b/.env', 'x.KEY', 'ignored/id_rsa', '.npmrc/x'];
  const { suspects } = await listContext(optionsOf(readerOf(paths).read, ['ignored', '**/.env']));
  assert.deepEqual(suspects.map(({ path, sizeBytes, suspicion }) => [path, suspicion.kind, sizeBytes, suspicion.proof === null]), [
    ['.git', 'git', 1, true],
    ['a/.aws/credentials', 'credentials', 1, true],
    ['a/id_rsa', 'private-key', 1, true],
    ['a/node_modules', 'node-modules', 2, true],
    ['x.KEY', 'private-key', 1, false],
  ]);
});
