import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, createReadStream, existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, symlinkSync, write, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test, type TestContext } from 'node:test';
import { checkAnnotations } from '../../src/export/check-annotations.ts';
import { checkOutputs } from '../../src/export/check-outputs.ts';
import { exportImage } from '../../src/export/export.ts';
import { encodeMetadata } from '../../src/export/metadata.ts';
import { writeFileAtomically, writeOutput, type OutputRecord } from '../../src/export/output-file.ts';
import { writeFolder } from '../../src/export/output-folder.ts';
import { parseOutput } from '../../src/export/parse-output.ts';
import { streamFromWriter } from '../../src/export/stream-from-writer.ts';
import { openTestStore } from '../store/open-test-store.ts';
import { mountedFolder, skipWithoutRoot, temporaryFolder } from '../store/temporary-folder.ts';
import { collect, request, tarOf, testPorts, type Entries } from './small-image.ts';

const time = new Date(315_619_200_000);

const noRecord: OutputRecord = { remember: () => undefined };

/** Exports a root file system with these entries to a folder and returns the notices. */
async function exportLocal(t: TestContext, dest: string, entries: Entries): Promise<readonly string[]> {
  const store = await openTestStore(t);
  const ports = testPorts(store, () => tarOf(entries));
  await exportImage(await request(store, `type=local,dest=${dest}`, { ports }));
  return ports.notices;
}

/** Chunks that abort the controller, or fail, after some bytes. */
async function* chunksUntil(stop: () => void): AsyncIterable<Uint8Array> {
  yield Buffer.alloc(100_000);
  await Promise.resolve(stop());
  yield Buffer.alloc(100_000);
}

test('writeFileAtomically makes and replaces a file, and nothing else stays', async (t) => {
  const folder = temporaryFolder(t);
  await writeFileAtomically(join(folder, 'iid'), 'one', noRecord);
  await writeFileAtomically(join(folder, 'iid'), 'two', noRecord);
  assert.equal(readFileSync(join(folder, 'iid'), 'utf8'), 'two');
  assert.deepEqual(readdirSync(folder), ['iid']);
});

test('an unfinished output is written down by its absolute path before it is there, a file and a folder', async (t) => {
  const folder = temporaryFolder(t);
  const recorded: string[] = [];
  const record: OutputRecord = {
    remember: (remnants) => {
      for (const remnant of remnants) {
        assert.ok(remnant.kind === 'unfinished' && !existsSync(remnant.path));
        recorded.push(remnant.path);
      }
    },
  };
  const seen: string[] = [];
  const watch = (): void => { seen.push(...readdirSync(folder).map((name) => join(folder, name))); };
  await writeOutput(relative(process.cwd(), join(folder, 'image.tar')), chunksUntil(watch), { record });
  rmSync(join(folder, 'image.tar'));
  await writeFolder(join(folder, 'new'), () => Promise.resolve(watch()), { record, signal: AbortSignal.any([]) });
  assert.equal(seen.length, 2);
  assert.deepEqual(recorded, seen);
});

test('an output through a link replaces what the link points to', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'real'));
  writeFileSync(join(folder, 'real', 'file'), 'old');
  symlinkSync('real/file', join(folder, 'link'));
  await writeFileAtomically(join(folder, 'link'), 'new', noRecord);
  assert.equal(readlinkSync(join(folder, 'link')), 'real/file');
  assert.equal(readFileSync(join(folder, 'real', 'file'), 'utf8'), 'new');
});

test('an output to a device is written to it', async () => {
  await writeFileAtomically('/dev/null', 'gone', noRecord);
  assert.equal(statSync('/dev/null').isCharacterDevice(), true);
});

test('an output to a FIFO is written to it', async (t) => {
  const fifo = join(temporaryFolder(t), 'fifo');
  execFileSync('mkfifo', [fifo]);
  const reading = collect(createReadStream(fifo));
  await writeFileAtomically(fifo, 'through', noRecord);
  assert.equal((await reading).toString(), 'through');
});

