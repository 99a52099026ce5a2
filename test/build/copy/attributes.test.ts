/** Extended attributes of what COPY takes: they land in the layer and are in the content key (SEMANTICS A6, 68 and 69). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openCopyBench, type CopyBench } from '../../support/copy-bench.ts';
import { skipWithout } from '../../support/needs.ts';

const skip = skipWithout('root');
let bench: CopyBench;
before(async () => { bench = await openCopyBench(); });
after(() => bench.close());

const capability = `${'\\x00'.repeat(3)}\\x02\\x01${'\\x00'.repeat(15)}`;
const capabilityHex = `0000000201${'00'.repeat(15)}`;

test('A6.68 user attributes and capabilities of a context land in the layer, those of the machine do not', { skip }, async () => {
  const context = `mkdir -p d/sub; echo x > d/f; xattr d/f user.a 1; xattr d/f security.capability '${capability}'; xattr d/f trusted.t 1; xattr d/sub user.s 2; xattr d user.source 3; ln d/f d/g`;
  const { layer } = await bench.build({ context, dockerfile: 'FROM scratch\nCOPY d /d\n' });
  assert.deepEqual(layer, ['d d 755 0:0', `d/f f 644 0:0 "x\\n" security.capability=${capabilityHex} user.a=31`, 'd/g h 644 0:0 -> d/f', 'd/sub d 755 0:0 user.s=32']);
});

test('A6.69 an attribute that changes misses the cache, on a file, on a directory, and in a bind mount', { skip }, async () => {
  const dockerfile = 'FROM scratch\nCOPY d /d\n';
  const first = await bench.build({ context: 'mkdir -p d/sub; echo x > d/f; touch -d "1 hour ago" d/f d/sub d', dockerfile });
  assert.deepEqual((await bench.again('true')).performed, []);
  const onFile = await bench.again('xattr d/f user.a 1');
  const onDirectory = await bench.again('xattr d/sub user.a 1');
  assert.deepEqual([onFile.performed, onDirectory.performed], [['COPY d /d'], ['COPY d /d']]);
  assert.deepEqual(onDirectory.layer, ['d d 755 0:0', 'd/f f 644 0:0 "x\\n" user.a=31', 'd/sub d 755 0:0 user.a=31']);
  assert.match(onDirectory.notes.join('\n'), /miss/);
  const back = await bench.again("python3 -c 'import os; os.removexattr(\"d/f\", \"user.a\"); os.removexattr(\"d/sub\", \"user.a\")'");
  assert.deepEqual([back.performed, back.diffID], [[], first.diffID]);
});

test('A6.69 trusted attributes, times and owners of a context are in no key', { skip }, async () => {
  await bench.build({ context: 'mkdir d; echo x > d/f', dockerfile: 'FROM scratch\nCOPY d /times\n' });
  const again = await bench.again('xattr d/f trusted.t 1; chown 5:6 d/f d; touch -d "1970-01-02" d/f d');
  assert.deepEqual(again.performed, []);
});

test('times before the clamp do not get from a context into the layer: a hit and a rebuild are the same', { skip }, async () => {
  const dockerfile = 'FROM scratch\nCOPY d /early\n';
  const first = await bench.build({ context: 'mkdir d; echo x > d/f; touch -d "1970-01-02" d/f d', dockerfile, options: { noCache: true } });
  const second = await bench.again('touch d/f d');
  assert.deepEqual([second.performed, second.diffID], [['COPY d /early'], first.diffID]);
});

test('A6.63b a directory that stands at the destination keeps its own attributes beside the new ones', { skip }, async () => {
  const { layer } = await bench.build({
    below: 'mkdir -p d/sub; xattr d user.below 1; xattr d/sub user.below 1; xattr d/sub user.both 1; chown 5:6 d d/sub',
    context: 'mkdir -p d/sub; xattr d user.above 2; xattr d/sub user.both 2; echo x > d/f',
    dockerfile: 'FROM scratch\nADD below.tar /\nCOPY d /d\n',
  });
  assert.deepEqual(layer, ['d d 755 5:6 user.below=31', 'd/f f 644 0:0 "x\\n"', 'd/sub d 755 0:0 user.below=31 user.both=32']);
});

test('COPY --from keeps attributes and ACLs of the stage', { skip }, async () => {
  const below = `echo x > f; xattr f user.a 1; xattr f security.capability '${capability}'; mkdir d; xattr d user.d 1`;
  const { layer } = await bench.build({ below, dockerfile: 'FROM scratch AS from\nADD below.tar /\nFROM scratch\nCOPY --from=from f d /to/\nCOPY --from=from / /all\n' });
  assert.deepEqual(layer, ['all d 755 0:0', 'all/d d 755 0:0 user.d=31', `all/f f 644 0:0 "x\\n" security.capability=${capabilityHex} user.a=31`]);
});
