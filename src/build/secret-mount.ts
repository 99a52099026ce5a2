/** RUN --mount=type=secret: a value as a file that exists in memory only, as a variable, or as both (SEMANTICS A6, 84). */
import { TsbuildError } from '../base/errors.ts';
import { noMount, type MountOf, type MountWork, type PreparedMount } from './mount-work.ts';
import { secretSizeMax, secretTooLarge } from './secret-provider.ts';

/** A secret that is not there and not required is no file, and an empty variable, as with BuildKit. */
export async function secretMount({ environment }: MountWork, mount: MountOf<'secret'>): Promise<PreparedMount> {
  const { id, target, uid, gid, mode, env, required } = mount;
  const content = await environment.secrets.secret(id);
  if (content === null) {
    if (required) throw missing(id);
    return env === null ? noMount : { ...noMount, env: [[env, '']] };
  }
  if (content.length > secretSizeMax) throw secretTooLarge(id);
  if (env !== null && content.includes(0)) throw unfitForVariable(id, env);
  return {
    mounts: target === null ? [] : [{ kind: 'secret', target, content, uid, gid, mode }],
    env: env === null ? [] : [[env, content]],
    secrets: [content],
  };
}

function missing(id: string): TsbuildError {
  return new TsbuildError('usage', 'SECRET_MISSING', `secret ${id}: not found`, { hint: `Give it with --secret id=${id},src=FILE or --secret id=${id},env=NAME.` });
}

function unfitForVariable(id: string, env: string): TsbuildError {
  return new TsbuildError('usage', 'SECRET_INVALID', `secret ${id}: it has a zero byte, which the variable ${env} cannot hold`, {
    hint: 'Mount it as a file: leave env= out.',
  });
}
