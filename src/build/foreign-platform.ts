/** RUN for another processor: whether its programs can be started here, found out before the step and told with what to do. */
import type { DiffID } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import type { Platform } from '../image/config.ts';
import { formatPlatform, hostPlatform } from '../image/platform.ts';
import { scanView } from '../layer/view-files.ts';
import { interpretersFor, kernelFiles, readBinfmtEntries, runsNatively } from '../sandbox/binfmt.ts';
import type { BuildEnvironment } from './environment.ts';

/**
 * Fails where the step's programs cannot be started: they are not this machine's own, and no interpreter is registered for
 * them that the step can reach.
 * @throws TsbuildError `PLATFORM_FOREIGN`, class machine
 */
export async function checkPlatform(environment: BuildEnvironment, platform: Platform, layers: readonly DiffID[], signal: AbortSignal): Promise<void> {
  const { architecture } = environment;
  if (await runsNatively(platform, architecture, kernelFiles)) return;
  const interpreters = interpretersFor(platform, await readBinfmtEntries(kernelFiles));
  if (interpreters.some(({ isOpened }) => isOpened)) return;
  const unopened = interpreters.map(({ interpreter }) => interpreter);
  if (unopened.length > 0 && (await hasAny(environment, layers, unopened, signal))) return;
  const cause = unopened.length === 0 ? 'no interpreter is registered for it' : `its interpreter ${unopened.join(', ')} is neither in the image nor registered with flag F`;
  throw new TsbuildError('machine', 'PLATFORM_FOREIGN', `RUN for ${formatPlatform(platform)}: this machine runs ${formatPlatform(hostPlatform(architecture))}, and ${cause}`, {
    hint: installHint,
    details: { platform: formatPlatform(platform) },
  });
}

/** Without flag F the kernel looks for the interpreter in the step's own root. */
async function hasAny(environment: BuildEnvironment, layers: readonly DiffID[], paths: readonly string[], signal: AbortSignal): Promise<boolean> {
  if (layers.length === 0) return false;
  const { helper, snapshots } = await environment.machinery();
  const view = await snapshots.view(layers, signal);
  return (await scanView(helper, { view, patterns: paths }, signal)).length > 0;
}

const installHint =
  'Install an emulator, on Debian and Ubuntu with apt-get install qemu-user-static binfmt-support, or register one with binfmt_misc (mounted at /proc/sys/fs/binfmt_misc) and flag F.';

/** What to say where the kernel refused a program as none of its own. */
export function formatErrorHint(platform: Platform, architecture: string): string {
  return `The program is not for this machine, which runs ${formatPlatform(hostPlatform(architecture))}; the step is for ${formatPlatform(platform)}. Check the platform of the base image. ${installHint}`;
}
