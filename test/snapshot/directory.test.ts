/** The directory backend under the contract of `Snapshotter`. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DiffID } from '../../src/base/digest.ts';
import { blobOfDiffID } from '../../src/base/digest.ts';
import { openBuildStore } from '../../src/build/build.ts';
import { defaultTimePolicy, removeTree, writeCopyLayer } from '../../src/layer/layer.ts';
import { JobKind, startHelper, type Helper } from '../../src/native/helper.ts';
import { readDirectory } from '../../src/native/directory.ts';
import { openDirectorySnapshotter } from '../../src/snapshot/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { snapshotterContract, type SnapshotterSetup } from '../contract/snapshotter.ts';

const busybox = '/bin/busybox';

/** A layer with busybox under the names that the suite uses. */
async function shellLayer(helper: Helper, store: Store): Promise<DiffID> {
  const entry = readDirectory('/bin', '').find(({ name }) => name === 'busybox');
  if (entry === undefined) throw new Error(`${busybox} is missing: install busybox-static`);
  const names = ['sh', 'mkdir', 'rm', 'ln', 'cat', 'chmod', 'chown', 'mkfifo', 'echo', '['];
  const options = {
    destination: { lowers: [] },
    times: defaultTimePolicy,
    link: true,
    parents: { mode: 0o755, owner: null, mtimeSeconds: 0 },
    sources: [{ kind: 'directory', path: '/bin' }] as const,
    items: names.map((name) => ({
      destination: `/bin/${name}`,
      destinationIsDirectory: false,
      kind: 'single' as const,
      baseName: name,
      source: 0,
      entries: [
        {
          sourcePath: 'busybox',
          path: '',
          mode: 0o100755,
          uid: 0,
          gid: 0,
          sizeBytes: entry.sizeBytes,
          mtimeNs: entry.mtimeNs,
          ctimeNs: entry.ctimeNs,
          ino: entry.inode,
          linkGroup: 1,
          xattrs: [] as const,
        },
      ],
    })),
  };
  const { digest } = await store.blobs.ingest(async (fd) => {
    const written = await writeCopyLayer(helper, options, fd);
    return { digest: blobOfDiffID(written.diffID), sizeBytes: written.sizeBytes };
  });
  return digest as string as DiffID;
}

async function open(): Promise<SnapshotterSetup> {
  const root = await mkdtemp(join(tmpdir(), 'tsbuild-snapshot-'));
  const store = await openBuildStore(join(root, 'store'), process.pid);
  const helper = await startHelper();
  const reopen = () => openDirectorySnapshotter({ store, helper, times: defaultTimePolicy });
  return {
    store,
    helper,
    snapshotter: await reopen(),
    reopen,
    forget: () => removeTree(helper, join(store.paths.snapshots, 'directory')),
    shell: await shellLayer(helper, store),
    close: async () => {
      await store.close();
      await removeTree(helper, root);
      await helper.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

const skip = process.getuid?.() === 0 ? false : 'overlayfs mounts need root';
if (skip === false) snapshotterContract('directory backend', open);
else test('directory backend', { skip }, () => undefined);

test('directory backend: a removal that failed in the background is told by close, however long ago it was', { skip }, async () => {
  const setup = await open();
  try {
    const failure = new Error('will not go');
    let tell = (): void => undefined;
    const failed = new Promise<void>((resolve) => (tell = resolve));
    const request: Helper['request'] = (job) => {
      if (job.kind !== JobKind.Remove) return setup.helper.request(job);
      setImmediate(tell);
      return Promise.reject(failure);
    };
    const snapshotter = await openDirectorySnapshotter({ store: setup.store, helper: { userNamespace: null, request, close: () => Promise.resolve() }, times: defaultTimePolicy });
    const active = await snapshotter.prepare([setup.shell], new AbortController().signal);
    await active.discard();
    await failed;
    await assert.rejects(snapshotter.close(), (error) => error === failure);
  } finally {
    await setup.close();
  }
});
