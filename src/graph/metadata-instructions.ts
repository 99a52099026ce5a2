/** The instructions that change the image's config alone: one function each, from state to state. */
import { compareBytes } from '../base/canonical.ts';
import { TsbuildError } from '../base/errors.ts';
import type {
  ArgInstruction,
  Command,
  CommandInstruction,
  EnvInstruction,
  HealthcheckInstruction,
  OnbuildInstruction,
  ShellInstruction,
  WordInstruction,
  WordsInstruction,
} from '../dockerfile/instruction.ts';
import { checkStopSignal } from '../dockerfile/stop-signal.ts';
import type { Healthcheck, Platform } from '../image/config.ts';
import { nonEnvironmentArgs } from './arguments.ts';
import type { EnvList } from './env-list.ts';
import { expand, expandToWords, positioned, type Scope } from './expand.ts';
import { goDuration, goList, goQuoteList } from './go-format.ts';
import type { PlanInput } from './plan-input.ts';
import { parsePortSpec } from './ports.ts';
import { withLine, type Settings, type StageState } from './stage-state.ts';
import type { VersionedMap } from './versioned-map.ts';

/** Adds a line without a layer to the history. */
export function withHistory(state: StageState, input: PlanInput, createdBy: string): StageState {
  return withLine(state, input, createdBy, null);
}

function withConfig(state: StageState, changes: Settings): StageState {
  return { ...state, config: { ...state.config, ...changes } };
}

/** ENV and LABEL: all pairs see the environment from before the instruction (SEMANTICS A6, 18 and 19). */
export function applyPairs(state: StageState, instruction: EnvInstruction, input: PlanInput): StageState {
  const word = (text: string): string => expand(text, state.env, input.dockerfile, instruction.position);
  const pairs = instruction.pairs.map(({ key, value }) => ({ key: word(key), value: word(value) }));
  const name = instruction.kind === 'env' ? 'ENV' : 'LABEL';
  const createdBy = [name, ...pairs.map(({ key, value }) => `${key}=${value}`)].join(' ');
  const next = instruction.kind === 'env' ? withEnv(state, pairs) : withLabels(state, pairs);
  return withHistory(next, input, createdBy);
}

interface Pair {
  readonly key: string;
  readonly value: string;
}

function withEnv(state: StageState, pairs: readonly Pair[]): StageState {
  let { env, ownEnv } = state;
  for (const { key, value } of pairs) {
    env = env.with(key, value);
    ownEnv = ownEnv.with(key, value);
  }
  return { ...state, env, ownEnv };
}

export function withLabels(state: StageState, pairs: readonly Pair[]): StageState {
  let { labels } = state;
  for (const { key, value } of pairs) labels = labels.with(key, value);
  return { ...state, labels };
}

/** ARG: pair by pair from left to right (SEMANTICS A6, 20, 32 to 37). */
export function applyArg(state: StageState, instruction: ArgInstruction, input: PlanInput, globals: EnvList): StageState {
  let next = state;
  const texts: string[] = [];
  for (const { key, value } of instruction.args) {
    const result = valueOfArg({ key, value }, next.env, instruction, { input, globals });
    const env = result === null || nonEnvironmentArgs.has(key) ? next.env : next.env.with(key, result);
    next = { ...next, env, buildArgs: next.buildArgs.with(key, result) };
    texts.push(result === null ? key : `${key}=${result}`);
  }
  return withHistory(next, input, `ARG ${texts.join(' ')}`);
}

interface ArgSources {
  readonly input: PlanInput;
  readonly globals: EnvList;
}

/** What one ARG of an instruction becomes; null where neither the user, a global ARG nor a default says. */
export function valueOfArg(
  { key, value }: { readonly key: string; readonly value: string | undefined },
  env: Scope,
  { position }: Pick<ArgInstruction, 'position'>,
  { input, globals }: ArgSources,
): string | null {
  const own = value === undefined ? globals.get(key) : undefined;
  return input.buildArgs.get(key) ?? own ?? (value === undefined ? null : expand(value, env, input.dockerfile, position));
}

/** The argument vector of a command: shell form goes to the SHELL in force. */
export function argumentsOf(command: Command, { config, platform }: Pick<StageState, 'config' | 'platform'>): readonly string[] {
  if (command.form === 'exec') return command.argv;
  const shell = config.Shell !== undefined && config.Shell.length > 0 ? config.Shell : defaultShell(platform);
  return [...shell, command.text];
}

function defaultShell({ os }: Platform): readonly string[] {
  return os === 'windows' ? ['cmd', '/S', '/C'] : ['/bin/sh', '-c'];
}

