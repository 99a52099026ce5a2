/**
 * Variables that an unknown base image might set. `tsbuild check` resolves no image, so it cannot know them; a build does.
 * It keeps quiet about a name unless the file itself shows that no image is meant.
 */
import type { Dockerfile, Instruction } from '../../dockerfile/instruction.ts';
import type { ResolvedStage } from '../stages.ts';

/** The ARGs that the file declares before its first FROM. */
export function globalNames({ globalArgs }: Dockerfile): ReadonlySet<string> {
  return namesOf(globalArgs);
}

/** The ARGs that the stage declares, wherever it does. An ENV may extend the image's. */
export function declaredNames(stage: ResolvedStage): ReadonlySet<string> {
  return namesOf(stage.instructions.map(({ instruction }) => instruction));
}

function namesOf(instructions: readonly Instruction[]): ReadonlySet<string> {
  return new Set(instructions.flatMap((instruction) => (instruction.kind === 'arg' ? instruction.args.map(({ key }) => key) : [])));
}

/**
 * Whether a name that is not set may be a variable of the image. It is not when it has a small letter (images write theirs
 * in capitals), when it is a near miss of one that is set, with the same first letter (`GOPATH` is none of `PATH`), or
 * when an ARG declares it where the instruction does not see it (`isDeclared`).
 */
export function mayComeFromImage(name: string, near: string | undefined, isDeclared: boolean): boolean {
  if (!/^[A-Z_][A-Z0-9_]*$/.test(name) || isDeclared) return false;
  return near === undefined || near[0] !== name[0];
}
