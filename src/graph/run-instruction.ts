/** RUN: its arguments, environment and mounts become one vertex (SEMANTICS A6, 16, 28, 29, 77 to 87). */
import { TsbuildError, withPosition } from '../base/errors.ts';
import type { RunInstruction } from '../dockerfile/instruction.ts';
import { parseMount, type Mount } from '../dockerfile/mount.ts';
import { scriptOf } from '../dockerfile/run.ts';
import { expand } from './expand.ts';
import { resolveWorkdir } from './file-paths.ts';
import { argumentsOf } from './metadata-instructions.ts';
import { contextVertex, vertexOfFrom, type PlanContext } from './plan-context.ts';
import type { ResolvedStage } from './stages.ts';
import type { StageState } from './stage-state.ts';
import type { EnvPair } from './env-list.ts';
import { proxyEnvironment } from './arguments.ts';
import type { InlineFile, RunMount, RunOperation } from './vertex.ts';

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
      return { args: argumentsOf({ form: 'shell', text: script.text }, state.config), inlineFile: null };
    case 'file':
      return { args: [`${pipesDirectory}/${script.name}`], inlineFile: { name: script.name, content: script.content } };
  }
}

/** The text of RUN in the history: its build arguments, then its command line. */
function historyText(args: readonly string[], state: StageState): string {
  const values = new Map<string, string>();
  for (const { key, value } of state.buildArgs) values.set(key, state.env.get(key) ?? value ?? '');
  const pairs = [...values].map(([key, value]) => `${key}=${value}`);
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
  const { args, inlineFile } = commandOf(instruction, state);
  const operation: RunOperation = {
    kind: 'run',
    root: state.root,
    args,
    env: withDate(state.env.pairs(), input.sourceDateEpoch),
    proxyEnv: proxyEnvironment(input.buildArgs),
    cwd: state.config.WorkingDir ?? '/',
    user: state.config.User ?? '',
    mounts: instruction.mounts.map((text, index) => planMount(context, stage, state, instruction, text, index)),
    network: parseNetwork(instruction, input.network),
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

/** SOURCE_DATE_EPOCH is always set, unless the Dockerfile's own ARG or ENV did (DESIGN.md, section 5). */
function withDate(env: readonly EnvPair[], epoch: string): readonly EnvPair[] {
  return env.some(([name]) => name === 'SOURCE_DATE_EPOCH') ? env : [...env, ['SOURCE_DATE_EPOCH', epoch]];
}

function parseNetwork(instruction: RunInstruction, fallback: 'default' | 'none' | 'host'): 'default' | 'none' | 'host' {
  const value = instruction.network ?? 'default';
  if (value === 'default') return fallback;
  if (value === 'none' || value === 'host') return value;
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

function planMount(
  context: PlanContext,
  stage: ResolvedStage,
  state: StageState,
  instruction: RunInstruction,
  text: string,
  index: number,
): RunMount {
  const mount = readMount(text, instruction, (value) => expand(value, state.env, context.input.dockerfile, instruction.position));
  const from = (name: string | undefined): number =>
    name === undefined ? contextVertex(context, '') : vertexOfFrom(context, stage, name, instruction.position);
  return runMount(mount, state.config.WorkingDir ?? '/', index, from);
}

function readMount(text: string, instruction: RunInstruction, expandValue: (value: string) => string): Mount {
  try {
    return parseMount(text, expandValue);
  } catch (error) {
    throw withPosition(error, instruction.position);
  }
}

function runMount(mount: Mount, workdir: string, index: number, from: (name: string | undefined) => number): RunMount {
  const target = (path: string): string => resolveWorkdir(workdir, path);
  switch (mount.type) {
    case 'bind':
      return { kind: 'bind', from: from(mount.from), source: mount.source ?? '/', target: target(mount.target), readOnly: mount.readOnly };
    case 'cache':
      return {
        kind: 'cache',
        id: mount.id,
        target: target(mount.target),
        readOnly: mount.readOnly,
        sharing: mount.sharing,
        from: mount.from === undefined ? null : from(mount.from),
        source: mount.source ?? '/',
        mode: mount.mode ?? 0o755,
        uid: mount.uid ?? 0,
        gid: mount.gid ?? 0,
      };
    case 'tmpfs':
      return { kind: 'tmpfs', target: target(mount.target), sizeBytes: mount.sizeBytes ?? null };
    case 'secret':
      return {
        kind: 'secret',
        id: mount.id,
        target: mount.target === undefined ? null : target(mount.target),
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
        target: mount.target === undefined ? `/run/buildkit/ssh_agent.${index}` : target(mount.target),
        required: mount.required,
        mode: mount.mode,
        uid: mount.uid,
        gid: mount.gid,
      };
  }
}