const wrong: readonly (readonly [string, (folder: string) => string, string])[] = [
  ['a folder', (folder) => folder, 'destination file is a directory'],
  ['a missing folder', (folder) => join(folder, 'no', 'file'), 'no such file or directory'],
  ['below a file', (folder) => (writeFileSync(join(folder, 'file'), ''), join(folder, 'file', 'x')), 'not a directory'],
];
for (const [name, make, cause] of wrong) {
  test(`an output to ${name} says so`, async (t) => {
    const path = make(temporaryFolder(t));
    await assert.rejects(writeFileAtomically(path, '', noRecord), { code: 'OUTPUT_INVALID', errorClass: 'usage', message: `write output ${path}: ${cause}` });
  });
}

test('an output keeps the old file when the content fails', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'image.tar'), 'old');
  const broken = new Error('broken');
  const failing = chunksUntil(() => {
    throw broken;
  });
  await assert.rejects(writeOutput(join(folder, 'image.tar'), failing, { record: noRecord }), broken);
  assert.equal(readFileSync(join(folder, 'image.tar'), 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder), ['image.tar']);
});

test('an aborted output leaves nothing and rejects with the reason', async (t) => {
  const folder = temporaryFolder(t);
  const controller = new AbortController();
  const reason = new Error('interrupted');
  const chunks = chunksUntil(() => controller.abort(reason));
  await assert.rejects(writeOutput(join(folder, 'image.tar'), chunks, { record: noRecord, signal: controller.signal }), reason);
  assert.deepEqual(readdirSync(folder), []);
});

test('a full disk is DISK_FULL and leaves nothing', { skip: skipWithoutRoot }, async (t) => {
  const folder = mountedFolder(t, 'size=64k');
  await assert.rejects(writeOutput(join(folder, 'image.tar'), [Buffer.alloc(1_000_000)], { record: noRecord }), { code: 'DISK_FULL', errorClass: 'machine' });
  assert.deepEqual(readdirSync(folder), []);
  const store = await openTestStore(t);
  const ports = testPorts(store, () => tarOf({ file: 'x'.repeat(100_000) }));
  await assert.rejects(exportImage(await request(store, `type=local,dest=${folder}/out`, { ports })), { code: 'DISK_FULL' });
  assert.deepEqual(readdirSync(folder), []);
});

test('a read-only file system is OUTPUT_READ_ONLY', { skip: skipWithoutRoot }, async (t) => {
  await assert.rejects(writeFileAtomically(join(mountedFolder(t, 'ro'), 'x'), '', noRecord), { code: 'OUTPUT_READ_ONLY', errorClass: 'machine' });
});

test('type=tar writes the root file system as it comes', async (t) => {
  const store = await openTestStore(t);
  const file = join(temporaryFolder(t), 'rootfs.tar');
  const tar = await tarOf({ a: 'text' });
  await exportImage(await request(store, `type=tar,dest=${file}`, { ports: testPorts(store, () => Promise.resolve(tar)) }));
  assert.deepEqual(readFileSync(file), tar);
});

test('type=local writes files with their modes, times and links', async (t) => {
  const dest = join(temporaryFolder(t), 'deep', 'out');
  await exportLocal(t, dest, {
    'bin/': { mode: 0o555, type: 'directory' },
    'bin/tool': { mode: 0o755 },
    'bin/alias': { type: 'link', linkname: 'bin/tool' },
    'etc/': '',
    'etc/conf': 'text',
    'etc/link': { type: 'symlink', linkname: '/etc/conf' },
  });
  assert.equal(readFileSync(join(dest, 'etc', 'conf'), 'utf8'), 'text');
  assert.equal(readlinkSync(join(dest, 'etc', 'link')), '/etc/conf');
  assert.equal(statSync(join(dest, 'bin')).mode & 0o777, 0o555);
  assert.equal(statSync(join(dest, 'bin', 'tool')).ino, statSync(join(dest, 'bin', 'alias')).ino);
  for (const name of ['bin', 'bin/tool', 'etc', 'etc/link']) assert.deepEqual(lstatSync(join(dest, name)).mtime, time, name);
});

