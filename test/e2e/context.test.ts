/** `tsbuild context` as a process, over directories on disk: the listing is what COPY takes, and nothing is written. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeContext } from '../support/context.ts';
import { checkGolden } from '../support/golden.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mustBuild, runTsbuild } from '../support/tsbuild.ts';

const key = '-----BEGIN PRIVATE KEY-----\n';
const files = {
  Dockerfile: 'FROM scratch\nCOPY . /\n',
  '.dockerignore': '# rules\nnode_modules\n*.log\n!keep.log\ndocs\n!docs/*.md\n',
  'src/main.ts': 'main\n', 'src/lib/a.ts': 'a\n', 'src-2': '2\n',
  'node_modules/a/index.js': '1\n', 'sub/node_modules/b/index.js': '22\n',
  'a.log': 'log\n', 'keep.log': 'log\n', 'docs/a.md': 'doc\n', 'docs/b.txt': 'text\n',
  '.git/HEAD': 'ref\n', 'tls/server.key': key, 'tls/server.pem': '-----BEGIN CERTIFICATE-----\n',
  '.env': 'A=1\n', '.npmrc': '//r/:_authToken=x\n', 'new\nline\u001b[31m': '',
};

interface Document {
  readonly entries: readonly { readonly path: string; readonly type: string; readonly included: boolean; readonly rule?: { readonly line: number } }[];
  readonly totals: { readonly sizeBytes: number };
  readonly warnings: readonly { readonly code: string; readonly path: string }[];
}

test('tsbuild context lists what COPY could see and warns of what seldom belongs there', async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, files);
  await symlink('src', join(context, 'link'));
  await writeFile(join(context, 'video'), '');
  await truncate(join(context, 'video'), 100_000_000);
  const call = (...words: string[]) => runTsbuild(['context', ...words], { store: join(folder, 'store'), cwd: folder });
  const plain = await call('context');
  assert.equal(plain.exitCode, 0);
  checkGolden('context-list', plain.stdout);
  checkGolden('context-warnings', plain.stderr);
  checkGolden('context-why', (await call('--why', 'context')).stdout);
  checkGolden('context-depth', (await call('--depth', '1', 'context')).stdout);
  checkGolden('context-paths', (await call('context', 'src', 'docs', 'docs/b.txt', 'gone.log', 'gone')).stdout);
  checkGolden('context-json', (await call('--json', 'context', 'src/main.ts', 'docs/b.txt', 'keep.log', 'gone', '.env')).stdout);
  assert.equal(existsSync(join(folder, 'store')), false);
});

test('tsbuild context lists exactly what COPY . / copies', { skip: skipWithout(...forRun) }, async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, files);
  await mkdir(join(context, 'empty'));
  const store = join(folder, 'store');
  await mustBuild(['-o', join(folder, 'out'), context], { store });
  const { stdout } = await runTsbuild(['context', '--json', context], { store });
  const { entries } = JSON.parse(stdout) as Document;
  const copied = await readdir(join(folder, 'out'), { recursive: true });
  assert.deepEqual(entries.filter(({ included }) => included).map(({ path }) => path).sort(), copied.sort());
});

test('the ignore file of the Dockerfile that is named counts', async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { '.dockerignore': 'a\n', 'x.Dockerfile': '', 'x.Dockerfile.dockerignore': 'b\n', a: '', b: '' });
  const call = (...words: string[]) => runTsbuild(['context', ...words], { store: join(folder, 'store'), cwd: context });
  assert.match((await call('--why')).stdout, / ignored {2}a {2}\.dockerignore:1 {2}a\n/);
  assert.match((await call('--why', '-f', 'x.Dockerfile')).stdout, / ignored {2}b {2}x\.Dockerfile\.dockerignore:1 {2}b\n/);
  const misspelt = await call('-f', 'y.Dockerfile');
  assert.deepEqual([misspelt.exitCode, misspelt.stdout], [2, '']);
  assert.match(misspelt.stderr, /^ERROR: context: y\.Dockerfile: no such file or directory \(DOCKERFILE_MISSING\)\n/);
});

test('a context that cannot be listed is refused', async (t) => {
  const folder = temporaryFolder(t);
  await writeFile(join(folder, 'file'), '');
  await mkdir(join(folder, 'dir'));
  await symlink('dir', join(folder, 'link'));
  for (const [words, code] of [[['-'], 'CONTEXT_NOT_LISTED'], [['file'], 'CONTEXT_MISSING'], [['none'], 'CONTEXT_MISSING'], [['.', 'link/a'], 'CONTEXT_PATH_LINK']] as const) {
    const { exitCode, stdout, stderr } = await runTsbuild(['context', ...words], { store: join(folder, 'store'), cwd: folder });
    assert.deepEqual([exitCode, stdout], [2, ''], words.join(' '));
    assert.match(stderr, new RegExp(`^ERROR: .* \\(${code}\\)\nhint: `));
  }
});
