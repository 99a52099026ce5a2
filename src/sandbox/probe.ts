/**
 * Tries whether the sandbox process can make what steps need: namespaces, mounts, an overlay that can be written to
 * (addon/sandbox/probe.cc). Every answer is that of the kernel here and now, because versions and settings do not tell: a
 * container's filter, a security module or the store's file system may refuse any of it. Nothing is left behind.
 */
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { releasing } from '../base/releasing.ts';
import { removeTree } from '../layer/layer.ts';
import { SpecWriter } from '../native/encoding.ts';
import { errnoName } from '../native/failure.ts';
import { JobKind, type Helper } from '../native/helper.ts';

/** One thing that was tried. */
export interface Try {
  /** `namespaces`, `host name`, `tmpfs`, `proc`, `devpts`, `mqueue`, `overlay`, `pivot root`. */
  readonly name: string;
  /** Why it does not work, as `EPERM, sethostname`; null where it does. */
  readonly failure: string | null;
}

/**
 * Tries everything; what comes after namespaces that cannot be made is not tried. `folder` is on the file system that the
 * overlay's directories are to be on; a temporary folder is made in it.
 */
export async function probeSandbox(helper: Helper, folder: string): Promise<readonly Try[]> {
  const place = await mkdtemp(join(folder, 'probe-'));
  return releasing(async () => {
    for (const name of ['lower', 'upper', 'work']) await mkdir(join(place, name));
    const spec = new SpecWriter().bytes(place).boolean(helper.userNamespace !== null).finish();
    const body = await helper.request({ kind: JobKind.Probe, spec, what: 'probe' });
    return Array.from({ length: body.u32() }, () => {
      const [name, syscall, errno] = [body.string(), body.string(), body.u32()];
      return { name, failure: errno === 0 ? null : `${errnoName(errno)}, ${syscall}` };
    });
  }, () => removeTree(helper, place)); // without root: overlayfs leaves a directory of mode 0 in its work directory
}

/** What steps cannot do without in namespaces; null where all of it works. An overlay is not among it: trees can be copied. */
export function missingForNamespaces(tries: readonly Try[]): Try | null {
  return tries.find(({ name, failure }) => failure !== null && name !== 'overlay') ?? null;
}

/** Whether layers can be stacked by overlayfs, with the upperdir in the folder. */
export function canOverlay(tries: readonly Try[]): boolean {
  return tries.some(({ name, failure }) => name === 'overlay' && failure === null);
}
