/** Everything that a layer must carry: what a step saw is what umoci unpacks from the image, path by path. */
import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { copyFixture, fromLayout } from '../support/context.ts';
import { forForeignTools, skopeoUnpack, umociUnpack } from '../support/foreign-tools.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { logOf, stepLives } from '../support/raw-events.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { assertSameTree, compileTreeTools, forTreeTools, listFolder, listInSandbox, treeLines } from '../support/tree-tools.ts';
import { mustBuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun, ...forForeignTools, ...forTreeTools);

for (const stage of ['made', 'changed', 'replaced']) {
  test(`umoci unpacks the tree that the step saw: ${stage}`, { skip }, async (t) => {
    const folder = temporaryFolder(t);
    const call = { store: join(folder, 'store') };
    const tools = await compileTreeTools(folder, ['list-tree', 'odd-tree']);
    const context = await copyFixture('odd-tree', folder);
    for (const tool of ['list-tree', 'odd-tree']) await copyFile(join(tools, tool), join(context, tool));
    const archive = join(folder, 'odd.tar');
    const { events } = await mustBuild([...await fromLayout('busybox'), '--target', stage, '-t', 'odd:1', '-o', `type=oci,dest=${archive}`, context], call);
    const last = stepLives(events).findLast(({ step }) => step.name.includes('list-tree /'));
    const seen = treeLines(logOf(events.filter((event) => !('id' in event) || event.id === last?.step.id), /list-tree \//));
    assert.ok(seen.length > 40, 'the step listed its tree');
    const rootfs = await umociUnpack(await skopeoUnpack(`oci-archive:${archive}`, join(folder, 'layout')), join(folder, 'bundle'));
    assertSameTree(await listFolder(tools, rootfs), seen.map(withoutEmptyXattr), 'umoci unpacks what the step saw');
    assertSameTree(await listInSandbox(tools, 'odd:1', call), seen, 'the committed snapshot is the tree before the commit');
  });
}

// In PAX a record without a value takes an earlier one back (POSIX, pax Extended Header), so readers by the book lose
// an xattr that is empty.
function withoutEmptyXattr(line: string): string {
  return line.replace(' user.empty=', '');
}
