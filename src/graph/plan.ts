/**
 * Planning: a Dockerfile and what is resolved so far become the graph, or the references that are still needed.
 * It reads no clock, disk or environment and starts nothing; `build/` acts on the graph.
 * Start at `plan`; stages are in `stages.ts`, instructions in the files named after them.
 */
import { unreachable } from '../base/errors.ts';
import { hideCredentials } from '../dockerfile/git-url.ts';
import { tryReadHeredocWord } from '../dockerfile/heredoc.ts';
import type { Instruction } from '../dockerfile/instruction.ts';
import type { Platform } from '../image/config.ts';
import { globalArguments } from './arguments.ts';
import { containerConfig } from './container-config.ts';
import { planCopy } from './copy-instruction.ts';
import { expand, expandShown } from './expand.ts';
import { checkKernelWords } from './kernel-words.ts';
import {
  applyArg,
  applyCommand,
  applyHealthcheck,
  applyOnbuild,
  applyPairs,
  applyShell,
  applyWord,
  applyWords,
  withHistory,
  withLabels,
} from './metadata-instructions.ts';
import { requireState, vertexOfBase, VertexList, type PlanContext, type VertexLabel } from './plan-context.ts';
import type { ImageRequest, PlanInput } from './plan-input.ts';
import { checkConfigSize, PlanBudget } from './plan-limits.ts';
import { planRun } from './run-instruction.ts';
import { checkStageReferences, collectReachable } from './reachable.ts';
import { resolveStages, resolveTarget, type ResolvedStage, type StageInstruction } from './stages.ts';
import { inheritState, initialState, moveTo, replacedState, withLine, type StageState } from './stage-state.ts';
import { StepNames } from './step-names.ts';
import { unconsumedArgs } from './unconsumed-args.ts';
import type { ConfigOperation, Graph, Operation, VertexID } from './vertex.ts';

export type PlanResult =
  | { readonly kind: 'needs'; readonly requests: readonly ImageRequest[] }
  /** `unconsumedArgs` are the names of build arguments without an effect, sorted. */
  | { readonly kind: 'graph'; readonly graph: Graph; readonly unconsumedArgs: readonly string[] };

/**
 * Plans the build of one target for one platform.
 * @throws TsbuildError of class `usage`, with the position of the instruction to blame
 */
export function plan(input: PlanInput): PlanResult {
  const globals = globalArguments(input);
  const all = resolveStages(input, globals);
  const target = resolveTarget(input, all);
  checkStageReferences(input, all);
  const reachable = collectReachable(input, all, [target]);
  if (reachable.requests.length > 0) return { kind: 'needs', requests: reachable.requests };
  const context = planStages({ input, globals, all, stages: reachable.stages });
  const id = addConfig(context, requireState(context, target.index), target);
  const targetName = input.target === null || input.target === '' ? (target.name ?? 'default') : input.target;
  return { kind: 'graph', graph: { vertices: context.vertices.finish(), targets: [id], targetName }, unconsumedArgs: unconsumedArgs(input, reachable.stages) };
}

/** Sees an instruction and the state that it starts from. */
export type InstructionVisitor = (item: StageInstruction, state: StageState, stage: ResolvedStage) => void;

export interface StagesToPlan extends Pick<PlanContext, 'input' | 'globals'> {
  /** Every stage of the file. */
  readonly all: readonly ResolvedStage[];
  /** Those to plan: complete, in the order of the file, with all that they need and their images resolved. */
  readonly stages: readonly ResolvedStage[];
}

/**
 * Plans stages; the visitor sees each instruction before it is planned.
 * @throws TsbuildError of class `usage`, with the position of the instruction to blame
 */
export function planStages({ input, globals, all, stages }: StagesToPlan, visit: InstructionVisitor = () => undefined): PlanContext {
  const context: PlanContext = { input, globals, stages: all, states: new Map(), vertices: new VertexList() };
  const budget = new PlanBudget();
  for (const stage of stages) context.states.set(stage.index, planStage(context, stage, visit, budget));
  return context;
}

function planStage(context: PlanContext, stage: ResolvedStage, visit: InstructionVisitor, budget: PlanBudget): StageState {
  const { base } = stage;
  // A stage that starts from another one has that one's platform.
  const platform = base.kind === 'stage' ? requireState(context, base.index).platform : stage.platform;
  const names = new StepNames(stage, context.input.isPlatformShown ? platform : null);
  let state = startOfStage(context, stage, names);
  stage.instructions.forEach((item, step) => {
    visit(item, state, stage);
    const next = applyInstruction(context, stage, state, item, step, names);
    budget.check(state, next, item.instruction);
    state = next;
  });
  return state;
}

function startOfStage(context: PlanContext, stage: ResolvedStage, names: StepNames): StageState {
  const { base, from } = stage;
  if (base.kind === 'stage') return inheritState(requireState(context, base.index));
  const root = vertexOfBase(context, base, from.position, base.kind === 'image' ? names.next(null) : '');
  if (base.kind === 'context') return contextAsRoot(context, stage, root);
  const image = base.kind === 'image' ? (context.input.images.get(base.key) ?? null) : null;
  return stage.isReplaced ? replacedState(root, image, stage.platform) : initialState(root, image, stage.platform);
}

