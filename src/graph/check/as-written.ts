/**
 * Rules about single instructions as they are written. They need no other instruction, and so hold for all that stands
 * before an error (BuildKit instructions/parse.go).
 */
import { unreachable } from '../../base/errors.ts';
import type { ArgInstruction, FromInstruction, Instruction } from '../../dockerfile/instruction.ts';
import { splitBlanks } from '../../dockerfile/whitespace.ts';
import type { Findings, Place } from './findings.ts';
import { isCheckComment } from './options.ts';

/** StageNameCasing, FromAsCasing, MaintainerDeprecated, InvalidDefinitionDescription. */
export function checkAsWritten(instruction: Instruction, findings: Findings): void {
  switch (instruction.kind) {
    case 'from':
      return checkFrom(instruction, findings);
    case 'arg':
      return checkArg(instruction, findings);
    case 'maintainer':
      return findings.report('MaintainerDeprecated', 'Maintainer instruction is deprecated in favor of using label', instruction);
    case 'run': case 'copy': case 'add': case 'env': case 'label': case 'cmd': case 'entrypoint': case 'workdir': case 'user':
    case 'stopsignal': case 'expose': case 'volume': case 'shell': case 'healthcheck': case 'onbuild':
      return;
    default:
      unreachable(instruction);
  }
}

/** The keyword of an instruction in the case that the file has. */
export function keywordOf({ text }: Pick<Instruction, 'text'>): string {
  return splitBlanks(text)[0] ?? '';
}

function checkFrom(from: FromInstruction, findings: Findings): void {
  if (from.as === undefined) return;
  const [as = '', name = ''] = splitBlanks(from.text).slice(-2);
  if (name !== name.toLowerCase()) findings.report('StageNameCasing', `Stage name '${name}' should be lowercase`, from);
  const keyword = keywordOf(from);
  if (!isSameCase(keyword, as)) findings.report('FromAsCasing', `'${as}' and '${keyword}' keywords' casing do not match`, from);
  checkDescription('FROM', [from.as], from, findings);
}

/** A keyword of mixed case is ConsistentInstructionCasing's affair. */
function isSameCase(keyword: string, as: string): boolean {
  if (keyword === keyword.toLowerCase()) return as === as.toLowerCase();
  return keyword !== keyword.toUpperCase() || as === as.toUpperCase();
}

function checkArg(arg: ArgInstruction, findings: Findings): void {
  checkDescription('ARG', arg.args.map(({ key }) => key), arg, findings);
}

/** The last comment above must start with a name that the instruction defines. */
function checkDescription(instruction: 'FROM' | 'ARG', names: readonly string[], place: Place, findings: Findings): void {
  const comment = place.comments.filter((text) => !isCheckComment(text)).at(-1);
  if (comment === undefined || names.includes(comment.split(' ', 1)[0] ?? '')) return;
  const example = names.length > 1 ? '<arg_key>' : (names[0] ?? '');
  findings.report('InvalidDefinitionDescription', `Comment for ${instruction} should follow the format: \`# ${example} <description>\``, place);
}
