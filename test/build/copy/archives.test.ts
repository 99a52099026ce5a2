/** ADD of archives: SEMANTICS A6, 72 and 74; A1, 23. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
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

test('A6.72 ADD tells an archive by its content, whatever its name and compression; all else is copied', { skip }, async () => {
  const compressed = ['gzip', 'bzip2', 'xz', 'zstd -q'].map((program, index) => `${program} -c < plain > ${String(index)}.txt`).join('; ');
  const { layers } = await bench.build({
    context: `mkdir t; printf 1 > t/f; chown 5:6 t/f; ${pack('plain')}; ${compressed}; printf none > f.tar; head -c 2000 /dev/zero > zeros.tar; : > empty.tar; printf none | gzip -n > f.tar.gz; printf '\\x1f\\x8b\\x08broken' > broken.tar.gz; ln -s plain link`,
    dockerfile: 'FROM scratch\nADD plain /plain\nADD 0.txt /0\nADD 1.txt /1/\nADD 2.txt /2\nADD 3.txt /3\nADD link /link\nADD f.tar zeros.tar empty.tar f.tar.gz broken.tar.gz /copied/\nADD --unpack=false plain /kept\nADD --unpack=true plain /unpacked\nCOPY plain /copy\n',
  });
  const unpacked = (name: string): readonly string[] => [`${name} d 755 0:0`, `${name}/f f 644 5:6 "1"`];
  assert.deepEqual(layers.slice(0, 6), ['plain', '0', '1', '2', '3', 'link'].map(unpacked));
  assert.deepEqual(layers[6]?.map((line) => line.split(' ').slice(0, 4).join(' ')), ['copied d 755 0:0', 'copied/broken.tar.gz f 644 0:0', 'copied/empty.tar f 644 0:0', 'copied/f.tar f 644 0:0', 'copied/f.tar.gz f 644 0:0', 'copied/zeros.tar f 644 0:0']);
  assert.deepEqual(layers[8], unpacked('unpacked'));
  assert.deepEqual([layers[7], layers[9]].map((layer) => layer?.map((line) => line.slice(0, 15))), [['kept f 644 0:0 '], ['copy f 644 0:0 ']]);
});

test('A6.72 members of gzip and frames of zstd that follow each other are one archive', { skip }, async () => {
  const { layers } = await bench.build({
    context: `mkdir t; head -c 300000 /dev/zero | tr '\\0' x > t/f; ${pack('plain')}; split -n 3 plain part.; for p in part.*; do gzip -c $p >> m.gz; zstd -q -c $p >> m.zst; xz -c $p >> m.xz; bzip2 -c $p >> m.bz2; done`,
    dockerfile: 'FROM scratch\nADD plain /\nADD m.gz /\nADD m.zst /\nADD m.xz /\nADD m.bz2 /\n',
  });
  assert.deepEqual(layers, [[`f f 644 0:0 300000:${createHash('sha256').update('x'.repeat(300_000)).digest('hex').slice(0, 16)}`], [], [], [], []]);
});

test('A6.72 an archive that ends early, or is broken behind its first entry, is an error that names it', { skip }, async () => {
  const context = `mkdir t; head -c 300000 /dev/urandom > t/f; printf 2 > t/g; ${pack('plain')}; head -c 200000 plain > cut; for c in gzip 'bzip2 -1' xz 'zstd -q'; do $c -c plain > whole; head -c 200000 whole > cut.\${c%% *}; done`;
  for (const name of ['cut', 'cut.gzip', 'cut.bzip2', 'cut.xz', 'cut.zstd']) {
    const error = await bench.refuse({ context, dockerfile: `FROM scratch\nADD ${name} /d/\n` });
    assert.deepEqual([error.code, error.errorClass, error.position?.startLine], [name === 'cut' ? 'ARCHIVE_INVALID' : 'DATA_CORRUPT', 'step', 2], error.message);
    assert.match(error.message, new RegExp(`^(extract|decompress) ${name}: `));
  }
});

test('A6.74 entries keep owner, mode and links; the entry of the root changes nothing; the destination that stands there stays', { skip }, async () => {
  const { layers } = await bench.build({
    below: 'mkdir -m 1777 old; chown 5:6 old; mkdir old/sub; printf kept > old/sub/kept',
    context: `mkdir -p t/sub; printf 1 > t/f; ln t/f t/hard; ln -s f t/soft; mkfifo t/p; chown 1:2 t/f; chmod 4750 t/f; chown 7:8 t t/sub; chmod 700 t; chmod 2711 t/sub; chown -h 3:4 t/soft; ${pack('a.tar')}`,
    dockerfile: 'FROM scratch\nADD below.tar /\nADD a.tar /old\nADD a.tar /new/dir\n',
  });
  const entries = (name: string): readonly string[] => [`${name}/f f 4750 1:2 "1"`, `${name}/hard h 4750 1:2 -> ${name}/f`, `${name}/p p 644 0:0`, `${name}/soft l 777 3:4 -> f`, `${name}/sub d 2711 7:8`];
  assert.deepEqual(layers.slice(1), [['old d 1777 5:6', ...entries('old')], ['new d 755 0:0', 'new/dir d 755 0:0', ...entries('new/dir')]]);
});

test('A6.74 --chown is for the destination and all entries, not for directories that no entry describes; --chmod is for none', { skip }, async () => {
  const { layer } = await bench.build({
    context: python('a.tar', "d('d'); f('d/f', '1'); f('implied/g', '2'); s('l', 'd')"),
    dockerfile: 'FROM scratch\nADD --chown=5:6 --chmod=600 a.tar /new/dir/\n',
  });
  assert.deepEqual(layer, ['new d 755 5:6', 'new/dir d 755 5:6', 'new/dir/d d 755 5:6', 'new/dir/d/f f 644 5:6 "1"', 'new/dir/implied d 755 0:0', 'new/dir/implied/g f 644 5:6 "2"', 'new/dir/l l 777 5:6 -> d']);
});

test('A6.74 times of entries are kept where times are kept, and are in no layer otherwise', { skip }, async () => {
  const context = `mkdir t; printf 1 > t/f; touch -d @1600000000 t/f; ${pack('a.tar')}`;
  const dockerfile = 'FROM scratch\nADD a.tar /\n';
  const clamped = await bench.build({ context, dockerfile });
  const kept = await bench.build({ context, dockerfile, options: { timestamps: 'keep' } });
  assert.deepEqual([clamped, kept].map(({ entries }) => entries.at(-1)?.map(({ path, mtime }) => [path, mtime])), [[['f', 315619200]], [['f', 1600000000]]]);
});
