/** COPY and ADD: sources, destination and owner after substitution become one vertex (SEMANTICS A6, 52 to 76). */
import { TsbuildError } from '../base/errors.ts';
import type { CopyInstruction } from '../dockerfile/instruction.ts';
import { readChecksum } from '../dockerfile/git-query.ts';
import { hideCredentials, isGitUrl, parseGitUrl, type GitUrl } from '../dockerfile/git-url.ts';
import { parseMode } from '../dockerfile/mode.ts';
import { expand, expandBody, positioned } from './expand.ts';
import { resolveDestination, resolveSource } from './file-paths.ts';
import { contextVertex, gitVertex, vertexOfFrom, type PlanContext } from './plan-context.ts';
import type { ResolvedStage } from './stages.ts';
import type { StageState } from './stage-state.ts';
import type { CopyOperation, CopySource, VertexID } from './vertex.ts';

/** Whether a source is an address of a file. */
export function isDownload(source: string): boolean {
  return /^https?:\/\//.test(source);
}

/** Whether a source is a path of the context, and nothing from elsewhere. */
export function isLocalSource(source: string): boolean {
  return !isGitUrl(source) && !isDownload(source);
}

/** The operands and flags after substitution; a flag that became empty is as good as absent. */
interface Words {
  readonly sources: readonly string[];
  readonly destination: string;
  readonly excludes: readonly string[];
  readonly owner: string | null;
  readonly mode: string | null;
  readonly checksum: string | null;
}

function expandCopy(context: PlanContext, state: StageState, instruction: CopyInstruction): Words {
  const word = (text: string): string => expand(text, state.env, context.input.dockerfile, instruction.position);
  const optional = (text = ''): string | null => {
    const value = word(text);
    return value === '' ? null : value;
  };
  return {
    sources: instruction.sources.map(word),
    destination: word(instruction.destination),
    excludes: instruction.excludes.map(word),
    owner: optional(instruction.chown),
    mode: optional(instruction.chmod),
    checksum: optional(instruction.checksum),
  };
}

/** Plans a COPY or ADD; returns the vertex's operation and the line for the history. */
export function planCopy(
  context: PlanContext,
  stage: ResolvedStage,
  state: StageState,
  instruction: CopyInstruction,
): { readonly operation: CopyOperation; readonly createdBy: string } {
  const words = expandCopy(context, state, instruction);
  checkMode(words.mode, instruction);
  checkChecksum(words, instruction);
  const isAdd = instruction.kind === 'add';
  const from = (): VertexID =>
    instruction.from === undefined ? contextVertex(context, '') : vertexOfFrom(context, stage, instruction.from, instruction.position);
  const sources = words.sources.map((source) => planSource(context, source, from, words.checksum, instruction));
  const inline = instruction.heredocs.map((heredoc): CopySource => {
    const content = heredoc.expand ? expandBody(heredoc.content, state.env, instruction.position) : heredoc.content;
    return { kind: 'inline', name: heredoc.name, content };
  });
  const operation: CopyOperation = {
    kind: 'copy',
    instruction: isAdd ? 'ADD' : 'COPY',
    root: state.root,
    sources: [...sources, ...inline],
    destination: resolveDestination(state.config.WorkingDir ?? '/', words.destination),
    owner: words.owner,
    mode: words.mode,
    link: instruction.link,
    parents: instruction.parents,
    excludes: words.excludes,
    unpack: instruction.unpack ?? isAdd,
    unpackRemote: instruction.unpack ?? false,
  };
  return { operation, createdBy: historyText(instruction, words) };
}

function historyText(instruction: CopyInstruction, words: Words): string {
  const parts = [
    instruction.kind === 'add' ? 'ADD' : 'COPY',
    ...(instruction.parents ? ['--parents'] : []),
    ...(words.owner === null ? [] : [`--chown=${words.owner}`]),
    ...(words.mode === null ? [] : [`--chmod=${words.mode}`]),
    ...words.sources.map(hideCredentials),
    ...instruction.heredocs.map((heredoc) => `<<${heredoc.name}`),
    words.destination,
  ];
  return `${parts.join(' ')} # buildkit`;
}

