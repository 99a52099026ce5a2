/** Random copies over random trees, links of every kind among them, against a model that is too simple to be wrong (SEMANTICS A6, 52, 53, 58 and 67). */
import assert from 'node:assert/strict';
import { closeSync, createReadStream, lstatSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import { TsbuildError } from '../../src/base/errors.ts';
import { defaultTimePolicy, writeCopyLayer, type CopyEntry, type CopyItem } from '../../src/layer/layer.ts';
import { startHelper, type Helper } from '../../src/native/helper.ts';
import { Conflict, copyNaively, type NaiveSource, type NaiveTree, type Node } from '../support/naive-tree.ts';
import { assertAsyncProperty } from '../support/property.ts';
import { asRoot, temporary, view } from './support.ts';

let helper: Helper;
before(async () => {
  if (asRoot.skip === false) helper = await startHelper();
});
after(() => helper?.close());

const runs = Number(process.env['TSBUILD_RANDOM_COPIES'] ?? 200);

// Few names, so that they meet often.
const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const file = fc.constantFrom('', '1', '22').map((content) => ({ kind: 'f', content }) as const);
const target = fc.tuple(fc.constantFrom('', '/', '../', '../../../', './'), fc.array(fc.constantFrom('a', 'b', 'c', '..', 'none'), { minLength: 1, maxLength: 3 })).map(([start, parts]) => start + parts.join('/'));
const link = target.map((text) => ({ kind: 'l', target: text }) as const);
const directory = fc.constant({ kind: 'd' } as const);
const nodes = fc.array(fc.tuple(path, fc.oneof({ weight: 3, arbitrary: link }, { weight: 2, arbitrary: file }, { weight: 3, arbitrary: directory })), { maxLength: 8 }).map(treeOf);
const source: fc.Arbitrary<NaiveSource> = fc.oneof(
  fc.record({ name, node: file }),
  nodes.map((tree) => ({ children: [...tree].sort(([a], [b]) => compare(a.split('/'), b.split('/'))) })),
);
const destination = fc.tuple(path, fc.constantFrom('', '', '/')).map(([text, slash]) => `/${text}${slash}`);
const drawn = fc.record({ below: nodes, sources: fc.array(source, { minLength: 1, maxLength: 3 }), destination: fc.oneof({ weight: 9, arbitrary: destination }, { weight: 1, arbitrary: fc.constant('/') }), link: fc.option(fc.nat(7)) });
// Destinations of which half begin with a link, if there is one: by chance alone few would.
const cases = drawn.map(({ link: index, ...one }) => {
  const links = [...one.below].flatMap(([at, node]) => (node.kind === 'l' ? [at] : []));
  const first = index === null || index % 2 === 0 ? undefined : links[index % links.length];
  return first === undefined ? one : { ...one, destination: `/${first}${one.destination}` };
});

/** A tree of those that fit: the first of two at a path, and nothing below what is no directory. */
function treeOf(list: readonly (readonly [string, Node])[]): NaiveTree {
  const tree: NaiveTree = new Map();
  for (const [at, node] of list) {
    const above = at.split('/').slice(0, -1).map((_, index, all) => all.slice(0, index + 1).join('/'));
    if (tree.has(at) || above.some((parent) => (tree.get(parent)?.kind ?? 'd') !== 'd')) continue;
    above.forEach((parent) => tree.set(parent, { kind: 'd' }));
    tree.set(at, node);
  }
  return tree;
}

function compare(a: readonly string[], b: readonly string[]): number {
  return a.join('\0') < b.join('\0') ? -1 : 1;
}

function write(root: string, nodesBelow: Iterable<readonly [string, Node]>): void {
  mkdirSync(root);
  for (const [at, node] of [...nodesBelow].sort(([a], [b]) => compare(a.split('/'), b.split('/')))) {
    if (node.kind === 'd') mkdirSync(join(root, at));
    else if (node.kind === 'f') writeFileSync(join(root, at), node.content);
    else symlinkSync(node.target, join(root, at));
  }
}

function entryOf(root: string, sourcePath: string, landing: string, node: Node): CopyEntry {
  const st = lstatSync(join(root, sourcePath), { bigint: true });
  return { sourcePath, path: landing, mode: Number(st.mode), uid: 0, gid: 0, sizeBytes: st.size, mtimeNs: st.mtimeNs, ctimeNs: st.ctimeNs, ino: st.ino, linkTarget: node.kind === 'l' ? node.target : '', xattrs: [] };
}

function itemOf(root: string, index: number, one: NaiveSource, to: string): CopyItem {
  const where = String(index);
  const common = { destination: to, destinationIsDirectory: to.endsWith('/'), source: 0 };
  if ('children' in one) {
    write(join(root, where), one.children);
    return { ...common, kind: 'contents', baseName: where, entries: one.children.map(([at, node]) => entryOf(root, `${where}/${at}`, at, node)) };
  }
  write(join(root, where), [[one.name, one.node]]);
  return { ...common, kind: 'single', baseName: one.name, entries: [entryOf(root, `${where}/${one.name}`, '', one.node)] };
}

/** The tree below with the layer over it. */
async function applyTar(tar: string, tree: NaiveTree): Promise<NaiveTree> {
  const result = new Map(tree);
  for await (const entry of createReadStream(tar).pipe(extract())) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    const { header } = entry;
    const at = header.name.replace(/\/$/, '');
    if (header.type === 'directory') result.set(at, { kind: 'd' });
    else if (header.type === 'symlink') result.set(at, { kind: 'l', target: header.linkname ?? '' });
    else result.set(at, { kind: 'f', content: Buffer.concat(chunks).toString() });
  }
  return result;
}

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;
type Outcome = 'conflict' | readonly (readonly [string, Node])[];

