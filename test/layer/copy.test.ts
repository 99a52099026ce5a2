import assert from 'node:assert/strict';
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { startHelper, type Helper } from '../../src/native/helper.ts';
import { defaultTimePolicy, emptyLayer, writeCopyLayer, type CopyEntry, type CopyItem, type CopyOptions, type WrittenLayer } from '../../src/layer/layer.ts';
import { asRoot, base, listTar, shell, temporary, view } from './support.ts';

let helper: Helper;
before(async () => {
  if (asRoot.skip === false) helper = await startHelper();
});
after(() => helper?.close());

const t0 = 315619200;
const parents = { mode: 0o755, owner: { uid: 0, gid: 0 }, mtimeSeconds: t0 };

/** The entry of a file as a caller would describe it. */
function entryOf(root: string, sourcePath: string, path: string, over: Partial<CopyEntry> = {}): CopyEntry {
  const st = lstatSync(join(root, sourcePath), { bigint: true });
  const isLink = st.isSymbolicLink();
  return {
    sourcePath,
    path,
    mode: Number(st.mode),
    uid: 0,
    gid: 0,
    sizeBytes: st.size,
    mtimeNs: st.mtimeNs,
    ctimeNs: st.ctimeNs,
    ino: st.ino,
    rdev: st.rdev,
    linkTarget: isLink ? readlinkSync(join(root, sourcePath)) : '',
    linkGroup: st.nlink > 1n && !st.isDirectory() ? Number(st.ino) : 0,
    xattrs: 'source',
    ...over,
  };
}

function contents(root: string, directory: string): CopyEntry[] {
  return readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .sort()
    .map((path) => entryOf(root, join(directory, path), path));
}

/** What COPY source… destination would ask for. */
function itemOf(root: string, source: string, destination: string, sourceCount = 1): CopyItem {
  const isDirectory = lstatSync(join(root, source)).isDirectory();
  return {
    destination,
    destinationIsDirectory: destination.endsWith('/') || sourceCount > 1,
    kind: isDirectory ? 'contents' : 'single',
    baseName: basename(source),
    source: 0,
    entries: isDirectory ? contents(root, source) : [entryOf(root, source, '')],
  };
}

async function copy(directory: string, options: Partial<CopyOptions> & Pick<CopyOptions, 'sources' | 'items'>): Promise<WrittenLayer & { readonly lines: string[] }> {
  const path = join(directory, 'copy.tar');
  const fd = openSync(path, 'w');
  try {
    const written = await writeCopyLayer(helper, { destination: view(), times: defaultTimePolicy, link: false, parents, ...options }, fd);
    return { ...written, lines: listTar(path) };
  } finally {
    closeSync(fd);
  }
}

interface Case {
  /** Scripts that make the image below and the context. */
  readonly below?: string;
  readonly context: string;
  readonly copy: readonly string[];
  readonly link?: boolean;
}

async function run(t: { after(fn: () => void): void }, { below = 'true', context, copy: words, link = false }: Case): Promise<WrittenLayer & { readonly lines: string[] }> {
  const directory = temporary(t);
  const lower = base(directory, below);
  const root = base(directory, context, 'context');
  const sources = words.slice(0, -1);
  const destination = words.at(-1) ?? '/';
  const items = sources.map((source) => itemOf(root, source, destination, sources.length));
  return copy(directory, { destination: view(lower), sources: [{ kind: 'directory', path: root }], items, link });
}

async function check(t: { after(fn: () => void): void }, input: Case, expected: readonly string[]): Promise<void> {
  assert.deepEqual((await run(t, input)).lines, expected);
}

