/** Carries out a RUN: a writable snapshot, the step in its sandbox, and the layer of what it changed. */
import { chmod, chown, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, hexOf, type ContentDigest } from '../base/digest.ts';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import type { InlineFile, RunMount, RunOperation, Vertex } from '../graph/vertex.ts';
import { acquireLock, tryLock, type Lock } from '../native/lock.ts';
import { hostsFor, resolvConfFor, type NetworkProgram, type StepNetwork } from '../sandbox/network.ts';
import { runStep } from '../sandbox/run-step.ts';
import type { StepMount, StepResult, StepSpec } from '../sandbox/step.ts';
import type { ViewSpec } from '../native/view.ts';
import type { ActiveSnapshot } from '../snapshot/snapshot.ts';
import { readAccounts } from './accounts.ts';
import { contextLayer } from './context-layer.ts';
import type { BuildEnvironment, Machinery } from './environment.ts';
import type { Inputs, Performed } from './executor.ts';
import { resolveUser } from './users.ts';

/** What a mount needs until the step is over. */
interface Prepared {
  readonly mounts: readonly StepMount[];
  readonly env: readonly (readonly [string, string])[];
  readonly locks: readonly Lock[];
}

const nothing: Prepared = { mounts: [], env: [], locks: [] };

export async function performRun(
  environment: BuildEnvironment,
  vertex: Vertex,
  operation: RunOperation,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<Performed> {
  const layers = inputs.get(operation.root)?.layers ?? [];
  await environment.baseLayers.ensure([...inputs.values()].flatMap((input) => input.layers), signal);
  const machinery = await environment.machinery();
  const accounts = await readAccounts(environment, layers, signal);
  const user = resolveUser(operation.user, accounts);
  const prepared = await prepareMounts(environment, vertex, operation, inputs, signal);
  try {
    const active = await machinery.snapshots.prepare(layers, signal);
    const network = await chooseNetwork(machinery, operation);
    const spec = stepSpec(machinery, operation, network, await active.openView(), user, prepared);
    return await runAndCommit(environment, vertex, operation, active, spec, signal);
  } finally {
    await Promise.all(prepared.locks.map((lock) => lock.release()));
  }
}

async function runAndCommit(
  environment: BuildEnvironment,
  vertex: Vertex,
  operation: RunOperation,
  active: ActiveSnapshot,
  spec: StepSpec,
  signal: AbortSignal,
): Promise<Performed> {
  const stepID = environment.steps.get(vertex.id)?.id ?? 0;
  const note = (text: string): void => environment.reporter.send({ type: 'step-note', id: stepID, text });
  let result: StepResult;
  try {
    result = await runLogged(environment, stepID, spec, note, signal);
    checkResult(result, operation, vertex, environment.logs.pathOf(stepID));
  } catch (error) {
    await active.discard();
    throw error;
  }
  const { diffID } = await active.commit({ stubs: result.stubs, signal, onWarning: note });
  return { added: [diffID], usage: result.usage };
}

async function runLogged(
  environment: BuildEnvironment,
  stepID: number,
  spec: StepSpec,
  note: (text: string) => void,
  signal: AbortSignal,
): Promise<StepResult> {
  const { helper } = await environment.machinery();
  const log = await environment.logs.open(stepID, (stream, text) => environment.reporter.send({ type: 'step-log', id: stepID, stream, text }));
  try {
    return await runStep(helper, spec, { signal, onWarning: note, onOutput: (stream, chunk) => log.write(stream, chunk) });
  } finally {
    await log.close();
  }
}

function checkResult(result: StepResult, operation: RunOperation, vertex: Vertex, logPath: string): void {
  if (result.exitCode === 0) return;
  const end = result.signal === null ? `exit code: ${result.exitCode}` : `killed by ${result.signal}`;
  throw new TsbuildError('step', 'STEP_FAILED', `process ${JSON.stringify(operation.args.join(' '))} did not complete successfully: ${end}`, {
    ...(vertex.position === null ? {} : { position: vertex.position }),
    ...(result.signal === 'SIGKILL' ? { hint: 'SIGKILL often means that this machine ran out of memory.' } : {}),
    details: { exitCode: result.exitCode, signal: result.signal, logPath, step: vertex.name },
  });
}

interface StepNetworking {
  readonly kind: StepNetwork;
  readonly programs: readonly NetworkProgram[];
}

async function chooseNetwork(machinery: Machinery, { network }: RunOperation): Promise<StepNetworking> {
  return network === 'default' ? machinery.network() : { kind: network, programs: [] };
}

function stepSpec(
  machinery: Machinery,
  operation: RunOperation,
  { kind: network, programs }: StepNetworking,
  root: ViewSpec,
  user: ReturnType<typeof resolveUser>,
  prepared: Prepared,
): StepSpec {
  const extraHosts = operation.extraHosts.map(([name, address]) => ({ name, address }));
  return {
    root,
    argv: operation.args,
    env: environmentOf(operation, user.home, prepared.env),
    cwd: operation.cwd,
    user: { uid: user.uid, gid: user.gid, groups: [...new Set([user.gid, ...user.groups])] }, // as with containerd, the primary group is among them
    network,
    networkPrograms: programs,
    hostname: operation.hostname,
    hosts: hostsFor(extraHosts, operation.hostname),
    resolvConf: resolvConfFor(network, machinery.resolvConf),
    mounts: prepared.mounts,
    security: operation.security,
    shmSizeBytes: operation.shmSizeBytes,
    ulimits: operation.ulimits,
    seccomp: machinery.seccomp,
    landlockScope: network === 'host',
  };
}

/** Later entries win; HOME comes from the image's accounts unless the Dockerfile sets it, as runc does it. */
function environmentOf(operation: RunOperation, home: string, secrets: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  const env = new Map([...operation.proxyEnv, ...operation.env]);
  if (!env.has('HOME')) env.set('HOME', home);
  const agent = operation.mounts.find((mount) => mount.kind === 'ssh');
  if (agent?.kind === 'ssh' && !env.has('SSH_AUTH_SOCK')) env.set('SSH_AUTH_SOCK', agent.target);
  for (const [name, value] of secrets) env.set(name, value);
  return [...env];
}

async function prepareMounts(
  environment: BuildEnvironment,
  vertex: Vertex,
  operation: RunOperation,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<Prepared> {
  let prepared: Prepared = operation.inlineFile === null ? nothing : { ...nothing, mounts: [await scriptMount(environment, operation, operation.inlineFile)] };
  try {
    for (const mount of operation.mounts) {
      const next = await prepareMount(environment, vertex, mount, inputs, signal);
      prepared = {
        mounts: [...prepared.mounts, ...next.mounts],
        env: [...prepared.env, ...next.env],
        locks: [...prepared.locks, ...next.locks],
      };
    }
    return prepared;
  } catch (error) {
    await Promise.all(prepared.locks.map((lock) => lock.release()));
    throw error;
  }
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
  signal: AbortSignal,
): Promise<Prepared> {
  switch (mount.kind) {
    case 'bind':
      return { ...nothing, mounts: [await bindMount(environment, mount, inputs, signal)] };
    case 'cache':
      return cacheMount(environment, vertex, mount, signal);
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

async function cacheMount(environment: BuildEnvironment, vertex: Vertex, mount: MountOf<'cache'>, signal: AbortSignal): Promise<Prepared> {
  if (mount.from !== null) {
    throw new TsbuildError('usage', 'CACHE_FROM_UNAVAILABLE', 'RUN --mount=type=cache,from=…: filling a cache from a stage is not available yet', {
      ...(vertex.position === null ? {} : { position: vertex.position }),
      hint: 'Copy the files into the cache directory in the RUN itself.',
    });
  }
  const folder = join(environment.store.paths.mounts, hexOf(digestOf<ContentDigest>(mount.id)));
  for (let number = 0; ; number++) {
    const path = number === 0 ? folder : `${folder}.${number}`;
    const lock = await lockCache(`${path}.lock`, mount.sharing, signal);
    if (lock === null) continue; // private and in use: another directory
    await makeCacheDirectory(path, mount);
    return { mounts: [{ kind: 'path', path, target: mount.target, readOnly: mount.readOnly }], env: [], locks: [lock] };
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

async function secretMount(environment: BuildEnvironment, vertex: Vertex, mount: MountOf<'secret'>): Promise<Prepared> {
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
    locks: [],
  };
}

function sshMount(environment: BuildEnvironment, vertex: Vertex, mount: MountOf<'ssh'>): Prepared {
  const path = environment.secrets.sshSocket(mount.id);
  if (path !== null) return { ...nothing, mounts: [{ kind: 'path', path, target: mount.target, readOnly: false }] };
  if (!mount.required) return nothing;
  throw new TsbuildError('usage', 'SSH_MISSING', `ssh agent ${mount.id}: not forwarded`, {
    ...(vertex.position === null ? {} : { position: vertex.position }),
    hint: `Give it with --ssh ${mount.id}.`,
  });
}
