/** A store with one backend of snapshots over it, for the contract suite. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiffID } from '../../src/base/digest.ts';
import { blobOfDiffID } from '../../src/base/digest.ts';
import { openBuildStore } from '../../src/build/build-store.ts';
import { defaultTimePolicy, removeTree, writeCopyLayer, type TimePolicy } from '../../src/layer/layer.ts';
import { startHelper, type Helper } from '../../src/native/helper.ts';
import { readDirectory } from '../../src/native/directory.ts';
import type { Snapshotter } from '../../src/snapshot/snapshot.ts';
import type { Store } from '../../src/store/store.ts';
import type { SnapshotterSetup } from '../contract/snapshotter.ts';

const busybox = '/bin/busybox';

/** A layer with busybox under the names that the suite uses. */
async function shellLayer(helper: Helper, store: Store): Promise<DiffID> {
  const entry = readDirectory('/bin', '').find(({ name }) => name === 'busybox');
  if (entry === undefined) throw new Error(`${busybox} is missing: install busybox-static`);
  const names = ['sh', 'mkdir', 'rm', 'ln', 'cat', 'chmod', 'chown', 'mkfifo', 'echo', '[', 'mv', 'touch', 'rmdir'];
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

/** How a backend is opened, and the name of its folder. */
export interface Backend {
  readonly folder: string;
  open(options: { readonly store: Store; readonly helper: Helper; readonly times: TimePolicy }): Promise<Snapshotter>;
}

/** Opens the backend over a new store in a new folder. */
export async function openBackend(backend: Backend): Promise<SnapshotterSetup> {
  const root = await mkdtemp(join(tmpdir(), 'tsbuild-snapshot-'));
  const store = await openBuildStore(join(root, 'store'), process.pid);
  const helper = await startHelper();
  const reopen = () => backend.open({ store, helper, times: defaultTimePolicy });
  return {
    store,
    helper,
    snapshotter: await reopen(),
    reopen,
    forget: () => removeTree(helper, join(store.paths.snapshots, backend.folder)),
    shell: await shellLayer(helper, store),
    close: async () => {
      await store.close();
      await removeTree(helper, root);
      await helper.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}
