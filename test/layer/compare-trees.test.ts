/** Two trees as they stand on the disk: each thing that can differ is found and named, and what is the same is the same. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, linkSync, lutimesSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { compareTrees, type TreeDifference } from '../../src/layer/layer.ts';
import { startHelper, type Helper } from '../../src/native/helper.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { mustRun } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const skip = skipWithout(...forRun);
let helper: Helper;
before(async () => {
  if (skip === false) helper = await startHelper();
});
after(async () => {
  if (skip === false) await helper.close();
});

/** A tree with one of everything. */
async function makeTree(folder: string): Promise<string> {
  mkdirSync(join(folder, 'd/e'), { recursive: true });
  writeFileSync(join(folder, 'd/file'), 'content of a file');
  linkSync(join(folder, 'd/file'), join(folder, 'd/link'));
  writeFileSync(join(folder, 'd/other'), 'content of a file');
  symlinkSync('file', join(folder, 'd/soft'));
  await mustRun('mknod', [join(folder, 'd/device'), 'c', '1', '3']);
  await mustRun('mknod', [join(folder, 'd/white'), 'c', '0', '0']);
  for (const name of ['d/e', 'd/file', 'd/other', 'd/soft', 'd/device', 'd']) lutimesSync(join(folder, name), 1000, 1000);
  return folder;
}

interface Case {
  readonly change: (tree: string) => unknown;
  readonly expected: TreeDifference | null;
}

const touched = (tree: string): void => {
  for (const name of ['d/file', 'd/other', 'd']) lutimesSync(join(tree, name), 1000, 1000);
};

const cases: Readonly<Record<string, Case>> = {
  'nothing': { change: () => undefined, expected: null },
  'the time of the root': { change: (tree) => { utimesSync(tree, 5, 5); }, expected: null },
  'the mode of the root': { change: (tree) => { chmodSync(tree, 0o700); }, expected: { path: '/', what: 'type or mode' } },
  'one bit of a file of the same size and time': { change: (tree) => { writeFileSync(join(tree, 'd/other'), 'content of a fild'); touched(tree); }, expected: { path: '/d/other', what: 'content' } },
  'a size': { change: (tree) => { writeFileSync(join(tree, 'd/other'), 'content'); touched(tree); }, expected: { path: '/d/other', what: 'size' } },
  'a time': { change: (tree) => { utimesSync(join(tree, 'd/other'), 1000, 1000.5); }, expected: { path: '/d/other', what: 'time' } },
  'a mode': { change: (tree) => { chmodSync(join(tree, 'd/other'), 0o4755); }, expected: { path: '/d/other', what: 'type or mode' } },
  'an owner': { change: (tree) => { chownSync(join(tree, 'd/e'), 0, 7); }, expected: { path: '/d/e', what: 'owner' } },
  'an attribute': { change: (tree) => mustRun('python3', ['-c', 'import os,sys; os.setxattr(sys.argv[1], "user.x", b"1")', join(tree, 'd/e')]), expected: { path: '/d/e', what: 'extended attributes' } },
  'overlayfs\'s mark of a directory': { change: (tree) => mustRun('python3', ['-c', 'import os,sys; os.setxattr(sys.argv[1], "trusted.overlay.opaque", b"y")', join(tree, 'd/e')]), expected: { path: '/d/e', what: 'extended attributes' } },
  'a whiteout that is gone': { change: (tree) => { rmSync(join(tree, 'd/white')); touched(tree); }, expected: { path: '/d/', what: 'names in the directory' } },
  'a name that came': { change: (tree) => { writeFileSync(join(tree, '.new'), ''); }, expected: { path: '/', what: 'names in the directory' } },
  'the target of a link': { change: (tree) => { rmSync(join(tree, 'd/soft')); symlinkSync('gone', join(tree, 'd/soft')); lutimesSync(join(tree, 'd/soft'), 1000, 1000); touched(tree); }, expected: { path: '/d/soft', what: 'target of the link' } },
  'a hard link that became a file': { change: (tree) => { rmSync(join(tree, 'd/link')); writeFileSync(join(tree, 'd/link'), 'content of a file'); lutimesSync(join(tree, 'd/link'), 1000, 1000); touched(tree); }, expected: { path: '/d/file', what: 'hard links' } },
  'a device': { change: async (tree) => { rmSync(join(tree, 'd/device')); await mustRun('mknod', [join(tree, 'd/device'), 'c', '1', '5']); lutimesSync(join(tree, 'd/device'), 1000, 1000); touched(tree); }, expected: { path: '/d/device', what: 'device' } },
  'a link in the place of a directory': { change: (tree) => { rmSync(join(tree, 'd/e'), { recursive: true }); symlinkSync('/etc', join(tree, 'd/e')); touched(tree); }, expected: { path: '/d/e', what: 'type or mode' } },
};

for (const [name, { change, expected }] of Object.entries(cases)) {
  test(`what differs: ${name}`, { skip }, async (t) => {
    const folder = temporaryFolder(t);
    const [a, b] = [await makeTree(join(folder, 'a')), await makeTree(join(folder, 'b'))];
    await change(b);
    assert.deepEqual(await compareTrees(helper, { a, b }), expected);
    assert.deepEqual(await compareTrees(helper, { a: b, b: a }), expected, 'either way');
  });
}
