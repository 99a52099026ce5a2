/** A repository that ADD names: the commit for the key, and the files when the key was new. */
import { invariant } from '../base/errors.ts';
import { ignoreNothing } from '../context/ignore.ts';
import { openContextTree, type ContextTree } from '../context/tree.ts';
import type { VertexID } from '../graph/vertex.ts';
import type { OpenRepository, Repository } from '../source/git/repositories.ts';
import type { BuildEnvironment } from './environment.ts';

type Environment = Pick<BuildEnvironment, 'graph' | 'repositories'>;

/** What the address stands for; asked once a build. */
export function resolveRepository({ graph, repositories }: Environment, id: VertexID, signal: AbortSignal): Promise<Repository> {
  const operation = graph.vertices[id]?.operation;
  invariant(operation?.kind === 'git', `vertex ${id} is no repository`);
  return repositories.resolve({ url: operation.url, keepsGit: operation.keepsGit, signal });
}

/** Its files, shown as a step of their own when they are fetched; no ignore file hides any of them (SEMANTICS A6, 108). */
export async function openRepositoryTree(environment: BuildEnvironment, id: VertexID, signal: AbortSignal): Promise<ContextTree> {
  const [repository, { gitDirectoryReader }] = await Promise.all([resolveRepository(environment, id, signal), import('../source/git/git-tree.ts')]);
  const opened = await (repository.isOpen ? repository.open() : fetchObserved(environment, id, repository));
  return openContextTree(opened.root, ignoreNothing, gitDirectoryReader(opened));
}

async function fetchObserved({ steps, reporter }: BuildEnvironment, id: VertexID, repository: Repository): Promise<OpenRepository> {
  const step = steps.get(id);
  invariant(step !== undefined, 'every repository has a step');
  reporter.started(step);
  try {
    const opened = await repository.open();
    reporter.done(step, false);
    return opened;
  } catch (error) {
    reporter.failed(step, error);
    throw error;
  }
}
