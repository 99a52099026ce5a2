/**
 * `.dockerignore` in the plainest words, for properties: one regular expression a rule, every rule asked about the path and
 * each of its parents, the last one that matches wins. Slow, and it knows none of the short cuts of src/context. It leaves
 * out what only Go's regular expressions give a meaning (`patternmatcher.test.ts` has those). Start at `naiveIgnore`.
 */

/** Go's unicode.IsSpace. */
const space = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const blanks = new RegExp(`^${space}+|${space}+$`, 'g');

interface NaiveRule {
  readonly isException: boolean;
  readonly matches: (path: string) => boolean;
}

/** Whether the file with this text ignores a path. */
export function naiveIgnore(text: string): (path: string) => boolean {
  const rules = naiveRules(text);
  return (path) => {
    const names = path.split('/');
    const candidates = names.map((_, index) => names.slice(0, index + 1).join('/'));
    return rules.findLast(({ matches }) => candidates.some(matches))?.isException === false;
  };
}

function naiveRules(text: string): readonly NaiveRule[] {
  const lines = text.replace(/^\ufeff/, '').split('\n');
  return lines.filter((line) => !line.startsWith('#')).flatMap((line) => {
    const trimmed = line.replace(blanks, '');
    if (trimmed === '') return [];
    // First as ignorefile reads a line, then as patternmatcher reads a pattern.
    const isMarked = trimmed.startsWith('!');
    const relative = naiveClean(isMarked ? trimmed.slice(1).replace(blanks, '') : trimmed).replace(/^\/(?=.)/, '');
    const again = `${isMarked ? '!' : ''}${relative}`.replace(blanks, '');
    if (again === '') return [];
    const pattern = naiveClean(again);
    return [pattern.startsWith('!') ? { isException: true, matches: naivePattern(pattern.slice(1)) } : { isException: false, matches: naivePattern(pattern) }];
  });
}

/** Go's filepath.Clean. */
function naiveClean(path: string): string {
  if (path === '') return '';
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (part !== '..' || !path.startsWith('/')) kept.push(part);
  }
  return (path.startsWith('/') ? '/' : '') + kept.join('/') || '.';
}

function naivePattern(pattern: string): (path: string) => boolean {
  if (!/[*?[\]\\]/.test(pattern)) return (path) => path === pattern;
  if (/^[^*?[\]\\]+\*\*$/.test(pattern)) return (path) => path.startsWith(pattern.slice(0, -2));
  if (/^\*\*[^*?[\]\\]*$/.test(pattern)) return (path) => path.endsWith(pattern.slice(2)) || (pattern.startsWith('**/') && path === pattern.slice(3));
  const expression = new RegExp(`^${naiveExpression(pattern)}$`, 'u');
  return (path) => expression.test(stray(path));
}

/** A byte that is not UTF-8 is U+FFFD to a regular expression of Go's. */
function stray(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

function naiveExpression(pattern: string): string {
  const token = /\*\*\/?|\*|\?|\[\^?(?:\\.|[^\]\\])+\]|\\.|./gsu;
  return stray(pattern).replace(token, (found, at: number) => {
    if (found.startsWith('**')) return at + found.length === pattern.length ? '[^\\n]*' : '(?:[^\\n]*/)?';
    if (found === '*') return '[^/]*';
    if (found === '?') return '[^/]';
    if (found.startsWith('[') && found.length > 1) return naiveClass(found);
    return literal(found.replace(/^\\/, ''));
  });
}

/** A class, each character of it by its number; `-` without a backslash is a range. */
function naiveClass(text: string): string {
  const [, negated = '', body = ''] = /^\[(\^?)(.*)\]$/su.exec(text) ?? [];
  return `[${negated}${body.replace(/\\(.)|([^-])/gsu, (_, escaped?: string, plain?: string) => literal(escaped ?? plain ?? ''))}]`;
}

function literal(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}
