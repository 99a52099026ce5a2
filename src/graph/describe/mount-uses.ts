/** Which secrets, SSH agents and caches a RUN mounts. */
import type { SourceRange } from '../../base/errors.ts';
import type { RunInstruction } from '../../dockerfile/instruction.ts';
import { parseMount } from '../../dockerfile/mount.ts';
import { expandWord } from '../../dockerfile/words.ts';
import type { EnvList } from '../env-list.ts';
import { positioned } from '../expand.ts';

export interface MountUse {
  readonly kind: 'secret' | 'ssh' | 'cache';
  readonly id: string;
  /** Whether the step fails without it; a cache is made on demand. */
  readonly isRequired: boolean;
  readonly position: SourceRange;
}

/** @throws TsbuildError where a mount cannot be read */
export function readMounts({ mounts, position }: RunInstruction, env: EnvList, escape: '\\' | '`'): readonly MountUse[] {
  const expand = (value: string): string => expandWord(value, { lookup: (name) => env.get(name), escape }).text;
  return positioned(position, () => mounts.map((mount) => parseMount(mount, expand))).flatMap((mount): readonly MountUse[] => {
    if (mount.type !== 'secret' && mount.type !== 'ssh' && mount.type !== 'cache') return [];
    return [{ kind: mount.type, id: mount.id, isRequired: mount.type === 'cache' ? false : mount.required, position }];
  });
}
