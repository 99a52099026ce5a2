/**
 * What a Dockerfile might try from inside of a step (attacks.c), tried in whole builds of root, of root with `--userns=auto`, and of
 * an ordinary user. What the kernel answered is in golden/attacks.txt, one line an attempt: the answers of the three.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { baseImage } from '../support/base-images.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../support/ordinary-user.ts';
import { logOf, parseRawLines } from '../support/raw-events.ts';
import { mustRun } from '../support/run-process.ts';
import { mustBuild, repository } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun, { program: 'gcc' }, { program: 'newuidmap' }, { program: 'useradd' }, { program: 'setpriv' });
const golden = new URL('golden/attacks.txt', import.meta.url);
const isUpdating = process.env['UPDATE_GOLDEN'] === '1';
let user: OrdinaryUser;
let args: readonly string[] = [];

before(async () => {
  if (skip !== false) return;
  user = await makeOrdinaryUser({ hasIds: true });
  const [context, base] = [join(user.home, 'attacks'), join(user.home, 'base')];
  mkdirSync(context);
  cpSync(await baseImage('busybox'), base, { recursive: true });
  execFileSync('gcc', ['-O1', '-D_GNU_SOURCE', '-static', '-o', join(context, 'attacks'), join(repository, 'test/security/attacks.c')], { stdio: 'inherit' });
  await mustRun('chmod', ['-R', 'a+rX', base, context]);
  args = ['--network=none', '--no-cache', '--build-context', `busybox=oci-layout://${base}:latest`, context];
});
after(async () => {
  if (skip === false) await user.remove();
});

/** What each attempt gave, by its name; names that come twice keep both. */
function answersOf(log: string): ReadonlyMap<string, string> {
  const answers = new Map<string, string>();
  for (const line of log.trim().split('\n')) {
    const space = line.lastIndexOf(' ');
    answers.set(line.slice(0, space), line.slice(space + 1));
  }
  return answers;
}

test('what a step tries is refused, or concerns nothing but the step, whoever builds', { skip }, async () => {
  const victim = spawn('sleep', ['1000']);
  try {
    writeFileSync(join(user.home, 'attacks/Dockerfile'), `FROM busybox\nCOPY attacks /attacks\nRUN /attacks ${String(victim.pid)} ${user.home}\n`);
    const store = join(user.home, 'root-store');
    const host = answersOf(logOf((await mustBuild(['--userns=host', ...args], { store })).events, /RUN/));
    const auto = answersOf(logOf((await mustBuild(['--userns=auto', ...args], { store })).events, /RUN/));
    const finished = await user.run(['build', '--progress=rawjson', ...args]);
    assert.equal(finished.exitCode, 0, finished.stderr.slice(-4000));
    const rootless = answersOf(logOf(parseRawLines(finished.stderr).events, /RUN/));
    const text = [...host].map(([name, answer]) => `${name} | ${answer} | ${auto.get(name) ?? 'missing'} | ${rootless.get(name) ?? 'missing'}\n`).join('');
    if (isUpdating) writeFileSync(golden, text);
    assert.deepEqual(text.split('\n'), readFileSync(golden, 'utf8').split('\n'));
    assert.equal(victim.exitCode, null);
    assert.ok(existsSync(`/proc/${String(victim.pid)}`), 'the process of the machine lives');
  } finally {
    victim.kill('SIGKILL');
  }
});
