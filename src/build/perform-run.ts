/** Carries out a RUN: a writable snapshot, the step in its sandbox, and the layer of what it changed. */
import { TsbuildError } from '../base/errors.ts';
import { releasing, throwFirst, undo } from '../base/releasing.ts';
import type { RunOperation, Vertex } from '../graph/vertex.ts';
import type { Bytes } from '../native/encoding.ts';
import type { ViewSpec } from '../native/view.ts';
import { hostsFor, resolvConfFor } from '../sandbox/network.ts';
import { runStep } from '../sandbox/run-step.ts';
import type { StepCgroups, StepResult, StepSpec } from '../sandbox/step.ts';
import type { ActiveSnapshot } from '../snapshot/snapshot.ts';
import { readAccounts } from './accounts.ts';
import type { BuildEnvironment, Machinery } from './environment.ts';
import type { Inputs, Performed } from './executor.ts';
import { checkPlatform, formatErrorHint } from './foreign-platform.ts';
import { resolveHostGateway, type StepNetworking } from './host-gateway.ts';
import { redacting } from './redact.ts';
import { prepareMounts, type PreparedMounts } from './run-mounts.ts';
import { describeRefusals, refusalHint, runInGroup, type GroupedResult, type RanInGroup } from './step-group.ts';
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
  const user = resolveUser(operation.user, await readAccounts(environment, layers, signal), vertex.stage);
  const stepID = environment.steps.get(vertex.id)?.id ?? 0;
  const note = (text: string): void => environment.reporter.send({ type: 'step-note', id: stepID, text });
  const prepared = await prepareMounts({ environment, vertex, inputs, signal, note }, operation);
  return releasing(async () => {
    const machinery = await environment.machinery();
    if (operation.security === 'insecure' && machinery.stepIds !== null) throw insecureError(vertex);
    machinery.cgroups.begin();
    const network = await chooseNetwork(machinery, operation); // before the snapshot: it may refuse
    const active = await machinery.snapshots.prepare(layers, signal);
    const spec = stepSpec(machinery, operation, network, await active.openView(), user, prepared);
    return runAndCommit({ environment, vertex, operation, active, spec, stepID, note, secrets: prepared.secrets, signal });
  }, () => prepared.release());
}

/** A step that is about to run. */
interface ReadyStep {
  readonly environment: BuildEnvironment;
  readonly vertex: Vertex;
  readonly operation: RunOperation;
  readonly active: ActiveSnapshot;
  readonly spec: StepSpec;
  readonly stepID: number;
  readonly note: (text: string) => void;
  readonly secrets: readonly Uint8Array[];
  readonly signal: AbortSignal;
}

async function runAndCommit(step: ReadyStep): Promise<Performed> {
  const { active, signal, note } = step;
  const discarding = async (error: unknown): Promise<unknown> => undo(error, () => active.discard());
  const ran = await runLogged(step).catch(async (error: unknown) => { throw await discarding(error); });
  const tidied = tidyUp(step, ran); // while the layer is made
  return releasing(async () => {
    try {
      checkResult(ran.result, step);
    } catch (error) {
      throw await discarding(error);
    }
    const { diffID } = await active.commit({ stubs: ran.result.stubs, signal, onWarning: note });
    return { added: [diffID], usage: ran.result.usage };
  }, async () => throwFirst(await tidied));
}

async function runLogged({ environment, spec, stepID, note, secrets, signal }: ReadyStep): Promise<RanInGroup> {
  const { helper, cgroups } = await environment.machinery();
  const log = await environment.logs.open(stepID, {
    onText: (stream, text) => environment.reporter.send({ type: 'step-log', id: stepID, stream, text }),
    redactor: redacting(secrets),
  });
  const run = (groups: StepCgroups): Promise<StepResult> =>
    runStep(helper, { ...spec, cgroups: groups }, { signal, onWarning: note, onOutput: (stream, chunk) => log.write(stream, chunk) });
  return releasing(async () => runInGroup(await cgroups.get(), run), () => log.close());
}

/** Resolves with what went wrong. */
async function tidyUp({ environment, stepID }: ReadyStep, { result, remove }: RanInGroup): Promise<readonly unknown[]> {
  const { exitCode, signal, usage } = result;
  environment.reporter.used(stepID, usage);
  const outcomes = await Promise.allSettled([remove(), environment.logs.recordEnd(stepID, { exitCode, signal, usage })]);
  return outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
}