/** CMD and ENTRYPOINT (SEMANTICS A6, 90 to 92). */
export function applyCommand(state: StageState, instruction: CommandInstruction, input: PlanInput): StageState {
  const args = argumentsOf(instruction.command, state);
  if (instruction.kind === 'cmd') {
    const next = withConfig({ ...state, cmdIsSet: true }, { Cmd: args, ArgsEscaped: true });
    return withHistory(next, input, `CMD ${goQuoteList(args)}`);
  }
  const next = withConfig(state, { Entrypoint: args, ...(state.cmdIsSet ? {} : { Cmd: null }) });
  return withHistory(next, input, `ENTRYPOINT ${goQuoteList(args)}`);
}

/** USER, STOPSIGNAL and MAINTAINER, which alone is taken as written. */
export function applyWord(state: StageState, instruction: WordInstruction, input: PlanInput): StageState {
  if (instruction.kind === 'maintainer') {
    return withHistory({ ...state, author: instruction.value }, input, `MAINTAINER ${instruction.value}`);
  }
  const value = expand(instruction.value, state.env, input.dockerfile, instruction.position);
  switch (instruction.kind) {
    case 'user':
      return withHistory(withConfig(state, { User: value }), input, `USER ${value}`);
    case 'stopsignal':
      positioned(instruction.position, () => checkStopSignal(value));
      return withHistory(withConfig(state, { StopSignal: value }), input, `STOPSIGNAL ${value}`);
    case 'workdir':
      throw new TsbuildError('bug', 'WORKDIR_IS_NOT_METADATA', 'WORKDIR is planned as a vertex');
  }
}

/** EXPOSE and VOLUME. */
export function applyWords(state: StageState, instruction: WordsInstruction, input: PlanInput): StageState {
  if (instruction.kind === 'expose') return applyExpose(state, instruction, input);
  const volumes = instruction.values.map((value) => expand(value, state.env, input.dockerfile, instruction.position));
  if (volumes.includes('')) {
    throw new TsbuildError('usage', 'VOLUME_EMPTY', 'VOLUME specified can not be an empty string', { position: instruction.position });
  }
  return withHistory({ ...state, volumes: withKeys(state.volumes, volumes) }, input, `VOLUME ${goList(volumes)}`);
}

/** The words are sorted as they are written, so that the history is (instructions/parse.go, parseExpose). */
function applyExpose(state: StageState, instruction: WordsInstruction, input: PlanInput): StageState {
  const words = instruction.values.toSorted(compareBytes).flatMap((value) => expandToWords(value, state.env, input.dockerfile, instruction.position));
  const ports = positioned(instruction.position, () => words.flatMap(parsePortSpec));
  return withHistory({ ...state, ports: withKeys(state.ports, ports) }, input, `EXPOSE ${goList(ports)}`);
}

function withKeys(set: VersionedMap<null>, keys: readonly string[]): VersionedMap<null> {
  let next = set;
  for (const key of keys) {
    if (!next.has(key)) next = next.with(key, null);
  }
  return next;
}

export function applyShell(state: StageState, instruction: ShellInstruction, input: PlanInput): StageState {
  return withHistory(withConfig(state, { Shell: instruction.shell }), input, `SHELL ${goList(instruction.shell)}`);
}

export function applyHealthcheck(state: StageState, instruction: HealthcheckInstruction, input: PlanInput): StageState {
  const { test, interval = 0, timeout = 0, startPeriod = 0, startInterval = 0, retries = 0 } = instruction;
  const check: Healthcheck = {
    Test: test,
    ...(interval === 0 ? {} : { Interval: interval }),
    ...(timeout === 0 ? {} : { Timeout: timeout }),
    ...(startPeriod === 0 ? {} : { StartPeriod: startPeriod }),
    ...(startInterval === 0 ? {} : { StartInterval: startInterval }),
    ...(retries === 0 ? {} : { Retries: retries }),
  };
  const fields = [
    `Test:${goList(test)}`,
    `Interval:${goDuration(interval)}`,
    `Timeout:${goDuration(timeout)}`,
    `StartPeriod:${goDuration(startPeriod)}`,
    `StartInterval:${goDuration(startInterval)}`,
    `Retries:${retries}`,
  ];
  return withHistory(withConfig(state, { Healthcheck: check }), input, `HEALTHCHECK {${fields.join(' ')}}`);
}

/** ONBUILD leaves no line in the history. */
export function applyOnbuild(state: StageState, instruction: OnbuildInstruction): StageState {
  return { ...state, triggers: state.triggers.with(instruction.expression) };
}
