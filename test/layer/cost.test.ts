/** Costs as figures, for people: nothing here asserts a time. */
import assert from 'node:assert/strict';
import { mkdirSync, openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startHelper, type Helper } from '../../src/native/helper.ts';
import { readContents, readDirectory } from '../../src/native/directory.ts';
import { removeTree, writeCopyLayer, defaultTimePolicy, type CopyEntry } from '../../src/layer/layer.ts';
import { apply, asRoot, base, commit, temporary, view } from './support.ts';

let helper: Helper;
before(async () => {
  if (asRoot.skip === false) helper = await startHelper();
});
after(() => helper?.close());

const fileCount = 30_000;
const script = `python3 -c "
import os
for d in range(300):
    os.mkdir(f'd{d}')
    for i in range(100):
        with open(f'd{d}/f{i}', 'wb') as f: f.write(os.urandom(32) * 64)
"`;

test(`costs of ${fileCount} files of 2 KiB`, asRoot, async (t) => {
  const directory = temporary(t);
  const upper = base(directory, script, 'upper');
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    t.diagnostic(`${what}: ${Math.round(performance.now() - start)} ms`);
    return result;
  };
  const layer = await timed('commit into a file', () => commit(helper, directory, { lowers: view(), upper }));
  assert.equal(layer.entryCount, fileCount + 300);
  await timed('commit with normalise', () => commit(helper, directory, { lowers: view(), upper, normalise: true }, 'second'));
  await timed('commit of what is below already', () => commit(helper, directory, { lowers: view(upper), upper }, 'third'));
  const target = join(directory, 'applied');
  await timed('apply', () => apply(helper, layer.path, target));
  const entries = await timed('read directories', () => Promise.resolve(list(upper)));
  await timed('hash', () => readContents(upper, entries.filter(({ mode }) => (mode & 0o170000) === 0o100000).map(({ path }) => String(path))));
  mkdirSync(join(directory, 'out'));
  const fd = openSync(join(directory, 'out/copy.tar'), 'w');
  const item = { destination: '/', destinationIsDirectory: true, kind: 'contents', baseName: '', source: 0, entries } as const;
  const copied = await timed('copy from a directory', () =>
    writeCopyLayer(helper, { destination: view(), times: defaultTimePolicy, link: false, parents: { mode: 0o755, owner: null, mtimeSeconds: 0 }, sources: [{ kind: 'directory', path: upper }], items: [item] }, fd));
  closeSync(fd);
  assert.equal(copied.diffID, layer.diffID, 'COPY and RUN make the same layer of the same tree');
  await timed('remove', () => removeTree(helper, target));
});

function list(root: string, path = ''): CopyEntry[] {
  return readDirectory(root, path).flatMap((entry) => {
    const child = path === '' ? entry.name : `${path}/${entry.name}`;
    const own: CopyEntry = { sourcePath: child, path: child, mode: entry.mode | (entry.type === 'directory' ? 0o040000 : 0o100000), uid: 0, gid: 0, sizeBytes: entry.sizeBytes, mtimeNs: entry.mtimeNs, ctimeNs: entry.ctimeNs, ino: entry.inode, xattrs: [] };
    return entry.type === 'directory' ? [own, ...list(root, child)] : [own];
  });
}
