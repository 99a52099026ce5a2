/**
 * The control group of one step: in every tree that limits or measures, a group of one name. The step's process is born in
 * it, or enters it before anything else, so that all it does counts.
 *
 * Life: made and told its limits; entered and measured; removed when no process is in it any more.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoCode, TsbuildError } from '../../base/errors.ts';
import { releaseAll, undo } from '../../base/releasing.ts';
import type { StepCgroups } from '../step.ts';
import type { CgroupFiles } from './files.ts';
import type { Setting } from './group-limits.ts';
import type { CgroupLayout, Controller } from './layout.ts';
import { inheritCpuset, readOptional, type GroupParent } from './parents.ts';
import { readUsage, type GroupUsage } from './usage.ts';

export interface StepGroup {
  /** For the step that runs in it. */
  readonly cgroups: StepCgroups;
  /** What could not be had although nobody asked for it, with the errno. */
  readonly missing: readonly MissingController[];
  /** What the step's processes used; to be asked when they have ended, and before the group is removed. */
  measure(): Promise<GroupUsage>;
  remove(): Promise<void>;
}

export interface MissingController {
  readonly controller: Controller;
  readonly errno: string;
}

export interface GroupOptions {
  readonly version: CgroupLayout['version'];
  /** Trees that are not used need no group. */
  readonly parents: readonly GroupParent[];
  readonly name: string;
  readonly settings: readonly Setting[];
  readonly files: CgroupFiles;
}

/** What says that something is not to be had here; other errors speak of the value. */
const unavailable = ['ENOENT', 'EACCES', 'EPERM', 'EROFS', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSPC'];

/** A group may be busy for a moment after its last process was reaped. */
const removeAttemptsMax = 50;
const removeWaitMs = 10;

/**
 * Makes a group in each tree, and tells it its limits.
 * @throws TsbuildError `LIMIT_UNAVAILABLE`, class machine, `LIMIT_REFUSED`, class usage; the system's error `EEXIST` where
 *   there is a group of this name
 */
export async function makeGroup(options: GroupOptions): Promise<StepGroup> {
  const made: GroupParent[] = [];
  const missing: MissingController[] = [];
  const remove = (): Promise<void> => releaseAll(made.map(({ directory }) => () => removeGroup(directory, options.files)));
  try {
    for (const parent of options.parents) missing.push(...(await makeIn(parent, options, made)));
    for (const setting of options.settings) missing.push(...(await applySetting(setting, made, missing, options.files)));
  } catch (error) {
    throw await undo(error, remove);
  }
  const read = async (controller: Controller, file: string): Promise<string | null> => {
    const directory = directoryOf(controller, made);
    return directory === undefined ? null : readOptional(join(directory, file), options.files);
  };
  return { cgroups: { files: made.map(({ directory }) => join(directory, 'cgroup.procs')), view: viewOf(options.version, made) }, missing, measure: () => readUsage(options.version, read), remove };
}

function viewOf(version: CgroupLayout['version'], made: readonly GroupParent[]): StepCgroups['view'] {
  if (made.length === 0) return null;
  return version === 2 ? { version } : { version, trees: made.map(({ names }) => names) };
}

async function makeIn({ controllers, names, directory: parent }: GroupParent, { name, files, version }: GroupOptions, made: GroupParent[]): Promise<readonly MissingController[]> {
  const directory = join(parent, name);
  try {
    await files.make(directory);
  } catch (error) {
    const errno = errnoCode(error) ?? '';
    if (!unavailable.includes(errno)) throw error;
    return controllers.map((controller) => ({ controller, errno }));
  }
  made.push({ controllers, names, directory });
  if (version === 1 && controllers.includes('cpuset')) await inheritCpuset(directory, files);
  return [];
}

function directoryOf(controller: Controller, made: readonly GroupParent[]): string | undefined {
  return made.find(({ controllers }) => controllers.includes(controller))?.directory;
}

async function applySetting(setting: Setting, made: readonly GroupParent[], missing: readonly MissingController[], files: CgroupFiles): Promise<readonly MissingController[]> {
  const { controller, file, value } = setting;
  const directory = directoryOf(controller, made);
  const errno = directory === undefined ? (missing.find((one) => one.controller === controller)?.errno ?? 'ENOENT') : await tryWrite(join(directory, file), value, files);
  if (errno === null) return [];
  if (setting.option === null) return [{ controller, errno }];
  throw limitError(setting, setting.option, errno);
}

async function tryWrite(path: string, value: string, files: CgroupFiles): Promise<string | null> {
  try {
    await files.write(path, value);
    return null;
  } catch (error) {
    const errno = errnoCode(error);
    if (errno === undefined) throw error;
    return errno;
  }
}

function limitError({ controller, file, value }: Setting, option: string, errno: string): TsbuildError {
  if (!unavailable.includes(errno)) {
    return new TsbuildError('usage', 'LIMIT_REFUSED', `limit ${option}: ${file} ${value}: the kernel refuses it: ${errno}`, {
      hint: 'Name processors and amounts that this machine has.',
      details: { file, value, errno },
    });
  }
  return new TsbuildError('machine', 'LIMIT_UNAVAILABLE', `limit ${option}: no control group with ${controller} can be made here: ${errno}`, {
    hint: 'Leave the limit out, or start tsbuild where it may write to the control groups: as root, or by systemd-run --user --scope.',
    details: { file, value, errno },
  });
}

/** Removes a group that has been left; one that stays busy is left to the next build, which removes what was abandoned. */
async function removeGroup(directory: string, files: CgroupFiles): Promise<void> {
  for (let attempt = 1; attempt <= removeAttemptsMax; attempt++) {
    if (await tryRemoveGroup(directory, files)) return;
    await sleep(removeWaitMs);
  }
}

/** Removes a group if it is there; false where a process is still in it, or others have taken it from us. */
export async function tryRemoveGroup(directory: string, files: CgroupFiles): Promise<boolean> {
  try {
    await files.remove(directory);
  } catch (error) {
    const errno = errnoCode(error) ?? '';
    if (errno === 'ENOENT') return true;
    if (['EBUSY', 'ENOTEMPTY', 'EACCES', 'EPERM', 'EROFS'].includes(errno)) return false;
    throw error;
  }
  return true;
}