test('type=local merges into a folder: what is new wins, what is not named stays, links are not followed', async (t) => {
  const folder = temporaryFolder(t);
  const [dest, outside] = [join(folder, 'out'), join(folder, 'outside')];
  mkdirSync(join(dest, 'dir'), { recursive: true });
  mkdirSync(join(dest, 'was-folder'));
  mkdirSync(outside);
  writeFileSync(join(dest, 'dir', 'mine'), 'mine');
  writeFileSync(join(dest, 'dir', 'both'), 'old');
  writeFileSync(join(dest, 'was-folder', 'x'), '');
  symlinkSync(outside, join(dest, 'was-link'));
  await exportLocal(t, dest, { 'dir/': '', 'dir/both': 'new', 'was-folder': 'file', 'was-link/': '', 'was-link/x': 'inside' });
  assert.equal(readFileSync(join(dest, 'dir', 'mine'), 'utf8'), 'mine');
  assert.equal(readFileSync(join(dest, 'dir', 'both'), 'utf8'), 'new');
  assert.equal(readFileSync(join(dest, 'was-folder'), 'utf8'), 'file');
  assert.equal(lstatSync(join(dest, 'was-link')).isDirectory(), true);
  assert.deepEqual(readdirSync(outside), []);
  assert.deepEqual(readdirSync(dest).sort(), ['dir', 'was-folder', 'was-link']);
});

test('type=local leaves devices out and says so', { skip: skipWithoutRoot }, async (t) => {
  const dest = join(temporaryFolder(t), 'out');
  const notices = await exportLocal(t, dest, { 'dev/': '', 'dev/null': { type: 'character-device', devmajor: 1, devminor: 3 }, x: 'y' });
  assert.deepEqual(notices, [`not written to ${dest}: dev/null is a device or FIFO`]);
  assert.deepEqual(readdirSync(join(dest, 'dev')), []);
});

const hostile: readonly (readonly [string, Entries, string])[] = [
  ['a path with ..', { '../evil': 'x' }, 'ROOTFS_INVALID'],
  ['a path through a link', { dir: { type: 'symlink', linkname: '/tmp' }, 'dir/evil': 'x' }, 'ROOTFS_INVALID'],
  ['a file over a link', { dir: { type: 'symlink', linkname: '/tmp/evil' }, './dir': 'x' }, 'ROOTFS_INVALID'],
  ['a hard link out of the tree', { evil: { type: 'link', linkname: '/etc/passwd' } }, 'ROOTFS_INVALID'],
  ['a hard link to a link', { s: { type: 'symlink', linkname: '/etc/passwd' }, evil: { type: 'link', linkname: 's' } }, 'ROOTFS_INVALID'],
  ['a folder over a link', { dir: { type: 'symlink', linkname: '/tmp' }, 'dir/': '' }, 'ROOTFS_INVALID'],
];
for (const [name, entries, code] of hostile) {
  test(`type=local refuses ${name} and leaves nothing`, async (t) => {
    const folder = temporaryFolder(t);
    await assert.rejects(exportLocal(t, join(folder, 'deep', 'out'), entries), { code });
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(existsSync('/tmp/evil'), false);
  });
}

test('an absolute path in the tar is one below the folder', async (t) => {
  const dest = join(temporaryFolder(t), 'out');
  await exportLocal(t, dest, { '/etc/': '', '/etc/x': 'y' });
  assert.equal(readFileSync(join(dest, 'etc', 'x'), 'utf8'), 'y');
});

test('names that are not UTF-8 keep their bytes', async (t) => {
  const dest = join(temporaryFolder(t), 'out');
  const tar = await tarOf({ 'name-X': 'text' });
  tar[5] = 0xff;
  tar.write('        ', 148);
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const store = await openTestStore(t);
  await exportImage(await request(store, `type=local,dest=${dest}`, { ports: testPorts(store, () => Promise.resolve(tar)) }));
  assert.deepEqual(readdirSync(dest, { encoding: 'buffer' }), [Buffer.from('name-\xff', 'latin1')]);
});

