/** Carries out a RUN: a writable snapshot, the step in its sandbox, and the layer of what it changed. */
import { TsbuildError } from '../base/errors.ts';
import type { RunOperation, Vertex } from '../graph/vertex.ts';
import type { ViewSpec } from '../native/view.ts';
import { hostsFor, resolvConfFor, type NetworkProgram, type StepNetwork } from '../sandbox/network.ts';
import { runStep } from '../sandbox/run-step.ts';
import type { StepResult, StepSpec } from '../sandbox/step.ts';
import type { ActiveSnapshot } from '../snapshot/snapshot.ts';
import { readAccounts } from './accounts.ts';
import type { BuildEnvironment, Machinery } from './environment.ts';
import type { Inputs, Performed } from './executor.ts';
import { checkPlatform, formatErrorHint } from './foreign-platform.ts';
import { prepareMounts, type PreparedMounts } from './run-mounts.ts';
import { resolveUser } from './users.ts';

export async function performRun(
  environment: BuildEnvironment,
  vertex: Vertex,
  operation: RunOperation,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<Performed> {
  const layers = inputs.get(operation.root)?.layers ?? [];
  await environment.baseLayers.ensure([...inputs.values()].flatMap((input) => input.layers), signal);
  await checkPlatform(environment, operation.platform, layers, signal);
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
    checkResult(result, operation, vertex, environment);
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

function checkResult(result: StepResult, operation: RunOperation, vertex: Vertex, { logs, steps, architecture }: BuildEnvironment): void {
  if (result.exitCode === 0) return;
  const end = result.signal === null ? `exit code: ${result.exitCode}` : `killed by ${result.signal}`;
  throw new TsbuildError('step', 'STEP_FAILED', `process ${JSON.stringify(operation.args.join(' '))} did not complete successfully: ${end}`, {
    ...(vertex.position === null ? {} : { position: vertex.position }),
    ...hintOf(result, operation, architecture),
    details: { exitCode: result.exitCode, signal: result.signal, logPath: logs.pathOf(steps.get(vertex.id)?.id ?? 0), step: vertex.name },
  });
}

function hintOf({ signal, execErrno }: StepResult, { platform }: RunOperation, architecture: string): { readonly hint?: string } {
  if (execErrno === 'ENOEXEC') return { hint: formatErrorHint(platform, architecture) };
  return signal === 'SIGKILL' ? { hint: 'SIGKILL often means that this machine ran out of memory.' } : {};
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
  prepared: PreparedMounts,
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
