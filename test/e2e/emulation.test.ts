/** RUN for another processor: by QEMU where it is registered, an error that says what to install where it is not. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildEmulated, forEmulation, type Interpreter } from '../support/binfmt.ts';
import { fromLayout, writeContext } from '../support/context.ts';
import { forForeignTools, umociUnpack } from '../support/foreign-tools.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { logOf } from '../support/raw-events.ts';
import { mustRun } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { runTsbuild } from '../support/tsbuild.ts';
import { readFile } from 'node:fs/promises';

const skip = skipWithout(...forRun, ...forForeignTools, ...forEmulation, { program: 'apt-get' });
const folder = temporaryFolder({ after: (remove) => { after(remove as () => void); } });
const call = { store: join(folder, 'store') };

/** As Debian's package registers it. */
function qemu(processor: Interpreter['processor'], changes: Partial<Interpreter> = {}): Interpreter {
  return { processor, program: `/usr/libexec/qemu-binfmt/${processor}-binfmt-P`, flags: 'OPF', ...changes };
}

test('a RUN of several platforms runs on each of them, by QEMU where it is not this machine\'s', { skip }, async () => {
  const dockerfile = 'FROM platforms\nARG TARGETARCH\nRUN uname -m | tee /machine\nRUN echo $TARGETARCH > /arch && mkdir /d && chown 1:2 /d && (sleep 0; id -u; true) | cat && kill -0 $$\n';
  const context = await writeContext(join(folder, 'run'), { Dockerfile: dockerfile });
  const archive = join(folder, 'image.tar');
  const args = ['--platform', 'linux/amd64,linux/arm64,linux/arm/v7', '-o', `type=oci,dest=${archive}`, ...await fromLayout('platforms'), '--network=none', context];
  const outcome = await buildEmulated([qemu('aarch64'), qemu('arm')], args, call);
  assert.equal(outcome.exitCode, 0, outcome.text.slice(-6000));
  const machineOf = (platform: string): string => logOf(outcome.events, new RegExp(`^\\[${platform} .*uname`)).trim();
  assert.deepEqual(['linux/amd64', 'linux/arm64', 'linux/arm/v7'].map(machineOf), ['x86_64', 'aarch64', 'armv7l']);
  const raw = JSON.parse(await mustRun('skopeo', ['--insecure-policy', 'inspect', '--raw', `oci-archive:${archive}`])) as { manifests: { platform: { architecture: string } }[] };
  assert.deepEqual(raw.manifests.map(({ platform }) => platform.architecture), ['amd64', 'arm64', 'arm']);
  const layout = join(folder, 'arm64');
  await mustRun('skopeo', ['--insecure-policy', '--override-arch=arm64', 'copy', '--quiet', `oci-archive:${archive}`, `oci:${layout}:image`]);
  const rootfs = await umociUnpack(layout, join(folder, 'bundle'));
  assert.deepEqual(await Promise.all(['machine', 'arch'].map((name) => readFile(join(rootfs, name), 'utf8'))), ['aarch64\n', 'arm64\n']);
});

test('without an interpreter the build ends before the step, naming the platform and what to install', { skip }, async () => {
  const context = await writeContext(join(folder, 'none'), { Dockerfile: 'FROM platforms\nCOPY Dockerfile /\nRUN true\n' });
  const args = ['--platform', 'linux/arm64', ...await fromLayout('platforms'), '--network=none', context];
  const { exitCode, stderr } = await runTsbuild(['build', '--progress=quiet', ...args], call);
  assert.equal(exitCode, 3, stderr);
  assert.match(stderr, /^Dockerfile:3$/m);
  assert.match(stderr, /RUN for linux\/arm64: this machine runs linux\/amd64, and no interpreter is registered for it/);
  assert.match(stderr, /apt-get install qemu-user-static binfmt-support/);
});

test('an interpreter that is not opened when it is registered must be in the image', { skip }, async () => {
  const unopened = qemu('aarch64', { flags: '', program: '/qemu' });
  const context = await writeContext(join(folder, 'unopened'), { Dockerfile: 'FROM platforms\nCOPY qemu* /\nRUN uname -m > /machine\n' });
  const args = ['--platform', 'linux/arm64', ...await fromLayout('platforms'), '--network=none', context];
  const without = await buildEmulated([unopened], args, call);
  assert.deepEqual([without.exitCode, without.error?.code], [3, 'PLATFORM_FOREIGN']);
  assert.match(without.error?.message ?? '', /interpreter \/qemu is neither in the image nor registered with flag F/);
  await mustRun('cp', [qemu('aarch64').program, join(context, 'qemu')]);
  const within = await buildEmulated([unopened], args, call);
  assert.equal(within.exitCode, 0, within.text.slice(-4000));
});

test('a program that is not what its image says fails with the same advice', { skip }, async () => {
  const dockerfile = 'FROM --platform=linux/arm64 platforms AS foreign\nFROM scratch\nCOPY --from=foreign /bin/busybox /bin/sh\nRUN true\n';
  const context = await writeContext(join(folder, 'mixed'), { Dockerfile: dockerfile });
  const { exitCode, stderr } = await runTsbuild(['build', '--progress=quiet', ...await fromLayout('platforms'), '--network=none', context], call);
  assert.equal(exitCode, 1, stderr);
  assert.match(stderr, /exec format error/);
  assert.match(stderr, /The program is not for this machine, which runs linux\/amd64; the step is for linux\/amd64\..*qemu-user-static/s);
});
