/**
 * What RUN --mount asks for: trees, caches, secrets and agents, made ready before the step and given back after it.
 * It mounts nothing: the sandbox does. Start at `prepareMounts`; each kind of mount has a file of its own.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareBytes } from '../base/canonical.ts';
import { releaseAll, undo } from '../base/releasing.ts';
import type { InlineFile, RunMount, RunOperation } from '../graph/vertex.ts';
import type { StepMount } from '../sandbox/step.ts';
import { cacheMount, nameCache, type HeldCaches } from './cache-mount.ts';
import { layersOfSource, noMount, type MountOf, type MountWork, type PreparedMount } from './mount-work.ts';
import { secretMount } from './secret-mount.ts';
import { sshMount } from './ssh-mount.ts';

/** All that the mounts of a step bring into it. */
export interface PreparedMounts extends PreparedMount {
  /** To be called once, when the step is over. */
  release(): Promise<void>;
}

/** Prepares the mounts of a step; the caller releases them. */
export async function prepareMounts(options: Omit<MountWork, 'releases'>, operation: RunOperation): Promise<PreparedMounts> {
  const work: MountWork = { ...options, releases: [] };
  const release = (): Promise<void> => releaseAll(work.releases.splice(0).reverse());
  try {
    const script = operation.inlineFile === null ? [] : [await scriptMount(work, operation, operation.inlineFile)];
    const parts = await prepareInOrder(work, operation.mounts);
    return {
      mounts: [...script, ...parts.flatMap(({ mounts }) => mounts)],
      env: parts.flatMap(({ env }) => env),
      secrets: parts.flatMap(({ secrets }) => secrets),
      release,
    };
  } catch (error) {
    throw await undo(error, release);
  }
}

/** Caches in the order of their names, whatever the order of the mounts: two steps then never wait for each other. */
async function prepareInOrder(work: MountWork, mounts: readonly RunMount[]): Promise<readonly PreparedMount[]> {
  const names = await Promise.all(mounts.map(async (mount) => (mount.kind === 'cache' ? nameCache(work, mount) : null)));
  const order = mounts.map((_, index) => index).sort((a, b) => compareBytes(names[a]?.name ?? '', names[b]?.name ?? '') || a - b);
  const held: HeldCaches = new Set();
  const parts: PreparedMount[] = [];
  for (const index of order) {
    const [mount, name] = [mounts[index], names[index]];
    if (mount === undefined) continue;
    if (mount.kind !== 'cache') parts[index] = await prepareMount(work, mount);
    else if (name !== null && name !== undefined) parts[index] = await cacheMount(work, mount, name, held);
  }
  return parts;
}

/** A file of this machine, because those of the sandbox's own are mounted `noexec`. */
async function scriptMount({ environment, releases }: MountWork, { args }: RunOperation, { content }: InlineFile): Promise<StepMount> {
  const folder = await mkdtemp(join(environment.store.paths.tmp, 'script-'));
  releases.push(() => rm(folder, { recursive: true }));
  const path = join(folder, 'script');
  await writeFile(path, content);
  await chmod(path, 0o755);
  return { kind: 'path', path, target: args[0] ?? '', readOnly: true };
}

async function prepareMount(work: MountWork, mount: Exclude<RunMount, MountOf<'cache'>>): Promise<PreparedMount> {
  switch (mount.kind) {
    case 'bind':
      return { ...noMount, mounts: [await bindMount(work, mount)] };
    case 'tmpfs': {
      const { target, readOnly, sizeBytes } = mount;
      return { ...noMount, mounts: [{ kind: 'tmpfs', target, readOnly, ...(sizeBytes === null ? {} : { sizeBytes }) }] };
    }
    case 'secret':
      return secretMount(work, mount);
    case 'ssh':
      return sshMount(work, mount);
  }
}

/** A tree that is written to is thrown away after the step: it gets an upperdir of its own (SEMANTICS A6, 83). */
async function bindMount(work: MountWork, { from, source, target, readOnly }: MountOf<'bind'>): Promise<StepMount> {
  const { environment, signal, releases } = work;
  const { snapshots } = await environment.machinery();
  const layers = await layersOfSource(work, from, source);
  if (readOnly) return { kind: 'bind', view: await snapshots.view(layers, signal), source, target, readOnly };
  const active = await snapshots.prepare(layers, signal);
  releases.push(() => active.discard());
  return { kind: 'bind', view: await active.openView(), source, target, readOnly };
}
