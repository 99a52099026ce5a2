/**
 * The contract of `Snapshotter`: every backend runs it. A test makes changes through the active snapshot's own view, so
 * that nothing here knows where a backend keeps its files.
 */
import assert from 'node:assert/strict';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DiffID } from '../../src/base/digest.ts';
import { blobOfDiffID } from '../../src/base/digest.ts';
import { TsbuildError } from '../../src/base/errors.ts';
import { emptyLayer, exportTree, readFileInView } from '../../src/layer/layer.ts';
import type { Helper } from '../../src/native/helper.ts';
import { runStep } from '../../src/sandbox/run-step.ts';
import type { ActiveSnapshot, CommittedLayer, Snapshotter } from '../../src/snapshot/snapshot.ts';
import type { Store } from '../../src/store/store.ts';

export interface SnapshotterSetup {
  readonly store: Store;
  readonly helper: Helper;
  readonly snapshotter: Snapshotter;
  /** The same backend over the same store, opened again. */
  reopen(): Promise<Snapshotter>;
  /** Loses everything that is derived. */
  forget(): Promise<void>;
  /** A layer with a static shell at /bin/sh, so that changes can be made from inside. */
  readonly shell: DiffID;
  close(): Promise<void>;
}

export type Setup = () => Promise<SnapshotterSetup>;

const signal = new AbortController().signal;

async function run(setup: SnapshotterSetup, active: ActiveSnapshot, script: string): Promise<void> {
  let output = '';
  const result = await runStep(
    setup.helper,
    {
      root: await active.openView(),
      argv: ['/bin/sh', '-ec', script],
      env: [['PATH', '/bin']],
      cwd: '/',
      user: { uid: 0, gid: 0, groups: [] },
      network: 'none',
      hostname: 'test',
      hosts: '',
      resolvConf: '',
      mounts: [],
      userNamespace: setup.helper.userNamespace,
      stepIds: null,
      security: 'sandbox',
      shmSizeBytes: 1 << 20,
      cgroups: { files: [], view: null },
      ulimits: [],
      seccomp: null,
      landlockScope: false,
    },
    { onOutput: (_stream, chunk) => void (output += chunk.toString()) },
  );
  assert.equal(result.exitCode, 0, output);
  stubsOf.set(active, result.stubs);
}

const stubsOf = new WeakMap<ActiveSnapshot, readonly { readonly path: string; readonly kind: 'file' | 'directory' }[]>();

function commit(active: ActiveSnapshot): Promise<CommittedLayer> {
  return active.commit({ stubs: stubsOf.get(active) ?? [], signal, onWarning: () => undefined });
}

async function layerOf(setup: SnapshotterSetup, below: readonly DiffID[], script: string): Promise<DiffID> {
  const active = await setup.snapshotter.prepare(below, signal);
  await run(setup, active, script);
  return (await commit(active)).diffID;
}

/** The digest of the whole merged tree: equal digests are equal trees. */
async function treeDigest(setup: SnapshotterSetup, snapshotter: Snapshotter, layers: readonly DiffID[]): Promise<DiffID> {
  return (await exportTree(setup.helper, { view: await snapshotter.view(layers, signal) }, null)).diffID;
}

async function read(setup: SnapshotterSetup, layers: readonly DiffID[], path: string): Promise<string | null> {
  const view = await setup.snapshotter.view(layers, signal);
  const content = await readFileInView(setup.helper, { view, path, sizeBytesMax: 1 << 20 });
  return content === null ? null : content.toString();
}

/**
 * Changes, each made on what the one before it left, and the layers that they give: the same in every backend. The first makes
 * what the others change.
 */
