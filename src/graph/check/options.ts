/**
 * Which rules apply: `# check=skip=A,B;error=true;experimental=all` at the top of a file, the build argument that replaces
 * it, and the same in a comment above a single instruction (BuildKit linter/linter.go, ParseLintOptions).
 */
import { TsbuildError, type SourceRange } from '../../base/errors.ts';
import type { Dockerfile } from '../../dockerfile/instruction.ts';
import { findCheckDirective } from '../../dockerfile/directives.ts';
import { parseBool } from '../../dockerfile/values.ts';
import { ruleOf, type RuleName } from './rules.ts';

/** The build argument that is taken instead of the file's directive. */
export const checkArgument = 'BUILDKIT_DOCKERFILE_CHECK';

export interface CheckOptions {
  /** Names of rules, as written; unknown ones have no effect. */
  readonly skip: ReadonlySet<string> | 'all';
  readonly experimental: ReadonlySet<string> | 'all';
  /** `error=true`: a finding fails the build. */
  readonly error: boolean;
}

export const defaultCheckOptions: CheckOptions = { skip: new Set(), experimental: new Set(), error: false };

/**
 * The options of a file.
 * @throws TsbuildError `CHECK_OPTION`, at the directive's line
 */
export function checkOptionsOf(file: Pick<Dockerfile, 'file' | 'text'>, buildArgs: ReadonlyMap<string, string>): CheckOptions {
  const given = buildArgs.get(checkArgument);
  if (given !== undefined) return parseCheckOptions(given, { what: `--build-arg ${checkArgument}` });
  const directive = findCheckDirective(file.text);
  if (directive === undefined) return defaultCheckOptions;
  const { value, line } = directive;
  return parseCheckOptions(firstWord(value), { what: '# check', position: { file: file.file, startLine: line, endLine: line } });
}

/** BuildKit takes directives to their first blank, so that a remark may follow. */
function firstWord(value: string): string {
  return value.split(' ', 1)[0] ?? '';
}

interface OptionsPlace {
  readonly what: string;
  readonly position?: SourceRange;
}

function parseCheckOptions(text: string, place: OptionsPlace): CheckOptions {
  let options = defaultCheckOptions;
  if (text.trim() === '') return options;
  for (const part of text.trim().split(';')) {
    const equals = part.indexOf('=');
    if (equals < 0) reject(part, place);
    const value = part.slice(equals + 1).trim();
    switch (part.slice(0, equals).trim()) {
      case 'skip':
        options = { ...options, skip: readNames(value) };
        break;
      case 'experimental':
        options = { ...options, experimental: readNames(value) };
        break;
      case 'error':
        options = { ...options, error: parseBool(value) ?? reject(part, place) };
        break;
      default:
        reject(part, place);
    }
  }
  return options;
}

function readNames(value: string): CheckOptions['skip'] {
  return value === 'all' ? 'all' : new Set(value.split(',').map((name) => name.trim()));
}

function reject(part: string, { what, position }: OptionsPlace): never {
  throw new TsbuildError('usage', 'CHECK_OPTION', `${what}: invalid check option ${JSON.stringify(part)}`, {
    hint: 'Options are skip=RULE,RULE or skip=all, experimental=RULE,RULE or experimental=all, and error=true, with ; between them and no blanks.',
    ...(position === undefined ? {} : { position }),
  });
}

/** Whether the rule applies to an instruction with options of its own (`optionsInComments`): they add to the file's. */
export function isRuleOn(name: RuleName, options: CheckOptions, own: CheckOptions): boolean {
  if (ruleOf(name).isExperimental === true) return holds(options.experimental, name) || holds(own.experimental, name);
  return !holds(options.skip, name) && !holds(own.skip, name);
}

function holds(names: CheckOptions['skip'], name: RuleName): boolean {
  return names === 'all' || names.has(name);
}

const checkComment = /^check[\t\f\r ]*=[\t\f\r ]*(\S.*)$/i;

/** Whether a comment is about checks, and hence no description. */
export function isCheckComment(comment: string): boolean {
  return checkComment.test(comment);
}

/** The options in the comments above an instruction: the first `check=` counts. One that cannot be read is an ordinary comment, as with BuildKit. */
export function optionsInComments(comments: readonly string[]): CheckOptions {
  const value = comments.map((comment) => checkComment.exec(comment)?.[1]).find((found) => found !== undefined);
  if (value === undefined) return defaultCheckOptions;
  try {
    return parseCheckOptions(firstWord(value), { what: '# check' });
  } catch (error) {
    if (error instanceof TsbuildError) return defaultCheckOptions;
    throw error;
  }
}
