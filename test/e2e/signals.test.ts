/** A build that is interrupted or killed leaves no process, no mount and no unfinished file. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromLayout, writeContext } from '../support/context.ts';
import { mountsBelow, processesWith, unfinished, until } from '../support/machine-state.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mustBuild, startTsbuild, type CallOptions } from '../support/tsbuild.ts';

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

test('SIGKILL takes the steps along, and the next build removes what was unfinished', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const call = { store: join(folder, 'store') };
  const marker = `9${String(process.pid)}9`;
  const base = await fromLayout('busybox');
  const context = await writeContext(folder, { Dockerfile: dockerfile(marker), 'Dockerfile.next': 'FROM busybox\nRUN true\n' });
  const build = await startLongBuild([...base, context], call);
  build.child.kill('SIGKILL');
  await build.closed;
  await until('the steps are gone', () => processesWith(`sleep\0${marker}`).length === 0);
  await mustBuild([...base, '-f', join(context, 'Dockerfile.next'), context], call);
  assert.deepEqual(await unfinished(call.store), []);
  assert.deepEqual(mountsBelow(call.store), []);
});
