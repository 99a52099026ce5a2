/**
 * `--chmod`: octal or symbolic permissions, the latter as operations that can be applied to a file's own mode
 * (BSD setmode, as in the Go package that BuildKit uses). No umask takes part. Start at `parseMode`.
 */
import { reject } from './rejection.ts';

/** One step of a symbolic mode. Bits are those of `chmod`, 0 to 07777. */
export type ModeOperation =
  | { readonly operation: 'set' | 'clear'; readonly bits: number }
  /** `X`: set where the file is a directory or someone could execute it before any operation. */
  | { readonly operation: 'setIfExecutable'; readonly bits: number }
  /** `g=u`: the rwx bits of one class to others. */
  | { readonly operation: 'copy'; readonly from: ModeClass; readonly to: readonly ModeClass[]; readonly sign: '+' | '-' | '=' };

/** Owner, group, others. */
export type ModeClass = 'u' | 'g' | 'o';

/** Permissions as the user asked for them. */
export type Mode =
  | { readonly kind: 'octal'; readonly mode: number }
  | { readonly kind: 'symbolic'; readonly text: string; readonly operations: readonly ModeOperation[] };

const modeMax = 0o7777;
const textLengthMax = 1000;
const stickyBit = 0o1000;
/** What a class can change: its rwx bits and its set-id bit. */
const classBits: Readonly<Record<ModeClass | 'a', number>> = { u: 0o4700, g: 0o2070, o: 0o007, a: 0o6777 };
const permissionBits: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111 };
const classShift: Readonly<Record<ModeClass, number>> = { u: 6, g: 3, o: 0 };

/** Reads a `--chmod` value. @throws TsbuildError `MODE_INVALID` */
export function parseMode(text: string): Mode {
  if (/^[0-7]+$/.test(text) && Number.parseInt(text, 8) <= modeMax) return { kind: 'octal', mode: Number.parseInt(text, 8) };
  if (text.length > textLengthMax || /^\d|^$/.test(text)) rejectMode(text);
  return { kind: 'symbolic', text, operations: text.split(',').flatMap((clause) => parseClause(clause, text)) };
}

/** The mode bits of a file after `--chmod`. `mode` are the bits 07777 that it had. */
export function applyMode(wanted: Mode, mode: number, isDirectory: boolean): number {
  if (wanted.kind === 'octal') return wanted.mode;
  const isExecutable = isDirectory || (mode & 0o111) !== 0;
  let result = mode & modeMax;
  for (const step of wanted.operations) {
    if (step.operation === 'set') result |= step.bits;
    else if (step.operation === 'clear') result &= ~step.bits;
    else if (step.operation === 'copy') result = copyClass(result, step);
    else if (isExecutable) result |= step.bits;
  }
  return result;
}

function copyClass(mode: number, { from, to, sign }: Extract<ModeOperation, { operation: 'copy' }>): number {
  const value = (mode >> classShift[from]) & 0o7;
  return to.reduce((result, target) => {
    const shift = classShift[target];
    if (sign === '-') return result & ~(value << shift);
    return (sign === '=' ? result & ~(0o7 << shift) : result) | (value << shift);
  }, mode);
}

/** `[ugoa]*` and then one or more of `[-+=]` with permissions. */
function parseClause(clause: string, text: string): readonly ModeOperation[] {
  const match = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause);
  if (match === null) return rejectMode(text);
  const who = match[1] ?? '';
  const actions = match[2]?.match(/[-+=][^-+=]*/g) ?? [];
  return actions.flatMap((action) => parseAction(who, action.charAt(0) as '+' | '-' | '=', action.slice(1)));
}

function parseAction(who: string, sign: '+' | '-' | '=', permissions: string): readonly ModeOperation[] {
  const scope = [...who].reduce((bits, name) => bits | classBits[name as ModeClass], 0) || classBits.a;
  const affectsIds = (scope & ~0o7) !== 0;
  const sticky = affectsIds && permissions.includes('t') ? stickyBit : 0;
  let bits = sticky;
  for (const permission of permissions) bits |= permissionBits[permission] ?? 0;
  if (affectsIds && permissions.includes('s')) bits |= 0o6000;
  const copies = [...permissions].filter((name) => name === 'u' || name === 'g' || name === 'o');
  const changed = bits & (scope | sticky);
  return [
    ...(sign === '=' && (bits !== 0 || copies.length === 0) ? [{ operation: 'clear', bits: scope | sticky } as const] : []),
    ...(changed === 0 ? [] : [{ operation: sign === '-' ? 'clear' : 'set', bits: changed } as const]),
    ...copies.map((from) => ({ operation: 'copy', from, to: targetsOf(who), sign }) as const),
    ...(permissions.includes('X') && sign !== '-' ? [{ operation: 'setIfExecutable', bits: scope & 0o111 } as const] : []),
  ];
}

function targetsOf(who: string): readonly ModeClass[] {
  const all = ['u', 'g', 'o'] as const;
  return who === '' || who.includes('a') ? all : all.filter((name) => who.includes(name));
}

function rejectMode(text: string): never {
  reject('MODE_INVALID', `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`, {
    hint: 'Write an octal mode (0755) or a symbolic one (u=rwX,go=rX).',
  });
}
