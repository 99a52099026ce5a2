/** What RUN --mount asks for: trees, caches, secrets and agents, made ready before the step and released after it. */
import { chmod, chown, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareBytes } from '../base/canonical.ts';
import { digestOf, hexOf, type ContentDigest } from '../base/digest.ts';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import type { InlineFile, RunMount, RunOperation, Vertex } from '../graph/vertex.ts';
import { acquireLock, tryLock, type Lock } from '../native/lock.ts';
import type { StepMount } from '../sandbox/step.ts';
import { contextLayer } from './context-layer.ts';
import type { BuildEnvironment } from './environment.ts';
import type { Inputs } from './executor.ts';

/** What a mount needs until the step is over. */
export interface PreparedMounts {
  readonly mounts: readonly StepMount[];
  readonly env: readonly (readonly [string, string])[];
  readonly locks: readonly Lock[];
}

type PreparedMount = Omit<PreparedMounts, 'locks'>;

const nothing: PreparedMount = { mounts: [], env: [] };

/** Prepares all mounts of a step, in order; the caller releases the locks. */
export async function prepareMounts(
  environment: BuildEnvironment,
  vertex: Vertex,
  operation: RunOperation,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<PreparedMounts> {
  const script = operation.inlineFile === null ? [] : [await scriptMount(environment, operation, operation.inlineFile)];
  const held = new Map<string, Lock>();
  const parts: PreparedMount[] = [];
  try {
    // Caches in the order of their names, whatever the order of the mounts: two steps then never wait for each other.
    for (const index of lockOrder(operation.mounts)) {
      const mount = operation.mounts[index];
      if (mount !== undefined) parts[index] = await prepareMount(environment, vertex, mount, inputs, held, signal);
    }
  } catch (error) {
    await Promise.all([...held.values()].map((lock) => lock.release()));
    throw error;
  }
  return { mounts: [...script, ...parts.flatMap(({ mounts }) => mounts)], env: parts.flatMap(({ env }) => env), locks: [...held.values()] };
}

function lockOrder(mounts: readonly RunMount[]): readonly number[] {
  const nameOf = (index: number): string => {
    const mount = mounts[index];
    return mount?.kind === 'cache' ? `1${mount.id}` : '0';
  };
  return mounts.map((_, index) => index).sort((a, b) => compareBytes(nameOf(a), nameOf(b)) || a - b);
}

/** A file of this machine, because those of the sandbox's own are mounted `noexec`. */
async function scriptMount(environment: BuildEnvironment, { args }: RunOperation, { content }: InlineFile): Promise<StepMount> {
  const path = join(await mkdtemp(join(environment.store.paths.tmp, 'script-')), 'script');
  await writeFile(path, content);
  await chmod(path, 0o755);
  return { kind: 'path', path, target: args[0] ?? '', readOnly: true };
}

async function prepareMount(
  environment: BuildEnvironment,
  vertex: Vertex,
  mount: RunMount,
  inputs: Inputs,
  held: Map<string, Lock>,
  signal: AbortSignal,
): Promise<PreparedMount> {
  switch (mount.kind) {
    case 'bind':
      return { ...nothing, mounts: [await bindMount(environment, mount, inputs, signal)] };
    case 'cache':
      return cacheMount(environment, vertex, mount, held, signal);
    case 'tmpfs':
      return { ...nothing, mounts: [{ kind: 'tmpfs', target: mount.target, ...(mount.sizeBytes === null ? {} : { sizeBytes: mount.sizeBytes }) }] };
    case 'secret':
      return secretMount(environment, vertex, mount);
    case 'ssh':
      return sshMount(environment, vertex, mount);
  }
}

type MountOf<Kind extends RunMount['kind']> = Extract<RunMount, { readonly kind: Kind }>;

/** A tree that is written to is thrown away after the step: it gets an upperdir of its own (SEMANTICS A6, 83). */
async function bindMount(environment: BuildEnvironment, mount: MountOf<'bind'>, inputs: Inputs, signal: AbortSignal): Promise<StepMount> {
  const { snapshots } = await environment.machinery();
  const from = environment.graph.vertices[mount.from]?.operation;
  const layers =
    from?.kind === 'context' ? [await contextLayer(environment, from.name, mount.source, signal)] : (inputs.get(mount.from)?.layers ?? []);
  const view = mount.readOnly ? await snapshots.view(layers, signal) : await (await snapshots.prepare(layers, signal)).openView();
  return { kind: 'bind', view, source: mount.source, target: mount.target, readOnly: mount.readOnly };
}

async function cacheMount(
  environment: BuildEnvironment,
  vertex: Vertex,
  mount: MountOf<'cache'>,
  held: Map<string, Lock>,
  signal: AbortSignal,
): Promise<PreparedMount> {
  if (mount.from !== null) {
    throw new TsbuildError('usage', 'CACHE_FROM_UNAVAILABLE', 'RUN --mount=type=cache,from=…: filling a cache from a stage is not available yet', {
      ...(vertex.position === null ? {} : { position: vertex.position }),
      hint: 'Copy the files into the cache directory in the RUN itself.',
    });
  }
  const folder = join(environment.store.paths.mounts, hexOf(digestOf<ContentDigest>(mount.id)));
  for (let number = 0; ; number++) {
    const path = number === 0 ? folder : `${folder}.${number}`;
    // One that this step has already is shared with itself.
    const lock = held.get(path) ?? (await lockCache(`${path}.lock`, mount.sharing, signal));
    if (lock === null) continue; // private and in use: another directory
    held.set(path, lock);
    await makeCacheDirectory(path, mount);
    return { mounts: [{ kind: 'path', path, target: mount.target, readOnly: mount.readOnly }], env: [] };
  }
}

/** `shared`: any number at once; `locked`: one after the other; `private`: one, and null if it is taken. */
async function lockCache(path: string, sharing: MountOf<'cache'>['sharing'], signal: AbortSignal): Promise<Lock | null> {
  if (sharing === 'private') return tryLock(path, false);
  return acquireLock(path, { shared: sharing === 'shared', signal });
}

async function makeCacheDirectory(path: string, mount: MountOf<'cache'>): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (errnoCode(error) === 'EEXIST') return;
    throw error;
  }
  await chown(path, mount.uid, mount.gid);
  await chmod(path, mount.mode);
}

async function secretMount(environment: BuildEnvironment, vertex: Vertex, mount: MountOf<'secret'>): Promise<PreparedMount> {
  const content = await environment.secrets.secret(mount.id);
  if (content === null) {
    if (!mount.required) return nothing;
    throw new TsbuildError('usage', 'SECRET_MISSING', `secret ${mount.id}: not found`, {
      ...(vertex.position === null ? {} : { position: vertex.position }),
      hint: `Give it with --secret id=${mount.id},src=FILE.`,
    });
  }
  const { target, uid, gid, mode, env } = mount;
  return {
    mounts: target === null ? [] : [{ kind: 'secret', target, content, uid, gid, mode }],
    env: env === null ? [] : [[env, Buffer.from(content).toString('utf8')]],
  };
}

function sshMount(environment: BuildEnvironment, vertex: Vertex, mount: MountOf<'ssh'>): PreparedMount {
  const path = environment.secrets.sshSocket(mount.id);
  if (path !== null) return { ...nothing, mounts: [{ kind: 'path', path, target: mount.target, readOnly: false }] };
  if (!mount.required) return nothing;
  throw new TsbuildError('usage', 'SSH_MISSING', `ssh agent ${mount.id}: not forwarded`, {
    ...(vertex.position === null ? {} : { position: vertex.position }),
    hint: `Give it with --ssh ${mount.id}.`,
  });
}
