/** Repositories by the system's git: what references stand for, what is checked out, who is let in, and what hostile ones try. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { BlobDigest } from '../../src/base/digest.ts';
import { parseGitUrl, type GitUrl } from '../../src/dockerfile/git-url.ts';
import { createRepositories, type RepositoriesOptions, type Repository } from '../../src/source/git/repositories.ts';
import { gitDirectoryReader } from '../../src/source/git/git-tree.ts';
import { calm } from '../registry/client.ts';
import { commitSeconds, makeRepository, serveGit, startGitDaemon, testGit } from '../support/git-server.ts';
import { findProgram, skipWithout } from '../support/needs.ts';
import { openTestStore } from '../store/open-test-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const skip = skipWithout({ program: 'git' });

interface Call extends Partial<Omit<RepositoriesOptions, 'secret' | 'ssh'>> {
  readonly keepsGit?: boolean;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly ssh?: string;
  readonly signal?: AbortSignal;
}

function urlOf(text: string): GitUrl {
  const url = parseGitUrl(text);
  assert.ok(url, text);
  return url;
}


/** Asks what an address stands for, as a build of its own. */
async function resolve(t: TestContext, text: string, { secrets = {}, keepsGit = false, ssh, signal = calm, ...options }: Call = {}): Promise<Repository> {
  const secret = (id: string): Promise<Uint8Array | null> => Promise.resolve(secrets[id] === undefined ? null : Buffer.from(secrets[id]));
  const repositories = createRepositories({
    store: options.store ?? (await openTestStore(t)), searchPath: process.env['PATH'] ?? '', registry: { env: {}, homeDir: '/nonexistent' }, keepsTimes: false, secret, ssh: () => ssh ?? null, ...options,
  });
  return repositories.resolve({ url: urlOf(text), keepsGit, signal });
}

/** Everything in a checked-out tree: `PATH MODE [TEXT]`. */
async function files(repository: Promise<Repository>): Promise<readonly string[]> {
  const { root, keepsGit } = await (await repository).open();
  const read = gitDirectoryReader({ root, keepsGit });
  const walk = (path: string): readonly string[] =>
    read(path).flatMap((entry) => {
      const own = path === '' ? entry.name : `${path}/${entry.name}`;
      if (entry.type === 'directory') return [`${own} ${entry.mode.toString(8)}`, ...walk(own)];
      const text = entry.type === 'symlink' ? `-> ${readlinkSync(join(root, own))}` : JSON.stringify(readFileSync(join(root, own), 'utf8'));
      return [`${own} ${entry.mode.toString(8)} ${text}`];
    });
  return walk('');
}

const fails = (code: string, message: RegExp, errorClass = 'registry') => ({ code, message, errorClass });

test('A6.75 files are 0644 or 0755, directories 0755, whatever the umask, and .git is not among them', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const repository = await makeRepository(folder, 'r');
  await repository.commit({ plain: 'text', 'd/run': 'x:#!', 'd/link': '->../plain', 'naïve\tname': 'x' });
  const { base } = await serveGit(t, folder);
  const before = process.umask(0o077);
  try {
    const expected = ['d 755', 'd/link 777 -> ../plain', 'd/run 755 "#!"', 'naïve\tname 644 "x"', 'plain 644 "text"'];
    assert.deepEqual(await files(resolve(t, `${base}/r.git`)), expected);
    process.umask(0);
    assert.deepEqual(await files(resolve(t, `${base}/r.git`)), expected);
  } finally {
    process.umask(before);
  }
});

