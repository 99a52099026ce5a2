/**
 * Builds in a container without privileges, as Docker makes it by default: by chroot, on copies, with the same images as
 * anywhere else.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { forContainer, makeContainer, type Container } from '../support/container.ts';
import { findSecret } from '../support/find-secret.ts';
import { skipWithout } from '../support/needs.ts';
import { mustRun } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mustBuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forContainer, { program: 'busybox' });
let container: Container;

before(() => {
  if (skip === false) container = makeContainer();
});
after(async () => {
  if (skip === false) await container.remove();
});

/** A context with busybox in it; each file is named and filled. */
async function makeContext(name: string, dockerfile: string): Promise<string> {
  const folder = join(container.work, name);
  mkdirSync(join(folder, 'files', 'sub'), { recursive: true });
  cpSync('/bin/busybox', join(folder, 'busybox'));
  writeFileSync(join(folder, 'files', 'one'), 'one\n');
  writeFileSync(join(folder, 'files', 'sub', 'two'), 'two\n');
  await mustRun('tar', ['--sort=name', '--mtime=@0', '--owner=3', '--group=4', '-cf', join(folder, 'packed.tar'), '-C', folder, 'files']);
  writeFileSync(join(folder, 'secret'), 'value-of-the-secret-5d1f');
  writeFileSync(join(folder, 'Dockerfile'), dockerfile);
  return `/work/${name}`;
}

const shell = `FROM scratch AS shell
COPY --chmod=755 busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
`;

const everything = `${shell}
FROM shell AS made
WORKDIR /made
RUN mkdir -p /etc a/b && echo image > /etc/hostname.d && echo 1 > a/one && ln -s ../a a/b/up && mkfifo pipe && chown 7:8 a/b
COPY --chown=5:6 files /made/files
ADD packed.tar /made/packed
RUN mv a z && ln z/one z/same && rm files/one && mkdir files/one && touch -d @1000000000 files/sub && chmod 1777 /made && echo changed >> z/same
USER 5:6
RUN echo mine > /made/mine && id > /made/id && (umask > /made/umask; env | sort > /made/env)

FROM shell
COPY --from=made /made /copied
RUN --mount=type=bind,from=made,source=/made,target=/from --mount=type=tmpfs,target=/etc/scratch \\
    --mount=type=cache,target=/var/cache/x,id=kept --mount=type=secret,id=s,target=/run/secrets/deep/s,mode=0440 \\
    cp -r /from/z /z && cat /run/secrets/deep/s | wc -c > /size && echo x > /etc/scratch/y && echo more >> /var/cache/x/log && cp /dev/null /empty && echo q > /dev/shm/q
RUN [ ! -e /from ] && [ ! -e /run ] && [ ! -e /var ] && ls / > /listing
`;

test('an unprivileged container builds the image that this machine builds, by itself, and says once what it cannot promise', { skip }, async (t) => {
  const context = await makeContext('everything', everything);
  const args = ['build', '--progress=plain', '--secret', `id=s,src=${context}/secret`, '--iidfile', '/work/iid', context];
  const built = await container.tsbuild(args);
  assert.equal(built.exitCode, 0, built.stderr.slice(-3000));
  assert.equal(built.stderr.split('ISOLATION_CHROOT').length, 2, built.stderr.slice(0, 3000));
  const host = join(container.work, 'everything');
  const outcome = await mustBuild(['--network=host', '--secret', `id=s,src=${join(host, 'secret')}`, host], { store: temporaryFolder(t) });
  assert.equal(readFileSync(join(container.work, 'iid'), 'utf8'), outcome.summary?.imageID);
});

test('after a step that leaves processes, a cache and a secret, nothing is left but the cache', { skip }, async () => {
  const context = await makeContext('leaving', `${shell}RUN --mount=type=cache,target=/c --mount=type=secret,id=s,target=/s (sleep 600 & setsid sleep 601 & setsid sh -c 'sleep 602 & sleep 603' &); echo kept >> /c/log
RUN --mount=type=cache,target=/c cat /c/log; rm -r /c; exit 3
`);
  const call = `/usr/bin/node /tsbuild/dist/tsbuild.cjs build --progress=plain --secret id=s,src=${context}/secret ${context}; echo "code $?"; ls /proc | grep -c '^[0-9]*$' > /work/processes; grep -l sleep /proc/[0-9]*/comm; ls /work/store/tmp`;
  const { stdout, stderr } = await container.run(['sh', '-c', call], { store: '/work/store' });
  assert.equal(stdout, 'code 1\n', stderr.slice(-3000));
  assert.match(stderr, /exit code: 3/);
  assert.match(stderr, /kept/);
  assert.deepEqual(await findSecret(join(container.work, 'store'), Buffer.from('value-of-the-secret-5d1f')), []);
  assert.deepEqual(readdirSync(join(container.work, 'store', 'mounts', 'v1')).filter((name) => !name.endsWith('.lock')).map((name) => readdirSync(join(container.work, 'store', 'mounts', 'v1', name))), [['data']]);
});

const refused: readonly { readonly step: string; readonly says: RegExp; readonly args?: readonly string[]; readonly without?: readonly string[] }[] = [
  { step: 'RUN --network=none true', says: /RUN --network=none: not possible with --isolation=chroot/ },
  { step: 'RUN --security=insecure true', args: ['--allow', 'security.insecure'], says: /RUN --security=insecure: not possible with --isolation=chroot/ },
  { step: 'RUN --mount=type=tmpfs,target=/t,size=1m true', says: /tmpfs,target=\/t,size=…: not possible/ },
  { step: 'RUN true', without: ['CAP_MKNOD'], says: /make device: this process may make no devices/ },
  { step: 'RUN true', without: ['CAP_SYS_CHROOT'], says: /change root: this process may not change its root/ },
];

test('what only namespaces can do, or what the container lacks, is an error with a name', { skip }, async () => {
  for (const { step, says, args = [], without = [] } of refused) {
    const context = await makeContext('refused', `# syntax=docker/dockerfile:1-labs\n${shell}${step}\n`);
    const { exitCode, stderr } = await container.tsbuild(['build', '--progress=plain', ...args, context], { store: '/work/refusing', without });
    assert.equal(exitCode, 3, `${step}\n${stderr.slice(-2000)}`);
    assert.match(stderr, says);
    assert.match(stderr, /ISOLATION_UNABLE/);
  }
});
