/**
 * `.dockerignore`: which paths of a context do not exist for COPY and ADD, exactly as moby/patternmatcher decides
 * (SEMANTICS A6, 107 to 113). It reads no disk: the text comes in. Start at `parseIgnore` and `openIgnore`.
 */
import { posix } from 'node:path';
import { TsbuildError } from '../base/errors.ts';
import { compileIgnorePattern, type Pattern } from './pattern.ts';

export interface IgnoreRule {
  /** Line in the file, from 1. */
  readonly line: number;
  /** As written, trimmed. */
  readonly text: string;
  /** A `!` rule: what it matches is not ignored after all. */
  readonly isException: boolean;
  readonly pattern: Pattern;
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
  const lines = text.replace(/^\ufeff/, '').split('\n');
  const rules = lines.flatMap((raw, index) => (raw.startsWith('#') ? [] : (readLine(raw, index + 1, file) ?? [])));
  return { file, rules };
}

function readLine(raw: string, line: number, file: string): IgnoreRule | null {
  try {
    return readRule(raw, line);
  } catch (cause) {
    if (!(cause instanceof TsbuildError)) throw cause;
    const position = { file, startLine: line, endLine: line };
    throw new TsbuildError('usage', 'IGNORE_INVALID', `${file}: ${cause.message}`, { cause, position, ...(cause.hint === undefined ? {} : { hint: cause.hint }) });
  }
}

/**
 * The patterns of `--exclude`, one rule each: the same dialect, without comments.
 * @throws TsbuildError `PATTERN_INVALID`, without a position: the caller knows it
 */
export function parseExcludes(patterns: readonly string[]): Ignore {
  return { file: null, rules: patterns.flatMap((pattern, index) => readRule(pattern, index + 1) ?? []) };
}

function readRule(raw: string, line: number): IgnoreRule | null {
  const text = raw.trim();
  if (text === '') return null;
  const isException = text.startsWith('!');
  const body = isException ? text.slice(1).trim() : text;
  if (body === '') throw new TsbuildError('usage', 'PATTERN_INVALID', 'illegal exclusion pattern: "!"', { hint: 'Write a path behind the !.' });
  const clean = posix.normalize(body).replace(/(?<=.)\/$/, '').replace(/^\/(?=.)/, '');
  return { line, text, isException, pattern: compileIgnorePattern(clean) };
}

/** The answers of one ignore file. */
export interface OpenIgnore {
  /**
   * The last rule that matches the path or one of its parent directories; null when none does.
   * A parent's match counts for its children (patternmatcher.MatchesOrParentMatches).
   */
  matchingRule(path: string): IgnoreRule | null;
  /** Whether the path does not exist for COPY. */
  isIgnored(path: string): boolean;
  /** Whether a `!` rule could take back something below an ignored directory: only then it is walked. */
  mayHoldExceptions(directory: string): boolean;
}

/** Opens an ignore file for many questions: what is known of a directory is not asked again for each of its files. */
export function openIgnore({ rules }: Ignore): OpenIgnore {
  const directories = new Map<string, number>();
  /** The number of the last rule that matches; -1 for none. Only rules behind the parent's can change its answer. */
  const lastRule = (path: string): number => {
    const parent = lastRuleOfParent(path);
    return Math.max(parent, rules.findLastIndex((rule, index) => index > parent && rule.pattern.matches(path)));
  };
  const lastRuleOfParent = (path: string): number => {
    const at = path.lastIndexOf('/');
    if (at <= 0) return -1;
    const directory = path.slice(0, at);
    const known = directories.get(directory) ?? lastRule(directory);
    directories.set(directory, known);
    return known;
  };
  const matchingRule = (path: string): IgnoreRule | null => rules[lastRule(path)] ?? null;
  return {
    matchingRule,
    isIgnored: (path) => matchingRule(path)?.isException === false,
    mayHoldExceptions(directory) {
      const last = lastRule(directory);
      return rules.some((rule, index) => index > last && rule.isException && rule.pattern.reaches(directory));
    },
  };
}

/** Whether one path does not exist for COPY. */
export function isIgnored(ignore: Ignore, path: string): boolean {
  return openIgnore(ignore).isIgnored(path);
}
