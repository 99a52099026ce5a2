/** Builds of a user without privileges: what root's builds make, byte for byte, and named errors for what cannot be. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { baseImage, type BaseName } from '../support/base-images.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../support/ordinary-user.ts';
import { mustRun } from '../support/run-process.ts';
import { forDebian, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mustBuild, repository } from '../support/tsbuild.ts';

const skip = skipWithout('root', { program: 'newuidmap' }, { program: 'useradd' }, { program: 'setpriv' });
let withIds: OrdinaryUser;
let withoutIds: OrdinaryUser;

before(async () => {
  if (skip !== false) return;
  withIds = await makeOrdinaryUser({ hasIds: true });
  withoutIds = await makeOrdinaryUser({ hasIds: false });
});
after(async () => {
  if (skip !== false) return;
  await withIds.remove();
  await withoutIds.remove();
});

/** A context in the user's home, with the base image beside it. */
async function prepare(user: OrdinaryUser, name: string, dockerfile: string): Promise<readonly string[]> {
  const [context, base] = [join(user.home, name), join(user.home, 'base')];
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, 'Dockerfile'), dockerfile);
  writeFileSync(join(context, 'file'), 'text\n');
  cpSync(await baseImage('busybox'), base, { recursive: true });
  await mustRun('chmod', ['-R', 'a+rX', base, context]);
  return ['--build-context', `busybox=oci-layout://${base}:latest`, '--allow=network.host', context];
}

const owners = `FROM busybox
COPY --chown=33:34 file /data/file
RUN chown 5:7 /data && mkdir -p /x/y && chown 1000:1000 /x/y && chmod 555 / && chown 65534 / && ln -s y /x/l && mkfifo /f
RUN rm -rf /data/file /x/l && touch /data/new && chmod 4755 /data/new
USER 1000:1000
RUN --mount=type=cache,target=/cache,uid=1000,gid=1000,mode=0700 --mount=type=tmpfs,target=/t touch /cache/a /t/b && echo hi > /dev/null && echo out > /dev/stdout
USER 0
RUN --mount=type=secret,id=s,uid=1000,required=false --network=none test -c /dev/null && ls /sys/class
RUN --network=host ls /sys/class && rm -rf /x
`;

test('a user with subordinate ids makes the image that root makes, with all its owners', { skip }, async (t) => {
  const args = await prepare(withIds, 'owners', owners);
  const iidfile = join(withIds.home, 'iid');
  const finished = await withIds.run(['build', '--iidfile', iidfile, ...args]);
  assert.equal(finished.exitCode, 0, finished.stderr.slice(-4000));
  const root = temporaryFolder(t);
  const rootIid = join(root, 'iid');
  await mustBuild(['--iidfile', rootIid, ...args], { store: join(root, 'store') });
  assert.equal(readFileSync(iidfile, 'utf8'), readFileSync(rootIid, 'utf8'));
});

interface SharedFixture {
  /** Below `fixtures/`. */
  readonly folder: string;
  readonly from: Readonly<Record<string, BaseName>>;
  readonly args?: readonly string[];
}

// Owners by name and number, packages, archives with owners, here-documents, generated configuration; one on Debian.
const sharedFixtures: readonly SharedFixture[] = [
  { folder: 'demo', from: { busybox: 'busybox' } },
  { folder: 'real-life/database-entrypoint', from: { 'alpine:3.20': 'busybox' } },
  { folder: 'real-life/cron-supervisor', from: { 'busybox:1.36': 'busybox' } },
  { folder: 'real-life/layered-archive', from: { busybox: 'busybox' } },
  { folder: 'real-life/heredocs', from: { alpine: 'busybox' } },
  { folder: 'real-life/web-server-templates', from: { 'alpine:3.20': 'busybox' } },
  { folder: 'real-life/deb-package', from: { 'debian:bookworm-slim': 'debian' }, args: ['--build-arg', 'VERSION=1.1.0'] },
];

