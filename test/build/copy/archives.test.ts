/** ADD of archives: SEMANTICS A6, 72 and 74; A1, 23. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openCopyBench, type CopyBench } from '../../support/copy-bench.ts';
import { skipWithout } from '../../support/needs.ts';

const skip = skipWithout('root');
let bench: CopyBench;
before(async () => { bench = await openCopyBench(); });
after(() => bench.close());

/** Packs the tree `t`, owners as they are, and removes it. */
const pack = (name: string): string => `tar -cf ${name} --format=posix --numeric-owner --sort=name -C t .; rm -r t`;
/** Packs lines of Python (`f(name, data)`, `s(name, target)`, `h(name, target)`, `d(name)`) that name members freely. */
const python = (name: string, members: string): string => `python3 - ${name} <<'END'
import io, sys, tarfile
tar = tarfile.open(sys.argv[1], 'w')
def add(name, type, data='', link=''):
    m = tarfile.TarInfo(name); m.type = type; m.size = len(data); m.linkname = link; m.mode = 0o755 if type == tarfile.DIRTYPE else 0o644
    tar.addfile(m, io.BytesIO(data.encode()))
def f(name, data): add(name, tarfile.REGTYPE, data)
def s(name, target): add(name, tarfile.SYMTYPE, link=target)
def h(name, target): add(name, tarfile.LNKTYPE, link=target)
def d(name): add(name, tarfile.DIRTYPE)
${members}
tar.close()
END
`;
const blobs = (): readonly string[] => readdirSync(join(bench.storeRoot, 'oci/blobs/sha256')).sort();

test('A6.74 the destination is the root of what an archive names: its links and those that stand there lead no further', { skip }, async () => {
  const { tree } = await bench.build({
    below: 'mkdir -p d/x x; ln -s /x d/down; ln -s ../../../x d/up; printf outside > x/kept',
    context: python('a.tar', "s('own', '/x'); f('own/1', '1'); f('down/2', '2'); f('up/3', '3'); f('../../4', '4'); f('/5', '5'); h('6', '/x/2'); h('7', '../own/1'); s('8', '../../x/kept')"),
    dockerfile: 'FROM scratch\nADD below.tar /\nADD a.tar /d/\n',
  });
  assert.deepEqual(tree, [
    'd d 755 0:0',
    'd/4 f 644 0:0 "4"',
    'd/5 f 644 0:0 "5"',
    'd/6 f 644 0:0 "2"',
    'd/7 f 644 0:0 "1"',
    'd/8 l 777 0:0 -> ../../x/kept',
    'd/down l 777 0:0 -> /x',
    'd/own l 777 0:0 -> /x',
    'd/up l 777 0:0 -> ../../../x',
    'd/x d 755 0:0',
    'd/x/1 h 644 0:0 -> d/7',
    'd/x/2 h 644 0:0 -> d/6',
    'd/x/3 f 644 0:0 "3"',
    'x d 755 0:0',
    'x/kept f 644 0:0 "outside"',
  ]);
});

test('A6.58 the destination of an archive itself is found through links inside the root, also those to what is not there', { skip }, async () => {
  const { layer } = await bench.build({
    below: 'mkdir real; chown 5:6 real; ln -s ../../real/new link',
    context: `mkdir t; printf 1 > t/1; ${pack('a.tar')}`,
    dockerfile: 'FROM scratch\nADD below.tar /\nADD a.tar /link/sub\n',
  });
  assert.deepEqual(layer, ['real d 755 5:6', 'real/new d 755 0:0', 'real/new/sub d 755 0:0', 'real/new/sub/1 f 644 0:0 "1"']);
});

test('A6.72 plain files beside archives are written over what the archives left, and the store gets no blob of theirs', { skip }, async () => {
  const earlier = new Set(blobs());
  const { layers, diffIDs, imageID } = await bench.build({
    context: `mkdir -p t/sub; printf old > t/f; printf old > t/g; printf 1 > t/sub/1; ln -s sub t/link; chown 5:6 t/sub t/f; ${pack('b.tar')}; mkdir -p d/sub; printf new > f; printf 2 > d/sub/2; printf early > g`,
    dockerfile: 'FROM scratch\nADD g b.tar f d /to/\n',
  });
  assert.deepEqual(layers, [['to d 755 0:0', 'to/f f 644 0:0 "new"', 'to/g f 644 0:0 "old"', 'to/link l 777 0:0 -> sub', 'to/sub d 755 0:0', 'to/sub/1 f 644 0:0 "1"', 'to/sub/2 f 644 0:0 "2"']]);
  const added = blobs().filter((name) => !earlier.has(name));
  const known = [...diffIDs, imageID].map((digest) => digest.replace('sha256:', ''));
  // Besides the layer and the config there is the manifest, whose digest nothing here tells.
  assert.deepEqual([added.length, known.filter((name) => !added.includes(name))], [3, []]);
  assert.deepEqual(readdirSync(join(bench.storeRoot, 'tmp')), []);
});