test('A6.75 a reference is a full name, a branch before a tag, an annotated tag by its commit, or a whole commit', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const { git, commit } = await makeRepository(folder, 'r');
  const first = await commit({ f: '1' });
  await git('tag', 'both');
  await git('tag', '-a', '-m', 'x', 'noted');
  const tag = await git('rev-parse', 'refs/tags/noted');
  const second = await commit({ f: '2' });
  await git('branch', 'both');
  await git('branch', 'deep/both');
  await git('update-ref', 'refs/pull/7/head', first);
  const last = await commit({ f: '3' });
  const { base } = await serveGit(t, folder);
  const table: readonly (readonly [suffix: string, commit: string])[] = [
    ['', last], ['#main', last], ['#both', second], ['?tag=both', first], ['#refs/tags/both', first], ['#tags/both', first], ['#deep/both', second], ['?branch=deep/both', second],
    ['#noted', first], ['?tag=noted', first], ['#pull/7/head', first], ['?ref=refs/pull/7/head', first], [`#${second}`, second], [`?commit=${first}`, first],
    [`?tag=noted&checksum=${tag.slice(0, 8)}`, first], [`?tag=noted&checksum=${first.slice(0, 8).toUpperCase()}`, first], [`?fetch-by-commit&tag=noted&checksum=${second}`, second],
  ];
  for (const [suffix, expected] of table) {
    assert.equal((await resolve(t, `${base}/r.git${suffix}`)).commit, expected, suffix);
  }
  for (const [suffix, text] of [['#both', '2'], ['#noted', '1'], ['#pull/7/head', '1'], [`#${second}`, '2']] as const) {
    assert.deepEqual(await files(resolve(t, `${base}/r.git${suffix}`)), [`f 644 "${text}"`], suffix);
  }
  for (const suffix of ['#nope', '#mai', '#oth', `#${last.slice(0, 10)}`]) await assert.rejects(resolve(t, `${base}/r.git${suffix}`), fails('GIT_REF_NOT_FOUND', /it has no reference/));
  await assert.rejects(resolve(t, `${base}/r.git?tag=noted&checksum=${second}`), fails('CHECKSUM_MISMATCH', new RegExp(`expected checksum to match ${second}, got ${tag} or ${first}`)));
  await assert.rejects(resolve(t, `${base}/r.git?checksum=abc123`), fails('CHECKSUM_MISMATCH', /expected checksum to match abc123, got/));
  const missing = await resolve(t, `${base}/r.git#${'0'.repeat(40)}`);
  await assert.rejects(missing.open(), fails('GIT_FAILED', /^git repository http.*: git fetch: /));
});

test('only what is needed is fetched, and nothing but the references to know the commit', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const { git, commit } = await makeRepository(folder, 'r');
  for (let i = 0; i < 3; i += 1) await commit({ f: String(i) });
  await git('tag', 'v1');
  const { base, asked } = await serveGit(t, folder);
  const found = await resolve(t, `${base}/r.git#main`);
  const listing = asked.length;
  assert.ok(asked.every((line) => !line.startsWith('POST') || line.endsWith('/git-upload-pack')) && listing <= 2, asked.join('\n'));
  const { root } = await found.open();
  assert.equal(await testGit(root, ['rev-list', '--count', '--all']), '1');
  assert.equal(asked.length - listing <= 3, true, asked.join('\n'));
  await found.open();
  assert.deepEqual((await resolve(t, `${base}/r.git#${found.commit}`)).commit, found.commit);
  assert.equal(asked.length - listing <= 3, true, 'a whole commit asks nothing');
});

test('a commit that was fetched is not fetched again, whatever reference leads to it, as long as its pack is whole', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const { git, commit } = await makeRepository(folder, 'r');
  await commit({ old: '' });
  await commit({ 'd/f': 'x:1', l: '->d/f', old: 'o'.repeat(10_000) });
  await git('tag', 'v1');
  const { base, asked } = await serveGit(t, folder);
  const store = await openTestStore(t);
  /** Files, and how often the server was asked for more than its references. */
  const look = async (address: string): Promise<readonly [files: readonly string[], fetches: number]> => {
    const found = await resolve(t, address, { store });
    const listing = asked.length;
    const names = await files(Promise.resolve(found));
    await rm(store.paths.tmp, { recursive: true });
    await mkdir(store.paths.tmp);
    return [names, asked.length - listing];
  };
  const [first, fetches] = await look(`${base}/r.git`);
  assert.ok(fetches > 0);
  assert.deepEqual(await look(`${base}/r.git`), [first, 0]);
  assert.deepEqual(await look(`${base}/r.git#v1`), [first, 0]);
  assert.deepEqual(await look(`${base}/r.git#v1:d`), [['f 755 "1"'], 0]);
  const digest = JSON.parse(readFileSync(join(store.paths.cache, 'git', `${await git('rev-parse', 'HEAD')}.json`), 'utf8')) as { readonly digest: BlobDigest };
  const pack = store.blobs.path(digest.digest);
  chmodSync(pack, 0o600);
  writeFileSync(pack, Buffer.concat([readFileSync(pack).subarray(0, -1), Buffer.of(0)]));
  const [again, refetches] = await look(`${base}/r.git`);
  assert.deepEqual(again, first);
  assert.ok(refetches > 0, 'a broken pack is fetched again');
  assert.deepEqual(await look(`${base}/r.git`), [first, 0]);
  await commit({ 'd/f': '2' });
  assert.ok((await look(`${base}/r.git`))[1] > 0, 'another commit is fetched');
});

