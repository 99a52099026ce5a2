/**
 * Flags: the leading `--name=value` words of an instruction (BuildKit parser/split_command.go, instructions/bflag.go).
 * It does not know what a flag means. Start at `splitFlags` and `readFlags`.
 */
import type { SourceRange } from '../base/errors.ts';
import type { EscapeCharacter } from './directives.ts';
import { reject } from './rejection.ts';
import { suggest, suggestionHint } from './suggest.ts';
import { isSpace } from './whitespace.ts';

/** The flags of an instruction, unquoted, and what follows them as it was written. */
export interface SplitFlags {
  readonly flags: readonly string[];
  readonly rest: string;
}

/**
 * Takes the leading words that start with `--`, with quotes and escape characters removed; a bare `--` ends them.
 * BuildKit reads flags byte by byte and so garbles what is not ASCII in them; here `--chown=jürgen` stays what it is.
 */
export function splitFlags(text: string, escape: EscapeCharacter): SplitFlags {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
    if (!text.startsWith('--', at)) return { flags, rest: text.slice(at) };
    const word = unquoteWord(text, at, escape);
    at = word.end;
    if (word.value === '--') return { flags, rest: text.slice(at) };
    flags.push(word.value);
  }
}

/** The word that starts at the offset, up to the next blank outside quotes. */
function unquoteWord(text: string, start: number, escape: EscapeCharacter): { readonly value: string; readonly end: number } {
  const pieces: string[] = [];
  let quote = '';
  let from = start;
  let at = start;
  for (; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quote === '' && isSpace(char.charCodeAt(0))) break;
    const opens = quote === '' && (char === '"' || char === "'");
    if (!opens && char !== quote && char !== escape) continue;
    pieces.push(text.slice(from, at));
    from = at + 1;
    if (char === escape) at += 1;
    else quote = opens ? char : '';
  }
  pieces.push(text.slice(from, at));
  return { value: pieces.join(''), end: Math.min(at, text.length) };
}

/** `bool`: `--link` or `--link=true`; `text`: once, with a value; `list`: any number of times, with a value. */
export type FlagKind = 'bool' | 'text' | 'list';

/** What an instruction's flags said. Flags that were not given are in none of the maps. */
export interface FlagValues {
  readonly bools: ReadonlyMap<string, boolean>;
  readonly texts: ReadonlyMap<string, string>;
  readonly lists: ReadonlyMap<string, readonly string[]>;
}

/** The instruction whose flags are read, for messages. */
export interface FlagContext {
  readonly instruction: string;
  readonly position: SourceRange;
}

/**
 * Reads flags that the instruction knows.
 * @throws TsbuildError `FLAG_UNKNOWN`, `FLAG_DUPLICATE`, `FLAG_VALUE`
 */
export function readFlags(flags: readonly string[], known: Readonly<Record<string, FlagKind>>, context: FlagContext): FlagValues {
  const kinds = new Map(Object.entries(known));
  const bools = new Map<string, boolean>();
  const texts = new Map<string, string>();
  const lists = new Map<string, string[]>();
  for (const flag of flags) {
    const { name, value } = cutFlag(flag);
    const kind = kinds.get(name) ?? rejectUnknown(name, kinds, context);
    if (bools.has(name) || texts.has(name)) reject('FLAG_DUPLICATE', `duplicate flag specified: --${name}`, { position: context.position, hint: `Keep one --${name}.` });
    if (kind === 'bool') bools.set(name, readBool(name, value, context));
    else if (kind === 'text') texts.set(name, needValue(name, value, context));
    else append(lists, name, needValue(name, value, context));
  }
  return { bools, texts, lists };
}

function append(lists: Map<string, string[]>, name: string, value: string): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [value]);
  else list.push(value);
}

function cutFlag(flag: string): { readonly name: string; readonly value: string | undefined } {
  const equals = flag.indexOf('=');
  return equals < 0
    ? { name: flag.slice(2), value: undefined }
    : { name: flag.slice(2, equals), value: flag.slice(equals + 1) };
}

function rejectUnknown(name: string, kinds: ReadonlyMap<string, FlagKind>, context: FlagContext): never {
  const match = suggest(name, kinds.keys());
  const names = [...kinds.keys()].map((flag) => `--${flag}`).join(', ');
  const takes = names === '' ? 'no flags' : names;
  reject('FLAG_UNKNOWN', `unknown flag: --${name}`, {
    position: context.position,
    hint: match === undefined ? `${context.instruction} takes ${takes}.` : `Did you mean --${match}?`,
  });
}

function readBool(name: string, value: string | undefined, context: FlagContext): boolean {
  const hint = `Write --${name}, --${name}=true or --${name}=false.`;
  if (value === '') reject('FLAG_VALUE', `missing a value on flag: --${name}`, { position: context.position, hint });
  const lower = value?.toLowerCase() ?? 'true';
  if (lower === 'true' || lower === 'false') return lower === 'true';
  reject('FLAG_VALUE', `expecting boolean value for flag --${name}, not: ${value}`, { position: context.position, hint: suggestionHint(lower, ['true', 'false']) ?? hint });
}

function needValue(name: string, value: string | undefined, context: FlagContext): string {
  return value ?? reject('FLAG_VALUE', `missing a value on flag: --${name}`, {
    position: context.position,
    hint: `Write --${name}=VALUE.`,
  });
}
