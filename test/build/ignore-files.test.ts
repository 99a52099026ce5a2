/** Which ignore file counts, what it hides in real builds, and ignore files that are no files: SEMANTICS A6, 107, 108, 112. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ignoreFileSizeMax } from '../../src/context/ignore.ts';
import { readIgnore } from '../../src/build/read-ignore.ts';
import { writeContext } from '../support/context.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { buildRaw, mustBuild } from '../support/tsbuild.ts';

async function rulesOf(root: string, dockerfile: string | null): Promise<readonly string[]> {
  return (await readIgnore(root, dockerfile)).rules.map(({ text }) => text);
}

test('A6.107 the ignore file next to the Dockerfile wins over that of the context, and they are never merged', async (t) => {
  const root = await writeContext(temporaryFolder(t), { '.dockerignore': 'a', 'app.Dockerfile.dockerignore': 'b', 'docker/Dockerfile.dockerignore': 'c', 'empty.Dockerfile.dockerignore': '' });
  assert.deepEqual(await rulesOf(root, join(root, 'Dockerfile')), ['a']);
  assert.deepEqual(await rulesOf(root, join(root, 'app.Dockerfile')), ['b']);
  assert.deepEqual(await rulesOf(root, join(root, 'docker/Dockerfile')), ['c']);
  assert.deepEqual(await rulesOf(root, join(root, 'empty.Dockerfile')), []);
  assert.deepEqual(await rulesOf(root, null), ['a']);
  assert.deepEqual(await rulesOf(join(root, 'docker'), null), []);
  assert.deepEqual(await rulesOf(root, join(root, 'x'.repeat(250))), ['a']);
});

/** The names below /out of what the build copied. */
async function copied(t: TestContext, args: readonly string[], context: string): Promise<readonly string[]> {
  const folder = temporaryFolder(t);
  await mustBuild([...args, '-o', `type=local,dest=${join(folder, 'out')}`, context], { store: join(folder, 'store') });
  return execFileSync('find', ['.', '-type', 'f', '-printf', '%P\n'], { cwd: join(folder, 'out'), encoding: 'utf8' }).split('\n').filter(Boolean).sort();
}

test('A6.108 a named context that is a directory has its own ignore file, and the Dockerfile\'s is not for it', async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: 'FROM scratch\nCOPY . /main/\nCOPY --from=other . /other/\n', 'Dockerfile.dockerignore': 'a\nDockerfile*', '.dockerignore': 'b', a: '', b: '' });
  const other = join(folder, 'other');
  await rename(await writeContext(join(folder, 'x'), { '.dockerignore': 'b', 'Dockerfile.dockerignore': 'c', a: '', b: '', c: '' }), other);
  assert.deepEqual(await copied(t, ['--build-context', `other=${other}`], context), ['main/.dockerignore', 'main/b', 'other/.dockerignore', 'other/Dockerfile.dockerignore', 'other/a', 'other/c']);
});

test('A6.112 a Dockerfile and an ignore file that are ignored are read all the same, and COPY cannot see them', async (t) => {
  const context = await writeContext(temporaryFolder(t), { Dockerfile: 'FROM scratch\nCOPY . /\n', '.dockerignore': '*\n!src\n**/.env', 'src/a': '', 'src/.env': '', b: '' });
  assert.deepEqual(await copied(t, [], context), ['src/a']);
  await writeFile(join(context, 'Dockerfile'), 'FROM scratch\nCOPY Dockerfile .dockerignore /x/\n');
  const refused = await buildRaw([context], { store: join(temporaryFolder(t), 'store') });
  assert.equal(refused.exitCode, 2);
  assert.match(refused.text, /Dockerfile: not found in the build context/);
});

test('an ignore file that is no file is refused by name, and nothing waits for it', async (t) => {
  const root = await writeContext(temporaryFolder(t), {});
  const file = join(root, '.dockerignore');
  const table: readonly (readonly [make: () => Promise<unknown>, message: RegExp])[] = [
    [() => Promise.resolve(execFileSync('mkfifo', [file])), /not a regular file/], [() => mkdir(file), /is a directory/], [() => symlink('nowhere', file), /the link leads nowhere/], [() => symlink('.dockerignore', file), /ELOOP/],
    [() => symlink('/dev/zero', file), /not a regular file/], [() => writeFile(file, Buffer.alloc(ignoreFileSizeMax + 1, 'a\n')), /more than 4194304 bytes/], [() => writeFile(file, Buffer.alloc(16 << 20, '#')), /more than 4194304 bytes/],
  ];
  for (const [make, message] of table) {
    await make();
    await assert.rejects(readIgnore(root, null), (error: Error & { readonly code?: string }) => {
      assert.match(error.message, message);
      assert.match(error.code ?? '', /^IGNORE_(UNREADABLE|TOO_LARGE)$/);
      return true;
    });
    execFileSync('rm', ['-rf', file]);
  }
});

test('an ignore file behind a link counts, and one with bytes that are not UTF-8 means those bytes', async (t) => {
  const root = await writeContext(temporaryFolder(t), {});
  await writeFile(join(root, 'real'), Buffer.from('caf\xe9\n\n*.\xff\n', 'latin1'));
  await symlink('real', join(root, '.dockerignore'));
  assert.deepEqual(await rulesOf(root, null), ['caf\udce9', '*.\udcff']);
});
