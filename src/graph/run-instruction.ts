/** RUN: its arguments, environment and mounts become one vertex (SEMANTICS A6, 16, 28, 29, 77 to 87). */
import { TsbuildError } from '../base/errors.ts';
import type { RunInstruction } from '../dockerfile/instruction.ts';
import { parseMount, type CacheMount, type Mount } from '../dockerfile/mount.ts';
import { scriptOf } from '../dockerfile/run.ts';
import { expand, positioned } from './expand.ts';
import { resolveSource, resolveWorkdir } from './file-paths.ts';
import { argumentsOf } from './metadata-instructions.ts';
import type { PlanInput } from './plan-input.ts';
import { contextVertex, vertexOfFrom, type PlanContext } from './plan-context.ts';
import type { ResolvedStage } from './stages.ts';
import type { StageState } from './stage-state.ts';
import type { EnvPair } from './env-list.ts';
import { proxyEnvironment } from './arguments.ts';
import type { InlineFile, RunMount, RunOperation, VertexID } from './vertex.ts';

/** A RUN's command line after its here-documents were put in place. */
interface RunCommand {
  readonly args: readonly string[];
  readonly inlineFile: InlineFile | null;
}

/** The directory where a here-document with a `#!` line is found as a file. */
const pipesDirectory = '/dev/pipes';

function commandOf(instruction: RunInstruction, state: StageState): RunCommand {
  const script = scriptOf(instruction);
  switch (script.kind) {
    case 'exec':
      return { args: script.argv, inlineFile: null };
    case 'shell':
      return { args: argumentsOf({ form: 'shell', text: script.text }, state), inlineFile: null };
    case 'file':
      return { args: [`${pipesDirectory}/${script.name}`], inlineFile: { name: script.name, content: script.content } };
  }
}

/** The text of RUN in the history: its build arguments, then its command line. */
function historyText(args: readonly string[], state: StageState): string {
  const pairs = state.buildArgs.pairs().map(([key, value]) => `${key}=${state.env.get(key) ?? value ?? ''}`);
  const prefix = pairs.length === 0 ? [] : [`|${pairs.length}`, ...pairs];
  return `RUN ${[...prefix, ...args].join(' ')} # buildkit`;
}

/** Plans a RUN; returns the vertex's operation and the line for the history. */
export function planRun(
  context: PlanContext,
  stage: ResolvedStage,
  state: StageState,
  instruction: RunInstruction,
): { readonly operation: RunOperation; readonly createdBy: string } {
  const { input } = context;
  refuseDevices(instruction);
  const { args, inlineFile } = commandOf(instruction, state);
  const operation: RunOperation = {
    kind: 'run',
    root: state.root,
    args,
    env: withDate(state.env.pairs(), input.sourceDateEpoch),
    proxyEnv: proxyEnvironment(input.buildArgs),
    cwd: state.config.WorkingDir ?? '/',
    user: state.config.User ?? '',
    mounts: planMounts(context, stage, state, instruction),
    network: parseNetwork(instruction, input),
    security: parseSecurity(instruction, input.allowInsecure),
    hostname: input.hostname,
    extraHosts: input.extraHosts,
    shmSizeBytes: input.shmSizeBytes,
    ulimits: input.ulimits,
    inlineFile,
    platform: state.platform,
  };
  return { operation, createdBy: historyText(args, state) };
}

function refuseDevices({ devices, position }: RunInstruction): void {
  if (devices.length === 0) return;
  throw new TsbuildError('usage', 'DEVICE_UNAVAILABLE', `RUN --device=${devices[0]}: devices are not available yet`, {
    position,
    hint: 'Remove --device: steps see /dev/null, zero, full, random, urandom, tty and ptmx.',
  });
}

/** SOURCE_DATE_EPOCH is always set, unless the Dockerfile's own ARG or ENV did (DESIGN.md, section 5). */
function withDate(env: readonly EnvPair[], epoch: string): readonly EnvPair[] {
  return env.some(([name]) => name === 'SOURCE_DATE_EPOCH') ? env : [...env, ['SOURCE_DATE_EPOCH', epoch]];
}

function parseNetwork(instruction: RunInstruction, { network, allowHostNetwork }: PlanInput): PlanInput['network'] {
  const value = instruction.network ?? 'default';
  if (value === 'default') return network;
  if (value === 'none' || (value === 'host' && allowHostNetwork)) return value;
  if (value === 'host') {
    throw new TsbuildError('usage', 'ENTITLEMENT_MISSING', 'RUN --network=host: network.host is not allowed', {
      position: instruction.position,
      hint: "Allow it with --allow network.host, if this Dockerfile may use this machine's network.",
    });
  }
  throw new TsbuildError('usage', 'RUN_NETWORK_INVALID', `RUN --network=${value}: invalid network mode`, {
    position: instruction.position,
    hint: 'Use default, none or host.',
  });
}

