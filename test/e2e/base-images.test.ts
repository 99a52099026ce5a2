/** The base images of the tests are themselves tested: made twice they are the same, and foreign tools accept them. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeBase } from '../support/base-images.ts';
import { skopeoInspect } from '../support/foreign-tools.ts';
import { skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('the busybox base image made twice is the same', async (t) => {
  const folder = temporaryFolder(t);
  const layouts = ['a', 'b'].map((name) => join(folder, name));
  for (const layout of layouts) await makeBase('busybox', layout);
  const [left, right] = await Promise.all(layouts.map((layout) => readFile(join(layout, 'index.json'), 'utf8')));
  assert.equal(right, left);
});

test('skopeo reads the busybox base image', { skip: skipWithout({ program: 'skopeo' }) }, async (t) => {
  const layout = join(temporaryFolder(t), 'layout');
  await makeBase('busybox', layout);
  const inspected = await skopeoInspect(`oci:${layout}:latest`);
  assert.equal(inspected.Os, 'linux');
  assert.equal(inspected.Layers.length, 1);
});