const frozenLayers: readonly { readonly script: string; readonly layer: string }[] = [
  { script: 'mkdir -p /a/x /b /d/sub /e; echo aaaa > /a/f; echo bbbb > /b/f; touch -d @1000000000 /a/f /b/f /a /b; echo 1 > /d/1; echo 2 > /d/sub/2; echo l > /e/l; ln /e/l /e/m; ln -s /a /s; echo k > /k', layer: 'sha256:003cf341691a50e3672b313c9758f9bc1cb259a9424d8d58dca463bf035c3060' },
  // Two directories change places: every file is the one that it was, only not where.
  { script: 'mv /a /t; mv /b /a; mv /t /b; rmdir /b/x; mkdir /a/x', layer: 'sha256:5e54fb88512ea01b6610318d8866f4588a2eb2ba0fc3cab239a5cb95ab90e2f0' },
  { script: 'echo cccc > /k2; mv /k2 /k; echo cccc > /b/f; touch -d @1000000000 /b/f', layer: 'sha256:1eb89478a360b309fc9c8b357bfa240716238dac808ab636cdd60e08b4683832' },
  { script: 'rm -r /d; mkdir /d; echo 3 > /d/3; rm /s; mkdir /s; echo in > /s/in', layer: 'sha256:7176d8b9ddfdca9d6bf8196658ccf11bac47c4572e9bdca7aec76d711e04439d' },
  { script: 'chmod 600 /e/l; chown 7:8 /k; echo x >> /b/f; ln /b/f /n; mkfifo /p; chmod 1777 /a', layer: 'sha256:4ac6b36679efd7c28dd3cc5cc50dcb977405a67255a2b3baeb18d1368580e013' },
  { script: 'rm -r /a /d; echo file > /d; ln /e/m /e/o; cat /k > /k3; mv /k3 /k', layer: 'sha256:a9d2a54b6beb82aac1988a8f7395ef3dd86705b9721fe126ff3afb57783ec12f' },
  { script: 'touch /b/f /e /e/m; chmod 755 /e; echo gone > /gone; rm /gone; mkdir /q; rmdir /q', layer: 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef' },
];

/** Runs the suite against one backend. */
export function snapshotterContract(backend: string, open: Setup): void {
  const check = (name: string, body: (setup: SnapshotterSetup) => Promise<void>): void => {
    test(`${backend}: ${name}`, async () => {
      const setup = await open();
      try {
        await body(setup);
      } finally {
        await setup.close();
      }
    });
  };

  check('what a step wrote is in its layer and in views of it', async (setup) => {
    const layer = await layerOf(setup, [setup.shell], 'mkdir /d; echo hello > /d/f');
    assert.equal(await read(setup, [setup.shell, layer], '/d/f'), 'hello\n');
    assert.equal(await read(setup, [setup.shell], '/d/f'), null);
    assert.notEqual(setup.store.blobs.stat(blobOfDiffID(layer)), null);
  });

  check('a step that changes nothing commits the empty layer', async (setup) => {
    assert.equal(await layerOf(setup, [setup.shell], ':'), emptyLayer.diffID);
    assert.equal(await layerOf(setup, [setup.shell], 'echo x > /f; rm /f; chmod 755 /bin'), emptyLayer.diffID);
  });

  check('the layers of all kinds of changes are those of every backend', async (setup) => {
    const layers = [setup.shell];
    for (const { script, layer } of frozenLayers) {
      const made = await layerOf(setup, layers, script);
      assert.equal(made, layer, script);
      layers.push(made);
    }
  });

  check('a committed snapshot and one made from its tar are the same tree', async (setup) => {
    const first = await layerOf(setup, [setup.shell], 'mkdir -p /a/b /gone /file2dir.d; echo 1 > /a/one; echo 2 > /a/b/two; ln /a/one /a/link; echo x > /gone/x; ln -s /a /s');
    const second = await layerOf(
      setup,
      [setup.shell, first],
      'rm -r /gone; rm /a/one; rm -r /a/b; mkdir /a/b; echo new > /a/b/new; rm /s; mkdir /s; chmod 700 /a; mkdir -m 1777 /t; mkfifo /t/p; chown 7:8 /t/p',
    );
    const layers = [setup.shell, first, second];
    const before = await treeDigest(setup, setup.snapshotter, layers);
    await setup.forget();
    assert.equal(await treeDigest(setup, await setup.reopen(), layers), before);
    assert.equal(await read(setup, layers, '/a/b/two'), null);
  });

  check('a layer that comes twice in a stack counts at its upper place', async (setup) => {
    const written = await layerOf(setup, [setup.shell], 'echo first > /f');
    const changed = await layerOf(setup, [setup.shell, written], 'echo second > /f');
    const layers = [setup.shell, written, changed, written, emptyLayer.diffID, emptyLayer.diffID];
    assert.equal(await read(setup, layers, '/f'), 'first\n');
    const on = await layerOf(setup, layers, 'cat /f > /g');
    assert.equal(await read(setup, [...layers, on], '/g'), 'first\n');
  });

  check('a discarded snapshot leaves nothing behind', async (setup) => {
    const before = await readdir(setup.store.paths.tmp);
    const active = await setup.snapshotter.prepare([setup.shell], signal);
    await run(setup, active, 'mkdir -p /x/y; echo 1 > /x/y/z; chmod 0 /x/y');
    await active.discard();
    await setup.snapshotter.close();
    assert.deepEqual(await readdir(setup.store.paths.tmp), before);
  });

  check('an active snapshot is written to by one step after the other', async (setup) => {
    const active = await setup.snapshotter.prepare([setup.shell], signal);
    await run(setup, active, 'echo 1 > /one');
    await run(setup, active, 'cat /one > /two');
    const { diffID } = await commit(active);
    assert.equal(await read(setup, [setup.shell, diffID], '/two'), '1\n');
  });

  check('two snapshots of one stack do not see each other', async (setup) => {
    const [one, two] = await Promise.all([setup.snapshotter.prepare([setup.shell], signal), setup.snapshotter.prepare([setup.shell], signal)]);
    await Promise.all([run(setup, one, 'echo 1 > /one'), run(setup, two, '[ ! -e /one ]; echo 2 > /two')]);
    const [first, second] = await Promise.all([commit(one), commit(two)]);
    assert.equal(await read(setup, [setup.shell, first.diffID], '/two'), null);
    assert.equal(await read(setup, [setup.shell, second.diffID], '/two'), '2\n');
  });

  check('a layer whose bytes are wrong is refused and moved out of the way', async (setup) => {
    const layer = await layerOf(setup, [setup.shell], 'echo right > /f');
    await setup.forget();
    const path = join(setup.store.paths.oci, 'blobs', 'sha256', layer.slice('sha256:'.length));
    const { chmod, readFile } = await import('node:fs/promises');
    const bytes = await readFile(path);
    bytes[600] = (bytes[600] ?? 0) ^ 1;
    await chmod(path, 0o600);
    await writeFile(path, bytes);
    const snapshotter = await setup.reopen();
    await assert.rejects(snapshotter.view([setup.shell, layer], signal), (error) => error instanceof TsbuildError && error.code === 'LAYER_CORRUPT');
    assert.equal(setup.store.blobs.stat(blobOfDiffID(layer)), null);
  });

  check('snapshots of another boot are not used', async (setup) => {
    const layer = await layerOf(setup, [setup.shell], 'echo right > /f');
    const [backendFolder = ''] = await readdir(setup.store.paths.snapshots);
    const folder = join(setup.store.paths.snapshots, backendFolder);
    await mkdir(join(folder, '00000000-0000-0000-0000-000000000000', 'x'), { recursive: true });
    await symlink('/etc', join(folder, '00000000-0000-0000-0000-000000000000', 'link'));
    const snapshotter = await setup.reopen();
    assert.equal((await readdir(folder)).length, 1);
    assert.equal((await exportTree(setup.helper, { view: await snapshotter.view([setup.shell, layer], signal) }, null)).entryCount > 0, true);
    assert.ok((await readdir('/etc')).length > 0);
  });

  check('an aborted commit rejects with the reason and leaves nothing', async (setup) => {
    const before = await readdir(setup.store.paths.tmp);
    const active = await setup.snapshotter.prepare([setup.shell], signal);
    await run(setup, active, 'echo 1 > /f');
    const controller = new AbortController();
    const reason = new Error('stop');
    controller.abort(reason);
    await assert.rejects(active.commit({ stubs: [], signal: controller.signal, onWarning: () => undefined }), (error) => error === reason);
    await setup.snapshotter.close();
    assert.deepEqual(await readdir(setup.store.paths.tmp), before);
  });
}
