/** Random steps over random trees: whatever a step does, the layer says it, and every way to the snapshot is the same. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startHelper, type Helper } from '../../src/native/helper.ts';
import { randomSeed } from '../support/property.ts';
import { apply, asRoot, base, commit, describeTree, describeView, stepOver, temporary, view } from './support.ts';

let helper: Helper;
before(async () => {
  if (asRoot.skip === false) helper = await startHelper();
});
after(() => helper?.close());

/** Python that does random operations in the current directory: few names, so that they meet often. */
const program = `
import os, random, shutil, sys
rnd = random.Random(int(sys.argv[1]))
def path():
    return '/'.join(rnd.choice('abcd') for _ in range(rnd.randint(1, 4)))
def remove(p):
    if os.path.islink(p) or not os.path.isdir(p): os.unlink(p)
    else: shutil.rmtree(p)
def write(p):
    fd = os.open(p, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK, 0o644)
    os.write(fd, rnd.choice([b'', b'x', b'yy', b'z' * 5000])); os.close(fd)
ops = [
    lambda: os.makedirs(path(), exist_ok=True), lambda: os.makedirs(path(), exist_ok=True),
    lambda: write(path()), lambda: write(path()), lambda: write(path()),
    lambda: remove(path()), lambda: remove(path()),
    lambda: os.symlink(rnd.choice(['a', '../b', 'c/d', '/a/b']), path()),
    lambda: os.link(path(), path(), follow_symlinks=False), lambda: os.link(path(), path(), follow_symlinks=False),
    lambda: os.rename(path(), path()), lambda: os.rename(path(), path()),
    lambda: os.chmod(path(), rnd.choice([0o600, 0o644, 0o4755])), lambda: os.lchown(path(), rnd.choice([0, 7]), rnd.choice([0, 3000000])),
    lambda: os.mkfifo(path()), lambda: os.mknod(path(), 0o20644, os.makedev(rnd.choice([1, 240]), 3)),
    lambda: os.setxattr(path(), 'user.k', rnd.choice([b'1', b'2'])), lambda: os.utime(path(), (rnd.choice([5, 2**31]),) * 2, follow_symlinks=False),
]
for _ in range(int(sys.argv[2])):
    try: rnd.choice(ops)()
    except (OSError, shutil.Error): pass
`;

/**
 * Without times, and without which names are one file: overlayfs splits links when it copies one of them up, and a split
 * alone is no difference (addon/sandbox/tree.h).
 */
function comparable(lines: readonly string[]): string[] {
  return lines.slice(1).map((line) => line.split(' ').toSpliced(2, 1).join(' ').replace(/ = \S+/, ''));
}

const seeds = Number(process.env['TSBUILD_RANDOM_STEPS'] ?? 12);

test(`commitUpper and applyLayer agree about ${seeds} random steps`, asRoot, async (t) => {
  const first = randomSeed();
  t.diagnostic(`seeds from ${first}; replay with TSBUILD_RANDOM_SEED=${first}`);
  for (let seed = first; seed < first + seeds; seed += 1) {
    const directory = temporary(t);
    writeFileSync(join(directory, 'random.py'), program);
    const step = (more: number, count: number): string => `python3 ${directory}/random.py ${seed * 10 + more} ${count}`;
    const lower = base(directory, step(1, 120));
    const upper = stepOver(directory, [lower], step(2, 120));
    const before = comparable(describeView(directory, [lower, upper]));
    const layer = await commit(helper, directory, { lowers: view(lower), upper, normalise: true });
    const normalised = describeView(directory, [lower, upper]);
    assert.deepEqual(comparable(normalised), before, `seed ${seed}: the layer says what the step did`);
    const applied = join(directory, 'applied');
    await apply(helper, layer.path, applied, layer.diffID);
    assert.deepEqual(describeView(directory, [lower, applied]), normalised, `seed ${seed}: committed and applied snapshots are the same`);
    const again = await commit(helper, directory, { lowers: view(lower), upper: applied }, 'again');
    assert.equal(again.diffID, layer.diffID, `seed ${seed}: a snapshot commits to the layer that it came from`);
    // A step that was stacked on another commits against both.
    const second = stepOver(directory, [lower, applied], step(3, 80), 'second');
    const expected = comparable(describeView(directory, [lower, applied, second]));
    await commit(helper, directory, { lowers: view(lower, applied), upper: second, normalise: true }, 'second');
    assert.deepEqual(comparable(describeView(directory, [lower, applied, second])), expected, `seed ${seed}: the second layer says what its step did`);
  }
});

test('umoci unpacks a layer to the tree that applyLayer makes', { skip: asRoot.skip !== false ? asRoot.skip : hasUmoci() ? false : 'needs umoci' }, async (t) => {
  const directory = temporary(t);
  writeFileSync(join(directory, 'random.py'), program);
  const upper = stepOver(directory, [], `python3 ${directory}/random.py 4242 300; touch $'\\xff' ${'n'.repeat(200)}; mkdir -p ${'d'.repeat(120)}/${'e'.repeat(120)}; chown 3000000:4000000 .`);
  const layer = await commit(helper, directory, { lowers: view(), upper });
  const image = `${directory}/image:tag`;
  for (const words of [['init', '--layout', `${directory}/image`], ['new', '--image', image], ['raw', 'add-layer', '--image', image, layer.path], ['raw', 'unpack', '--image', image, `${directory}/umoci`]]) {
    execFileSync('umoci', words, { stdio: 'pipe' });
  }
  await apply(helper, layer.path, join(directory, 'applied'));
  assert.deepEqual(describeTree(join(directory, 'umoci')).slice(1), describeTree(join(directory, 'applied')).slice(1));
});

function hasUmoci(): boolean {
  try {
    execFileSync('umoci', ['--version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return error instanceof Error && !('code' in error && error.code === 'ENOENT');
  }
}
