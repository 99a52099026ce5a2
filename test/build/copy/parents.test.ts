/** COPY --parents: SEMANTICS A1, 28; A6, 66. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openCopyBench, type CopyBench } from '../../support/copy-bench.ts';
import { skipWithout } from '../../support/needs.ts';

const skip = skipWithout('root');
let bench: CopyBench;
before(async () => { bench = await openCopyBench(); });
after(() => bench.close());

const tree = 'mkdir -p a/b/c/d/e a/b2/c/d/e a/b/c2/d/e2; for f in a/b/c/d/foo a/b/c/d/e/bay a/b2/c/d/e/bar a/b/c2/d/e2/baz; do printf x > $f; done; chmod 700 a; chmod 750 a/b; chmod 2711 a/b/c; ln -s b a/link';
const paths = (lines: readonly string[]): readonly string[] => lines.map((line) => line.split(' ')[0] ?? '');

test('A1.28 COPY --parents keeps the directories of the source, with their modes, and follows no link', { skip }, async () => {
  const { layer } = await bench.build({ context: tree, dockerfile: 'FROM scratch\nCOPY --parents a/b/c/d/foo a/link /out/\n' });
  assert.deepEqual(layer, ['out d 755 0:0', 'out/a d 700 0:0', 'out/a/b d 750 0:0', 'out/a/b/c d 2711 0:0', 'out/a/b/c/d d 755 0:0', 'out/a/b/c/d/foo f 644 0:0 "x"', 'out/a/link l 777 0:0 -> b']);
});

test('A6.66 only what stands behind the first /./ is kept; ** spans directories; each match of the part before it is a root', { skip }, async () => {
  const dockerfile = ['FROM scratch', 'COPY --parents a/b/./c/d /1', 'COPY --parents a/./b/./c/d/f* /2', 'COPY --parents a/b*/./c/**/ba? /3/', 'COPY --parents **/baz a/*/c/*/foo /4', 'COPY --parents a/b/./none* none*/x /5', 'COPY --parents none*/./x /6'];
  const { layers } = await bench.build({ context: tree, dockerfile: `${dockerfile.join('\n')}\n` });
  assert.deepEqual(layers.map(paths), [
    ['1', '1/c', '1/c/d', '1/c/d/e', '1/c/d/e/bay', '1/c/d/foo'],
    ['2', '2/b', '2/b/c', '2/b/c/d', '2/b/c/d/foo'],
    ['3', '3/c', '3/c/d', '3/c/d/e', '3/c/d/e/bar', '3/c/d/e/bay'],
    ['4', '4/a', '4/a/b', '4/a/b/c', '4/a/b/c/d', '4/a/b/c/d/foo', '4/a/b/c2', '4/a/b/c2/d', '4/a/b/c2/d/e2', '4/a/b/c2/d/e2/baz'],
    ['5'],
    [],
  ]);
});

test('A6.66 directories on the way get --chown and --chmod where they are made; where they stand, the mode of the source alone', { skip }, async () => {
  const { tree: merged } = await bench.build({
    context: tree,
    below: 'mkdir -m 711 out; mkdir -m 777 out/a; chown 5:6 out out/a',
    dockerfile: 'FROM scratch\nADD below.tar /\nCOPY --parents --chown=7:8 --chmod=751 a/b/c/d/foo /out\n',
  });
  assert.deepEqual(merged, ['out d 711 5:6', 'out/a d 700 5:6', 'out/a/b d 751 7:8', 'out/a/b/c d 751 7:8', 'out/a/b/c/d d 751 7:8', 'out/a/b/c/d/foo f 751 7:8 "x"']);
});

test('A6.66 COPY --parents --from keeps owners, leaves out what --exclude names, and stays linked', { skip }, async () => {
  const below = 'mkdir -p usr/lib/x usr/share; printf 1 > usr/lib/x/a; printf 2 > usr/lib/x/b.o; printf 3 > usr/share/c; chown -R 5:6 usr; chmod 700 usr/lib';
  const { layer } = await bench.build({ below, dockerfile: 'FROM scratch AS from\nADD below.tar /\nFROM scratch\nCOPY --link --parents --from=from --exclude=**/*.o /usr/./lib/x /usr/share/./c /out/\n' });
  assert.deepEqual(layer, ['out d 755 0:0', 'out/c f 644 5:6 "3"', 'out/lib d 700 5:6', 'out/lib/x d 755 5:6', 'out/lib/x/a f 644 5:6 "1"']);
});

test('A6.66 a path without wildcards that is not there is an error, in a context and in a stage', { skip }, async () => {
  for (const [from, source] of [['', 'none'], ['', 'a/b/./none'], ['', 'a/link/c'], ['--from=from ', '/none'], ['--from=from ', '/a/b/./none'], ['--from=from ', '/a/link/c']]) {
    const error = await bench.refuse({ context: tree, dockerfile: `FROM scratch AS from\nCOPY a /a\nFROM scratch\nCOPY --parents ${from ?? ''}${source ?? ''} /out/\n` });
    assert.deepEqual([error.code, error.position?.startLine], ['SOURCE_NOT_FOUND', 4], source);
    assert.ok(error.message.includes(source?.replace(/^\//, '') ?? ''), error.message);
  }
});