function checkResult(result: GroupedResult, { operation, vertex, environment, note }: ReadyStep): void {
  const { logs, steps, limits } = environment;
  const refusal = describeRefusals(result.group, limits);
  if (result.exitCode === 0) {
    if (refusal !== null) note(`${refusal}; the step went on without it`);
    return;
  }
  const end = result.signal === null ? `exit code: ${result.exitCode}` : `killed by ${result.signal}`;
  const code = result.group.oomKills > 0 ? 'STEP_OUT_OF_MEMORY' : 'STEP_FAILED';
  throw new TsbuildError('step', code, `process ${JSON.stringify(operation.args.join(' '))} did not complete successfully: ${end}${refusal === null ? '' : `: ${refusal}`}`, {
    ...(vertex.position === null ? {} : { position: vertex.position }),
    ...hintOf(result, operation, environment),
    details: { exitCode: result.exitCode, signal: result.signal, logPath: logs.pathOf(steps.get(vertex.id)?.id ?? 0), step: vertex.name },
  });
}

function hintOf({ execErrno, signal, group }: GroupedResult, { platform }: RunOperation, { architecture, limits }: BuildEnvironment): { readonly hint?: string } {
  if (execErrno === 'ENOEXEC') return { hint: formatErrorHint(platform, architecture) };
  if (describeRefusals(group, limits) !== null) return { hint: refusalHint(group, limits) };
  const isUnmeasured = group.peakMemoryBytes === undefined;
  return signal === 'SIGKILL' && isUnmeasured ? { hint: 'SIGKILL often means that this machine ran out of memory.' } : {};
}

function insecureError({ position }: Vertex): TsbuildError {
  return new TsbuildError('usage', 'USERNS_INSECURE', 'RUN --security=insecure: --userns=auto: such a step is to own this machine, and this build gives steps no root on it', {
    hint: 'Build with --userns=host, or without --security=insecure.',
    ...(position === null ? {} : { position }),
  });
}

type HostedNetworking = Awaited<ReturnType<typeof resolveHostGateway>>;

async function chooseNetwork(machinery: Machinery, { network, extraHosts }: RunOperation): Promise<HostedNetworking> {
  const networking: StepNetworking = network === 'default' ? await machinery.network() : { kind: network, programs: [] };
  return resolveHostGateway(networking, extraHosts.map(([name, address]) => ({ name, address })));
}

function stepSpec(
  machinery: Machinery,
  operation: RunOperation,
  { kind: network, programs, hosts }: HostedNetworking,
  root: ViewSpec,
  user: ReturnType<typeof resolveUser>,
  prepared: PreparedMounts,
): StepSpec {
  return {
    root,
    argv: operation.args,
    env: environmentOf(operation, user.home, prepared),
    cwd: operation.cwd,
    user: { uid: user.uid, gid: user.gid, groups: [...new Set([user.gid, ...user.groups])] }, // as with containerd, the primary group is among them
    network,
    networkPrograms: programs,
    hostname: operation.hostname,
    hosts: hostsFor(hosts, operation.hostname),
    resolvConf: resolvConfFor(network, machinery.resolvConf),
    mounts: prepared.mounts,
    userNamespace: machinery.helper.userNamespace,
    stepIds: machinery.stepIds,
    isolation: machinery.helper.isolation,
    security: operation.security,
    shmSizeBytes: operation.shmSizeBytes,
    cgroups: { files: [], view: null }, // which ones, is known when it runs
    ulimits: operation.ulimits,
    seccomp: machinery.seccomp,
    landlockScope: network === 'host',
  };
}

/**
 * Later entries win: proxies given to the build count before those of the Dockerfile, and secrets before all. HOME comes
 * from the image's accounts unless it is set, and an empty one is not, as with runc.
 */
function environmentOf(operation: RunOperation, home: string, { env: secrets }: PreparedMounts): StepSpec['env'] {
  const env = new Map<string, Bytes>(operation.env);
  const agent = operation.mounts.find((mount) => mount.kind === 'ssh');
  if (agent?.kind === 'ssh' && !env.has('SSH_AUTH_SOCK')) env.set('SSH_AUTH_SOCK', agent.target);
  for (const [name, value] of [...operation.proxyEnv, ...secrets]) env.set(name, value);
  if ((env.get('HOME') ?? '').length === 0) env.set('HOME', home);
  return [...env];
}