function parseSecurity(instruction: RunInstruction, allowed: boolean): 'sandbox' | 'insecure' {
  const value = instruction.security ?? 'sandbox';
  if (value === 'sandbox') return value;
  if (value !== 'insecure') {
    throw new TsbuildError('usage', 'RUN_SECURITY_INVALID', `RUN --security=${value}: security ${JSON.stringify(value)} is not valid`, {
      position: instruction.position,
      hint: 'Use sandbox or insecure.',
    });
  }
  if (allowed) return value;
  throw new TsbuildError('usage', 'ENTITLEMENT_MISSING', 'RUN --security=insecure: security.insecure is not allowed', {
    position: instruction.position,
    hint: 'Allow it with --allow security.insecure, if you trust this Dockerfile with the whole machine.',
  });
}

/** Where a mount stands: what its paths and stages are resolved against. */
interface MountPlace {
  readonly workdir: string;
  readonly cacheNamespace: string;
  /** The vertex of `from`; the main context where there is none. */
  readonly from: (name: string | undefined) => VertexID;
  /** How many ssh mounts stand before this one. */
  readonly sshIndex: number;
}

function planMounts(context: PlanContext, stage: ResolvedStage, state: StageState, instruction: RunInstruction): readonly RunMount[] {
  const { position } = instruction;
  const workdir = state.config.WorkingDir ?? '/';
  const { cacheNamespace } = context.input;
  const from = (name: string | undefined): VertexID =>
    name === undefined ? contextVertex(context, '') : vertexOfFrom(context, stage, name, position);
  let sshIndex = 0;
  return instruction.mounts.map((text) => {
    const mount = positioned(position, () => parseMount(text, (value) => expand(value, state.env, context.input.dockerfile, position)));
    const planned = positioned(position, () => runMount(mount, { workdir, cacheNamespace, from, sshIndex }));
    if (mount.type === 'ssh') sshIndex += 1;
    return planned;
  });
}

/** @throws TsbuildError `MOUNT_TARGET` for a mount over the root (SEMANTICS A6, 83) */
function targetOf(path: string, workdir: string): string {
  const target = resolveWorkdir(workdir, path);
  if (target !== '/') return target;
  throw new TsbuildError('usage', 'MOUNT_TARGET', `RUN --mount: invalid mount target ${JSON.stringify(target)}`, {
    hint: 'Give the mount a target below the root.',
  });
}

function initialOf({ mode, uid, gid }: CacheMount): { readonly mode: number; readonly uid: number; readonly gid: number } | null {
  if (mode === undefined && uid === undefined && gid === undefined) return null;
  return { mode: mode ?? 0o755, uid: uid ?? 0, gid: gid ?? 0 };
}

function runMount(mount: Mount, { workdir, cacheNamespace, from, sshIndex }: MountPlace): RunMount {
  switch (mount.type) {
    case 'bind':
      return { kind: 'bind', from: from(mount.from), source: resolveSource(mount.source ?? '/'), target: targetOf(mount.target, workdir), readOnly: mount.readOnly };
    case 'cache':
      return {
        kind: 'cache',
        namespace: cacheNamespace,
        id: mount.id,
        target: targetOf(mount.target, workdir),
        readOnly: mount.readOnly,
        sharing: mount.sharing,
        from: mount.from === undefined ? null : from(mount.from),
        source: resolveSource(mount.source ?? '/'),
        initial: initialOf(mount),
      };
    case 'tmpfs':
      return { kind: 'tmpfs', target: targetOf(mount.target, workdir), readOnly: mount.readOnly, sizeBytes: mount.sizeBytes ?? null };
    case 'secret':
      return {
        kind: 'secret',
        id: mount.id,
        target: mount.target === undefined ? null : targetOf(mount.target, workdir),
        env: mount.env ?? null,
        required: mount.required,
        mode: mount.mode,
        uid: mount.uid,
        gid: mount.gid,
      };
    case 'ssh':
      return {
        kind: 'ssh',
        id: mount.id,
        target: mount.target === undefined ? `/run/buildkit/ssh_agent.${sshIndex}` : targetOf(mount.target, workdir),
        required: mount.required,
        mode: mount.mode,
        uid: mount.uid,
        gid: mount.gid,
      };
  }
}