function sorted(tree: NaiveTree): Outcome {
  return [...tree].sort(([a], [b]) => (a < b ? -1 : 1));
}

function expected({ below, sources, destination: to }: Case): Outcome {
  const tree = new Map(below);
  try {
    for (const one of sources) copyNaively(tree, one, to);
    return sorted(tree);
  } catch (error) {
    if (error instanceof Conflict) return 'conflict';
    throw error;
  }
}

async function actual(folder: string, { below, sources, destination: to }: Case): Promise<Outcome> {
  const [lower, root, tar] = [join(folder, 'lower'), join(folder, 'context'), join(folder, 'layer.tar')];
  write(lower, below);
  mkdirSync(root);
  const items = sources.map((one, index) => itemOf(root, index, one, to));
  const fd = openSync(tar, 'w');
  try {
    const parents = { mode: 0o755, owner: null, mtimeSeconds: 0 };
    await writeCopyLayer(helper, { destination: view(lower), times: defaultTimePolicy, link: false, parents, sources: [{ kind: 'directory', path: root }], items }, fd);
  } catch (error) {
    if (error instanceof TsbuildError && error.code === 'COPY_CONFLICT') return 'conflict';
    throw error;
  } finally {
    closeSync(fd);
  }
  return sorted(await applyTar(tar, below));
}

/** Whether a link of the tree below stands on the way to the destination. */
function leadsThroughLink({ below, destination: to }: Case): boolean {
  const parts = to.split('/').filter((part) => part !== '');
  return parts.some((_, index) => below.get(parts.slice(0, index + 1).join('/'))?.kind === 'l');
}

test(`A6.58 property: ${runs} random copies land where a simple model says, or conflict where it does`, asRoot, async (t) => {
  const folder = temporary(t);
  const counts = { conflict: 0, landed: 0, throughLink: 0 };
  await assertAsyncProperty(fc.asyncProperty(cases, async (one) => {
    const here = mkdtempSync(join(folder, 'case-'));
    const outcome = await actual(here, one);
    assert.deepEqual(outcome, expected(one));
    counts[outcome === 'conflict' ? 'conflict' : 'landed'] += 1;
    if (outcome !== 'conflict' && leadsThroughLink(one)) counts.throughLink += 1;
    rmSync(here, { recursive: true });
  }), { numRuns: runs });
  t.diagnostic(JSON.stringify(counts));
  if (process.env['TSBUILD_RANDOM_PATH'] !== undefined) return; // one case alone
  assert.ok(counts.landed > runs / 4 && counts.conflict > 0 && counts.throughLink > 0, `the cases say little: ${JSON.stringify(counts)}`);
});
