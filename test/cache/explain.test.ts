import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeKey, type CacheKey, type JsonValue } from '../../src/base/canonical.ts';
import { countDifferences, explainMiss } from '../../src/cache/explain.ts';

type Parts = Readonly<Record<string, JsonValue>>;

function key(parts: Parts, operation = 'copy/1'): CacheKey {
  return makeKey(operation, Object.entries(parts).map(([name, value]) => ({ name, value })));
}

const a = { path: 'src/a.ts', digest: '1' };
const a2 = { path: 'src/a.ts', digest: '2' };
const b = { path: 'src/b.ts', digest: '1' };
const env = { path: '.env', digest: '1' };

const table: readonly (readonly [string, Parts, Parts, string])[] = [
  ['a changed file', { files: [a, b] }, { files: [a2, b] }, 'changed src/a.ts'],
  ['a changed and a new file', { files: [a] }, { files: [a2, env] }, 'changed src/a.ts; new .env'],
  ['a file that is gone', { files: [a, b] }, { files: [a] }, 'gone src/b.ts'],
  ['two changed files', { files: [a, b] }, { files: [a2, { ...b, mode: 1 }] }, 'changed src/a.ts, src/b.ts'],
  ['many', { files: [a] }, { files: [a2, env, ...['p', 'q', 'r'].map((path) => ({ path }))] }, 'changed src/a.ts; new .env (+3)'],
  ['files by name in an object', { files: { x: 1, y: 1 } }, { files: { x: 2, z: 1 } }, 'changed x; new z (+1)'],
  ['a variable', { env: ['PATH=/bin', 'A=1'] }, { env: ['PATH=/bin', 'A=2'] }, 'changed env A'],
  ['variables in an object', { env: { A: '1' } }, { env: { B: '1' } }, 'new env B; gone env A'],
  ['pairs', { args: [['A', '1']] }, { args: [['A', '2']] }, 'changed args A'],
  ['a command', { command: ['sh', '-c', 'x'] }, { command: ['sh', '-c', 'y'] }, 'changed command'],
  ['a scalar', { platform: 'linux/amd64' }, { platform: 'linux/arm64' }, 'changed platform'],
  ['the layers below', { parent: 'sha256:a', files: [a] }, { parent: 'sha256:b', files: [a] }, 'changed parent'],
  ['a new part', { x: 1 }, { x: 1, network: 'none' }, 'new network'],
  ['a part that is gone', { x: 1, network: 'none' }, { x: 1 }, 'gone network'],
  ['null to a value', { user: null }, { user: 'root' }, 'changed user'],
  ['a first file', { files: [] }, { files: [a] }, 'new src/a.ts'],
  ['the order of files', { files: [a, b] }, { files: [b, a] }, 'changed files'],
  ['what has a kind only', { files: [{ kind: 'context', d: 1 }, { kind: 'git', d: 1 }] }, { files: [{ kind: 'context', d: 2 }, { kind: 'git', d: 1 }] }, 'changed context'],
  ['the second of a kind', { mounts: [{ kind: 'bind', d: 1 }, { kind: 'bind', d: 1 }] }, { mounts: [{ kind: 'bind', d: 1 }, { kind: 'bind', d: 2 }] }, 'changed mounts bind 2'],
  ['a file behind an address', { files: [{ kind: 'http', name: 'f', digest: 1 }] }, { files: [{ kind: 'http', name: 'f', digest: 2 }] }, 'changed http f'],
  ['names that occur twice', { mounts: [['a', 1], ['a', 2]] }, { mounts: [['a', 1], ['a', 3]] }, 'changed mounts'],
  ['a name with control characters', { files: [a] }, { files: [a, { path: 'x\u001b[2J' }] }, 'new "x\\u001b[2J"'],
  ['__proto__', { files: [a] }, { files: [a, { path: '__proto__' }] }, 'new __proto__'],
  ['nothing', { files: [a] }, { files: [a] }, 'nothing differs'],
];
for (const [name, before, now, expected] of table) {
  test(`explainMiss names ${name}`, () => assert.equal(explainMiss(key(before), key(now)), expected));
}

test('explainMiss names another version of the operation', () => {
  assert.equal(explainMiss(key({ x: 1 }, 'run/1'), key({ x: 1 }, 'run/2')), 'changed operation run/1 → run/2');
});

test('explainMiss names the order of the parts where that is all', () => {
  assert.equal(explainMiss(key({ x: 1, y: 2 }), key({ y: 2, x: 1 })), 'changed order of the inputs');
});

test('countDifferences counts entries, not parts', () => {
  assert.equal(countDifferences(key({ files: [a, b], x: 1 }), key({ files: [a2, env], x: 2 })), 4);
  assert.equal(countDifferences(key({ files: [a] }), key({ files: [a] })), 0);
});
