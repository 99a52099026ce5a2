/** What COPY takes: SEMANTICS A6, 55 to 57, 68, 70, 71, 105 and 106; A1, 24 and 25; "Ours", 4 to 6. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openCopyBench, type CopyBench } from '../../support/copy-bench.ts';
import { skipWithout } from '../../support/needs.ts';

const skip = skipWithout('root');
let bench: CopyBench;
before(async () => { bench = await openCopyBench(); });
after(() => bench.close());

const scratch = (...lines: readonly string[]): string => `${['FROM scratch', ...lines].join('\n')}\n`;
const paths = (lines: readonly string[]): readonly string[] => lines.map((line) => line.split(' ')[0] ?? '');

test('A6.55 sources that climb or begin with a slash stay in their root, a context as well as a stage', { skip }, async () => {
  const { layers } = await bench.build({
    context: 'mkdir d; printf 1 > f; printf 2 > d/g',
    dockerfile: 'FROM scratch AS from\nCOPY f d /\nFROM scratch\nCOPY ../../f /1\nCOPY /f /2\nCOPY d/../../../f /3\nCOPY /../d /4\nCOPY --from=from ../../f /5\nCOPY --from=from d/../../g /6\nCOPY ../f* /7/\n',
  });
  assert.deepEqual(layers.flat(), ['1 f 644 0:0 "1"', '2 f 644 0:0 "1"', '3 f 644 0:0 "1"', '4 d 755 0:0', '4/g f 644 0:0 "2"', '5 f 644 0:0 "1"', '6 f 644 0:0 "2"', '7 d 755 0:0', '7/f f 644 0:0 "1"']);
});

test('A6.56 wildcards stay within a name, escapes make them plain, and what matches nothing copies nothing, not even its destination', { skip }, async () => {
  const context = 'mkdir -p a/b; printf 1 > a/x.c; printf 2 > a/b/y.c; printf 3 > "[z]"; printf 4 > "s*r"; printf 5 > star';
  const lines = ['COPY a/*.c /1/', 'COPY */*/*.c /2/', 'COPY [[]z] /3/', 'COPY s\\\\*r /4/', 'COPY none* */none /5/', 'COPY none* star /6/', 'COPY a* /7/', 'COPY ?tar [^a-s]* /8/'];
  const inContext = await bench.build({ context, dockerfile: scratch(...lines) });
  const expected = [['1', '1/x.c'], ['2', '2/y.c'], ['3', '3/[z]'], ['4', '4/s*r'], [], ['6', '6/star'], ['7', '7/b', '7/b/y.c', '7/x.c'], ['8', '8/[z]', '8/star']];
  assert.deepEqual(inContext.layers.map(paths), expected);
  const inStage = await bench.again('true', `FROM scratch AS from\nCOPY . /\n${scratch(...lines.map((line) => line.replace('COPY', 'COPY --from=from')))}`);
  assert.deepEqual(inStage.layers, inContext.layers);
  for (const [line, code] of [['COPY none /', 'SOURCE_NOT_FOUND'], ['COPY star none /d/', 'SOURCE_NOT_FOUND'], ['COPY [ /', 'PATTERN_INVALID'], ['COPY --from=from none /', 'SOURCE_NOT_FOUND']] as const) {
    const error = await bench.refuse({ context, dockerfile: `FROM scratch AS from\nCOPY . /\n${scratch(line)}` });
    assert.deepEqual([error.code, error.position?.startLine], [code, 4], line);
  }
});

test('A6.57 links that are named or matched are followed inside their root, those in a directory are kept', { skip }, async () => {
  const context = 'mkdir -p d/in; printf 1 > f; printf 2 > d/g; ln -s g d/in/../l; ln -s /d abs; ln -s ../../../f up; ln -s abs/g chain; ln -s f d.link';
  const lines = ['COPY abs /1', 'COPY up chain /2/', 'COPY abs/l /3/', 'COPY d /4', 'COPY d.l* /5/', 'COPY a*s /6/'];
  const inContext = await bench.build({ context, dockerfile: scratch(...lines) });
  assert.deepEqual(inContext.layers, [
    ['1 d 755 0:0', '1/g f 644 0:0 "2"', '1/in d 755 0:0', '1/l l 777 0:0 -> g'],
    ['2 d 755 0:0', '2/chain f 644 0:0 "2"', '2/up f 644 0:0 "1"'],
    ['3 d 755 0:0', '3/l f 644 0:0 "2"'],
    ['4 d 755 0:0', '4/g f 644 0:0 "2"', '4/in d 755 0:0', '4/l l 777 0:0 -> g'],
    ['5 d 755 0:0', '5/d.link f 644 0:0 "1"'],
    ['6 d 755 0:0', '6/g f 644 0:0 "2"', '6/in d 755 0:0', '6/l l 777 0:0 -> g'],
  ]);
  const inStage = await bench.again('true', `FROM scratch AS from\nCOPY . /\n${scratch(...lines.map((line) => line.replace('COPY', 'COPY --from=from')))}`);
  assert.deepEqual(inStage.layers, inContext.layers);
});

