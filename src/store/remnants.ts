/**
 * Remnants: what a process has outside of the store while it works, and what would stay there if it were killed. They stand
 * in its list of leases before they are made; who finds the list of a dead process removes them.
 *
 * The list is data, and a store may be handed on: nothing is removed but names of the two forms that tsbuild makes.
 */
import { readFileSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoCode } from '../base/errors.ts';

export type Remnant =
  /** A file or folder with an `unfinishedName`, beside an output. */
  | { readonly kind: 'unfinished'; readonly path: string }
  /** Control groups in `directory` whose names are `prefix` and a number. */
  | { readonly kind: 'groups'; readonly directory: string; readonly prefix: string };

/** What a line of a list of leases begins with when it is of a remnant: no path below the store's root does. */
const remnantMark = '!';
const unfinishedForm = /^\.tsbuild-[0-9a-f]{12}$/;
const groupsForm = /^tsbuild-\d+-\d+-\d+-$/;

/** The sandbox of a killed process ends a moment after it: so long a group may be busy. */
const busyAttemptsMax = 200;
const busyWaitMs = 10;

/** Whether a line is of a remnant. */
export function isRemnantLine(line: string): boolean {
  return line.startsWith(remnantMark);
}

/** A line of a list, without its end. */
export function encodeRemnant(remnant: Remnant): string {
  return remnantMark + JSON.stringify(remnant);
}

/** A list of leases; empty where it is not there. */
export function readList(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return '';
    throw error;
  }
}

/** The remnants in a list of leases. A line that is torn or of another form is none: what it names was never made. */
export function decodeRemnants(list: string): readonly Remnant[] {
  return list.split('\n').filter(isRemnantLine).flatMap((line) => decodeRemnant(line.slice(remnantMark.length)) ?? []);
}

function decodeRemnant(text: string): Remnant | null {
  const { kind, path, directory, prefix } = parseFields(text);
  if (kind === 'unfinished' && typeof path === 'string' && isAbsolute(path) && unfinishedForm.test(basename(path))) return { kind, path };
  if (kind === 'groups' && typeof directory === 'string' && isAbsolute(directory) && typeof prefix === 'string' && groupsForm.test(prefix)) return { kind, directory, prefix };
  return null;
}

function parseFields(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}; // fields are checked one by one
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/**
 * Removes it if it is there. `removeTree` removes a file or folder.
 * @throws the system's error: for a group that stays busy `EBUSY`
 */
export async function removeRemnant(remnant: Remnant, removeTree: (path: string) => Promise<void>): Promise<void> {
  if (remnant.kind === 'unfinished') return removeTree(remnant.path);
  for (const name of await groupsOf(remnant)) await removeGroup(join(remnant.directory, name));
}

async function groupsOf({ directory, prefix }: Extract<Remnant, { kind: 'groups' }>): Promise<readonly string[]> {
  try {
    const names = await readdir(directory);
    return names.filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)));
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function removeGroup(path: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await rmdir(path);
    } catch (error) {
      if (errnoCode(error) === 'ENOENT') return;
      if (errnoCode(error) !== 'EBUSY' || attempt >= busyAttemptsMax) throw error;
    }
    await sleep(busyWaitMs);
  }
}