test('git:// and plain files behind http are read, too', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const repository = await makeRepository(folder, 'r');
  const commit = await repository.commit({ f: 'x' });
  await repository.git('branch', 'other');
  await repository.git('update-server-info');
  const daemon = await startGitDaemon(t, folder);
  assert.deepEqual(await files(resolve(t, `${daemon}/r/.git#other`)), ['f 644 "x"']);
  assert.deepEqual(await files(resolve(t, `${daemon}/r/.git#${commit}`)), ['f 644 "x"']);
  // A server that knows nothing of git.
  const { base } = await serveGit(t, folder, (request, response) => {
    const path = join(folder, 'r/.git', new URL(request.url ?? '', 'http://x').pathname.replace('/r.git/', ''));
    if (existsSync(path) && lstatSync(path).isFile()) response.end(readFileSync(path));
    else response.writeHead(404).end();
    return true;
  });
  assert.deepEqual(await files(resolve(t, `${base}/r.git`)), ['f 644 "x"']);
  assert.deepEqual(await files(resolve(t, `${base}/r.git#other`)), ['f 644 "x"']);
  assert.deepEqual(await files(resolve(t, `${base}/r.git#${commit}`)), ['f 644 "x"']);
});

test('a repository of sha256 objects is read', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const commit = await (await makeRepository(folder, 'r', 'sha256')).commit({ f: 'x' });
  const { base } = await serveGit(t, folder);
  assert.equal(commit.length, 64);
  assert.deepEqual(await files(resolve(t, `${base}/r.git#main`)), ['f 644 "x"']);
  assert.deepEqual(await files(resolve(t, `${base}/r.git#${commit}`)), ['f 644 "x"']);
});

test('A6.75 submodules come along, those of submodules and with relative addresses, too; submodules=false leaves them empty', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const inner = await makeRepository(folder, 'inner');
  await inner.commit({ i: 'inner' });
  const lib = await makeRepository(folder, 'lib');
  await lib.commit({ l: 'lib' });
  const main = await makeRepository(folder, 'r');
  await main.commit({ f: 'x' });
  const { base } = await serveGit(t, folder);
  await lib.git('submodule', '--quiet', 'add', `${base}/inner.git`, 'in');
  await lib.commit({});
  await lib.commit({ l: 'newer than what is used' });
  await main.git('submodule', '--quiet', 'add', `${base}/lib.git`, 'vendor/lib');
  await main.git('-C', 'vendor/lib', 'checkout', '-q', 'HEAD^');
  await main.git('config', '-f', '.gitmodules', 'submodule.vendor/lib.url', '../lib.git');
  await main.commit({});
  const all = await files(resolve(t, `${base}/r.git`));
  const modules = all.filter((line) => line.startsWith('.gitmodules') || line.startsWith('vendor/lib/.gitmodules'));
  assert.equal(modules.length, 2);
  assert.deepEqual(all.filter((line) => !modules.includes(line)), ['f 644 "x"', 'vendor 755', 'vendor/lib 755', 'vendor/lib/in 755', 'vendor/lib/in/i 644 "inner"', 'vendor/lib/l 644 "lib"']);
  const without = await resolve(t, `${base}/r.git?submodules=false`);
  assert.deepEqual((await files(Promise.resolve(without))).filter((line) => !line.startsWith('.gitmodules')), ['f 644 "x"', 'vendor 755', 'vendor/lib 755']);
  assert.deepEqual(await files(resolve(t, `${base}/r.git#:vendor/lib/in`)), ['i 644 "inner"']);
  assert.notDeepEqual(without.identity, (await resolve(t, `${base}/r.git`)).identity);
});

