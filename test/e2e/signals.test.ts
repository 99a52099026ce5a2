/** A build that is interrupted or killed leaves no process, no mount and no unfinished file. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromLayout, writeContext } from '../support/context.ts';
import { groupsOf, mountsBelow, processesWith, unfinished, until } from '../support/machine-state.ts';
import { forRun, forTrace, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { callEnvironment, mustBuild, program, runTsbuild, startTsbuild, type CallOptions } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun);

// Its daemons leave their session, ignore signals and outlive their parent; one of another stage runs beside it.
const dockerfile = (seconds: string): string => `FROM busybox AS beside
RUN sleep ${seconds}
FROM busybox
RUN mkdir /made && (setsid sh -c 'trap "" TERM INT HUP; touch /made/daemon; sleep ${seconds}; sleep ${seconds}' >/dev/null 2>&1 &) ; \\
  until test -e /made/daemon; do :; done; echo started; sleep ${seconds}
COPY --from=beside /etc/passwd /beside
`;

/** Starts the build and returns when its RUN is in the middle of its work. */
async function startLongBuild(args: readonly string[], call: CallOptions): Promise<{ child: ChildProcess; closed: Promise<unknown[]>; text: () => string }> {
  const child = startTsbuild(['build', '--progress=plain', '--network=none', ...args], call);
  const closed = once(child, 'close');
  let text = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (/^#\d+ [\d.]+ started$/m.test(text)) resolve();
    });
    child.on('close', () => { reject(new Error(`the build ended too early:\n${text}`)); });
  });
  return { child, closed, text: () => text };
}

for (const [at, signal] of (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).entries()) {
  test(`${signal} during a RUN with daemons ends the build with 130 and leaves nothing behind`, { skip }, async (t) => {
    const folder = temporaryFolder(t);
    const call = { store: join(folder, 'store') };
    const marker = `9${String(process.pid)}${at + 1}`;
    const context = await writeContext(folder, { Dockerfile: dockerfile(marker) });
    const build = await startLongBuild([...await fromLayout('busybox'), '-o', `type=oci,dest=${join(folder, 'image.tar')}`, context], call);
    await until('the daemon and both steps sleep', () => processesWith(`sleep\0${marker}`).length === 3);
    build.child.kill(signal);
    const [exitCode] = await build.closed;
    assert.equal(exitCode, 130, build.text());
    assert.match(build.text(), /^ERROR: interrupted/m);
    assert.deepEqual(processesWith(`sleep\0${marker}`), [], 'no process is left');
    assert.deepEqual(mountsBelow(call.store), [], 'no mount is left');
    assert.deepEqual(await unfinished(call.store), [], 'no unfinished file is left');
    assert.deepEqual((await readdir(folder)).filter((name) => name.includes('image.tar')), [], 'no output is left');
  });
}

test('SIGKILL takes the steps along, and the next command, whichever, removes files and control groups', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const call = { store: join(folder, 'store') };
  const marker = `9${String(process.pid)}9`;
  const base = await fromLayout('busybox');
  const context = await writeContext(folder, { Dockerfile: dockerfile(marker) });
  const build = await startLongBuild([...base, context], call);
  build.child.kill('SIGKILL');
  await build.closed;
  await until('the steps are gone', () => processesWith(`sleep\0${marker}`).length === 0);
  assert.notDeepEqual(groupsOf(build.child.pid ?? 0), [], 'a killed build leaves its groups');
  assert.equal((await runTsbuild(['images'], call)).exitCode, 0);
  assert.deepEqual(groupsOf(build.child.pid ?? 0), []);
  assert.deepEqual(await unfinished(call.store), []);
  assert.deepEqual(mountsBelow(call.store), []);
});

const unfinishedIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder)).filter((name) => name.startsWith('.tsbuild-'));

for (const [what, output] of [['an archive', 'type=oci'], ['a folder', 'type=local']] as const) {
  test(`SIGKILL while ${what} is put in place leaves the old output, and the next command removes what is beside it`, { skip: skip || skipWithout(...forTrace) }, async (t) => {
    const folder = temporaryFolder(t);
    const call = { store: join(folder, 'store') };
    const context = await writeContext(folder, { Dockerfile: 'FROM busybox\nCOPY file /file\n', file: 'new' });
    const args = [...await fromLayout('busybox'), '-t', 'app', context];
    await mustBuild(args, call);
    const dest = join(folder, 'out', 'image');
    await mkdir(join(folder, 'out'));
    if (output === 'type=oci') await writeFile(dest, 'old');
    // The rename to the output's name, and no other, takes longer than this test.
    const slow = ['-f', '-qq', '-o', '/dev/null', '-P', dest, '-e', 'trace=rename,renameat,renameat2', '-e', 'inject=rename,renameat,renameat2:delay_enter=600s'];
    const tracer = spawn('strace', [...slow, process.execPath, program, 'build', ...args, '-o', `${output},dest=${dest}`], { cwd: '/', env: callEnvironment(call), stdio: 'ignore' });
    const closed = once(tracer, 'close');
    t.after(() => tracer.kill('SIGKILL'));
    const builds = (): readonly number[] => processesWith(`${program}\0build\0${args.join('\0')}`).filter((id) => id !== tracer.pid);
    await until('the output is being put in place', () => readdirSync(join(folder, 'out')).some((name) => name.startsWith('.tsbuild-')), 30_000);
    for (const id of builds()) process.kill(id, 'SIGKILL');
    await closed;
    assert.equal((await unfinishedIn(join(folder, 'out'))).length, 1);
    assert.equal((await runTsbuild(['du'], call)).exitCode, 0);
    assert.deepEqual(await readdir(join(folder, 'out')), output === 'type=oci' ? ['image'] : []);
    if (output === 'type=oci') assert.equal(await readFile(dest, 'utf8'), 'old');
  });
}
