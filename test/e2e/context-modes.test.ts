/** `--context-modes=git`: trees that were checked out under different umasks give one image. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BuildOptions } from '../../src/index.ts';
import { openBench, type Bench } from '../support/build-bench.ts';
import { builtFiles, finish } from '../support/built-files.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mustBuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun);
let bench: Bench;
before(async () => { bench = await openBench(); });
after(() => bench.close());

const dockerfile = 'FROM scratch\\nCOPY . /main/\\nCOPY --from=named . /named/\\nADD d/x /x\\nCOPY --chmod=o-x d/x /y\\n';

/** A checkout, as git makes one: files 666, those that can be executed 777, without the bits of the umask; and a named context beside it. */
function checkOut(folder: string, umask: string): Pick<BuildOptions, 'context' | 'buildContexts'> {
  const script = `umask ${umask} && mkdir -p main/d named/e && cd main && printf '${dockerfile}' > Dockerfile && echo f > f && echo x > d/x && chmod +x d/x && ln -s f l && echo n > ../named/e/n`;
  execFileSync('sh', ['-c', script], { cwd: folder });
  return { context: join(folder, 'main'), buildContexts: [{ name: 'named', value: join(folder, 'named') }] };
}

test('two checkouts under umask 022 and 077 are one image with git modes, and two with their own', { skip }, async (t) => {
  const options = await bench.prepare(['FROM scratch']);
  const [open, closed] = [checkOut(temporaryFolder(t), '022'), checkOut(temporaryFolder(t), '077')];
  const imageOf = async (tree: typeof open, contextModes: 'keep' | 'git'): Promise<string | undefined> => (await finish({ ...options, ...tree, contextModes })).result.imageID;
  const image = await imageOf(open, 'git');
  assert.ok(image);
  assert.equal(await imageOf(closed, 'git'), image);
  assert.equal(await imageOf(open, 'keep'), image, 'under umask 022 they are what git says');
  assert.notEqual(await imageOf(closed, 'keep'), image);
  const modes = (lines: readonly string[]): readonly string[] => lines.map((line) => line.split(' ').slice(0, 2).join(' '));
  assert.deepEqual(modes(await builtFiles({ ...options, ...closed, contextModes: 'git' }, bench.folder)), [
    'main/ 755', 'main/Dockerfile 644', 'main/d/ 755', 'main/d/x 755', 'main/f 644', 'main/l 777', 'named/ 755', 'named/e/ 755', 'named/e/n 644', 'x 755', 'y 754',
  ]);
});

test('--context-modes says it on the command line; what is set for group and others alone is not kept', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  checkOut(folder, '077');
  execFileSync('chmod', ['4656', join(folder, 'main/f')]);
  const out = join(folder, 'out');
  await mustBuild(['--context-modes=git', '--build-context', `named=${join(folder, 'named')}`, '-o', out, join(folder, 'main')], { store: join(folder, 'store') });
  assert.equal(execFileSync('stat', ['-c', '%a', join(out, 'main/f'), join(out, 'main/d/x'), join(out, 'main/d')], { encoding: 'utf8' }), '644\n755\n755\n');
});