describe('a Dockerfile of real life has, built by a user with subordinate ids, the digest that root gets', () => {
  for (const { folder, from, args = [] } of sharedFixtures) {
    const needs = Object.values(from).includes('debian') ? skipWithout(...forDebian) : false;
    test(folder, { skip: skip || needs }, async (t) => {
      const context = join(withIds.home, folder.replace('/', '-'));
      cpSync(join(repository, 'fixtures', folder), context, { recursive: true });
      const words = [...args, context];
      for (const [name, base] of Object.entries(from)) words.push('--build-context', `${name}=oci-layout://${await readableBase(base)}:latest`);
      await mustRun('chmod', ['-R', 'a+rX', context]);
      const iidfile = join(withIds.home, 'iid');
      const finished = await withIds.run(['build', '--iidfile', iidfile, ...words]);
      assert.equal(finished.exitCode, 0, finished.stderr.slice(-4000));
      const { summary } = await mustBuild(words, { store: join(temporaryFolder(t), 'store') });
      assert.equal(readFileSync(iidfile, 'utf8'), summary?.imageID);
    });
  }
});

/** A base image that the user can read. */
async function readableBase(name: BaseName): Promise<string> {
  const base = join(withIds.home, `base-${name}`);
  if (!existsSync(base)) cpSync(await baseImage(name), base, { recursive: true });
  await mustRun('chmod', ['-R', 'a+rX', base]);
  return base;
}

test('the store of a user lies below its home, and nothing of another owner is left outside of the layers', { skip }, async () => {
  const args = await prepare(withIds, 'left', owners);
  const finished = await withIds.run(['build', '--no-cache', ...args]);
  assert.equal(finished.exitCode, 0, finished.stderr.slice(-4000));
  const store = join(withIds.home, '.local/share/tsbuild');
  assert.equal(await mustRun('find', [join(store, 'tmp'), '-mindepth', '1']), '');
  assert.equal(await mustRun('find', [store, '!', '-user', withIds.name, '-not', '-path', '*/snapshots/*', '-not', '-path', '*/mounts/*']), '');
});

test('what a killed build left to a subordinate id is removed by the next command, whichever', { skip }, async () => {
  const tmp = join(withIds.home, '.local/share/tsbuild/tmp');
  const first = new RegExp(`^${withIds.name}:(\\d+):`, 'm').exec(readFileSync('/etc/subuid', 'utf8'))?.[1];
  mkdirSync(join(tmp, '9-dead/unpack/deep'), { recursive: true });
  writeFileSync(join(tmp, '9-dead/unpack/deep/file'), '');
  writeFileSync(join(tmp, '9-dead.lock'), '');
  await mustRun('chown', ['-R', `${withIds.name}:${withIds.name}`, join(withIds.home, '.local')]);
  await mustRun('chown', ['-R', String(Number(first) + 4), join(tmp, '9-dead/unpack')]);
  await mustRun('chmod', ['700', join(tmp, '9-dead/unpack')]);
  const finished = await withIds.run(['images']);
  assert.deepEqual([finished.exitCode, finished.stderr], [0, '']);
  assert.deepEqual(readdirSync(tmp), []);
});

test('without subordinate ids one id is there, which is said with what helps', { skip }, async () => {
  const args = await prepare(withoutIds, 'one', 'FROM busybox\nRUN id -u && echo 1 > /made\n');
  const finished = await withoutIds.run(['build', '--progress=plain', ...args]);
  assert.equal(finished.exitCode, 0, finished.stderr.slice(-4000));
  assert.match(finished.stderr, /one user id, 0.*usermod --add-subuids .*\(ROOTLESS_SINGLE_ID\)/);
});

test('without subordinate ids a file of another owner ends the build by its name, its owner and what to install', { skip }, async () => {
  const args = await prepare(withoutIds, 'more', 'FROM busybox\nCOPY --chown=33:34 file /there\nRUN true\n');
  const finished = await withoutIds.run(['build', '--progress=plain', ...args]);
  assert.equal(finished.exitCode, 3, finished.stderr.slice(-4000));
  assert.match(finished.stderr, /"\/?there": owner 33:34: an id that this build does not have; it has only one, 0 \(IDS_MISSING\)/);
  assert.match(finished.stderr, /hint: .*uidmap/);
});

test('as root of a user namespace of one id it works as it is', { skip }, async () => {
  const args = await prepare(withoutIds, 'nested', 'FROM busybox\nRUN id -u && rm -rf /tmp && mkdir /tmp && echo 1 > /tmp/made\n');
  const finished = await withoutIds.run(['build', '--no-cache', ...args], ['unshare', '--user', '--map-root-user', 'env', `TSBUILD_ROOT=${join(withoutIds.home, 'nested-store')}`]);
  assert.equal(finished.exitCode, 0, finished.stderr.slice(-4000));
});