test('A6.68 sockets of a context land as empty files, as with BuildKit, with a warning that names them', { skip }, async () => {
  const context = 'mkdir -p d/sub; printf 1 > d/f; mkfifo d/p; sock d/sub/s; sock s; touch e; chmod 755 e';
  const { layers, notes } = await bench.build({ context, dockerfile: scratch('COPY d /d', 'COPY --chmod=600 s /to/', 'COPY --exclude=sub/s d /e', 'COPY s e /same/', 'COPY e /same/s') });
  assert.deepEqual(layers, [
    ['d d 755 0:0', 'd/f f 644 0:0 "1"', 'd/p p 644 0:0', 'd/sub d 755 0:0', 'd/sub/s f 755 0:0 ""'],
    ['to d 600 0:0', 'to/s f 600 0:0 ""'],
    ['e d 755 0:0', 'e/f f 644 0:0 "1"', 'e/p p 644 0:0', 'e/sub d 755 0:0'],
    ['same d 755 0:0', 'same/e f 755 0:0 ""', 'same/s f 755 0:0 ""'],
    [],
  ]);
  const about = (path: string): string => `${path}: a socket cannot be in an image, it becomes an empty file`;
  assert.deepEqual(notes.filter((note) => note.includes('socket')), [about('d/sub/s'), about('s'), about('s')]);
  const { performed } = await bench.again('rm d/sub/s');
  assert.equal(performed[0], 'COPY d /d');
});

test('A1.24 --exclude leaves out what it names below the source, also of a stage, and may be repeated', { skip }, async () => {
  const context = 'mkdir -p d/sub; for f in a.o a.c sub/b.o sub/b.c sub/k.o; do printf x > d/$f; done';
  const { layers } = await bench.build({
    context,
    dockerfile: 'FROM scratch AS from\nCOPY d /d\nFROM scratch\nCOPY --exclude=*.o d /1\nCOPY --exclude=**/*.o --exclude=a.c d /2\nCOPY --exclude=**/*.o --exclude=!**/k.o d /3\nCOPY --from=from --exclude=sub d /4\nADD --exclude=*.c d/* /5/\n',
  });
  assert.deepEqual(layers.map(paths), [['1', '1/a.c', '1/sub', '1/sub/b.c', '1/sub/b.o', '1/sub/k.o'], ['2', '2/sub', '2/sub/b.c'], ['3', '3/a.c', '3/sub', '3/sub/b.c', '3/sub/k.o'], ['4', '4/a.c', '4/a.o'], ['5', '5/a.o', '5/b.o', '5/k.o']]);
});

test('Ours.6 --exclude is expanded like other flags, and the key has what it became', { skip }, async () => {
  const dockerfile = (value: string): string => scratch(`ARG EXT=${value}`, 'COPY --exclude=*.$EXT d /d');
  const { layer } = await bench.build({ context: 'mkdir d; printf 1 > d/a.o; printf 2 > d/a.c', dockerfile: dockerfile('o') });
  const other = await bench.again('true', dockerfile('c'));
  assert.deepEqual([paths(layer), paths(other.layer), other.performed], [['d', 'd/a.c'], ['d', 'd/a.o'], ['COPY --exclude=*.c d /d']]);
});

