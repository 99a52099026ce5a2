/**
 * A rule of an ignore file taken apart for a walk: what the directory decides, once, and what each name in it decides. So
 * that a name is compared with few short patterns and never with whole paths. Start at `placeRule`.
 */
import type { IgnoreRule } from './ignore.ts';
import { matchesPattern, reachesBelow, type IgnorePattern } from './ignore-pattern.ts';
import { isInClass, type Step } from './steps.ts';

/** A directory's path with a `/` behind it; empty for the root. */
export type DirectoryPrefix = string;

/** A rule with wildcards. It matches an entry if it fits the directory and, there, the name. */
export interface Glob {
  /** Its place in the file: the last one that matches counts. */
  readonly number: number;
  readonly isException: boolean;
  /** It fits every directory whose path has no line feed: nothing needs to be asked. */
  readonly isEverywhere: boolean;
  readonly fitsDirectory: (prefix: DirectoryPrefix) => boolean;
  readonly fitsName: (name: string, prefix: DirectoryPrefix) => boolean;
  /** Whether it could match something below the directory. */
  readonly reaches: (directory: string) => boolean;
}

/** How a rule is looked up. */
export type PlacedRule =
  /** One entry of one directory. */
  | { readonly kind: 'entry'; readonly prefix: DirectoryPrefix; readonly name: string }
  /** Entries of this name, wherever. */
  | { readonly kind: 'name'; readonly name: string }
  /** Entries whose name ends so, wherever no directory has a line feed; it begins with its only dot, and so is looked up. */
  | { readonly kind: 'extension'; readonly name: string }
  | { readonly kind: 'glob'; readonly glob: Glob };

const anywhere = (): boolean => true;

/** Takes the rule with this number apart. */
export function placeRule(rule: IgnoreRule, number: number): PlacedRule {
  const { pattern, isException } = rule;
  const glob = (parts: Partial<Glob> & Pick<Glob, 'fitsName'>): PlacedRule => ({
    kind: 'glob',
    glob: { number, isException, isEverywhere: false, fitsDirectory: anywhere, reaches: (directory) => reachesBelow(pattern, directory), ...parts },
  });
  switch (pattern.kind) {
    case 'exact':
      return { kind: 'entry', ...cutName(pattern.path) };
    case 'prefix': {
      const { prefix: wanted, name: start } = cutName(pattern.prefix);
      return glob({ fitsDirectory: (prefix) => prefix === wanted, fitsName: (name) => name.startsWith(start) });
    }
    case 'suffix':
      return placeSuffix(pattern.suffix, glob);
    case 'steps': {
      const parts = splitSteps(pattern.steps);
      if (parts === null) break;
      const isEverywhere = parts.directory.length > 0 && parts.directory.every(({ kind }) => kind === 'directories');
      const extension = isEverywhere ? extensionOf(parts.name) : null;
      if (extension !== null) return { kind: 'extension', name: extension };
      return glob({ isEverywhere, fitsDirectory: (prefix) => matchesPattern({ kind: 'steps', steps: parts.directory }, prefix), fitsName: nameTest(parts.name) });
    }
    case 'regexp':
      break;
  }
  return glob({ fitsName: (name, prefix) => matchesPattern(pattern, prefix + name) });
}

function cutName(path: string): { readonly prefix: DirectoryPrefix; readonly name: string } {
  const at = path.lastIndexOf('/') + 1;
  return { prefix: path.slice(0, at), name: path.slice(at) };
}

function placeSuffix(suffix: string, glob: (parts: Partial<Glob> & Pick<Glob, 'fitsName'>) => PlacedRule): PlacedRule {
  const { prefix, name: end } = cutName(suffix);
  if (prefix === '') return glob({ isEverywhere: true, fitsName: (name) => name.endsWith(end) });
  if (prefix === '/') return { kind: 'name', name: end };
  const whole = prefix.startsWith('/') ? prefix.slice(1) : null;
  return glob({ fitsDirectory: (given) => given.endsWith(prefix) || given === whole, fitsName: (name) => name === end });
}

/** The steps for the directory's prefix and those for the name; null where they cannot be told apart. */
function splitSteps(steps: readonly Step[]): { readonly directory: readonly Step[]; readonly name: readonly Step[] } | null {
  const name: Step[] = [];
  for (let at = steps.length - 1; at >= 0; at--) {
    const step = steps[at];
    if (step === undefined) return null;
    if (step.kind === 'directories') return isBoundary(steps, at) ? { directory: steps.slice(0, at + 1), name } : null;
    if (step.kind === 'class' && isInClass(step, '/'.charCodeAt(0))) return null;
    if (step.kind === 'rest' && !isBoundary(steps, at)) return null;
    const slash = step.kind === 'text' ? step.text.lastIndexOf('/') + 1 : 0;
    if (step.kind !== 'text' || slash === 0) {
      name.unshift(step);
      continue;
    }
    if (slash < step.text.length) name.unshift({ kind: 'text', text: step.text.slice(slash) });
    return { directory: [...steps.slice(0, at), { kind: 'text', text: step.text.slice(0, slash) }], name };
  }
  return { directory: [], name };
}

/** Whether a name begins wherever the step with this number does. */
function isBoundary(steps: readonly Step[], at: number): boolean {
  const before = steps[at - 1];
  if (before === undefined) return true;
  return before.kind === 'text' ? before.text.endsWith('/') : before.kind === 'directories' && isBoundary(steps, at - 1);
}

/** What `*.log` says; null for anything else. */
function extensionOf([star, text, third]: readonly Step[]): string | null {
  if (star?.kind !== 'name' || text?.kind !== 'text' || third !== undefined) return null;
  return /^\.[^.\ufffd]*$/.test(text.text) ? text.text : null;
}

/** The most frequent forms of a name are compared without steps. */
function nameTest(steps: readonly Step[]): (name: string) => boolean {
  const [first, second, third] = steps;
  const isPlain = steps.every((step) => step.kind !== 'text' || !step.text.includes('\ufffd'));
  if (isPlain && first?.kind === 'name' && third === undefined) {
    if (second === undefined) return anywhere;
    if (second.kind === 'text') return (name) => name.endsWith(second.text);
  }
  if (isPlain && first?.kind === 'text' && steps.length <= 3) {
    const start = first.text;
    if (second === undefined) return (name) => name === start;
    if (second.kind === 'name' && third === undefined) return (name) => name.startsWith(start);
    if (second.kind === 'name' && third?.kind === 'text') return (name) => name.length >= start.length + third.text.length && name.startsWith(start) && name.endsWith(third.text);
  }
  const pattern: IgnorePattern = { kind: 'steps', steps };
  const end = steps.at(-1);
  if (isPlain && end?.kind === 'text') return (name) => name.endsWith(end.text) && matchesPattern(pattern, name);
  return (name) => matchesPattern(pattern, name);
}
