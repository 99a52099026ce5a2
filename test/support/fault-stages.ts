/**
 * Commands whose calls are made to fail: what each needs, what it writes, and what must be true after it, whether it ended
 * well or not. Every stage begins from the same store and output. Start at `openStages`.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromLayout, writeContext } from './context.ts';
import { mustRun, runProcess, type Finished } from './run-process.ts';
import { mustBuild, runTsbuild, type CallOptions } from './tsbuild.ts';

export const stageNames = ['build', 'save', 'load', 'tag', 'prune'] as const;
export type StageName = (typeof stageNames)[number];

export interface FaultStage {
  readonly args: readonly string[];
  /** Puts the store and the output back to what they were, below `root`, which may be another disk. */
  reset(): Promise<void>;
  /** Old state or new state, and after it, without faults, the new one. @throws AssertionError */
  check(finished: Finished): Promise<void>;
}

/** What is before every fault. */
export const oldOutput = 'an older image\n';
const newName = 'docker.io/library/other:latest';

/**
 * Prepares all stages in a folder, with the store of each at `store`.
 * @param marker is in the environment or the command line of every step's process
 */
export async function openStages(folder: string, marker: string, store: string): Promise<Readonly<Record<StageName, FaultStage>>> {
  const call: CallOptions = { store };
  const good: CallOptions = { store: join(folder, 'good') };
  const dockerfile = `FROM busybox\nRUN --mount=type=cache,target=/c echo ${marker} > /made; echo ${marker} >> /c/log\nWORKDIR /w\nCOPY file /file\n`;
  const context = await writeContext(folder, { Dockerfile: dockerfile, file: 'of the context\n' });
  const [output, saved] = [join(folder, 'image.tar'), join(folder, 'saved.tar')];
  const buildArgs = ['--network=none', ...await fromLayout('busybox'), '-t', 'app', '-o', `type=oci,dest=${output}`, context];
  await mustBuild(buildArgs, good);
  await succeed(['save', '-o', saved, 'app'], good);
  const golden: Readonly<Record<string, string>> = { build: digestOf(output), save: digestOf(saved) };
  const names = async (): Promise<readonly string[]> => (JSON.parse((await succeed(['images', '--json'], call)).stdout) as readonly { readonly Name?: string }[]).map((row) => JSON.stringify(row)).sort();
  const emptyStore = (): Promise<unknown> => runProcess('rm', ['-rf', store]);
  const goodStore = async (): Promise<void> => {
    await emptyStore();
    await mustRun('cp', ['-a', good.store, store]);
  };
  const writes = (name: 'build' | 'save', { exitCode, stderr }: Finished): void => {
    const isOld = existsSync(output) && readFileSync(output, 'utf8') === oldOutput;
    const found = existsSync(output) ? digestOf(output) : 'absent';
    assert.ok(found === 'absent' || found === golden[name] || isOld, `the output is neither old nor new: ${stderr}`);
    if (exitCode === 0) assert.equal(found, golden[name], 'a command that ended well wrote its output');
  };
  /** The command once more, without faults, and a build, which must give the golden image. */
  const again = async (args: readonly string[]): Promise<void> => {
    if (args[0] !== 'build') await succeed(args, call);
    await mustBuild(buildArgs, call);
    assert.equal(digestOf(output), golden['build'], 'the next build');
  };
  const stage = (args: readonly string[], reset: () => Promise<unknown>, check: (finished: Finished) => Promise<void> | void): FaultStage => ({
    args,
    reset: async () => {
      await reset();
      writeFileSync(output, oldOutput);
    },
    check: async (finished) => {
      await check(finished);
      await again(args);
    },
  });
  return {
    build: stage(['build', '--progress=plain', ...buildArgs], emptyStore, (finished) => { writes('build', finished); }),
    save: stage(['save', '-o', output, 'app'], goodStore, (finished) => { writes('save', finished); }),
    load: stage(['load', '-i', saved], emptyStore, async ({ exitCode }) => {
      const found = await names();
      assert.ok(found.length === 1 || (found.length === 0 && exitCode !== 0), `names after load: ${found.join(' ')}`);
    }),
    tag: stage(['tag', 'app', newName], goodStore, async ({ exitCode }) => {
      const found = await names();
      assert.ok(found.length === 2 || (found.length === 1 && exitCode !== 0), `names after tag: ${found.join(' ')}`);
    }),
    prune: stage(['prune', '--all', '--force'], goodStore, async () => {
      assert.equal((await names()).length, 1, 'prune takes no name');
      await succeed(['save', '-o', join(folder, 'after-prune.tar'), 'app'], call);
      assert.equal(digestOf(join(folder, 'after-prune.tar')), golden['save'], 'the named image is whole after prune');
    }),
  };
}

async function succeed(args: readonly string[], call: CallOptions): Promise<Finished> {
  const finished = await runTsbuild(args, call);
  assert.equal(finished.exitCode, 0, `${args.join(' ')}: ${finished.stderr}`);
  return finished;
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