test('A1.25 COPY --from takes a stage by name or number, or a named context', { skip }, async () => {
  const { layers } = await bench.build({
    context: 'printf 1 > f; mkdir other; printf 2 > other/g; ln -s ../f other/out',
    dockerfile: 'FROM scratch AS First\nCOPY f /\nFROM scratch\nCOPY --from=first /f /1\nCOPY --from=0 /f /2\nCOPY --from=named g /3\nCOPY --from=named / /4\n',
    options: { buildContexts: [{ name: 'named', value: `${bench.folder}/context/other` }] },
  });
  assert.deepEqual(layers.flat(), ['1 f 644 0:0 "1"', '2 f 644 0:0 "1"', '3 f 644 0:0 "2"', '4 d 755 0:0', '4/g f 644 0:0 "2"', '4/out l 777 0:0 -> ../f']);
});

test('A6.71 what a COPY does not select is not in its key', { skip }, async () => {
  const dockerfile = scratch('COPY d/*.c /d/');
  await bench.build({ context: 'mkdir d; printf 1 > d/a.c; printf 2 > d/b.o; printf 3 > other', dockerfile });
  assert.deepEqual((await bench.again('printf 4 > other; printf 5 > d/b.o; printf 6 > d/new.o; mkdir d/sub')).performed, []);
  assert.deepEqual((await bench.again('printf 7 > d/a.c')).performed, ['COPY d/*.c /d/']);
  assert.deepEqual((await bench.again('printf 8 > d/new.c')).performed, ['COPY d/*.c /d/']);
});

test('A6.105 the key has the instruction after substitution: other values miss, other ways to the same value hit', { skip }, async () => {
  const dockerfile = (value: string, line = 'COPY $FROM /$TO'): string => scratch('ARG FROM=f', `ARG TO=${value}`, line);
  await bench.build({ context: 'printf 1 > f; printf 2 > g', dockerfile: dockerfile('a') });
  const other = await bench.again('true', dockerfile('b'));
  assert.deepEqual([other.performed, other.layer], [['COPY f /b'], ['b f 644 0:0 "1"']]);
  const owner = await bench.again('true', dockerfile('5', 'COPY --chown=$TO f /a'));
  const sixth = await bench.again('true', dockerfile('6', 'COPY --chown=$TO f /a'));
  assert.deepEqual([owner.layer, sixth.layer], [['a f 644 5:5 "1"'], ['a f 644 6:6 "1"']]);
  assert.deepEqual((await bench.again('true', scratch('COPY f /a'))).performed, []);
});

test('A6.106 Ours.4 a changed mode of a file or directory misses at once, also that of an empty one', { skip }, async () => {
  const dockerfile = scratch('COPY d /d');
  await bench.build({ context: 'mkdir -p d/sub/empty; printf 1 > d/sub/f', dockerfile });
  for (const [script, line] of [['chmod 700 d/sub', 'd/sub d 700 0:0'], ['chmod 711 d/sub/empty', 'd/sub/empty d 711 0:0'], ['chmod 600 d/sub/f', 'd/sub/f f 600 0:0 "1"']] as const) {
    const { performed, layer } = await bench.again(script);
    assert.deepEqual([performed, layer.includes(line)], [['COPY d /d'], true], script);
  }
  // That directory's own mode goes nowhere.
  assert.deepEqual((await bench.again('chmod 700 d')).performed, []);
});

test('A6.106 Ours.4 a changed owner of a directory in a stage misses, too', { skip }, async () => {
  const dockerfile = (owner: string): string => `FROM scratch AS from\nCOPY --chown=${owner} d /d/sub\nFROM scratch\nCOPY --from=from /d /d\n`;
  await bench.build({ context: 'mkdir d', dockerfile: dockerfile('5') });
  const { performed, layer } = await bench.again('true', dockerfile('6'));
  assert.deepEqual([performed.length, layer], [2, ['d d 755 0:0', 'd/sub d 755 6:6']]);
});

test('A6.70 Ours.5 with an octal --chmod the mode of the checkout is in no key; with a symbolic one what comes of it is', { skip }, async () => {
  const dockerfile = scratch('COPY --chmod=644 f /octal', 'COPY --chmod=go=u f /symbolic');
  await bench.build({ context: 'printf 1 > f; chmod 640 f', dockerfile });
  assert.deepEqual((await bench.again('chmod 644 f')).performed, []);
  const { performed, layer } = await bench.again('chmod 755 f');
  assert.deepEqual([performed, layer], [['COPY --chmod=go=u f /symbolic'], ['symbolic f 777 0:0 "1"']]);
});
