/** CopyIgnoredFile: a source of COPY or ADD that the ignore file keeps out of the context. */
import { posix } from 'node:path';
import type { CopyInstruction } from '../../dockerfile/instruction.ts';
import { goQuote } from '../go-format.ts';
import { isLocalSource } from '../copy-instruction.ts';
import type { Findings } from './findings.ts';

/** The ignore rules of the main context. There are none for this rule where one of them takes something back with `!`. */
export interface IgnoredPaths {
  /** Whether the path, relative to the context, or a directory above it is ignored. */
  isIgnored(path: string): boolean;
}

/** @param sources after substitution */
export function checkCopySources(instruction: CopyInstruction, sources: readonly string[], ignored: IgnoredPaths, findings: Findings): void {
  const verb = instruction.kind === 'add' ? 'Add' : 'Copy';
  for (const source of sources.filter(isLocalSource)) {
    const path = posix.normalize(source).replace(/(?<=.)\/$/, '');
    if (!ignored.isIgnored(path.replace(/^\/(?=.)/, ''))) continue;
    findings.report('CopyIgnoredFile', `Attempting to ${verb} file ${goQuote(path)} that is excluded by .dockerignore`, instruction);
  }
}