test('A6.75 keep-git-dir keeps a repository that git understands, and the same one every time', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const lib = await makeRepository(folder, 'lib');
  await lib.commit({ l: 'lib' });
  const main = await makeRepository(folder, 'r');
  await main.commit({ f: 'x'.repeat(10_000), g: 'y' });
  const { base } = await serveGit(t, folder);
  await main.git('submodule', '--quiet', 'add', `${base}/lib.git`, 'lib');
  const commit = await main.commit({ f: 'x'.repeat(10_000) + 'z' });
  await main.git('tag', '-a', '-m', 'x', 'v1');
  const open = async (suffix: string): Promise<string> => (await (await resolve(t, `${base}/r.git${suffix}`, { keepsGit: true })).open()).root;
  const listing = (root: string): Promise<readonly string[]> => files(Promise.resolve({ identity: null, commit, isOpen: true, open: () => Promise.resolve({ root, keepsGit: true, timeSeconds: 0 }) }));
  const [root, again, byCommit] = await Promise.all(['#v1', '#v1', `#${commit}`].map(open)) as [string, string, string];
  assert.deepEqual(await listing(root), await listing(again));
  for (const one of [again, byCommit]) {
    assert.equal(await testGit(one, ['rev-parse', 'HEAD']), commit);
    assert.equal(await testGit(one, ['status', '--porcelain']), '');
    await testGit(one, ['fsck', '--full']);
    assert.equal(await testGit(join(one, 'lib'), ['log', '--format=%s']), 'l');
  }
  assert.equal(await testGit(again, ['describe', '--tags']), 'v1');
  assert.ok(!existsSync(join(await open('#:lib'), '.git', 'config')), 'a subdirectory has none of its own');
});

test('files have the time of their commit where times are kept', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  await (await makeRepository(folder, 'r')).commit({ 'd/f': 'x', l: '->d' });
  const { base } = await serveGit(t, folder);
  const { root, timeSeconds } = await (await resolve(t, `${base}/r.git`, { keepsTimes: true })).open();
  assert.equal(timeSeconds, commitSeconds);
  for (const name of ['.', 'd', 'd/f', 'l']) assert.equal(lstatSync(join(root, name)).mtimeMs, commitSeconds * 1000, name);
});

test('GIT_AUTH_TOKEN and GIT_AUTH_HEADER let in, by the order of BuildKit, and are no argument of any process', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  await (await makeRepository(folder, 'r')).commit({ f: 'x' });
  const seen = new Set<string>();
  const { base, port, asked } = await serveGit(t, folder, (request, response) => {
    if (request.headers.authorization !== undefined) {
      seen.add(request.headers.authorization);
      for (const line of execFileSync('ps', ['-ww', '-eo', 'args'], { encoding: 'utf8' }).split('\n')) assert.ok(!/hunter2|aHVudGVyMg|eC1hY2Nlc3M/.test(line), line);
      return false;
    }
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    return true;
  });
  const token = `basic ${btoa('x-access-token:hunter2')}`;
  const table: readonly (readonly [secrets: Readonly<Record<string, string>>, sent: string])[] = [
    [{ GIT_AUTH_TOKEN: 'hunter2\n' }, token], [{ GIT_AUTH_HEADER: 'Bearer hunter2' }, 'Bearer hunter2'], [{ GIT_AUTH_TOKEN: 'no', GIT_AUTH_HEADER: 'Bearer hunter2' }, 'Bearer hunter2'],
    [{ [`GIT_AUTH_TOKEN.127.0.0.1:${port}`]: 'hunter2', GIT_AUTH_HEADER: 'no' }, token], [{ [`GIT_AUTH_HEADER.127.0.0.1:${port}`]: 'Bearer hunter2', [`GIT_AUTH_TOKEN.127.0.0.1:${port}`]: 'no' }, 'Bearer hunter2'],
  ];
  for (const [secrets, sent] of table) {
    seen.clear();
    assert.deepEqual(await files(resolve(t, `${base}/r.git`, { secrets })), ['f 644 "x"']);
    assert.deepEqual([...seen], [sent]);
  }
  seen.clear();
  assert.deepEqual(await files(resolve(t, `${base.replace('//', '//me:hunter2@')}/r.git`)), ['f 644 "x"']);
  assert.deepEqual([...seen], [`Basic ${btoa('me:hunter2')}`]);
  asked.length = 0;
  await assert.rejects(resolve(t, `${base}/r.git`), fails('GIT_FAILED', /git ls-remote: .*could not read Username/));
  await assert.rejects(resolve(t, `${base}/r.git`, { secrets: { [`GIT_AUTH_TOKEN.other`]: 'x' } }), fails('GIT_FAILED', /could not read Username/));
  await assert.rejects(resolve(t, `${base}/r.git`, { secrets: { GIT_AUTH_TOKEN: 'a\nb' } }), fails('SECRET_INVALID', /GIT_AUTH_TOKEN/, 'usage'));
  assert.ok(asked.every((line) => !/asic|earer/.test(line)));
});