test('type=local of several platforms has a folder for each', async (t) => {
  const store = await openTestStore(t);
  const dest = join(temporaryFolder(t), 'out');
  const [image] = (await request(store, 'x')).images;
  assert.ok(image !== undefined);
  const images = [image, { ...image, platform: { os: 'linux', architecture: 'arm', variant: 'v7' } }];
  await exportImage(await request(store, `type=local,dest=${dest}`, { images, isIndex: true }));
  assert.deepEqual(readdirSync(dest).sort(), ['linux_amd64', 'linux_arm_v7']);
  await exportImage(await request(store, `type=local,dest=${dest}-split,platform-split=true`));
  assert.deepEqual(readdirSync(`${dest}-split`), ['linux_amd64']);
});

test('type=local as another user keeps no owners and fails clearly where it may not write', { skip: skipWithoutRoot }, (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const script = `import { writeFileAtomically } from ${JSON.stringify(join(import.meta.dirname, '../../src/export/output-file.ts'))};
    process.setgid(65534); process.setuid(65534);
    await writeFileAtomically(${JSON.stringify(join(folder, 'x'))}, '', { remember() {} }).catch((error) => console.log(error.code));`;
  const out = execFileSync(process.execPath, ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script], { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } });
  assert.equal(out.trim(), 'OUTPUT_DENIED');
});

test('cacheonly writes nothing', async (t) => {
  const store = await openTestStore(t);
  assert.equal(await exportImage(await request(store, 'type=cacheonly')), null);
});

test('type=docker without a destination goes to Docker, type=registry to the registry', async (t) => {
  const store = await openTestStore(t);
  const calls: string[] = [];
  const ports = {
    ...testPorts(store),
    load: async (archive: AsyncIterable<Uint8Array>) => void calls.push(`load ${(await collect(archive)).length > 1024}`),
    push: (image: { names: readonly string[]; layers: readonly { mediaType: string }[] }) => Promise.resolve(void calls.push(`push ${image.names.join()} ${image.layers[0]?.mediaType}`)),
  };
  await exportImage(await request(store, 'type=docker', { ports }));
  await exportImage(await request(store, 'type=image', { ports }));
  await exportImage(await request(store, 'type=registry', { ports }));
  assert.deepEqual(calls, ['load true', 'push docker.io/library/small:1 application/vnd.oci.image.layer.v1.tar+gzip']);
});

test('the names of an output count where no -t was given', async (t) => {
  const store = await openTestStore(t);
  const dest = join(temporaryFolder(t), 'x');
  const named = await exportImage(await request(store, `type=oci,dest=${dest},name=other`, { names: [] }));
  assert.deepEqual(named?.names, ['docker.io/library/other:latest']);
});

test('checkOutputs refuses outputs that hold one platform where there are several', () => {
  const check = (output: string): void => checkOutputs([parseOutput(output)], { isIndex: true, stdoutIsTerminal: false });
  for (const output of ['type=docker,dest=x', 'type=docker', 'type=tar,dest=x', '-', 'type=local,dest=x,platform-split=false']) {
    assert.throws(() => check(output), { code: 'OUTPUT_PLATFORMS', errorClass: 'usage' }, output);
  }
  for (const output of ['type=oci,dest=x', 'type=oci,dest=x,tar=false', 'type=local,dest=x', 'type=image', 'type=cacheonly']) check(output);
});

