/** What users get wrong: the right exit code, one clear message that names the line, and nothing left behind. */
import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromLayout } from '../support/context.ts';
import { checkGolden } from '../support/golden.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { runTsbuild } from '../support/tsbuild.ts';

interface BadInput {
  readonly name: string;
  /** The Dockerfile; `null` for none, a folder for one that cannot be read. */
  readonly dockerfile: string | null | { readonly folder: true };
  readonly args?: readonly string[];
  readonly exitCode: 1 | 2 | 4;
  /** The line that the message names. */
  readonly line?: number;
  readonly needsRoot?: true;
}

const inputs: readonly BadInput[] = [
  { name: 'unknown-instruction', dockerfile: 'FROM busybox\nRUM echo hi\n', exitCode: 2, line: 2 },
  { name: 'copy-missing-file', dockerfile: 'FROM busybox\n\n# two\nCOPY missing.txt /\n', exitCode: 2, line: 4 },
  { name: 'copy-from-unknown-stage', dockerfile: 'FROM busybox\nCOPY --from=3 /a /b\n', exitCode: 2, line: 2 },
  { name: 'copy-missing-file-of-stage', dockerfile: 'FROM busybox AS base\nFROM scratch\nCOPY --from=base /missing /\n', exitCode: 2, line: 3, needsRoot: true },
  { name: 'unknown-target', dockerfile: 'FROM busybox AS base\n', args: ['--target', 'bas'], exitCode: 2, line: 1 },
  { name: 'unterminated-heredoc', dockerfile: 'FROM busybox\nRUN <<EOF\necho hi\n', exitCode: 2, line: 2 },
  { name: 'run-exits-3', dockerfile: 'FROM busybox\nRUN echo before; \\\n  exit 3\nRUN never\n', exitCode: 1, line: 2, needsRoot: true },
  { name: 'run-missing-program', dockerfile: 'FROM busybox\nRUN ["/missing", "word"]\n', exitCode: 1, line: 2, needsRoot: true },
  { name: 'missing-base-image', dockerfile: 'FROM 127.0.0.1:1/missing:tag\n', exitCode: 4, line: 1 },
  { name: 'bad-flag', dockerfile: 'FROM busybox\nCOPY --chwon=1 a /\n', exitCode: 2, line: 2 },
  { name: 'unreadable-dockerfile', dockerfile: { folder: true }, exitCode: 2 },
  { name: 'empty-dockerfile', dockerfile: '', exitCode: 2, line: 1 },
  { name: 'only-comments', dockerfile: '# nothing\n\n', exitCode: 2, line: 1 },
  { name: 'no-dockerfile', dockerfile: null, exitCode: 2 },
  { name: 'check-failed', dockerfile: '# check=error=true\nFROM busybox as a\nCMD x\n', exitCode: 2, line: 2 },
  { name: 'check-option', dockerfile: '# syntax=docker/dockerfile:1\n# check=skip=A; error=true\nFROM busybox\n', exitCode: 2, line: 2 },
  { name: 'bad-option', dockerfile: 'FROM busybox\n', args: ['--traget', 'x'], exitCode: 2 },
  { name: 'bad-option-value', dockerfile: 'FROM busybox\n', args: ['--network', 'bridge'], exitCode: 2 },
  { name: 'bad-output', dockerfile: 'FROM busybox\n', args: ['-o', 'type=zip,dest=x'], exitCode: 2 },
];

for (const input of inputs) {
  const skip = input.needsRoot === true ? skipWithout(...forRun) : false;
  test(`bad input ends with exit code ${String(input.exitCode)} and one message: ${input.name}`, { skip }, async (t) => {
    const folder = temporaryFolder(t);
    const context = join(folder, 'context');
    await writeDockerfile(context, input.dockerfile);
    const store = join(folder, 'store');
    const before = await readdir(context);
    const args = ['build', '--progress=quiet', ...await fromLayout('busybox'), '-o', 'type=oci,dest=image.tar', ...input.args ?? [], '.'];
    const { exitCode, stdout, stderr } = await runTsbuild(args, { store, cwd: context });
    assert.equal(exitCode, input.exitCode, stderr);
    assert.equal(stdout, '');
    assert.equal(stderr.match(/^ERROR: /gm)?.length, 1, stderr);
    if (input.line !== undefined) assert.match(stderr, new RegExp(`^Dockerfile:${String(input.line)}$`, 'm'));
    assert.doesNotMatch(stderr, /^\s+at .*[:(]\d+/m, 'no stack trace');
    assert.deepEqual(await readdir(context), before, 'no output file');
    checkGolden(input.name, stderr.replace(/^full log: .*\/logs\/[^/]+\//m, 'full log: LOGS/'));
  });
}

async function writeDockerfile(context: string, dockerfile: BadInput['dockerfile']): Promise<void> {
  await mkdir(context);
  if (typeof dockerfile === 'string') await writeFile(join(context, 'Dockerfile'), dockerfile);
  else if (dockerfile !== null) await mkdir(join(context, 'Dockerfile'));
}
