/**
 * Build arguments that nothing of a build asks for, as `docker build` tells them
 * (moby, daemon/builder/dockerfile/buildargs.go, WarnOnUnusedBuildArgs).
 */
import { compareBytes } from '../base/canonical.ts';
import { isPredefinedArg } from './arguments.ts';
import type { PlanInput } from './plan-input.ts';
import type { ResolvedStage } from './stages.ts';

/**
 * The names, sorted by bytes, that neither an ARG before the first FROM nor one in these stages has.
 * @param stages what the target reaches, with the triggers of their bases
 */
export function unconsumedArgs({ dockerfile, buildArgs }: Pick<PlanInput, 'dockerfile' | 'buildArgs'>, stages: readonly ResolvedStage[]): readonly string[] {
  const names = new Set([...buildArgs.keys()].filter((name) => !isPredefinedArg(name)));
  if (names.size === 0) return [];
  const instructions = [...dockerfile.globalArgs, ...stages.flatMap((stage) => stage.instructions.map(({ instruction }) => instruction))];
  for (const instruction of instructions) {
    if (instruction.kind === 'arg') for (const { key } of instruction.args) names.delete(key);
  }
  return [...names].sort(compareBytes);
}