test('a token for the host reaches private submodules of that host, one for the repository does not', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  await (await makeRepository(folder, 'lib')).commit({ l: 'lib' });
  const main = await makeRepository(folder, 'r');
  await main.git('submodule', '--quiet', 'add', join(folder, 'lib'), 'lib');
  await main.git('config', '-f', '.gitmodules', 'submodule.lib.url', '../lib.git');
  await main.commit({});
  const { base, port } = await serveGit(t, folder, (request, response) => {
    if (request.headers.authorization !== undefined) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    return true;
  });
  assert.ok((await files(resolve(t, `${base}/r.git`, { secrets: { [`GIT_AUTH_TOKEN.127.0.0.1:${port}`]: 'x' } }))).includes('lib/l 644 "lib"'));
  const own = await resolve(t, `${base}/r.git`, { secrets: { GIT_AUTH_TOKEN: 'x' } });
  await assert.rejects(own.open(), fails('GIT_FAILED', /git submodule: .*could not read Username/));
});

test('credentials do not follow a redirect to another host', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  await (await makeRepository(folder, 'r')).commit({ f: 'x' });
  const other = await serveGit(t, folder);
  const { base } = await serveGit(t, folder, (request, response) => {
    response.writeHead(302, { location: `http://localhost:${other.port}${request.url ?? ''}` }).end();
    return true;
  });
  assert.deepEqual(await files(resolve(t, `${base}/r.git`)), ['f 644 "x"']);
  other.asked.length = 0;
  const rejected = resolve(t, `${base}/r.git`, { secrets: { GIT_AUTH_TOKEN: 'hunter2' } });
  await assert.rejects(rejected, { code: 'GIT_FAILED', hint: /no redirect is followed/ });
  assert.deepEqual(other.asked, []);
});

test('a subdirectory that is missing, a file, or a link out of the repository is an error; a link within is followed', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  await (await makeRepository(folder, 'r')).commit({ 'd/f': 'x', in: '->d', out: '->/etc', up: '->../../../etc', round: '->round', file: 'x' });
  const { base } = await serveGit(t, folder);
  assert.deepEqual(await files(resolve(t, `${base}/r.git#:in`)), ['f 644 "x"']);
  for (const name of ['nope', 'file', 'out', 'up', 'd/f/..x', '.git', 'in/.git']) {
    await assert.rejects((await resolve(t, `${base}/r.git#:${name}`)).open(), fails('GIT_SUBDIRECTORY_MISSING', new RegExp(`it has no directory "${name}"`), 'usage'), name);
  }
  await assert.rejects((await resolve(t, `${base}/r.git#:round`)).open(), { errorClass: 'usage' });
});

