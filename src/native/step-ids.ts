/**
 * Which ids of this machine the users of a step become in a build of root with `--userns=auto`: root of the step is then nobody in
 * particular outside. It decides and reads files; the sandbox process makes the namespace. Start at `findStepIds`.
 */
import { readFile } from 'node:fs/promises';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import { parseSubordinate, type IdRange, type StepIds } from './user-namespace.ts';

/** /etc/subuid, subgid, passwd and group; empty where they are not there. */
export interface IdFiles {
  readonly subuid: string;
  readonly subgid: string;
  readonly passwd: string;
  readonly group: string;
}

/** Who has ids for containers in /etc/subuid, first come first: Podman's name for them, then root itself. */
const owners = ['containers', 'root'] as const;

/** Ids that no convention gives to anybody (systemd, "Users, Groups, UIDs and GIDs"): 1879048192 to 2147483647. */
const spare: IdRange = { inside: 0, outside: 1_879_048_192, count: 268_435_456 };

/**
 * The ids of steps.
 * @throws TsbuildError `USERNS_IDS_TAKEN`
 */
export async function findStepIds(): Promise<StepIds> {
  const [subuid, subgid, passwd, group] = await Promise.all(['/etc/subuid', '/etc/subgid', '/etc/passwd', '/etc/group'].map(readOptional));
  return planStepIds({ subuid: subuid ?? '', subgid: subgid ?? '', passwd: passwd ?? '', group: group ?? '' });
}

/**
 * Decides by those files: the subordinate ids of `containers` or root, else ids that nobody has.
 * @throws TsbuildError `USERNS_IDS_TAKEN`
 */
export function planStepIds({ subuid, subgid, passwd, group }: IdFiles): StepIds {
  for (const name of owners) {
    const of = (text: string): IdRange[] => parseSubordinate(text, { name, uid: name === 'root' ? 0 : Number.NaN }, 0);
    const [uids, gids] = [of(subuid), of(subgid)];
    if (uids.length > 0 && gids.length > 0) return { uids, gids };
  }
  for (const [file, first, count] of [...ranges('/etc/subuid', subuid), ...ranges('/etc/subgid', subgid), ...accounts('/etc/passwd', passwd), ...accounts('/etc/group', group)]) {
    if (first < spare.outside + spare.count && first + count > spare.outside) throw takenError(file, first);
  }
  return { uids: [spare], gids: [spare] };
}

type Taken = readonly [file: string, first: number, count: number];

function ranges(file: string, text: string): Taken[] {
  return [...text.matchAll(/^[^:\n]+:(\d{1,10}):(\d{1,10})$/gm)].map(([, first, count]) => [file, Number(first), Number(count)]);
}

function accounts(file: string, text: string): Taken[] {
  return [...text.matchAll(/^[^:\n]+:[^:\n]*:(\d{1,10}):/gm)].map(([, id]) => [file, Number(id), 1]);
}

function takenError(file: string, id: number): TsbuildError {
  return new TsbuildError('machine', 'USERNS_IDS_TAKEN', `--userns=auto: ids of steps: ${file} gives ${id} to somebody, which is among those that steps would get`, {
    hint: 'Give steps ids of their own: a line "containers:FIRST:COUNT" in /etc/subuid and in /etc/subgid.',
  });
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return '';
    throw error;
  }
}
