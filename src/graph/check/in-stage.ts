/**
 * Rules about an instruction in its stage: they look at its words after substitution and at what was set before it
 * (BuildKit dockerfile2llb/convert.go, the `dispatch…` functions). Start at `checkInStage`.
 */
import type { CopyInstruction, EnvInstruction, Instruction, WordsInstruction } from '../../dockerfile/instruction.ts';
import { expand, expandToWords, positioned } from '../expand.ts';
import { goQuote } from '../go-format.ts';
import type { PlanInput } from '../plan-input.ts';
import { parsePortSpec } from '../ports.ts';
import type { StageState } from '../stage-state.ts';
import { keywordOf } from './as-written.ts';
import { checkCopySources, type IgnoredSources } from './copy-ignored-file.ts';
import type { Findings, Place } from './findings.ts';
import { looksSecret } from './secret-names.ts';

/** What the rules remember of a stage. */
export interface StageMemory {
  /** Whether a WORKDIR stands before, in this stage or one that it starts from. */
  workdirIsSet: boolean;
  /** Whether the stage stands, at the end, on an image that is not resolved. */
  readonly hasUnknownBase: boolean;
  /** The ARGs that the file declares, seen by the instruction or not. */
  readonly declared: ReadonlySet<string>;
  /** The last instruction of each kind that counts once a stage. */
  readonly last: Map<Instruction['kind'], Place>;
}

export interface InStageContext {
  readonly input: PlanInput;
  readonly state: StageState;
  readonly memory: StageMemory;
  readonly ignored: IgnoredSources | null;
}

/** @throws TsbuildError where the instruction cannot be planned */
export function checkInStage(instruction: Instruction, context: InStageContext, findings: Findings): void {
  switch (instruction.kind) {
    case 'workdir':
      return checkWorkdir(instruction, wordIn(context, instruction)(instruction.value), context.memory, findings);
    case 'cmd': case 'entrypoint':
      checkOnce(instruction, context.memory, findings);
      if (instruction.command.form === 'shell' && (context.state.config.Shell ?? []).length === 0) {
        findings.report('JSONArgsRecommended', `JSON arguments recommended for ${keywordOf(instruction)} to prevent unintended behavior related to OS signals`, instruction);
      }
      return;
    case 'healthcheck':
      return checkOnce(instruction, context.memory, findings);
    case 'env': case 'label':
      return checkPairs(instruction, context, findings);
    case 'arg':
      for (const { key } of instruction.args) checkSecret('ARG', key, instruction, findings);
      return;
    case 'expose':
      return checkExpose(instruction, context, findings);
    case 'copy': case 'add':
      return checkCopy(instruction, context, findings);
    default:
  }
}

function wordIn({ input, state }: InStageContext, { position }: Instruction): (word: string) => string {
  return (word) => expand(word, state.env, input.dockerfile, position);
}

/** The first WORKDIR alone: fixing it fixes those behind it. What the base image says does not count. */
function checkWorkdir(place: Place, path: string, memory: StageMemory, findings: Findings): void {
  if (!memory.workdirIsSet && !path.startsWith('/')) {
    findings.report('WorkdirRelativePath', `Relative workdir ${goQuote(path)} can have unexpected results if the base image changes`, place);
  }
  memory.workdirIsSet = true;
}

/** Shown at the earlier instruction, which has no effect. */
function checkOnce(instruction: Instruction, { last }: StageMemory, findings: Findings): void {
  const earlier = last.get(instruction.kind);
  if (earlier !== undefined) {
    const detail = `Multiple ${keywordOf(instruction)} instructions should not be used in the same stage because only the last one will be used`;
    findings.report('MultipleInstructionsDisallowed', detail, earlier, instruction);
  }
  last.set(instruction.kind, instruction);
}

function checkPairs(instruction: EnvInstruction, context: InStageContext, findings: Findings): void {
  const word = wordIn(context, instruction);
  const keyword = keywordOf(instruction);
  if (instruction.legacy === true) {
    findings.report('LegacyKeyValueFormat', `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`, instruction);
  }
  if (instruction.kind === 'label') return;
  for (const { key } of instruction.pairs) checkSecret('ENV', word(key), instruction, findings);
}

function checkSecret(instruction: 'ARG' | 'ENV', name: string, place: Place, findings: Findings): void {
  if (!looksSecret(name)) return;
  findings.report('SecretsUsedInArgOrEnv', `Do not use ARG or ENV instructions for sensitive data (${instruction} ${goQuote(name)})`, place);
}

function checkExpose(instruction: WordsInstruction, { input, state }: InStageContext, findings: Findings): void {
  const { position } = instruction;
  for (const spec of instruction.values.flatMap((value) => expandToWords(value, state.env, input.dockerfile, position))) {
    positioned(position, () => parsePortSpec(spec));
    const parts = spec.split(':');
    const [, protocol = ''] = (parts.at(-1) ?? '').split('/');
    if (protocol !== protocol.toLowerCase()) {
      findings.report('ExposeProtoCasing', `Defined protocol '${spec}' in EXPOSE instruction should be lowercase`, instruction);
    }
    if (parts.slice(0, -1).join('') !== '') {
      findings.report('ExposeInvalidFormat', `EXPOSE instruction should not define an IP address or host-port mapping, found '${spec}'`, instruction);
    }
  }
}

function checkCopy(instruction: CopyInstruction, context: InStageContext, findings: Findings): void {
  const { ignored } = context;
  if (ignored === null || instruction.from !== undefined) return;
  checkCopySources(instruction, instruction.sources.map(wordIn(context, instruction)), ignored, findings);
}
