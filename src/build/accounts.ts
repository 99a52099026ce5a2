/** The account files of a stack of layers, read inside its root, once a build. */
import type { DiffID } from '../base/digest.ts';
import { emptyLayer, readFileInView } from '../layer/layer.ts';
import type { BuildEnvironment } from './environment.ts';
import { accountFileSizeMax, type AccountFiles } from './users.ts';

export function readAccounts(environment: BuildEnvironment, stack: readonly DiffID[], signal: AbortSignal): Promise<AccountFiles> {
  const layers = stack.filter((layer) => layer !== emptyLayer.diffID);
  if (layers.length === 0) return Promise.resolve({ passwd: '', group: '' });
  const key = layers.join(' ');
  const known = environment.accounts.get(key);
  if (known !== undefined) return known;
  const files = readNow(environment, layers, signal);
  environment.accounts.set(key, files);
  return files;
}

async function readNow(environment: BuildEnvironment, layers: readonly DiffID[], signal: AbortSignal): Promise<AccountFiles> {
  await environment.baseLayers.ensure(layers, signal);
  const { helper, snapshots } = await environment.machinery();
  const view = await snapshots.view(layers, signal);
  const read = async (path: string): Promise<string> => {
    const content = await readFileInView(helper, { view, path, sizeBytesMax: accountFileSizeMax }, signal);
    return content === null ? '' : content.toString('utf8');
  };
  const [passwd, group] = await Promise.all([read('/etc/passwd'), read('/etc/group')]);
  return { passwd, group };
}
