/** Where COPY puts what it copies: SEMANTICS A6, 52 to 54, 58, 62, 63b, 65 and 67; A1, 22; "Ours", 2. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openCopyBench, type CopyBench } from '../../support/copy-bench.ts';
import { skipWithout } from '../../support/needs.ts';

const skip = skipWithout('root');
let bench: CopyBench;
before(async () => { bench = await openCopyBench(); });
after(() => bench.close());

const scratch = (...lines: readonly string[]): string => `${['FROM scratch', ...lines].join('\n')}\n`;
const over = (...lines: readonly string[]): string => scratch('ADD below.tar /', ...lines);

test('A6.52 a directory means its contents, and those of several are merged, later ones over earlier ones', { skip }, async () => {
  const { layers } = await bench.build({
    context: 'mkdir -p a/s b/s e; printf 1 > a/f; printf 1 > a/s/x; printf 2 > b/f; printf 2 > b/s/y; ln -s f b/l',
    dockerfile: scratch('COPY a b /d/', 'COPY b a /b-first', 'COPY a/ /slash', 'COPY e /empty', 'COPY . /all/'),
  });
  assert.deepEqual(layers, [
    ['d d 755 0:0', 'd/f f 644 0:0 "2"', 'd/l l 777 0:0 -> f', 'd/s d 755 0:0', 'd/s/x f 644 0:0 "1"', 'd/s/y f 644 0:0 "2"'],
    ['b-first d 755 0:0', 'b-first/f f 644 0:0 "1"', 'b-first/l l 777 0:0 -> f', 'b-first/s d 755 0:0', 'b-first/s/x f 644 0:0 "1"', 'b-first/s/y f 644 0:0 "2"'],
    ['slash d 755 0:0', 'slash/f f 644 0:0 "1"', 'slash/s d 755 0:0', 'slash/s/x f 644 0:0 "1"'],
    ['empty d 755 0:0'],
    ['all d 755 0:0', 'all/a d 755 0:0', 'all/a/f f 644 0:0 "1"', 'all/a/s d 755 0:0', 'all/a/s/x f 644 0:0 "1"', 'all/b d 755 0:0', 'all/b/f f 644 0:0 "2"', 'all/b/l l 777 0:0 -> f', 'all/b/s d 755 0:0', 'all/b/s/y f 644 0:0 "2"', 'all/e d 755 0:0'],
  ]);
});

test('A6.53 a slash at the end of the destination, or a directory that stands there, makes it a directory', { skip }, async () => {
  const { layers } = await bench.build({
    context: 'printf 1 > f',
    below: 'mkdir -m 711 there; mkdir w',
    dockerfile: over('COPY f /new', 'COPY f /dir/', 'COPY f /there', 'COPY f /a/b/c', 'COPY f /dot/.', 'COPY f /', 'WORKDIR /w', 'COPY f relative', 'COPY f .', 'COPY f ./sub/'),
  });
  assert.deepEqual(layers.slice(1), [
    ['new f 644 0:0 "1"'],
    ['dir d 755 0:0', 'dir/f f 644 0:0 "1"'],
    ['there d 711 0:0', 'there/f f 644 0:0 "1"'],
    ['a d 755 0:0', 'a/b d 755 0:0', 'a/b/c f 644 0:0 "1"'],
    ['dot d 755 0:0', 'dot/f f 644 0:0 "1"'],
    ['f f 644 0:0 "1"'],
    ['w d 755 0:0', 'w/relative f 644 0:0 "1"'],
    ['w d 755 0:0', 'w/f f 644 0:0 "1"'],
    ['w d 755 0:0', 'w/sub d 755 0:0', 'w/sub/f f 644 0:0 "1"'],
  ]);
});

test('A6.54 without a slash the later of two files lies over the earlier one, as with BuildKit, unless a directory is there by then', { skip }, async () => {
  const { layers } = await bench.build({
    context: 'printf 1 > f; printf 2 > g; mkdir d; printf 3 > d/h',
    dockerfile: scratch('COPY f g /one', 'COPY d f /two', 'COPY f g /three/', 'COPY f? g /none'),
  });
  assert.deepEqual(layers, [
    ['one f 644 0:0 "2"'],
    ['two d 755 0:0', 'two/f f 644 0:0 "1"', 'two/h f 644 0:0 "3"'],
    ['three d 755 0:0', 'three/f f 644 0:0 "1"', 'three/g f 644 0:0 "2"'],
    ['none f 644 0:0 "2"'],
  ]);
});

test('A6.58 links on the way to the destination are followed inside the root, those in what is copied are replaced', { skip }, async () => {
  const { layers } = await bench.build({
    context: 'printf 1 > f; mkdir d; printf 2 > d/in; printf 3 > d/to',
    below: 'mkdir -p real/sub; chown 5:6 real; ln -s /real abs; ln -s ../../../real up; ln -s abs/sub chain; ln -s nowhere/x dangling; printf old > real/f; ln -s ../f real/to',
    dockerfile: over('COPY f /abs/', 'COPY f /up/sub/g', 'COPY f /chain', 'COPY f /dangling/', 'COPY d /abs', 'COPY --link f /abs/'),
  });
  assert.deepEqual(layers.slice(1), [
    ['real d 755 5:6', 'real/f f 644 0:0 "1"'],
    ['real d 755 5:6', 'real/sub d 755 0:0', 'real/sub/g f 644 0:0 "1"'],
    ['real d 755 5:6', 'real/sub d 755 0:0', 'real/sub/f f 644 0:0 "1"'],
    ['nowhere d 755 0:0', 'nowhere/x d 755 0:0', 'nowhere/x/f f 644 0:0 "1"'],
    ['real d 755 5:6', 'real/in f 644 0:0 "2"', 'real/to f 644 0:0 "3"'],
    ['abs d 755 0:0', 'abs/f f 644 0:0 "1"'],
  ]);
});

test('A6.58 a link to nowhere that the destination itself is, is followed: the file lands where it leads', { skip }, async () => {
  const { layer } = await bench.build({ context: 'printf 1 > f', below: 'ln -s ../../etc/made link', dockerfile: over('COPY f /link') });
  assert.deepEqual(layer, ['etc d 755 0:0', 'etc/made f 644 0:0 "1"']);
  const error = await bench.refuse({ context: 'printf 1 > f', below: 'ln -s b a; ln -s a b', dockerfile: over('COPY f /a/') });
  assert.deepEqual([error.code, error.message, error.position?.startLine], ['COPY_CONFLICT', 'copy: too many levels of symbolic links: /a/', 3]);
});

test('A6.58 each source finds the destination anew: a link that an earlier one replaced, or brought, counts', { skip }, async () => {
  const { layers } = await bench.build({
    context: 'printf 1 > to; printf 2 > f; mkdir d; ln -s there d/way',
    below: 'ln -s / to; ln -s / way; mkdir -m 711 there',
    dockerfile: over('COPY to f /to', 'COPY d f /way/'),
  });
  assert.deepEqual(layers.slice(1), [['to f 644 0:0 "2"'], ['there d 711 0:0', 'there/f f 644 0:0 "2"', 'way l 777 0:0 -> there']]);
});

test('A6.62 missing parents get 0755, or an octal --chmod, and the owner of --chown; those that exist keep theirs', { skip }, async () => {
  const { layers } = await bench.build({
    context: 'printf 1 > f; mkdir d; chmod 700 d; printf 2 > d/g; chown 8:9 f d',
    below: 'mkdir -m 711 old; chown 5:6 old',
    dockerfile: over('COPY f /old/a/b/', 'COPY --chmod=2710 f /oct/a/', 'COPY --chmod=u=rwX,go= f /sym/a/', 'COPY --chown=7:8 f /old/c/', 'COPY --chown=7:8 --chmod=700 d /both/d'),
  });
  assert.deepEqual(layers.slice(1), [
    ['old d 711 5:6', 'old/a d 755 0:0', 'old/a/b d 755 0:0', 'old/a/b/f f 644 0:0 "1"'],
    ['oct d 710 0:0', 'oct/a d 710 0:0', 'oct/a/f f 2710 0:0 "1"'],
    ['sym d 755 0:0', 'sym/a d 755 0:0', 'sym/a/f f 600 0:0 "1"'],
    ['old d 711 5:6', 'old/c d 755 7:8', 'old/c/f f 644 7:8 "1"'],
    ['both d 700 7:8', 'both/d d 700 7:8', 'both/d/g f 700 7:8 "2"'],
  ]);
});

test('A6.62 in a setgid directory missing parents inherit its group and the bit, as mkdir makes them; files do not', { skip }, async () => {
  const { layers } = await bench.build({ context: 'printf 1 > f', below: 'mkdir s; chown 5:6 s; chmod 2775 s', dockerfile: over('COPY f /s/a/b/', 'COPY --chown=7:8 f /s/c/') });
  assert.deepEqual(layers.slice(1), [
    ['s d 2775 5:6', 's/a d 2755 0:6', 's/a/b d 2755 0:6', 's/a/b/f f 644 0:0 "1"'],
    ['s d 2775 5:6', 's/c d 2755 7:8', 's/c/f f 644 7:8 "1"'],
  ]);
});

test('A6.88 in a setgid directory WORKDIR inherits its group and the bit, unless a USER is set', { skip }, async () => {
  const { layers } = await bench.build({ below: 'mkdir s; chown 5:6 s; chmod 2775 s', dockerfile: over('WORKDIR /s/a/b', 'USER 0', 'WORKDIR /s/c', 'USER 7:8', 'WORKDIR /s/d') });
  assert.deepEqual(layers.slice(1), [
    ['s d 2775 5:6', 's/a d 2755 0:6', 's/a/b d 2755 0:6'],
    ['s d 2775 5:6', 's/c d 2755 0:0'],
    ['s d 2775 5:6', 's/d d 2755 7:8'],
  ]);
});

test('A6.63b the directory that is copied gives its mode to nothing, those in it do; one that stands there keeps its own', { skip }, async () => {
  const { layers } = await bench.build({
    context: 'mkdir -p d/sub; chmod 700 d; chmod 750 d/sub; printf 1 > d/sub/f',
    below: 'mkdir -p old/sub; chown 5:6 old old/sub; chmod 1777 old',
    dockerfile: over('COPY d /new', 'COPY d /old'),
  });
  assert.deepEqual(layers.slice(1), [
    ['new d 755 0:0', 'new/sub d 750 0:0', 'new/sub/f f 644 0:0 "1"'],
    ['old d 1777 5:6', 'old/sub d 750 0:0', 'old/sub/f f 644 0:0 "1"'],
  ]);
});

test('A6.64 A6.65 A1.22 Ours.2 --link looks at nothing below: links and modes there are replaced, names have no meaning, and --chmod stays linked', { skip }, async () => {
  const dockerfile = (below: string): string => scratch(below, 'COPY --link --chmod=640 f /l/g', 'COPY --link f /tmp/a/', 'COPY --link --chown=7 f /tmp/');
  const context = 'printf 1 > f; printf x > other';
  const first = await bench.build({ context, below: 'mkdir -m 1777 tmp; ln -s tmp l; mkdir etc; echo app:x:1:1::/: > etc/passwd', dockerfile: dockerfile('ADD below.tar /') });
  assert.deepEqual(first.layers.slice(1), [
    ['l d 640 0:0', 'l/g f 640 0:0 "1"'],
    ['tmp d 755 0:0', 'tmp/a d 755 0:0', 'tmp/a/f f 644 0:0 "1"'],
    ['tmp d 755 7:7', 'tmp/f f 644 7:7 "1"'],
  ]);
  const elsewhere = await bench.again('true', dockerfile('COPY other /'));
  assert.deepEqual([elsewhere.performed, elsewhere.diffIDs.slice(1)], [['COPY other /'], first.diffIDs.slice(1)]);
  const error = await bench.refuse({ context, dockerfile: scratch('COPY --link --chown=app f /tmp/') });
  assert.deepEqual([error.code, error.message, error.position?.startLine], ['USER_UNKNOWN', '--chown=app in stage 0: with --link no names are known', 2]);
});

test('A6.67 a file over a directory and a directory over a file are errors, a file over a file replaces it', { skip }, async () => {
  const { layer } = await bench.build({ context: 'printf new > f', below: 'printf old > f; chmod 4755 f; chown 5:6 f', dockerfile: over('COPY f /f') });
  assert.deepEqual(layer, ['f f 644 0:0 "new"']);
  const cases = [
    ['mkdir d/f', 'COPY d /to', 'mkdir -p to; printf x > to/f', 'cannot copy to non-directory: /to/f'],
    ['printf x > d/f', 'COPY d /to', 'mkdir -p to/f', 'cannot copy d/f over a directory: /to/f'],
    ['printf x > d/f', 'COPY d /to', 'printf x > to', 'cannot copy to non-directory: /to'],
    ['printf x > d/f', 'COPY d/f /to/', 'printf x > to', 'cannot copy to non-directory: /to'],
    ['printf x > d/f', 'COPY d/f /to/', 'mkdir -p to/f', 'cannot copy d/f over a directory: /to/f'],
    ['printf x > d/f', 'COPY d/f /to/a/b', 'printf x > to', 'cannot copy to non-directory: /to/a/b'],
    ['printf x > d/f; mkdir -p e/f', 'COPY d e /to', 'true', 'cannot copy to non-directory: /to/f'],
  ] as const;
  for (const [context, line, below, message] of cases) {
    const error = await bench.refuse({ context: `mkdir d; ${context}`, below, dockerfile: over(line) });
    assert.deepEqual([error.code, error.position?.startLine], ['COPY_CONFLICT', 3], line);
    assert.ok(error.message.endsWith(message), `${line}: ${error.message}`);
  }
});