test('what a hostile repository wants run is not run', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const proof = join(folder, 'proof');
  const run = `touch ${proof}`;
  const main = await makeRepository(folder, 'r');
  await (await makeRepository(folder, 'lib')).commit({ hooks: `x:#!/bin/sh\n${run}\n`, 'post-checkout': `x:#!/bin/sh\n${run}\n` });
  const { base } = await serveGit(t, folder);
  await main.git('submodule', '--quiet', 'add', join(folder, 'lib'), 'lib');
  const attempts: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'ext transport': { '.gitmodules': `[submodule "lib"]\n\tpath = lib\n\turl = ext::sh -c "${run}"\n` },
    'a file of this machine': { '.gitmodules': `[submodule "lib"]\n\tpath = lib\n\turl = ${join(folder, 'lib')}\n` },
    'file transport': { '.gitmodules': `[submodule "lib"]\n\tpath = lib\n\turl = file://${join(folder, 'lib')}\n` },
    'an option for an address': { '.gitmodules': `[submodule "lib"]\n\tpath = lib\n\turl = --upload-pack=${run}\n` },
    'an option for ssh': { '.gitmodules': `[submodule "lib"]\n\tpath = lib\n\turl = ssh://-oProxyCommand=${run.replace(' ', '%20')}/x\n` },
  };
  for (const [name, written] of Object.entries(attempts)) {
    await main.commit(written);
    await assert.rejects((await resolve(t, `${base}/r.git`)).open(), fails('GIT_FAILED', /git (submodule|fetch)/), name);
  }
  const harmless: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'an update command': { '.gitmodules': `[submodule "lib"]\n\tpath = lib\n\turl = ${base}/lib.git\n\tupdate = !${run}\n` },
    'filters and diffs': { '.gitmodules': `[submodule "lib"]\n\tpath = lib\n\turl = ${base}/lib.git\n`, '.gitattributes': '* filter=evil diff=evil merge=evil\n', '.lfsconfig': `[lfs]\n\turl = ${run}\n` },
  };
  for (const [name, written] of Object.entries(harmless)) {
    await main.commit(written);
    const opened = await resolve(t, `${base}/r.git`);
    await opened.open().catch((error: unknown) => assert.ok(error instanceof Error && 'code' in error && error.code === 'GIT_FAILED', name));
  }
  assert.ok(!existsSync(proof), 'nothing was run');
});

test('configuration, hooks and variables of the user are not used', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const proof = join(folder, 'proof');
  await (await makeRepository(folder, 'r')).commit({ f: 'x' });
  const { base } = await serveGit(t, folder);
  const names = ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_SSH_COMMAND', 'GIT_EXTERNAL_DIFF', 'GIT_CONFIG_GLOBAL', 'GIT_TEMPLATE_DIR', 'GIT_PROXY_COMMAND'] as const;
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) process.env[name] = `touch ${proof}`;
  try {
    assert.deepEqual(await files(resolve(t, `${base}/r.git`)), ['f 644 "x"']);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  }
  assert.ok(!existsSync(proof));
});

test('proxies of the user are used', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  await (await makeRepository(folder, 'r')).commit({ f: 'x' });
  const proxy = await serveGit(t, folder, (request) => {
    request.url = new URL(request.url ?? '').pathname + new URL(request.url ?? '').search;
    return false;
  });
  const registry = { env: { HTTP_PROXY: proxy.base, NO_PROXY: 'other.test' }, homeDir: '/nonexistent' };
  assert.deepEqual(await files(resolve(t, 'http://far.test/r.git', { registry })), ['f 644 "x"']);
  assert.ok(proxy.asked.every((line) => line.includes('http://far.test/r.git/')));
});

test('without git the error names the package, class machine', { skip }, async (t) => {
  await assert.rejects(resolve(t, 'https://h.org/r.git', { searchPath: temporaryFolder(t) }), { code: 'GIT_MISSING', errorClass: 'machine', exitCode: 3, hint: 'Install the package git.' });
  assert.ok(findProgram('git'));
});

test('an abort ends git and everything that it started, and the reason is what the caller gave', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  await (await makeRepository(folder, 'r')).commit({ f: 'x' });
  const controller = new AbortController();
  const reason = new Error('enough');
  const { base } = await serveGit(t, folder, () => {
    controller.abort(reason);
    return true; // and never answers
  });
  await assert.rejects(resolve(t, `${base}/r.git`, { signal: controller.signal }), (error) => error === reason);
  const left = await helpers(base);
  assert.deepEqual(left, []);
});

async function helpers(base: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const path = `/proc/${pid}/cmdline`;
    if (existsSync(path) && readCommand(path).includes(base)) found.push(pid);
  }
  return found;
}

function readCommand(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error) return ''; // it ended meanwhile
    throw error;
  }
}
