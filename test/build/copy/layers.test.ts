/** What layers of COPY hold and what a hostile tree cannot do to them: SEMANTICS A6, 63b, 101 and 102. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openCopyBench, type Built, type CopyBench } from '../../support/copy-bench.ts';
import { skipWithout } from '../../support/needs.ts';

const skip = skipWithout('root');
let bench: CopyBench;
before(async () => { bench = await openCopyBench(); });
after(() => bench.close());

/** A root in which steps run: what `tools` needs is linked in statically. */
const shellBelow = 'mkdir bin; cp "$(command -v busybox)" bin/busybox; for tool in sh rm mkdir ln; do ln -s busybox bin/$tool; done';

test('A6.101 what a step deleted is a whiteout in its layer, and nothing at all for a COPY from that stage', { skip }, async () => {
  const built = await bench.build({
    below: `${shellBelow}; mkdir -p d/sub r; printf 1 > d/gone; printf 2 > d/kept; printf 3 > d/sub/gone; printf 4 > r/old; printf 5 > f`,
    dockerfile: 'FROM scratch AS from\nADD below.tar /\nRUN rm /d/gone /f && rm -r /d/sub /r && mkdir /r && mkdir /f\nFROM from\nCOPY --from=from /d /r /f /all/\nCOPY --from=from /*d /d2/\n',
  });
  assert.deepEqual(built.layers.slice(1), [
    ['d d 755 0:0', 'd/.wh.gone f 0 0:0 ""', 'd/.wh.sub f 0 0:0 ""', 'f d 755 0:0', 'r d 755 0:0', 'r/.wh.old f 0 0:0 ""'],
    ['all d 755 0:0', 'all/kept f 644 0:0 "2"'],
    ['d2 d 755 0:0', 'd2/kept f 644 0:0 "2"'],
  ]);
  assert.deepEqual(built.tree.filter((line) => line.includes('.wh.')), []);
});

test('A6.101 names that would be whiteouts are refused, in a context, a here-document and an archive', { skip }, async () => {
  const cases: readonly (readonly [line: string, at: string])[] = [['COPY d /', '/.wh.x'], ['COPY d/.wh.x /d/', '/d/.wh.x'], ['COPY f /.wh.f', '/.wh.f'], ['ADD a.tar /to/', '/to/.wh.x'], ['COPY f /.wh.d/', '/.wh.d']];
  for (const [line, at] of cases) {
    const error = await bench.refuse({ context: 'mkdir d; printf 1 > f; printf 1 > d/.wh.x; tar -cf a.tar -C d .', dockerfile: `FROM scratch\n${line}\n` });
    assert.deepEqual([error.code, error.position?.startLine, error.message.includes(`${at}: an image cannot hold`)], ['NAME_IMPOSSIBLE', 2, true], `${line}: ${error.message}`);
  }
});

test('A6.102 targets of hard links in layers are relative to the root, whoever made them', { skip }, async () => {
  const { layers } = await bench.build({
    below: shellBelow,
    context: 'mkdir -p d/sub t; printf 1 > d/a; ln d/a d/sub/b; printf 2 > t/x; ln t/x t/y; tar -cf a.tar -C t .',
    dockerfile: 'FROM scratch\nADD below.tar /\nCOPY d /copied/\nADD a.tar /added/\nRUN mkdir /ran && echo 3 > /ran/f && ln /ran/f /ran/g\n',
  });
  const targets = layers.map((layer) => layer.filter((line) => line.split(' ')[1] === 'h').map((line) => line.split(' -> ')[1]));
  assert.deepEqual(targets, [[], ['copied/a'], ['added/x'], ['ran/f']]);
});

const times = ({ entries }: Built): readonly string[] => (entries.at(-1) ?? []).map(({ path, mtime }) => `${path} ${String(mtime)}`);

test('A6.63b where times are kept, the destination of a directory gets its time; what is made on the way gets 1970', { skip }, async () => {
  const touch = 'touch -d @1500000000 d/sub/f; touch -d @1400000000 d/sub; touch -d @1300000000 d';
  const context = `mkdir -p d/sub; printf 1 > d/sub/f; ${touch}`;
  const options = { timestamps: 'keep' } as const;
  const made = await bench.build({ context, dockerfile: 'FROM scratch\nCOPY d /way/new\n', options });
  assert.deepEqual(times(made), ['way 0', 'way/new 1300000000', 'way/new/sub 1400000000', 'way/new/sub/f 1500000000']);
  const there = await bench.build({ context, below: 'mkdir -m 711 there; touch -d @1200000000 there', dockerfile: 'FROM scratch\nADD below.tar /\nCOPY d /there\n', options });
  assert.deepEqual([times(there), there.layer[0]], [['there 1300000000', 'there/sub 1400000000', 'there/sub/f 1500000000'], 'there d 711 0:0']);
  const clamped = await bench.build({ context, dockerfile: 'FROM scratch\nCOPY d /way/new\n' });
  assert.deepEqual(times(clamped).map((line) => line.split(' ')[1]), Array.from({ length: 4 }, () => '315619200'));
});