async function refuses(t: { after(fn: () => void): void }, input: Case, code: string, message: RegExp): Promise<void> {
  await assert.rejects(run(t, input), (error: unknown) => {
    assert.ok(error instanceof TsbuildError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

test('writeCopyLayer copies a directory contents into a new directory with the parents it needs', asRoot, (t) =>
  check(t, { context: 'mkdir -p d/sub; chmod 700 d d/sub; echo 1 > d/f; ln -s f d/l; echo 22 > d/sub/g; chmod 4755 d/sub/g', copy: ['d', '/a/b'] }, [
    `5 0755 0:0 0 ${t0} 'a'`,
    `5 0755 0:0 0 ${t0} 'a/b'`,
    `0 0644 0:0 2 ${t0} 'a/b/f'`,
    `2 0777 0:0 0 ${t0} 'a/b/l' -> f`,
    `5 0700 0:0 0 ${t0} 'a/b/sub'`,
    `0 4755 0:0 3 ${t0} 'a/b/sub/g'`,
  ]));

test('writeCopyLayer makes an empty destination directory', asRoot, (t) =>
  check(t, { context: 'mkdir d', copy: ['d', '/new'] }, [`5 0755 0:0 0 ${t0} 'new'`]));

test('writeCopyLayer takes the destination of a file as its name, unless it is a directory', asRoot, async (t) => {
  const context = 'echo x > f';
  await check(t, { context, copy: ['f', '/g'] }, [`0 0644 0:0 2 ${t0} 'g'`]);
  await check(t, { context, copy: ['f', '/g/'] }, [`5 0755 0:0 0 ${t0} 'g'`, `0 0644 0:0 2 ${t0} 'g/f'`]);
  await check(t, { below: 'mkdir -m 1777 g', context, copy: ['f', '/g'] }, [`5 1777 0:0 0 ${t0} 'g'`, `0 0644 0:0 2 ${t0} 'g/f'`]);
  await check(t, { context: 'echo x > f; echo y > h', copy: ['f', 'h', '/g'] }, [`5 0755 0:0 0 ${t0} 'g'`, `0 0644 0:0 2 ${t0} 'g/f'`, `0 0644 0:0 2 ${t0} 'g/h'`]);
});

test('writeCopyLayer follows links of the destination inside the root', asRoot, async (t) => {
  const context = 'echo x > f';
  await check(t, { below: 'mkdir -p real/dir; chown 5:6 real; ln -s /real link', context, copy: ['f', '/link/dir/'] }, [
    `5 0755 5:6 0 ${t0} 'real'`,
    `5 0755 0:0 0 ${t0} 'real/dir'`,
    `0 0644 0:0 2 ${t0} 'real/dir/f'`,
  ]);
  await check(t, { below: 'ln -s ../../../../../../out link', context, copy: ['f', '/link/'] }, [`5 0755 0:0 0 ${t0} 'out'`, `0 0644 0:0 2 ${t0} 'out/f'`]);
  await check(t, { below: 'echo old > real; ln -s real link', context, copy: ['f', '/link'] }, [`0 0644 0:0 2 ${t0} 'real'`]);
  await refuses(t, { below: 'ln -s b a; ln -s a b', context, copy: ['f', '/a/'] }, 'COPY_CONFLICT', /too many levels of symbolic links: /);
});

test('writeCopyLayer replaces a link in a copied tree instead of writing through it', asRoot, (t) =>
  check(t, { below: 'mkdir d victim; echo v > victim/f; ln -s ../victim/f d/f', context: 'mkdir d; echo new > d/f', copy: ['d', '/d'] }, [
    `5 0755 0:0 0 ${t0} 'd'`,
    `0 0644 0:0 4 ${t0} 'd/f'`,
  ]));

test('writeCopyLayer refuses a file over a directory and a directory over anything else', asRoot, async (t) => {
  await refuses(t, { below: 'mkdir -p d/f', context: 'mkdir d; echo x > d/f', copy: ['d', '/d'] }, 'COPY_CONFLICT', /cannot copy d\/f over a directory: \/d\/f/);
  await refuses(t, { below: 'mkdir d; touch d/s', context: 'mkdir -p d/s', copy: ['d', '/d'] }, 'COPY_CONFLICT', /cannot copy to non-directory: \/d\/s/);
  await refuses(t, { below: 'mkdir d x; ln -s ../x d/s', context: 'mkdir -p d/s', copy: ['d', '/d'] }, 'COPY_CONFLICT', /cannot copy to non-directory: \/d\/s/);
  await refuses(t, { below: 'touch d', context: 'mkdir d', copy: ['d', '/d'] }, 'COPY_CONFLICT', /cannot copy to non-directory: \/d/);
  await refuses(t, { below: 'touch d', context: 'touch f', copy: ['f', '/d/x/'] }, 'COPY_CONFLICT', /cannot copy to non-directory: \/d/);
});

test('writeCopyLayer keeps the destination directory and gives directories in the tree the attributes of the source', asRoot, (t) =>
  check(t, { below: 'mkdir -p d/sub; chmod 700 d d/sub; chown 1:2 d d/sub', context: 'mkdir -p d/sub; touch d/sub/f', copy: ['d', '/d'] }, [
    `5 0700 1:2 0 ${t0} 'd'`,
    `5 0755 0:0 0 ${t0} 'd/sub'`,
    `0 0644 0:0 0 ${t0} 'd/sub/f'`,
  ]));

test('writeCopyLayer drops what is there already', asRoot, async (t) => {
  const make = 'mkdir -p d/e; echo 1 > d/f; ln d/f d/g; ln -s x d/l; echo old > d/e/changed';
  const same = await run(t, { below: make, context: make, copy: ['d', '/d'] });
  assert.equal(same.diffID, emptyLayer.diffID);
  await check(t, { below: make, context: `${make}; echo new > d/e/changed`, copy: ['d', '/d'] }, [
    `5 0755 0:0 0 ${t0} 'd'`,
    `5 0755 0:0 0 ${t0} 'd/e'`,
    `0 0644 0:0 4 ${t0} 'd/e/changed'`,
  ]);
});

test('writeCopyLayer keeps hard links within one COPY', asRoot, (t) =>
  check(t, { context: 'mkdir d e; echo 1 > d/b; ln d/b d/a; ln d/b e/c', copy: ['d', 'e', '/t/'] }, [
    `5 0755 0:0 0 ${t0} 't'`,
    `0 0644 0:0 2 ${t0} 't/a'`,
    `1 0644 0:0 0 ${t0} 't/b' -> t/a`,
    `1 0644 0:0 0 ${t0} 't/c' -> t/a`,
  ]));

test('writeCopyLayer lets later sources override earlier ones', asRoot, async (t) => {
  await check(t, { context: 'mkdir d e; echo 1 > d/x; ln -s y d/z; echo 333 > e/x; echo 4 > e/z', copy: ['d', 'e', '/t/'] }, [
    `5 0755 0:0 0 ${t0} 't'`,
    `0 0644 0:0 4 ${t0} 't/x'`,
    `0 0644 0:0 2 ${t0} 't/z'`,
  ]);
  await refuses(t, { context: 'mkdir d e e/x; echo 1 > d/x', copy: ['d', 'e', '/t/'] }, 'COPY_CONFLICT', /non-directory: \/t\/x/);
});

test('writeCopyLayer with link looks at nothing below', asRoot, (t) =>
  check(t, { below: 'mkdir -m 1777 tmp; ln -s tmp l; echo x > tmp/f', context: 'echo x > f', copy: ['f', '/l/../tmp/'], link: true }, [
    `5 0755 0:0 0 ${t0} 'tmp'`,
    `0 0644 0:0 2 ${t0} 'tmp/f'`,
  ]));

test('writeCopyLayer names a file that changed since it was seen', asRoot, async (t) => {
  const directory = temporary(t);
  const root = base(directory, 'mkdir d; echo 1 > d/f; echo 1 > d/g', 'context');
  const items = [itemOf(root, 'd', '/d')];
  writeFileSync(join(root, 'd/g'), '2\n');
  const options = { sources: [{ kind: 'directory', path: root }], items } as const;
  await assert.rejects(copy(directory, options), { code: 'FILE_CHANGED', message: /d\/g: changed while it was read/ });
  shell(root, 'rm d/g; ln -s /etc/passwd d/g');
  await assert.rejects(copy(directory, options), { code: 'FILE_CHANGED' });
  shell(root, 'rm d/g; mkfifo d/g');
  await assert.rejects(copy(directory, options), { code: 'FILE_CHANGED' });
});

test('writeCopyLayer does not follow a link that took the place of a source directory', asRoot, async (t) => {
  const directory = temporary(t);
  const root = base(directory, 'mkdir d; echo 1 > d/f', 'context');
  const items = [itemOf(root, 'd', '/d')];
  shell(root, 'mkdir other; mv d/f other/f; rmdir d; ln -s other d');
  await assert.rejects(copy(directory, { sources: [{ kind: 'directory', path: root }], items }), { code: 'FILE_CHANGED' });
});

test('writeCopyLayer takes files from a stage with owners and attributes', asRoot, async (t) => {
  const directory = temporary(t);
  const stage = base(directory, 'mkdir d; echo 1 > d/f; chown 7:8 d/f; xattr d/f user.k v; mknod d/dev c 1 3', 'stage');
  const entries = contents(stage, 'd').map((entry) => ({ ...entry, uid: 7, gid: 8 }));
  const item: CopyItem = { destination: '/t', destinationIsDirectory: false, kind: 'contents', baseName: 'd', source: 0, entries };
  const { lines } = await copy(directory, { sources: [{ kind: 'view', view: view(stage) }], items: [item] });
  assert.deepEqual(lines, [`5 0755 0:0 0 ${t0} 't'`, `3 0644 7:8 0 ${t0} 't/dev' 1:3`, `0 0644 7:8 2 ${t0} 't/f' user.k='v'`]);
});

test('writeCopyLayer refuses names of whiteouts and whiteout devices, and writes sockets as empty files with a warning', asRoot, async (t) => {
  await refuses(t, { context: 'mkdir d; touch d/.wh.bin', copy: ['d', '/d'] }, 'NAME_IMPOSSIBLE', /\/d\/\.wh\.bin: an image cannot hold/);
  await refuses(t, { context: 'mkdir d; mknod d/n c 0 0', copy: ['d', '/d'] }, 'NAME_IMPOSSIBLE', /0:0/);
  const layer = await run(t, { context: 'mkdir d; sock d/s; touch d/f', copy: ['d', '/d'] });
  assert.deepEqual(layer.lines, [`5 0755 0:0 0 ${t0} 'd'`, `0 0644 0:0 0 ${t0} 'd/f'`, `0 0755 0:0 0 ${t0} 'd/s'`]);
  assert.match(layer.warnings[0] ?? '', /d\/s: a socket/);
});

test('writeCopyLayer gives parents that it makes the owner and mode asked for', asRoot, async (t) => {
  const directory = temporary(t);
  const root = base(directory, 'echo x > f', 'context');
  const { lines } = await copy(directory, {
    parents: { mode: 0o700, owner: { uid: 9, gid: 10 }, mtimeSeconds: 5 },
    sources: [{ kind: 'directory', path: root }],
    items: [itemOf(root, 'f', '/a/b/')],
  });
  assert.deepEqual(lines.slice(0, 2), ["5 0700 9:10 0 5 'a'", "5 0700 9:10 0 5 'a/b'"]);
});