/** A repository, a download or a path, in this order: `https://….git` is a repository (SEMANTICS A6, 75 and 76). */
function planSource(context: PlanContext, source: string, from: () => VertexID, checksum: string | null, instruction: CopyInstruction): CopySource {
  const isAdd = instruction.kind === 'add';
  // `--keep-git-dir` makes a repository of every address.
  const repository = positioned(instruction.position, () => parseGitUrl(source, { knownGit: instruction.keepGitDir !== undefined }));
  if (repository !== null) {
    if (!isAdd) throw refusal(instruction, 'COPY_FROM_GIT', "source can't be a git ref for COPY", 'Use ADD.');
    return planRepository(context, repository, checksum, instruction);
  }
  if (!isDownload(source)) return { kind: 'path', from: from(), ...(instruction.parents ? splitAtPivot(source) : { pattern: resolveSource(source) }) };
  if (!isAdd) throw refusal(instruction, 'COPY_FROM_URL', "source can't be a URL for COPY", 'Use ADD.');
  return { kind: 'http', url: source, filename: fileNameOf(source), checksum };
}

function planRepository(context: PlanContext, url: GitUrl, flag: string | null, instruction: CopyInstruction): CopySource {
  const { keepGitDir, position } = instruction;
  if (keepGitDir !== undefined && url.keepGitDir !== null && keepGitDir !== url.keepGitDir) {
    throw refusal(instruction, 'KEEP_GIT_DIR_CONFLICT', 'inconsistent keep-git-dir configuration', 'Say it once, by the flag or in the address.');
  }
  const checksum = flag === null ? null : positioned(position, () => readChecksum(flag));
  if (checksum !== null && url.checksum !== null && checksum !== url.checksum) {
    throw refusal(instruction, 'CHECKSUM_CONFLICT', `checksum mismatch ${JSON.stringify(checksum)} != ${JSON.stringify(url.checksum)}`, 'Say it once, by the flag or in the address.');
  }
  const keepsGit = url.keepGitDir ?? keepGitDir ?? false;
  return { kind: 'git', from: gitVertex(context, { ...url, checksum: checksum ?? url.checksum }, keepsGit) };
}

/** The last name of the path, the query left out (SEMANTICS A6, 73). */
function fileNameOf(source: string): string {
  const name = decodePath(source).replace(/\/+$/, '').split('/').at(-1) ?? '';
  return name === '' || name === '.' || name === '..' || name.includes('\0') ? '__unnamed__' : name;
}

/**
 * A source of `--parents`: directories before the first `/./` are left out at the destination, those behind it are made
 * there. Nothing behind it means everything, where BuildKit drops the empty pattern and copies nothing.
 */
function splitAtPivot(source: string): { readonly pattern: string; readonly include?: string } {
  const at = source.indexOf('/./');
  const include = resolveSource(at < 0 ? source : source.slice(at + 3)).slice(1);
  return { pattern: at < 0 ? '/' : resolveSource(source.slice(0, at)), ...(include === '' ? {} : { include }) };
}

function decodePath(source: string): string {
  if (!URL.canParse(source)) return '';
  const { pathname } = new URL(source);
  try {
    return decodeURIComponent(pathname);
  } catch (error) {
    if (error instanceof URIError) return pathname;
    throw error;
  }
}

function refusal(instruction: CopyInstruction, code: string, message: string, hint: string): TsbuildError {
  return new TsbuildError('usage', code, message, { position: instruction.position, hint });
}

function checkMode(mode: string | null, instruction: CopyInstruction): void {
  if (mode !== null) positioned(instruction.position, () => parseMode(mode));
}

function checkChecksum(words: Words, instruction: CopyInstruction): void {
  if (words.checksum === null) return;
  if (words.sources.length !== 1) {
    throw refusal(instruction, 'CHECKSUM_SOURCES', "checksum can't be specified for multiple sources", 'Write one ADD for each source.');
  }
  const [source = ''] = words.sources;
  if (isLocalSource(source)) {
    throw refusal(instruction, 'CHECKSUM_SOURCES', 'checksum requires HTTP(S) or Git sources', 'Remove --checksum.');
  }
}
