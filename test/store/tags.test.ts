import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf, type BlobDigest } from '../../src/base/digest.ts';
import type { Store, Tag } from '../../src/store/store.ts';
import { openTestStore } from './open-test-store.ts';

function tag(name: string, content = name): Tag {
  const digest = digestOf<BlobDigest>(content);
  return { name, descriptor: { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: content.length } };
}

async function namesOf(store: Store): Promise<readonly string[]> {
  return (await store.tags.list()).map(({ name }) => name);
}

test('tags are set, found, replaced and removed', async (t) => {
  const { tags } = await openTestStore(t);
  await tags.update({ set: [tag('b'), tag('a')] });
  assert.deepEqual(await tags.get('a'), tag('a'));
  await tags.update({ set: [tag('a', 'other')], remove: ['b'] });
  assert.deepEqual(await tags.list(), [tag('a', 'other')]);
  assert.equal(await tags.get('b'), null);
});

test('tags are listed by the bytes of their names', async (t) => {
  const store = await openTestStore(t);
  await store.tags.update({ set: ['é', 'z', 'B', 'a', '10', '9'].map((name) => tag(name)) });
  assert.deepEqual(await namesOf(store), ['10', '9', 'B', 'a', 'z', 'é']);
});

test('a pulled tag is told from one that was given, loses to it, and alone goes by removePulled', async (t) => {
  const { tags } = await openTestStore(t);
  const pulled = (name: string, content?: string): Tag => ({ ...tag(name, content), pulled: true });
  await tags.update({ set: [pulled('base'), tag('mine')] });
  assert.deepEqual(await tags.list(), [pulled('base'), tag('mine')]);
  await tags.update({ set: [pulled('mine', 'newer')] });
  assert.deepEqual(await tags.get('mine'), tag('mine', 'newer'), 'a name that somebody gave stays that');
  await tags.update({ removePulled: ['mine', 'other'] });
  assert.deepEqual((await tags.list()).map(({ name }) => name), ['base', 'mine']);
  await tags.update({ set: [tag('base')] });
  await tags.update({ removePulled: ['base'] });
  assert.deepEqual(await tags.get('base'), tag('base'), 'it was given meanwhile');
  await tags.update({ set: [pulled('again')] });
  await tags.update({ removePulled: ['again'] });
  assert.equal(await tags.get('again'), null);
});

test('a descriptor comes back as it was given, platform and annotations included', async (t) => {
  const { tags } = await openTestStore(t);
  const base = tag('a');
  const given = { ...base, descriptor: { ...base.descriptor, platform: { os: 'linux', architecture: 'arm64' }, annotations: { x: 'y' } } };
  await tags.update({ set: [given] });
  assert.deepEqual(await tags.get('a'), given);
});

test('an update without effect does not write', async (t) => {
  const { tags, paths } = await openTestStore(t);
  await tags.update({ set: [tag('a')] });
  const before = statSync(join(paths.oci, 'index.json')).ino;
  await tags.update({ set: [tag('a')], remove: ['none'] });
  assert.equal(statSync(join(paths.oci, 'index.json')).ino, before);
});

test('many updates at once lose nothing', async (t) => {
  const store = await openTestStore(t);
  const names = Array.from({ length: 30 }, (_, index) => `name-${String(index).padStart(2, '0')}`);
  await Promise.all(names.map((name) => store.tags.update({ set: [tag(name)] })));
  assert.deepEqual(await namesOf(store), names);
});

for (const broken of ['', '{', 'null', '{"schemaVersion":2,"manifests":[{}]}', '{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:../..","size":1}]}']) {
  test(`a broken index.json (${JSON.stringify(broken)}) is moved aside, reported, and not fatal`, async (t) => {
    const notices: string[] = [];
    const store = await openTestStore(t, { report: ({ code }) => notices.push(code) });
    writeFileSync(join(store.paths.oci, 'index.json'), broken);
    assert.deepEqual(await store.tags.list(), []);
    await store.tags.update({ set: [tag('a')] });
    assert.deepEqual(await namesOf(store), ['a']);
    assert.deepEqual(notices, ['STORE_INDEX_BROKEN']);
    const aside = readdirSync(store.paths.oci).filter((name) => name.startsWith('index.json.broken-'));
    assert.deepEqual(aside.map((name) => readFileSync(join(store.paths.oci, name), 'utf8')), [broken]);
  });
}

test('entries that other tools wrote without a name are kept', async (t) => {
  const { tags, paths } = await openTestStore(t);
  const foreign = { mediaType: 'x/y', digest: digestOf('f'), size: 1, platform: { os: 'linux', architecture: 's390x' } };
  writeFileSync(join(paths.oci, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [foreign] }));
  await tags.update({ set: [tag('a')] });
  const index = JSON.parse(readFileSync(join(paths.oci, 'index.json'), 'utf8')) as { manifests: unknown[] };
  assert.deepEqual(index.manifests[0], foreign);
  assert.equal(index.manifests.length, 2);
});

test('the same tags give the same bytes, whatever the order of giving them', async (t) => {
  const [one, two] = [await openTestStore(t), await openTestStore(t)];
  await one.tags.update({ set: [tag('a'), tag('b')] });
  await two.tags.update({ set: [tag('b')] });
  await two.tags.update({ set: [tag('a')] });
  const text = (store: Store): string => readFileSync(join(store.paths.oci, 'index.json'), 'utf8');
  assert.equal(text(one), text(two));
  assert.equal(existsSync(join(one.paths.oci, 'index.lock')), false);
});
