/** Image tools that are not ours, as judges of what tsbuild writes. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Need } from './needs.ts';
import { mustRun } from './run-process.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Everything that the checks here call. */
export const forForeignTools: readonly Need[] = [{ program: 'skopeo' }, { program: 'umoci' }, { program: 'buildah' }];

/** What `skopeo inspect` says, as far as tests look at it. */
export interface Inspected {
  readonly Digest: string;
  readonly Architecture: string;
  readonly Os: string;
  readonly Layers: readonly string[];
}

/** `skopeo inspect` of a reference such as `oci-archive:image.tar`. */
export async function skopeoInspect(reference: string): Promise<Inspected> {
  return JSON.parse(await mustRun('skopeo', ['--insecure-policy', 'inspect', reference])) as Inspected;
}

/** Copies to an OCI layout, which makes skopeo verify every blob, and returns the layout's folder. */
export async function skopeoUnpack(reference: string, folder: string): Promise<string> {
  await mustRun('skopeo', ['--insecure-policy', 'copy', '--quiet', '--dest-oci-accept-uncompressed-layers', reference, `oci:${folder}:image`]);
  return folder;
}

/** The digest of the config in a layout with one image: the image's ID. */
export async function configDigest(layout: string): Promise<string> {
  const index = await readJson<{ manifests: { digest: string }[] }>(join(layout, 'index.json'));
  const digest = index.manifests[0]?.digest ?? '';
  const manifest = await readJson<{ config: { digest: string } }>(join(layout, 'blobs', digest.replace(':', '/')));
  return manifest.config.digest;
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}

/** Both archives of one build, by skopeo: they can be read, every blob verifies, and both hold the image `imageID`. */
export async function checkArchives(archives: { readonly oci: string; readonly docker: string }, imageID: string, folder: string): Promise<void> {
  const inspected = await skopeoInspect(`oci-archive:${archives.oci}`);
  assert.equal(inspected.Os, 'linux');
  const fromOci = await skopeoUnpack(`oci-archive:${archives.oci}`, join(folder, 'from-oci'));
  assert.equal(await configDigest(fromOci), imageID);
  const fromDocker = await skopeoUnpack(`docker-archive:${archives.docker}`, join(folder, 'from-docker'));
  const [left, right] = await Promise.all([fromOci, fromDocker].map(diffIDs));
  assert.deepEqual(right, left, 'both archives have the same layers');
}

async function diffIDs(layout: string): Promise<readonly string[]> {
  const config = await readJson<{ rootfs: { diff_ids: string[] } }>(join(layout, 'blobs', (await configDigest(layout)).replace(':', '/')));
  return config.rootfs.diff_ids;
}

/** `umoci unpack`; returns the root file system's folder. As root it restores owners, devices and xattrs. */
export async function umociUnpack(layout: string, bundle: string): Promise<string> {
  await mustRun('umoci', ['unpack', '--image', `${layout}:image`, bundle]);
  return join(bundle, 'rootfs');
}

/** `buildah from` an OCI archive, then `buildah run` of the words in it; returns what they print. */
export async function buildahRun(test: Pick<TestContext, 'after'>, archive: string, words: readonly string[]): Promise<string> {
  const folder = temporaryFolder(test);
  const policy = ['--signature-policy', await writePolicy(folder)];
  const store = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
  // chroot isolation works on every machine where root may mount.
  const env = { ...process.env, BUILDAH_ISOLATION: 'chroot', TMPDIR: folder };
  const container = (await mustRun('buildah', [...store, 'from', ...policy, '--quiet', `oci-archive:${archive}`], { env })).trim();
  try {
    return await mustRun('buildah', [...store, 'run', container, '--', ...words], { env });
  } finally {
    await mustRun('buildah', [...store, 'rm', container], { env });
  }
}

async function writePolicy(folder: string): Promise<string> {
  const file = join(folder, 'policy.json');
  await writeFile(file, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  return file;
}
