/**
 * Copying into a tree, as simply as it can be said: a map from paths to what stands there. It knows no owners, modes or
 * layers; tests compare what it says with what the sandbox process does. Start at `copyNaively`.
 */

/** A directory has neither content nor target. */
export type Node = { readonly kind: 'd' } | { readonly kind: 'f'; readonly content: string } | { readonly kind: 'l'; readonly target: string };

/** By path, without a leading slash; the root is not in it. */
export type NaiveTree = Map<string, Node>;

/** What is copied: one thing under its name, or what is in a directory, parents first. */
export type NaiveSource = { readonly name: string; readonly node: Exclude<Node, { readonly kind: 'd' }> } | { readonly children: readonly (readonly [path: string, node: Node])[] };

/** A copy that no builder can do. */
export class Conflict extends Error {}

const linksMax = 40;

/** The path with all links followed below the root; what is missing is missing, and `..` leads out of it by name. */
export function resolveNaively(tree: NaiveTree, path: string): readonly string[] {
  const todo = path.split('/').filter((part) => part !== '' && part !== '.');
  let at: readonly string[] = [];
  let links = 0;
  for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
    if (name === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const node = tree.get([...at, name].join('/'));
    if (node?.kind === 'f' && todo.length > 0) throw new Conflict(`${path}: a file is on the way`);
    if (node?.kind !== 'l') {
      at = [...at, name];
      continue;
    }
    links += 1;
    if (links > linksMax) throw new Conflict(`${path}: links in a circle`);
    if (node.target.startsWith('/')) at = [];
    todo.unshift(...node.target.split('/').filter((part) => part !== '' && part !== '.'));
  }
  return at;
}

/** Changes the tree. @throws Conflict */
export function copyNaively(tree: NaiveTree, source: NaiveSource, destination: string): void {
  const at = resolveNaively(tree, destination);
  if ('children' in source) {
    makeDirectories(tree, at);
    for (const [path, node] of source.children) put(tree, [...at, ...path.split('/')], node);
    return;
  }
  const isDirectory = destination.endsWith('/') || at.length === 0 || tree.get(at.join('/'))?.kind === 'd';
  const path = isDirectory ? [...at, source.name] : at;
  makeDirectories(tree, path.slice(0, -1));
  put(tree, path, source.node);
}

function makeDirectories(tree: NaiveTree, path: readonly string[]): void {
  path.forEach((_, index) => put(tree, path.slice(0, index + 1), { kind: 'd' }));
}

/** Nothing is followed here: a link in the way is replaced by a file or another link, and stops a directory. */
function put(tree: NaiveTree, parts: readonly string[], node: Node): void {
  const path = parts.join('/');
  const below = tree.get(path);
  if (below !== undefined && (below.kind === 'd') !== (node.kind === 'd')) throw new Conflict(`${path}: a directory and something else`);
  if (below?.kind !== 'd') tree.set(path, node);
}
