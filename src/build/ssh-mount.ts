/** RUN --mount=type=ssh: an agent's socket in the step, by a proxy that ends with it (SEMANTICS A6, 85). */
import { TsbuildError } from '../base/errors.ts';
import { giveAway } from '../layer/layer.ts';
import { noMount, type MountOf, type MountWork, type PreparedMount } from './mount-work.ts';

/** The modules are loaded by the first step that gets an agent. */
export async function sshMount(work: MountWork, mount: MountOf<'ssh'>): Promise<PreparedMount> {
  const { environment, releases, note } = work;
  const { id, target, required, uid, gid, mode } = mount;
  const paths = environment.secrets.agent(id);
  if (paths === null) {
    if (!required) return noMount;
    throw new TsbuildError('usage', 'SSH_MISSING', `ssh agent ${id}: not forwarded`, { hint: `Give it with --ssh ${id}, or --ssh ${id}=SOCKET|KEY.` });
  }
  const [{ openAgent }, { forwardAgent }] = await Promise.all([import('./ssh/agent.ts'), import('./ssh/forward.ts')]);
  const { helper } = await environment.machinery();
  const owner = { uid, gid, mode: mode & 0o777 };
  const forwarded = await forwardAgent(await openAgent(id, paths), { folder: environment.store.paths.tmp, owner, onWarning: note, give: (path, to) => giveAway(helper, path, to) });
  releases.push(() => forwarded.close());
  return { ...noMount, mounts: [{ kind: 'path', path: forwarded.path, target, readOnly: false }] };
}