test('checkAnnotations refuses what no document of the image would bear', () => {
  const amd64 = { os: 'linux', architecture: 'amd64' };
  const shape = { platforms: [amd64, { os: 'linux', architecture: 'arm64' }], isIndex: true };
  const check = (output: string, of = shape): void => checkAnnotations([], [parseOutput(`type=image,${output}`)], of);
  for (const fine of ['annotation-index.a=b', 'annotation-index-descriptor.a=b', 'annotation[arm64].a=b', 'annotation-manifest-descriptor[linux/arm64/v8].a=b']) check(fine);
  assert.throws(() => check('annotation[linux/s390x].a=b'), { code: 'ANNOTATION_PLATFORM', hint: 'It is for linux/amd64, linux/arm64.' });
  assert.throws(() => check('annotation[nonsense].a=b'), { code: 'PLATFORM_INVALID' });
  for (const level of ['index', 'index-descriptor']) {
    assert.throws(() => check(`annotation-${level}.a=b`, { platforms: [amd64], isIndex: false }), { code: 'ANNOTATION_LEVEL', errorClass: 'usage' });
  }
});

test('checkOutputs refuses the terminal, standard output twice, and wrong kinds of destination', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'file'), '');
  const check = (...outputs: string[]): void => checkOutputs(outputs.map(parseOutput), { isIndex: false, stdoutIsTerminal: outputs.includes('-') });
  assert.throws(() => check('-'), { code: 'OUTPUT_TO_TERMINAL', message: '--output: dest file is required for tar exporter: refusing to write to console' });
  assert.throws(() => check('type=oci', 'type=tar'), { code: 'OUTPUT_STDOUT_TWICE' });
  assert.throws(() => check(`type=oci,dest=${folder}`), { code: 'OUTPUT_INVALID' });
  assert.throws(() => check(join(folder, 'file')), { code: 'OUTPUT_INVALID' });
  assert.throws(() => check(`type=oci,dest=${folder}/no/image.tar`), { code: 'OUTPUT_INVALID' });
  check('type=oci', join(folder, 'new'), folder, `type=tar,dest=${folder}/file`, 'type=cacheonly');
});

test('a terminal as standard output is refused at the latest when it is written to', async (t) => {
  const store = await openTestStore(t);
  const ports = testPorts(store);
  ports.stdout.isTTY = true;
  await assert.rejects(exportImage(await request(store, 'type=oci', { ports })), { code: 'OUTPUT_TO_TERMINAL', errorClass: 'usage' });
});

test('an export to standard output ends with the reason when it is aborted', async (t) => {
  const store = await openTestStore(t);
  const controller = new AbortController();
  const reason = new Error('interrupted');
  const ports = testPorts(store, () => tarOf({ file: 'x'.repeat(1_000_000) }));
  ports.stdout.once('data', () => controller.abort(reason));
  await assert.rejects(exportImage(await request(store, '-', { ports, signal: controller.signal })), reason);
});

test('standard output that closes early ends the export with an error', async (t) => {
  const store = await openTestStore(t);
  const ports = testPorts(store, () => tarOf({ file: 'x'.repeat(1_000_000) }));
  ports.stdout.once('data', () => ports.stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE', errno: -32, syscall: 'write' })));
  await assert.rejects(exportImage(await request(store, '-', { ports })), { code: 'OUTPUT_IO', message: 'write output to standard output: broken pipe' });
});

test('streamFromWriter gives what was written, and then the failure', async () => {
  const written = (text: string, fail: boolean) => (fd: number): Promise<void> =>
    new Promise((resolve, reject) => write(fd, text, () => (fail ? reject(new Error('late')) : resolve())));
  assert.equal((await collect(streamFromWriter(written('abc', false)))).toString(), 'abc');
  await assert.rejects(collect(streamFromWriter(written('abc', true))), { message: 'late' });
});

test('the metadata file has the keys of buildx', () => {
  const root = { mediaType: 'm', digest: 'sha256:a', size: 1 } as const;
  const text = encodeMetadata({ configDigest: 'sha256:c' as never, root: root as never, names: ['docker.io/library/a:1', 'docker.io/library/b:1'] });
  assert.deepEqual(JSON.parse(text), {
    'containerimage.config.digest': 'sha256:c',
    'containerimage.descriptor': root,
    'containerimage.digest': 'sha256:a',
    'image.name': 'docker.io/library/a:1,docker.io/library/b:1',
  });
});
