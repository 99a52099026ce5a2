/** Addresses of repositories: which texts are some, and what of the repository they mean. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { hideCredentials, parseGitUrl, type GitUrl, type GitUrlRules } from '../../src/dockerfile/git-url.ts';

const nothing: Omit<GitUrl, 'remote' | 'transport'> = { ref: null, subdirectory: '', checksum: null, keepGitDir: null, submodules: true, fetchByCommit: false };
const commit = '0123456789abcdef0123456789abcdef01234567';

function check(text: string, expected: Partial<GitUrl> | null, rules?: GitUrlRules): void {
  assert.deepEqual(parseGitUrl(text, rules), expected === null ? null : { ...nothing, ...expected }, text);
}

function refuses(text: string, message: RegExp): void {
  assert.throws(
    () => parseGitUrl(text),
    (error) => {
      assert.ok(error instanceof TsbuildError, text);
      assert.deepEqual([error.code, error.errorClass], ['GIT_URL_INVALID', 'usage'], text);
      assert.match(error.message, message, text);
      return true;
    },
  );
}

test('A6.76 an https address that ends in .git is a repository, every other one is a download', () => {
  check('https://h.org/a/b.git', { remote: 'https://h.org/a/b.git', transport: 'https' });
  check('http://h.org:81/b.git?tag=v1', { remote: 'http://h.org:81/b.git', transport: 'http', ref: 'refs/tags/v1' });
  check('HTTPS://h.org/b.git#x', { remote: 'https://h.org/b.git', transport: 'https', ref: 'x' });
  for (const text of ['https://h.org/a/b', 'https://h.org/b.git/', 'https://h.org/b.gitx', 'https://h.org/?x=.git', 'https://h.org/x#b.git', 'http://h.org']) check(text, null);
});

test('A6.75 git:// and ssh:// and user@host:path are repositories, file names are not', () => {
  check('git://h.org/b', { remote: 'git://h.org/b', transport: 'git' });
  check('ssh://git@h.org:22/~/b', { remote: 'ssh://git@h.org:22/~/b', transport: 'ssh' });
  check('git@h.org:a/b.git#main:dir', { remote: 'git@h.org:a/b.git', transport: 'ssh', ref: 'main', subdirectory: 'dir' });
  check('me_2@h-1.org:/abs?branch=x', { remote: 'me_2@h-1.org:/abs', transport: 'ssh', ref: 'refs/heads/x' });
  for (const text of ['a:b', 'a@b', './git@h.org:x', 'file:///a/b.git', 'ftp://h.org/b.git', 'ext::sh -c x', 'github.com/a/b', 'a/b@c:d']) check(text, null);
});

test('an http address is a repository where the instruction says so, and github.com/… where a context is meant', () => {
  check('https://h.org/a/b', { remote: 'https://h.org/a/b', transport: 'https' }, { knownGit: true });
  check('github.com/a/b#v1', { remote: 'https://github.com/a/b', transport: 'https', ref: 'v1' }, { allowsShorthand: true });
  check('github.example/a/b', null, { allowsShorthand: true });
});

test('A6.75 the fragment names a reference and a subdirectory', () => {
  const table: readonly (readonly [fragment: string, ref: string | null, subdirectory: string])[] = [
    ['#', null, ''], ['#main', 'main', ''], ['#:sub', null, 'sub'], ['#main:', 'main', ''], ['#main:/a//./b/', 'main', 'a/b'], ['#refs/pull/1/head:a:b', 'refs/pull/1/head', 'a:b'],
    ['#a%20b:x', null, ''], ['#main:a%20b', 'main', 'a b'], [`#${commit}`, commit, ''],
  ];
  for (const [fragment, ref, subdirectory] of table) {
    if (fragment === '#a%20b:x') refuses(`https://h.org/b.git${fragment}`, /"a b" is no name/);
    else check(`https://h.org/b.git${fragment}`, { remote: 'https://h.org/b.git', transport: 'https', ref, subdirectory });
  }
});

test('A6.75 the query names reference, subdirectory, checksum, submodules and keep-git-dir', () => {
  const remote = { remote: 'https://h.org/b.git', transport: 'https' } as const;
  const table: readonly (readonly [query: string, expected: Partial<GitUrl>])[] = [
    ['ref=pull/1/head', { ref: 'pull/1/head' }], ['tag=refs/tags/v1', { ref: 'refs/tags/v1' }], ['branch=a/b&subdir=s', { ref: 'refs/heads/a/b', subdirectory: 's' }],
    ['checksum=ABCDEF0', { checksum: 'abcdef0' }], [`commit=${commit}`, { checksum: commit, ref: commit }], [`tag=v1&checksum=${commit}`, { checksum: commit, ref: 'refs/tags/v1' }],
    ['submodules', {}], ['submodules=false', { submodules: false }], ['keep-git-dir', { keepGitDir: true }], ['keep-git-dir=1', { keepGitDir: true }], ['keep-git-dir=F', { keepGitDir: false }],
    ['mtime=commit', {}], ['mtime=checkout', {}], [`tag=v1&fetch-by-commit&checksum=${commit}`, { ref: 'refs/tags/v1', checksum: commit, fetchByCommit: true }],
    ['ref=main#main:s', { ref: 'main', subdirectory: 's' }],
  ];
  for (const [query, expected] of table) check(`https://h.org/b.git?${query}`, { ...remote, ...expected });
});

test('a query that contradicts itself or that nobody knows is refused', () => {
  const table: readonly (readonly [query: string, message: RegExp])[] = [
    ['ref=a#b', /ref conflicts: "b" vs "a"/], ['ref=a&tag=a', /ref conflicts: "a" vs "refs\/tags\/a"/], ['tag=a&branch=b', /branch conflicts with tag/], ['subdir=a#m:b', /subdir conflicts/],
    ['ref', /query "ref" has no value/], ['ref=a&ref=a', /multiple values/], ['depth=1', /unexpected query "depth"/], ['__proto__=1', /unexpected query/], ['checksum=xyz', /it is no commit/],
    ['checksum=a&commit=b', /checksum conflicts/], ['keep-git-dir=yes', /invalid keep-git-dir value: "yes"/], ['mtime=now', /invalid mtime/], ['fetch-by-commit&checksum=abc', /needs a whole commit/],
  ];
  for (const [query, message] of table) refuses(`https://h.org/b.git?${query}`, message);
});

test('nothing that git or ssh would take for an option, a pattern or another directory gets through', () => {
  for (const ref of ['--upload-pack=touch x', '-x', 'a..b', 'a:b:c/../..', 'a@{1}', 'a^{}', 'a~1', 'a*', 'a?', 'a[b', 'a\\b', 'a b', 'a\nb', '/a', 'a/', 'a//b', 'a.lock', '.a', 'a/.b', 'a.', '#ref=a']) {
    if (!ref.includes('?')) refuses(`git://h.org/b#${encodeURIComponent(ref)}`, /no name of a branch|leads out/);
    refuses(`git://h.org/b?ref=${encodeURIComponent(ref)}`, /no name of a branch/);
  }
  for (const directory of ['../x', 'a/../../x', '..', 'a/..', '%2e%2e/x']) refuses(`git://h.org/b#main:${directory}`, /leads out of the repository/);
  for (const directory of ['..%2fx', 'a/../b']) refuses(`git://h.org/b?subdir=${directory}`, /leads out of the repository/);
  refuses('git://h.org/b?subdir=a%00b', /control character/);
  for (const remote of ['ssh://-oProxyCommand=x/b', 'ssh://-oProxyCommand=x@h.org/b', 'ssh://%2doProxyCommand/b', 'git://h org/b', 'https:///b.git', 'https://a@b@h.org/b.git', 'https://@h.org/b.git', 'ssh://h.org:x/b']) refuses(remote, /host is malformed|blank/);
  for (const remote of ['git@h.org:-x', 'git@h.org::x', 'ssh://h.org', 'ssh://h.org/']) refuses(remote, /path is malformed/);
  refuses('git@h.org:a\tb', /blank/);
});

test('credentials of an address are not for people', () => {
  assert.equal(hideCredentials('ADD https://me:secret@h.org/x /y'), 'ADD https://xxxxx@h.org/x /y');
  assert.equal(hideCredentials('https://h.org/a@b git@h.org:x'), 'https://h.org/a@b git@h.org:x');
  refuses('https://me:secret@h.org/b.git?x=1', /^git repository https:\/\/xxxxx@h\.org\/b\.git\?x=1: unexpected/);
});
