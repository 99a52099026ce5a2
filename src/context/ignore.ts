/**
 * `.dockerignore`: which paths of a context do not exist for COPY and ADD, exactly as moby/patternmatcher decides
 * (SEMANTICS A6, 107 to 113). It reads no disk: the text comes in.
 */
import { posix } from 'node:path';
import { TsbuildError } from '../base/errors.ts';
import { compileIgnorePattern } from './pattern.ts';

export interface IgnoreRule {
  /** Line in the file, from 1. */
  readonly line: number;
  /** As written, trimmed. */
  readonly text: string;
  readonly pattern: string;
  /** A `!` rule: what it matches is not ignored after all. */
  readonly isException: boolean;
  readonly regexp: RegExp;
}

export interface Ignore {
  /** The file that the rules come from, for messages; null when there is none. */
  readonly file: string | null;
  readonly rules: readonly IgnoreRule[];
}

export const ignoreNothing: Ignore = { file: null, rules: [] };

/** Longest file that is read as an ignore file. */
export const ignoreFileSizeMax = 4 * 1024 * 1024;

/**
 * Reads the rules. `#` starts a comment in the first column only; then the line is trimmed and cleaned.
 * @throws TsbuildError `IGNORE_INVALID`
 */
export function parseIgnore(text: string, file: string): Ignore {
  const rules: IgnoreRule[] = [];
  text
    .replace(/^\ufeff/, '')
    .split('\n')
    .forEach((raw, index) => {
      const line = index + 1;
      const rule = raw.startsWith('#') ? null : parseRule(raw.trim(), line, file);
      if (rule !== null) rules.push(rule);
    });
  return { file, rules };
}

function parseRule(text: string, line: number, file: string): IgnoreRule | null {
  if (text === '') return null;
  const isException = text.startsWith('!');
  const body = isException ? text.slice(1).trim() : text;
  const position = { file, startLine: line, endLine: line };
  if (body === '') {
    throw new TsbuildError('usage', 'IGNORE_INVALID', `${file}: illegal exclusion pattern: "!"`, { position, hint: 'Write a path behind the !.' });
  }
  const pattern = posix.normalize(body).replace(/(?<=.)\/$/, '').replace(/^\/(?=.)/, '');
  try {
    return { line, text, pattern, isException, regexp: compileIgnorePattern(pattern) };
  } catch (cause) {
    if (!(cause instanceof TsbuildError)) throw cause;
    throw new TsbuildError('usage', 'IGNORE_INVALID', `${file}: ${cause.message}`, { cause, position });
  }
}

/**
 * The last rule that matches the path or one of its parent directories; null when none does.
 * A parent's match counts for its children (patternmatcher.MatchesOrParentMatches).
 */
export function matchingRule(ignore: Ignore, path: string): IgnoreRule | null {
  if (ignore.rules.length === 0) return null;
  const candidates = selfAndParents(path);
  return ignore.rules.findLast((rule) => candidates.some((candidate) => rule.regexp.test(candidate))) ?? null;
}

/** Whether the path does not exist for COPY. */
export function isIgnored(ignore: Ignore, path: string): boolean {
  const rule = matchingRule(ignore, path);
  return rule !== null && !rule.isException;
}

/** Whether something below an ignored directory could be taken back by a `!` rule: only then it is walked. */
export function mayHoldExceptions(ignore: Ignore, directory: string): boolean {
  return ignore.rules.some((rule) => rule.isException && reaches(rule.pattern, directory));
}

function reaches(pattern: string, directory: string): boolean {
  const parts = pattern.split('/');
  const names = directory.split('/');
  for (const [index, name] of names.entries()) {
    const part = parts[index];
    if (part === undefined) return true;
    if (part.includes('**')) return true;
    if (!compileIgnorePattern(part).test(name)) return false;
  }
  return true;
}

function selfAndParents(path: string): readonly string[] {
  const paths = [path];
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) paths.push(path.slice(0, at));
  return paths;
}
