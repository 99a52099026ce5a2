/**
 * What no kernel takes is refused where it is planned, before anything is done: NUL characters in paths and commands, and
 * names that are too long for a file. Start at `checkKernelWords`.
 */
import { TsbuildError, type SourceRange } from '../base/errors.ts';
import type { Operation } from './vertex.ts';

/** The longest name of a file, in bytes (NAME_MAX, linux/limits.h). */
export const nameSizeBytesMax = 255;

interface Place {
  /** The instruction, in upper case. */
  readonly keyword: string;
  readonly position: SourceRange;
}

/**
 * Looks at the words of one operation that the kernel gets; not at the environment, which all later steps share.
 * @throws TsbuildError `NUL_CHARACTER`, `NAME_TOO_LONG`
 */
export function checkKernelWords(operation: Operation, place: Place): void {
  switch (operation.kind) {
    case 'run':
      for (const word of operation.args) checkNul('the command', word, place);
      checkPath(operation.cwd, place);
      for (const mount of operation.mounts) checkPath(mount.target ?? '', place);
      return checkPath(operation.inlineFile?.name ?? '', place);
    case 'copy':
      checkPath(operation.destination, place);
      for (const source of operation.sources) if (source.kind === 'inline') checkPath(source.name, place);
      return;
    case 'workdir':
      return checkPath(operation.path, place);
    default:
      return;
  }
}

function checkNul(what: string, text: string, { keyword, position }: Place): void {
  if (!text.includes('\0')) return;
  throw new TsbuildError('usage', 'NUL_CHARACTER', `${keyword}: ${what} has a NUL character, which ends it for the kernel`, {
    position,
    hint: 'Remove the character: it is not visible in most editors.',
  });
}

function checkPath(path: string, place: Place): void {
  checkNul('a path', path, place);
  if (path.length * 3 <= nameSizeBytesMax) return;
  for (const name of path.split('/')) {
    const sizeBytes = Buffer.byteLength(name);
    if (sizeBytes <= nameSizeBytesMax) continue;
    throw new TsbuildError('usage', 'NAME_TOO_LONG', `${place.keyword}: ${JSON.stringify(`${name.slice(0, 40)}…`)} is a name of ${sizeBytes} bytes, and a file's has at most ${nameSizeBytesMax}`, {
      position: place.position,
      hint: 'Write a shorter name.',
    });
  }
}
