import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '../../src/base/digest.ts';
import { packArchive } from '../../src/export/archive.ts';
import { exportImage } from '../../src/export/export.ts';
import { storeImage } from '../../src/export/store-image.ts';
import { openTestStore } from '../store/open-test-store.ts';
import { temporaryFolder } from '../store/temporary-folder.ts';
import { collect, named, request, smallImage, testPorts } from './small-image.ts';

/** Why a test with a foreign tool is skipped; false where the tool is there. */
function without(tool: string): string | false {
  return spawnSync(tool, ['--version']).status === 0 ? false : `${tool} is not installed`;
}

function json(text: Buffer | string): Record<string, unknown> {
  return JSON.parse(text.toString()) as Record<string, unknown>;
}

function skopeo(...args: readonly string[]): string {
  return execFileSync('skopeo', ['--insecure-policy', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

test('the OCI archive of a fixed image has fixed bytes', async (t) => {
  const store = await openTestStore(t);
  const file = join(temporaryFolder(t), 'image.tar');
  await exportImage(await request(store, `type=oci,dest=${file},compression=uncompressed`));
  assert.equal(digestOf(readFileSync(file)), 'sha256:3da0b9c13795e285baaedfab8f54b89cc4bf3ea03fd165f7f4526095fd48e463');
});

test('an OCI archive has its entries by name, with the names of buildx', async (t) => {
  const store = await openTestStore(t);
  const file = join(temporaryFolder(t), 'image.tar');
  await exportImage(await request(store, `type=oci,dest=${file}`));
  const names = execFileSync('tar', ['-tf', file], { encoding: 'utf8' }).trim().split('\n');
  assert.deepEqual(names, [...names].sort());
  assert.deepEqual(names.filter((name) => !/^blobs\/sha256\/[0-9a-f]{64}$/.test(name)), ['blobs/', 'blobs/sha256/', 'index.json', 'oci-layout']);
  const index = json(execFileSync('tar', ['-xOf', file, 'index.json']));
  const [{ annotations }] = index['manifests'] as [{ annotations: unknown }];
  assert.deepEqual(annotations, {
    'io.containerd.image.name': 'docker.io/library/small:1',
    'org.opencontainers.image.created': '1980-01-02T00:00:00Z',
    'org.opencontainers.image.ref.name': '1',
  });
});

test('skopeo reads the OCI archive and finds the config', { skip: without('skopeo') }, async (t) => {
  const store = await openTestStore(t);
  const folder = temporaryFolder(t);
  const image = await smallImage(store);
  const exported = await exportImage(await request(store, `type=oci,dest=${folder}/image.tar`));
  assert.equal(digestOf(skopeo('inspect', '--raw', `oci-archive:${folder}/image.tar`)), exported?.root.digest);
  assert.equal(digestOf(skopeo('inspect', '--config', '--raw', `oci-archive:${folder}/image.tar`)), digestOf(image.configBytes));
  skopeo('copy', `oci-archive:${folder}/image.tar`, `dir:${folder}/copy`);
});

test('skopeo reads the Docker archive by its short name', { skip: without('skopeo') }, async (t) => {
  const store = await openTestStore(t);
  const folder = temporaryFolder(t);
  await exportImage(await request(store, `type=docker,dest=${folder}/image.tar`));
  const inspected = json(skopeo('inspect', `docker-archive:${folder}/image.tar:small:1`));
  assert.deepEqual(inspected['Layers'], (await smallImage(store)).layers);
  skopeo('copy', `docker-archive:${folder}/image.tar`, `oci:${folder}/copy:x`);
  assert.deepEqual(json(execFileSync('tar', ['-xOf', `${folder}/image.tar`, 'manifest.json']).toString().slice(1, -1))['RepoTags'], ['small:1']);
});

test('umoci reads the layout that tar=false writes, and a second image is added to it', { skip: without('umoci') }, async (t) => {
  const store = await openTestStore(t);
  const folder = join(temporaryFolder(t), 'layout');
  await exportImage(await request(store, `type=oci,dest=${folder},tar=false`));
  await exportImage(await request(store, `type=oci,dest=${folder},tar=false`, { names: ['docker.io/library/small:2'] }));
  assert.deepEqual(execFileSync('umoci', ['ls', '--layout', folder], { encoding: 'utf8' }).trim().split('\n').sort(), ['1', '2']);
  const stat = json(execFileSync('umoci', ['stat', '--json', '--image', `${folder}:2`]));
  assert.equal((stat['history'] as unknown[]).length, 3);
  execFileSync('umoci', ['unpack', '--rootless', '--image', `${folder}:1`, `${folder}-unpacked`]);
  assert.equal(readFileSync(`${folder}-unpacked/rootfs/etc/hello`, 'utf8'), 'hello\n');
});

test('skopeo and umoci read the store itself', { skip: without('skopeo') || without('umoci') }, async (t) => {
  const store = await openTestStore(t);
  const folder = temporaryFolder(t);
  const { root } = await storeImage(store, [await smallImage(store)], named('docker.io/library/small:1', 'docker.io/library/small:2'));
  const raw = skopeo('inspect', '--raw', `oci:${store.paths.oci}:docker.io/library/small:1`);
  assert.equal(digestOf(raw), root.digest);
  skopeo('copy', `oci:${store.paths.oci}:docker.io/library/small:2`, `docker-archive:${folder}/copy.tar:x:y`);
  const listed = execFileSync('umoci', ['ls', '--layout', store.paths.oci], { encoding: 'utf8' }).trim().split('\n');
  assert.deepEqual(listed.sort(), ['docker.io/library/small:1', 'docker.io/library/small:2']);
});

test('an archive to standard output is the one in a file', async (t) => {
  const store = await openTestStore(t);
  const file = join(temporaryFolder(t), 'image.tar');
  await exportImage(await request(store, `type=oci,dest=${file}`));
  const ports = testPorts(store);
  const written = collect(ports.stdout);
  await exportImage(await request(store, 'type=oci', { ports }));
  ports.stdout.end();
  assert.deepEqual(await written, readFileSync(file));
});

test('a layer is compressed once and kept', async (t) => {
  const store = await openTestStore(t);
  const ports = testPorts(store);
  const folder = temporaryFolder(t);
  await exportImage(await request(store, `type=oci,dest=${folder}/a`, { ports }));
  await exportImage(await request(store, `type=oci,dest=${folder}/b`, { ports }));
  assert.deepEqual(ports.compressions, ['level 6', 'level 6']);
  await exportImage(await request(store, `type=oci,dest=${folder}/c,compression-level=1`, { ports }));
  assert.equal(ports.compressions.length, 4);
});

test('the base image’s layers pass through as its manifest has them, unless forced', async (t) => {
  const store = await openTestStore(t);
  const image = await smallImage(store);
  const original = await store.blobs.put('compressed elsewhere');
  const base = { mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', digest: original.digest, size: original.sizeBytes };
  const images = [{ ...image, baseLayers: [base] }];
  const layersOf = async (options: string): Promise<unknown> =>
    (await exportImage(await request(store, `type=oci,dest=${temporaryFolder(t)}/x${options}`, { images })))?.layers[0];
  const passed = { ...base, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' };
  assert.deepEqual(await layersOf(''), passed);
  assert.deepEqual(await layersOf(',compression=uncompressed'), passed);
  assert.deepEqual(await layersOf(',force-compression=true'), passed);
  assert.notDeepEqual(await layersOf(',compression=uncompressed,force-compression=true'), passed);
});

test('annotations go where buildx puts them', async (t) => {
  const store = await openTestStore(t);
  const folder = join(temporaryFolder(t), 'layout');
  const options = 'annotation.a=1,annotation-manifest[linux/amd64].b=2,annotation-manifest[linux/arm64].c=3,annotation-manifest-descriptor.d=4';
  const exported = await exportImage(await request(store, `type=oci,dest=${folder},tar=false,${options}`));
  const manifest = json(readFileSync(join(folder, 'blobs', 'sha256', exported?.root.digest.slice(7) ?? '')));
  assert.deepEqual(manifest['annotations'], { a: '1', b: '2' });
  assert.equal(exported?.root.annotations?.['d'], '4');
});

test('several platforms become an index in the order in which they were asked for', async (t) => {
  const store = await openTestStore(t);
  const images = [await smallImage(store, { architecture: 'arm64' }), await smallImage(store)];
  const folder = join(temporaryFolder(t), 'layout');
  const exported = await exportImage(await request(store, `type=oci,dest=${folder},tar=false`, { images, isIndex: true }));
  assert.equal(exported?.root.mediaType, 'application/vnd.oci.image.index.v1+json');
  const index = json(readFileSync(join(folder, 'blobs', 'sha256', exported?.root.digest.slice(7) ?? '')));
  assert.deepEqual((index['manifests'] as { platform: unknown }[]).map(({ platform }) => platform), [
    { os: 'linux', architecture: 'arm64' },
    { os: 'linux', architecture: 'amd64' },
  ]);
});

test('an index of a single platform is one where it was asked for', async (t) => {
  const store = await openTestStore(t);
  const folder = join(temporaryFolder(t), 'layout');
  const exported = await exportImage(await request(store, `type=oci,dest=${folder},tar=false`, { isIndex: true }));
  assert.equal(exported?.root.mediaType, 'application/vnd.oci.image.index.v1+json');
});

test('annotations of an index go to the documents that they name, those of the command line win', async (t) => {
  const store = await openTestStore(t);
  const images = [await smallImage(store), await smallImage(store, { architecture: 'arm64' })];
  const folder = join(temporaryFolder(t), 'layout');
  const levels = 'annotation.a=1,annotation-manifest[linux/arm64].b=2,annotation-manifest-descriptor[amd64].c=3,annotation-index.d=4,annotation-index-descriptor.e=5,annotation-index.f=6';
  const annotations = [{ level: 'index', platform: null, key: 'f', value: '7' }] as const;
  const exported = await exportImage(await request(store, `type=oci,dest=${folder},tar=false,${levels}`, { images, isIndex: true, annotations }));
  const read = (digest: string): Record<string, unknown> => json(readFileSync(join(folder, 'blobs', 'sha256', digest.slice(7))));
  const index = read(exported?.root.digest ?? '');
  const manifests = index['manifests'] as { digest: string; annotations?: unknown }[];
  assert.deepEqual(index['annotations'], { d: '4', f: '7' });
  assert.equal(exported?.root.annotations?.['e'], '5');
  assert.deepEqual(manifests.map((entry) => entry.annotations), [{ c: '3' }, undefined]);
  assert.deepEqual(manifests.map(({ digest }) => read(digest)['annotations']), [{ a: '1' }, { a: '1', b: '2' }]);
});

test('a broken layer ends the export and leaves no file', async (t) => {
  const store = await openTestStore(t);
  const folder = temporaryFolder(t);
  const wanted = await request(store, `type=oci,dest=${folder}/image.tar,compression=uncompressed`);
  const layer = join(store.paths.oci, 'blobs', 'sha256', wanted.images[0]?.layers[0]?.slice(7) ?? '');
  writeFileSync(layer, readFileSync(layer).fill('x', 0, 3));
  await assert.rejects(exportImage(wanted), { code: 'BLOB_CORRUPT' });
  assert.deepEqual(readdirSync(folder), []);
});

test('a layer that is not in the store is BLOB_MISSING', async (t) => {
  const store = await openTestStore(t);
  const image = await smallImage(store);
  const layers = image.layers.map(() => digestOf<(typeof image.layers)[number]>('gone'));
  const wanted = await request(store, `type=oci,dest=${temporaryFolder(t)}/x,compression=uncompressed`, { images: [{ ...image, layers }] });
  await assert.rejects(exportImage(wanted), { code: 'BLOB_MISSING' });
});

test('packArchive says the size of more than 8 GiB in a PAX header as well', async () => {
  const sizeBytes = 9 * 1024 ** 3;
  const huge = { name: 'huge', sizeBytes, content: () => [Buffer.alloc(1)] };
  const head: Buffer[] = [];
  const reading = async (): Promise<void> => {
    for await (const chunk of packArchive([huge])) head.push(Buffer.from(chunk));
  };
  await assert.rejects(reading());
  assert.match(Buffer.concat(head).toString('latin1'), /size=9663676416\n/);
});

test('packArchive holds little of a large blob at a time, and no listeners pile up', async (t) => {
  const warnings: string[] = [];
  const listen = ({ message }: Error): unknown => warnings.push(message);
  process.on('warning', listen);
  t.after(() => process.off('warning', listen));
  const chunk = Buffer.alloc(64 * 1024);
  let [given, taken, most] = [0, 0, 0];
  const content = function* (): Iterable<Uint8Array> {
    for (; given < 1024; given += 1) yield chunk;
  };
  for await (const { length } of packArchive([{ name: 'large', sizeBytes: chunk.length * 1024, content }])) {
    taken += length;
    most = Math.max(most, given * chunk.length - taken);
  }
  assert.ok(most < 1024 * 1024, `${most} bytes were held`);
  await new Promise(setImmediate);
  assert.deepEqual(warnings, []);
});

test('packArchive streams: a reader that stops early stops the blobs as well', async () => {
  let opened = 0;
  let closed = 0;
  const content = async function* (): AsyncIterable<Uint8Array> {
    opened += 1;
    try {
      for (let i = 0; i < 1024; i += 1) yield await Promise.resolve(Buffer.alloc(1024));
    } finally {
      closed += 1;
    }
  };
  const files = ['a', 'b', 'c'].map((name) => ({ name, sizeBytes: 1024 * 1024, content }));
  for await (const chunk of packArchive(files)) {
    if (chunk.length > 0) break;
  }
  assert.equal(opened, closed);
  assert.ok(opened <= 1);
});

test('equal images are equal bytes under another time zone, umask and working directory', (t) => {
  const folder = temporaryFolder(t);
  const script = join(import.meta.dirname, 'export-once.ts');
  const run = (name: string, setting: { umask: string; TZ: string; cwd: string }): Buffer => {
    mkdirSync(join(folder, setting.cwd), { recursive: true });
    const command = `umask ${setting.umask}; exec "$0" --import "$1" "$2" "$3" "$4"`;
    const args = [process.execPath, import.meta.resolve('tsx'), script, join(folder, `store-${name}`), join(folder, name)];
    execFileSync('sh', ['-c', command, ...args], { cwd: join(folder, setting.cwd), env: { ...process.env, TZ: setting.TZ, NODE_OPTIONS: '' } });
    return readFileSync(join(folder, name));
  };
  const one = run('one', { umask: '022', TZ: 'UTC', cwd: 'a' });
  const two = run('two', { umask: '077', TZ: 'Asia/Kathmandu', cwd: 'b/c' });
  assert.equal(digestOf(one), digestOf(two));
});
