/**
 * `.dockerignore`: which paths of a context do not exist for COPY and ADD, exactly as moby/patternmatcher decides
 * (SEMANTICS A6, 107 to 113). It reads no disk: the text comes in. Start at `parseIgnore`;
 * `open-ignore.ts` answers by it.
 */
import { posix } from 'node:path';
import { TsbuildError } from '../base/errors.ts';
import { trimSpace } from '../dockerfile/whitespace.ts';
import { compileIgnorePattern, type IgnorePattern } from './ignore-pattern.ts';

export interface IgnoreRule {
  /** Line in the file, from 1. */
  readonly line: number;
  /** As written, trimmed. */
  readonly text: string;
  /** A `!` rule: what it matches is not ignored after all. */
  readonly isException: boolean;
  readonly pattern: IgnorePattern;
}

export interface Ignore {
  /** The file that the rules come from, for messages; null when there is none. */
  readonly file: string | null;
  readonly rules: readonly IgnoreRule[];
}

export const ignoreNothing: Ignore = { file: null, rules: [] };

/** Longest file that is read as an ignore file. */
export const ignoreFileSizeMax = 4 * 1024 * 1024;

/** More rules than this are refused: each is kept compiled. */
export const ignoreRuleCountMax = 100_000;
/** A longer line is refused, as by Go's bufio.Scanner, with which BuildKit reads. */
const lineSizeMax = 65_535;

/**
 * Reads the rules as moby's ignorefile does: `#` starts a comment in the first column only, then the line is trimmed and
 * made a clean relative path. Text that is not UTF-8 comes in the form of base/path-bytes.ts.
 * @throws TsbuildError `IGNORE_INVALID`, `IGNORE_TOO_LARGE`
 */
export function parseIgnore(text: string, file: string): Ignore {
  const rules: IgnoreRule[] = [];
  for (const [index, line] of text.replace(/^\ufeff/, '').split('\n').entries()) {
    const rule = readLine(line, index + 1, file);
    if (rule !== null) rules.push(rule);
    if (rules.length > ignoreRuleCountMax) throw new TsbuildError('usage', 'IGNORE_TOO_LARGE', `${file}: it has more than ${ignoreRuleCountMax} rules`);
  }
  return { file, rules };
}

function readLine(line: string, number: number, file: string): IgnoreRule | null {
  try {
    if (line.length * 3 > lineSizeMax && Buffer.byteLength(line) > lineSizeMax) throw new TsbuildError('usage', 'PATTERN_INVALID', 'the line is too long');
    if (line.startsWith('#')) return null;
    const text = trimSpace(line);
    return text === '' ? null : compileRule(cleanLine(text), number, text);
  } catch (cause) {
    if (!(cause instanceof TsbuildError)) throw cause;
    const position = { file, startLine: number, endLine: number };
    throw new TsbuildError('usage', 'IGNORE_INVALID', `${file}: ${cause.message}`, { cause, position, ...(cause.hint === undefined ? {} : { hint: cause.hint }) });
  }
}

/** A trimmed line as a path from the context's root: `/foo/` is `foo`; a `!` stays in front. */
function cleanLine(text: string): string {
  const isException = text.startsWith('!');
  const path = isException ? trimSpace(text.slice(1)) : text;
  return `${isException ? '!' : ''}${path === '' ? '' : cleanPath(path).replace(/^\/(?=.)/s, '')}`;
}

/** The path of a rule as it is matched: clean, relative to the context, without `!` (moby/patternmatcher, Pattern.String). */
export function pathOfRule({ text, isException }: Pick<IgnoreRule, 'text' | 'isException'>): string {
  const clean = cleanPath(trimSpace(cleanLine(text)));
  return isException ? clean.slice(1) : clean;
}

/** Go's filepath.Clean, for what is not empty. */
function cleanPath(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/s, '');
}

/**
 * The patterns of `--exclude`, one rule each: the same dialect, without comments.
 * @throws TsbuildError `PATTERN_INVALID`, without a position: the caller knows it
 */
export function parseExcludes(patterns: readonly string[]): Ignore {
  return { file: null, rules: patterns.flatMap((pattern, index) => {
    const text = trimSpace(pattern);
    return text === '' ? [] : (compileRule(cleanLine(text), index + 1, text) ?? []);
  }) };
}

/**
 * What patternmatcher.New makes of a pattern: it trims and cleans once more, and only then looks for a `!`. So a cleaned
 * `/!foo` is an exception, and `!/` is nothing but a `!`.
 */
function compileRule(given: string, line: number, text: string): IgnoreRule | null {
  const trimmed = trimSpace(given);
  if (trimmed === '') return null;
  const clean = cleanPath(trimmed);
  const isException = clean.startsWith('!');
  if (clean === '!') throw new TsbuildError('usage', 'PATTERN_INVALID', 'illegal exclusion pattern: "!"', { hint: 'Write a path behind the !.' });
  return { line, text, isException, pattern: compileIgnorePattern(isException ? clean.slice(1) : clean) };
}
