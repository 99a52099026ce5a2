/** Carries out COPY, ADD and WORKDIR: from a plan of what lands where to one layer. */
import { copyFile, lstat, mkdtemp, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DiffID } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import { encodePath } from '../base/path-bytes.ts';
import { selectSources } from '../context/select.ts';
import type { TreeEntry } from '../context/tree.ts';
import type { CopyOperation, CopySource, Vertex, WorkdirOperation } from '../graph/vertex.ts';
import { emptyLayer } from '../layer/layer.ts';
import { readAccounts } from './accounts.ts';
import { addArchives, hasArchives } from './add-archives.ts';
import { planFromContext } from './context-items.ts';
import { landingOf, parentMode, planItems, selectOptions, type CopyItem, type Landing, type Owner } from './copy-plan.ts';
import type { BuildEnvironment } from './environment.ts';
import type { Inputs, Performed } from './executor.ts';
import { openRepositoryTree } from './repository-tree.ts';
import { selectInView } from './select-in-view.ts';
import { isNumericUser, resolveOwner, type AccountFiles } from './users.ts';
import { writeCopy } from './write-copy.ts';

const root: Owner = { uid: 0, gid: 0 };
const noAccounts: AccountFiles = { passwd: '', group: '' };

export async function performCopy(
  environment: BuildEnvironment,
  vertex: Vertex,
  operation: CopyOperation,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<Performed> {
  const base = inputs.get(operation.root)?.layers ?? [];
  const owner = operation.owner === null ? null : await findOwner(environment, vertex, { text: operation.owner, link: operation.link, base }, signal);
  const landing = landingOf(operation, owner);
  const items = await collectItems(environment, operation, inputs, landing, signal);
  const onWarning = (text: string): void => environment.reporter.send({ type: 'step-note', id: environment.steps.get(vertex.id)?.id ?? 0, text });
  const request = {
    base,
    items,
    destination: operation.destination,
    link: operation.link,
    parents: { mode: parentMode(landing), owner },
    onWarning,
  };
  if (await hasArchives(environment, items, signal)) {
    return { added: [await addArchives(environment, request, owner, signal)] };
  }
  return { added: [await writeCopy(environment, request, signal)] };
}

/** Numbers need no files; with `--link` there are none to look in (SEMANTICS A6, 61 and 65). */
async function findOwner(
  environment: BuildEnvironment,
  { stage }: Vertex,
  { text, link, base }: { readonly text: string; readonly link: boolean; readonly base: readonly DiffID[] },
  signal: AbortSignal,
): Promise<Owner> {
  if (isNumericUser(text)) return resolveOwner(text, noAccounts, stage);
  if (!link) return resolveOwner(text, await readAccounts(environment, base, signal), stage);
  throw new TsbuildError('usage', 'USER_UNKNOWN', `--chown=${text} in stage ${stage}: with --link no names are known`, {
    hint: 'Write numbers, or leave out --link.',
    details: { user: text, stage },
  });
}

/** All sources of an instruction, in its order. */
async function collectItems(
  environment: BuildEnvironment,
  operation: CopyOperation,
  inputs: Inputs,
  landing: Landing,
  signal: AbortSignal,
): Promise<readonly CopyItem[]> {
  const sources: (readonly CopyItem[])[] = [];
  for (const source of operation.sources) {
    const items = await itemsOf(environment, operation, source, inputs, landing, signal);
    sources.push(unpacks(operation, source) ? items.map((item) => ({ ...item, unpacks: true })) : items);
  }
  return sources.flat();
}

/** ADD unpacks what is here, but a download only if it is told to (SEMANTICS A6, 72). */
function unpacks(operation: CopyOperation, source: CopySource): boolean {
  if (source.kind === 'http') return operation.unpackRemote;
  return source.kind === 'path' && operation.unpack;
}

async function itemsOf(
  environment: BuildEnvironment,
  operation: CopyOperation,
  source: CopySource,
  inputs: Inputs,
  landing: Landing,
  signal: AbortSignal,
): Promise<readonly CopyItem[]> {
  if (source.kind === 'inline') return [await inlineItem(environment, source.name, source.content, landing)];
  if (source.kind === 'http') return [await downloadItem(environment, source, landing, signal)];
  if (source.kind === 'git') {
    const tree = await openRepositoryTree(environment, source.from, signal);
    const matches = selectSources(tree, '/', { excludes: operation.excludes });
    return planItems({ kind: 'directory', path: tree.root }, matches, landing, () => root);
  }
  const from = environment.graph.vertices[source.from]?.operation;
  if (from?.kind === 'context') {
    return (await planFromContext(environment, { name: from.name, pattern: source.pattern, options: selectOptions(operation, source), landing, signal })).items;
  }
  const layers = inputs.get(source.from)?.layers ?? [];
  const { matches, ownerOf } = await selectInView(environment, layers, source.pattern, selectOptions(operation, source), signal);
  return planItems({ kind: 'layers', layers }, matches, landing, ownerOf);
}

/** A here-document becomes a file of mode 0644, or 0600 for a download, in a folder of its own (SEMANTICS A6, 30, 73). */
async function fileItem(directory: string, sourceName: string, name: string, mode: number, landing: Landing): Promise<CopyItem> {
  const stat = await lstat(join(directory, sourceName), { bigint: true });
  const entry: TreeEntry = {
    name: sourceName,
    type: 'file',
    mode,
    sizeBytes: Number(stat.size),
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    device: stat.dev,
    inode: stat.ino,
    linkCount: 1,
    rdev: 0n,
    linkTarget: '',
  };
  const match = { name, path: sourceName, entry, children: [] };
  const [item] = planItems({ kind: 'directory', path: directory }, [match], landing, () => root);
  if (item === undefined) throw new TsbuildError('bug', 'ITEM_MISSING', `no item for ${name}`);
  return item;
}

async function inlineItem(environment: BuildEnvironment, name: string, content: string, landing: Landing): Promise<CopyItem> {
  const directory = await mkdtemp(join(environment.store.paths.tmp, 'inline-'));
  await writeFile(join(directory, 'content'), encodePath(content), { mode: 0o600 });
  return fileItem(directory, 'content', name.slice(name.lastIndexOf('/') + 1), 0o644, landing);
}

async function downloadItem(
  environment: BuildEnvironment,
  source: Extract<CopySource, { readonly kind: 'http' }>,
  landing: Landing,
  signal: AbortSignal,
): Promise<CopyItem> {
  const download = await environment.downloads.resolve({ what: 'ADD', url: source.url, checksum: source.checksum, signal });
  const { path, modifiedSeconds } = await download.open();
  if (environment.times.kind === 'clamp') return fileItem(dirname(path), basename(path), source.filename, 0o600, landing);
  // The blob is everybody's, so a time of its own needs a file of its own. Without Last-Modified it is 1970, as with BuildKit.
  const directory = await mkdtemp(join(environment.store.paths.tmp, 'download-'));
  await copyFile(path, join(directory, 'content'));
  await utimes(join(directory, 'content'), modifiedSeconds ?? 0, modifiedSeconds ?? 0);
  return fileItem(directory, 'content', source.filename, 0o600, landing);
}

/**
 * WORKDIR makes the directory and its parents for the current user, read as `--chown` reads it: after `USER 7` they are
 * 7:7, as BuildKit makes them; without a USER they are made as mkdir makes them, whose group a setgid directory gives. One
 * that exists makes no layer ("Ours", 1).
 */
export async function performWorkdir(
  environment: BuildEnvironment,
  vertex: Vertex,
  operation: WorkdirOperation,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<Performed> {
  const base = inputs.get(operation.root)?.layers ?? [];
  const owner = operation.user === '' ? null : resolveOwner(operation.user, await readAccounts(environment, base, signal), vertex.stage);
  const directory = await mkdtemp(join(environment.store.paths.tmp, 'workdir-'));
  const item: CopyItem = { origin: { kind: 'directory', path: directory }, isSingle: false, name: '', mtimeNs: null, entries: [] };
  const layer = await writeCopy(
    environment,
    { base, items: [item], destination: `${operation.path}/`, link: false, parents: { mode: 0o755, owner }, onWarning: () => undefined },
    signal,
  );
  return { added: layer === emptyLayer.diffID ? [] : [layer] };
}