/** `FROM name` where the name is a directory given as a context: its files are the stage's root. */
function contextAsRoot(context: PlanContext, stage: ResolvedStage, source: VertexID): StageState {
  const scratch = vertexOfBase(context, { kind: 'scratch' }, stage.from.position, '');
  const operation: Operation = {
    kind: 'copy',
    instruction: 'COPY',
    root: scratch,
    sources: [{ kind: 'path', from: source, pattern: '/' }],
    destination: '/',
    owner: null,
    mode: null,
    link: false,
    parents: false,
    excludes: [],
    unpack: false,
    unpackRemote: false,
  };
  const root = context.vertices.add(operation, { ...labelOf(context, stage, 0), name: `FROM ${stage.from.base}`, position: stage.from.position });
  const state = stage.isReplaced ? replacedState(scratch, null, stage.platform) : initialState(scratch, null, stage.platform);
  return withLayer(state, context.input, root, `FROM ${stage.from.base}`);
}

function labelOf({ input }: PlanContext, stage: ResolvedStage, step: number): Omit<VertexLabel, 'name' | 'position'> {
  const filtered = input.noCacheFilter.some((name) => name === '' || name.toLowerCase() === stage.name);
  return { stage: stage.name ?? String(stage.index), step, ignoreCache: input.noCache || filtered };
}

function applyInstruction(
  context: PlanContext,
  stage: ResolvedStage,
  state: StageState,
  { instruction, isTrigger }: StageInstruction,
  step: number,
  names: StepNames,
): StageState {
  const { input } = context;
  const onbuild = isTrigger ? 'ONBUILD ' : '';
  const commit = (operation: Operation, createdBy: string, next: StageState = state): StageState => {
    checkKernelWords(operation, { keyword: instruction.kind.toUpperCase(), position: instruction.position });
    const name = names.next(state.env) + onbuild + shownText(instruction, state, input, operation);
    const label = { ...labelOf(context, stage, step), name, position: instruction.position };
    return withLayer(next, input, context.vertices.add(operation, label), createdBy);
  };
  switch (instruction.kind) {
    case 'run': {
      const { operation, createdBy } = planRun(context, stage, state, instruction);
      return commit(operation, createdBy);
    }
    case 'copy':
    case 'add': {
      const { operation, createdBy } = planCopy(context, stage, state, instruction);
      return commit(operation, createdBy);
    }
    case 'workdir': {
      const given = expand(instruction.value, state.env, input.dockerfile, instruction.position);
      const moved = moveTo(state, given);
      const path = moved.config.WorkingDir ?? '/';
      const createdBy = `WORKDIR ${moved.workdirText}`;
      if (path === '/') return withHistory(moved, input, createdBy);
      return commit({ kind: 'workdir', root: state.root, path, user: state.config.User ?? '' }, createdBy, moved);
    }
    case 'env':
    case 'label':
      return applyPairs(state, instruction, input);
    case 'arg':
      return applyArg(state, instruction, input, context.globals);
    case 'cmd':
    case 'entrypoint':
      return applyCommand(state, instruction, input);
    case 'user':
    case 'stopsignal':
    case 'maintainer':
      return applyWord(state, instruction, input);
    case 'expose':
    case 'volume':
      return applyWords(state, instruction, input);
    case 'shell':
      return applyShell(state, instruction, input);
    case 'healthcheck':
      return applyHealthcheck(state, instruction, input);
    case 'onbuild':
      return applyOnbuild(state, instruction);
    default:
      return unreachable(instruction);
  }
}

/** The instruction for progress, with the variables that are set, but for those that a secret is going to be in. */
function shownText(instruction: Instruction, { env }: StageState, { dockerfile }: PlanInput, operation: Operation): string {
  const mounts = operation.kind === 'run' ? operation.mounts : [];
  const secrets = mounts.flatMap((mount) => (mount.kind === 'secret' && mount.env !== null ? [mount.env] : []));
  const text = instruction.text.replace(/^\S+/, (keyword) => keyword.toUpperCase()) + summaryOf(instruction);
  return hideCredentials(expandShown(text, env, dockerfile, new Set(secrets))).replace(/[\r\n]+/g, ' ');
}

/** The first line of a here-document that is the whole RUN says what it does. */
function summaryOf(instruction: Instruction): string {
  if (instruction.kind !== 'run' || instruction.command.form === 'exec') return '';
  const [heredoc] = instruction.heredocs;
  if (heredoc === undefined || tryReadHeredocWord(instruction.command.text) === undefined) return '';
  const [first = '', ...more] = heredoc.content.trim().split(/\r?\n/);
  return ` (${first}${more.length > 0 ? '...' : ''})`;
}

function withLayer(state: StageState, input: PlanInput, root: VertexID, createdBy: string): StageState {
  return withLine({ ...state, root }, input, createdBy, root);
}

/**
 * The platform that the image says it is for: the one that was asked for, whatever its last stage was built with
 * (SEMANTICS A6, 51). Where none was asked for, the stage's own holds.
 */
function imagePlatform({ targetPlatform, isPlatformGiven }: PlanInput, own: Platform): Platform {
  if (!isPlatformGiven) return own;
  const version = own.os === targetPlatform.os ? own['os.version'] : undefined;
  return { ...(version === undefined ? {} : { 'os.version': version }), ...targetPlatform };
}

function addConfig(context: PlanContext, finished: StageState, target: ResolvedStage): VertexID {
  const { input } = context;
  const state = input.labels.length === 0 ? finished : withLabels(finished, input.labels.map(([key, value]) => ({ key, value })));
  const operation: ConfigOperation = {
    kind: 'config',
    root: state.root,
    config: {
      created: input.created,
      ...(state.author === null || state.author === '' ? {} : { author: state.author }),
      ...imagePlatform(input, state.platform),
      config: containerConfig(state),
    },
    baseHistory: state.baseHistory,
    history: state.history.items(),
  };
  checkConfigSize(operation, target.from.position);
  const name = `[${target.label === '' ? 'image' : target.label}] compose config`;
  return context.vertices.add(operation, { ...labelOf(context, target, target.instructions.length), name, position: null });
}
