/**
 * CopyIgnoredFile: a source of COPY or ADD that the ignore file keeps out of the context (BuildKit
 * dockerfile2llb/validations.go, validateCopySourcePath).
 */
import { posix } from 'node:path';
import type { CopyInstruction } from '../../dockerfile/instruction.ts';
import { goQuote } from '../go-format.ts';
import { isLocalSource } from '../copy-instruction.ts';
import type { Findings } from './findings.ts';

/** The ignore rules of the main context. */
export interface IgnoredPaths {
  /** Whether the path, relative to the context, or a directory above it is ignored. */
  isIgnored(path: string): boolean;
  /** Clean paths, in the order of the file, those of `!` rules without it. */
  readonly patterns: readonly { readonly path: string; readonly isException: boolean }[];
}

/** Ignore rules that keep out the whole context; others fit the name of its root only by chance. */
const wholePatterns = new Set(['*', '**', '**/*']);

/** Longer paths are none to the kernel (PATH_MAX), and are not looked at part by part. */
const pathLengthMax = 4096;

/** The ignore rules, made ready for many sources. */
export class IgnoredSources {
  readonly #ignored: IgnoredPaths;
  readonly #ignoresAll: boolean;
  /** Directories at or below which a `!` rule names something; the root is the empty path. */
  readonly #above = new Set<string>();
  /** Directories anywhere below which a `!` rule with a wildcard may fit. */
  readonly #wildcards = new Set<string>();

  constructor(ignored: IgnoredPaths) {
    this.#ignored = ignored;
    this.#ignoresAll = ignored.patterns.some(({ path, isException }) => !isException && wholePatterns.has(path));
    for (const { path, isException } of ignored.patterns) {
      if (isException && path.length <= pathLengthMax) this.#addException(path);
    }
  }

  #addException(path: string): void {
    const parts = path.split('/');
    const wildcard = parts.findIndex((part) => /[*?[]/.test(part));
    const prefix = (wildcard < 0 ? parts : parts.slice(0, wildcard)).join('/');
    for (const directory of upwards(prefix)) this.#above.add(directory);
    if (wildcard >= 0) this.#wildcards.add(prefix);
  }

  /**
   * Whether nothing of the source can be in the context.
   * @param source clean
   */
  isIgnored(source: string): boolean {
    const path = source === '.' ? '' : source.replace(/^\//, '');
    if (path.length > pathLengthMax || (path === '' && !this.#ignoresAll)) return false;
    if (this.#above.has(path) || upwards(path).some((directory) => this.#wildcards.has(directory))) return false;
    return this.#ignored.isIgnored(path === '' ? source : path);
  }
}

/** The path, the directories above it, and the root. */
function upwards(path: string): readonly string[] {
  const paths = [path];
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) paths.push(path.slice(0, at));
  return path === '' ? paths : [...paths, ''];
}

/** @param sources after substitution */
export function checkCopySources(instruction: CopyInstruction, sources: readonly string[], ignored: IgnoredSources, findings: Findings): void {
  const verb = instruction.kind === 'add' ? 'Add' : 'Copy';
  for (const source of sources.filter(isLocalSource)) {
    const path = posix.normalize(source).replace(/(?<=.)\/$/, '');
    if (!ignored.isIgnored(path)) continue;
    findings.report('CopyIgnoredFile', `Attempting to ${verb} file ${goQuote(path)} that is excluded by .dockerignore`, instruction);
  }
}
