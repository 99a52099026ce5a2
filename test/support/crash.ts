/**
 * Kills tsbuild with SIGKILL at random moments and looks at what is left: `npm run crash [KILLS [SEED]]`, and with fewer
 * kills a test. A round: one command on the store is killed; the machine must be as before; then the store must verify
 * and the next build must give the golden archive.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fromLayout, writeContext } from './context.ts';
import { groupsOf, mountsBelow, processesWith, unfinished, until } from './machine-state.ts';
import { callEnvironment, mustBuild, program, runTsbuild, type CallOptions } from './tsbuild.ts';

export interface CrashOptions {
  /** An empty folder. */
  readonly folder: string;
  readonly kills: number;
  /** The rounds of one seed are the same commands with the same delays, as parts of what the command takes. */
  readonly seed: number;
  readonly onRound: (line: string) => void;
}

export interface CrashReport {
  /** Kills that came before the command had ended, by command. */
  readonly killed: Readonly<Record<string, number>>;
  readonly late: number;
}

// Ten steps over two stages that share a cache mount; sleeps of a few milliseconds make room for kills within RUN.
const marker = `crash-${process.pid}`;
const dockerfile = `FROM busybox AS one
RUN echo ${marker} > /a; usleep 20000
RUN mkdir -p /d/e && for n in $(seq 300); do echo $n > /d/e/$n; done
WORKDIR /w
COPY file /w/file
RUN --mount=type=cache,target=/c echo ${marker}; echo x >> /c/log; usleep 20000; echo b > /w/b
FROM busybox
COPY --from=one /d /d
RUN rm /d/e/7 && ln /d/e/8 /d/hard && ln -s 9 /d/soft && head -c 3000000 /dev/zero > /big
RUN chown -R 7:8 /d && usleep 10000
COPY --from=one /w /w
RUN cat /w/b /w/file > /both; echo ${marker}
`;

type CommandName = 'build' | 'rebuild' | 'export' | 'load' | 'prune' | 'verify';
const names: readonly CommandName[] = ['build', 'rebuild', 'build', 'export', 'load', 'prune', 'build', 'verify'];

/** The rounds. @throws AssertionError with the round and the seed */
export async function crash({ folder, kills, seed, onRound }: CrashOptions): Promise<CrashReport> {
  const stage = await openStage(folder);
  const random = randomOf(seed);
  const killed: Record<string, number> = {};
  let late = 0;
  for (let round = 0; round < kills; round += 1) {
    const name = names[Math.floor(random() * names.length)] ?? 'build';
    const part = random();
    try {
      const wasKilled = await stage.kill(name, part);
      if (wasKilled) killed[name] = (killed[name] ?? 0) + 1;
      else late += 1;
      onRound(`round ${round + 1} of ${kills}: ${name} ${wasKilled ? 'killed' : 'had ended'} at ${part.toFixed(3)} of its time`);
      await stage.check();
    } catch (error) {
      throw new Error(`round ${round + 1}, ${name} at ${part.toFixed(3)} of its time, seed ${seed}`, { cause: error });
    }
  }
  return { killed, late };
}

interface CrashStage {
  /** Starts the command and kills it; false where it ended before. */
  kill(name: CommandName, part: number): Promise<boolean>;
  /** Everything is as it should be, or it throws. */
  check(): Promise<void>;
}

async function openStage(folder: string): Promise<CrashStage> {
  const call: CallOptions = { store: join(folder, 'store') };
  const context = await writeContext(folder, { Dockerfile: dockerfile, file: 'of the context\n' });
  const archive = join(folder, 'image.tar');
  const build = ['build', '--progress=rawjson', '--network=none', ...await fromLayout('busybox'), '-t', 'app', '-o', `type=oci,dest=${archive}`, context];
  const started = performance.now();
  const golden = await buildGolden(build.slice(2), call, archive);
  const buildMs = performance.now() - started;
  const loadable = join(folder, 'loadable.tar');
  await must(['save', '-o', loadable, 'app'], call);
  const argsOf: Readonly<Record<CommandName, readonly string[]>> = {
    build,
    rebuild: [...build, '--no-cache'],
    export: ['save', '-o', join(folder, 'saved.tar'), 'app'],
    load: ['load', '-i', loadable],
    prune: ['prune', '--all', '--force'],
    verify: ['store', 'verify', '--repair'],
  };
  const lengthsMs = new Map<CommandName, number>([['build', buildMs], ['rebuild', buildMs]]);
  for (const name of ['export', 'load', 'prune', 'verify'] as const) {
    const start = performance.now();
    await must(argsOf[name], call);
    lengthsMs.set(name, performance.now() - start);
  }
  let lastID = 0;
  return {
    kill: async (name, part) => {
      // What ran before decides how much there is to do: every other build starts from nothing.
      if (name === 'build' && part < 0.7) await must(['prune', '--all', '--force', '--filter', 'until=0s'], call);
      if (name === 'build' && part < 0.7) await runTsbuild(['rm', 'app'], call);
      const child = spawn(process.execPath, [program, ...argsOf[name]], { cwd: '/', env: callEnvironment(call), stdio: 'ignore' });
      lastID = child.pid ?? 0;
      const wasKilled = await killAfter(child, part * (lengthsMs.get(name) ?? 0));
      return wasKilled;
    },
    check: async () => {
      await until('no process is left', () => processesWith(marker).length === 0);
      assert.deepEqual(mountsBelow(call.store), [], 'mounts');
      checkOutput(archive, golden);
      const verified = await runTsbuild(['store', 'verify', '--json'], call);
      assert.deepEqual(groupsOf(lastID), [], 'control groups after the next command');
      assert.deepEqual(readdirSync(folder).filter((name) => !/^(store|context|(image|loadable|saved)\.tar)$/.test(name)), [], 'files beside outputs after the next command');
      assert.equal(verified.exitCode, 0, `store verify: ${verified.stdout}${verified.stderr}`);
      assert.equal(await buildGolden(build.slice(2), call, archive), golden, 'the next build');
      assert.deepEqual(await unfinished(call.store), [], 'unfinished files');
    },
  };
}

/** An output is the old one, the whole new one, or absent; here both are the same. */
function checkOutput(archive: string, golden: string): void {
  if (existsSync(archive)) assert.equal(digestOf(archive), golden, 'the output');
}

async function killAfter(child: ChildProcess, ms: number): Promise<boolean> {
  const exited = once(child, 'exit');
  const controller = new AbortController();
  await Promise.race([exited, delay(ms, undefined, { signal: controller.signal }).catch(() => undefined)]);
  controller.abort();
  child.kill('SIGKILL');
  const [, signal] = await exited as [number | null, string | null];
  return signal === 'SIGKILL';
}

async function buildGolden(args: readonly string[], call: CallOptions, archive: string): Promise<string> {
  await mustBuild(args, call);
  return digestOf(archive);
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

async function must(args: readonly string[], call: CallOptions): Promise<void> {
  const { exitCode, stderr } = await runTsbuild(args, call);
  assert.equal(exitCode, 0, `${args.join(' ')}: ${stderr}`);
}

/** Mulberry32: the same numbers from the same seed, everywhere. */
function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
