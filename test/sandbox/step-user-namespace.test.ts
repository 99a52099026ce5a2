/** Steps of root's builds whose root is nobody outside: `--userns=auto`, on a real kernel. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { planStepIds } from '../../src/native/step-ids.ts';
import type { StepIds } from '../../src/native/user-namespace.ts';
import { compileProbe } from '../security/probe.ts';
import { openStepFixture, skipUnlessRoot, type StepFixture } from './step-fixture.ts';

const first = 300_000;
const stepIds: StepIds = { uids: [{ inside: 0, outside: first, count: 65_536 }], gids: [{ inside: 0, outside: 400_000, count: 65_536 }] };

describe('a step with a user namespace of its own', { skip: skipUnlessRoot }, () => {
  let fixture: StepFixture;
  let host: string;
  before(async () => {
    fixture = await openStepFixture();
    host = mkdtempSync(join(tmpdir(), 'tsbuild-host-'));
    writeFileSync(join(host, 'of-root'), 'for real root alone', { mode: 0o600 });
    writeFileSync(join(host, 'of-all'), 'for all', { mode: 0o644 });
  });
  after(async () => {
    await fixture.close();
    rmSync(host, { recursive: true });
  });
  const output = async (script: string, changes: Parameters<StepFixture['run']>[1] = {}): Promise<string> => {
    const { result, stdout, stderr } = await fixture.run(script, { stepIds, ...changes });
    assert.equal(result.exitCode, 0, stderr);
    return stdout;
  };

  test('its root is root inside, and somebody else outside', async () => {
    assert.equal(await output('id -u; cat /proc/self/uid_map /proc/self/gid_map | tr -s " "'), `0\n 0 ${first} 65536\n 0 400000 65536\n`);
  });

  test('what it makes belongs to root on disk, and other owners are theirs', async () => {
    const { upper, result, stderr } = await fixture.run('umask 022; echo x > /made; mkdir -p /d/e; chown 33:34 /d/e; ln -s x /l; chown -h 7:8 /l; cp /bin/busybox /own && chmod 4755 /own; rm /bin/ls; stat -c %u:%g /made /d/e /l', { stepIds });
    assert.equal(result.exitCode, 0, stderr);
    const owner = (path: string): string => { const { uid, gid } = lstatSync(join(upper, path)); return `${uid}:${gid}`; };
    assert.deepEqual(['made', 'd', 'd/e', 'l', 'own', 'bin'].map(owner), ['0:0', '0:0', '33:34', '7:8', '0:0', '0:0']);
    assert.ok(lstatSync(join(upper, 'bin/ls')).isCharacterDevice(), 'a whiteout');
  });

  test('its root cannot read what only root of this machine may, also where it is mounted into the step', async () => {
    const mounts = [{ kind: 'bind', view: { lowers: [{ kind: 'directory', path: host }] }, source: '/', target: '/mapped', readOnly: true }] as const;
    assert.equal(await output('cat /mapped/of-root', { mounts }), 'for real root alone', 'layers are shown with the ids of the step');
    // Mounts that show the ids of the machine: /proc and /sys. Root of the machine reads these there, root of the step is nobody.
    const script = 'for f in /proc/slabinfo /proc/vmallocinfo /proc/pagetypeinfo /proc/kpagecount; do head -c 1 $f > /dev/null 2>&1 && echo read $f; done; true';
    const asRoot = (await fixture.run(script)).stdout;
    assert.match(asRoot, /read/, 'this test finds something to read');
    assert.equal(await output(script), '');
  });

  test('its devices, file systems and generated files are its own', async () => {
    const script = 'stat -c %u:%g / /proc/self/ /dev /dev/null /dev/shm /etc/hosts /etc/hostname /s /t; echo x > /dev/null; ln -s a /dev/b; echo y > /etc/hostname; cat /s; touch /t/x';
    const mounts = [{ kind: 'secret', target: '/s', content: Buffer.from('secret\n'), uid: 3, gid: 4, mode: 0o400 }, { kind: 'tmpfs', target: '/t', mode: 0o755 }] as const;
    assert.equal(await output(script, { mounts }), `${'0:0\n'.repeat(7)}3:4\n0:0\nsecret\n`);
  });

  test('a cache mount has the owners of the step, and root\'s files on disk', async () => {
    const cache = fixture.layer('cache', (directory) => { writeFileSync(join(directory, 'old'), 'old'); chmodSync(join(directory, 'old'), 0o600); mkdirSync(join(directory, 'sub')); }).path;
    const mounts = [{ kind: 'path', path: cache, target: '/c', readOnly: false }, { kind: 'path', path: cache, source: '/sub', target: '/sub', readOnly: false }] as const;
    assert.equal(await output('cat /c/old; echo new > /c/new; chown 5:6 /c/new; touch /sub/x', { mounts }), 'old');
    assert.deepEqual([lstatSync(join(cache, 'new')).uid, lstatSync(join(cache, 'new')).gid, lstatSync(join(cache, 'sub/x')).uid], [5, 6, 0]);
  });

  test('another user of the step is that user on disk, and writes to its output', async () => {
    const { upper, stdout, result } = await fixture.run('echo hi > /dev/stdout; id -G; touch /tmp/a', { stepIds, user: { uid: 1000, gid: 1001, groups: [1001, 27] }, lowers: [fixture.base, fixture.layer('tmp', (directory) => { mkdirSync(join(directory, 'tmp')); chmodSync(join(directory, 'tmp'), 0o1777); })] });
    assert.equal(result.exitCode, 0);
    assert.equal(stdout, 'hi\n1001 27\n');
    assert.equal(lstatSync(join(upper, 'tmp/a')).uid, 1000);
  });

  test('mount points and the working directory are made as root of the image, and stubs are reported', async () => {
    const mounts = [{ kind: 'secret', target: '/run/a/b', content: Buffer.from('x'), uid: 0, gid: 0, mode: 0o400 }] as const;
    const { upper, result } = await fixture.run('pwd', { stepIds, mounts, cwd: '/new/dir' });
    assert.deepEqual(result.stubs.map(({ path }) => path).filter((path) => path.startsWith('run')), ['run', 'run/a', 'run/a/b']);
    assert.deepEqual([lstatSync(join(upper, 'new/dir')).uid, lstatSync(join(upper, 'run/a')).uid], [0, 0]);
  });

  test('it has the fourteen capabilities inside, the filter, and none outside', async () => {
    const status = await output('grep -E "^(Cap(Bnd|Eff|Inh|Amb)|Seccomp|NoNewPrivs):" /proc/self/status');
    assert.match(status, /CapInh:\t0{16}\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nCapAmb:\t0{16}\nNoNewPrivs:\t0\nSeccomp:\t2\n/);
  });

  test('it listens below port 1024 and pings in its own network', async () => {
    const bin = fixture.layer('probe-layer', (directory) => {
      mkdirSync(join(directory, 'bin'));
      copyFileSync(compileProbe(fixture.directory), join(directory, 'bin/probe'));
    });
    assert.equal(await output('probe sockets', { lowers: [fixture.base, bin] }), 'bind 0\nicmp 0\n');
  });

  test('FROM scratch and an id that it does not have', async () => {
    await assert.rejects(fixture.run('true', { stepIds, user: { uid: 70_000, gid: 0, groups: [] } }), { code: 'IDS_MISSING' });
    const only = fixture.layer('only', (directory) => { mkdirSync(join(directory, 'bin')); writeFileSync(join(directory, 'bin/true'), readFileSync('/bin/busybox'), { mode: 0o755 }); });
    const { result } = await fixture.run('', { stepIds, argv: ['/bin/true'], lowers: [only] });
    assert.equal(result.exitCode, 0);
  });
});

test('ids of steps: those of containers, else of root, else spare ones that nobody has', () => {
  const empty = { subuid: '', subgid: '', passwd: 'root:x:0:0::/:/bin/sh\n', group: 'root:x:0:\n' };
  const range = (outside: number, count: number) => [{ inside: 0, outside, count }];
  const spare = range(1_879_048_192, 268_435_456);
  assert.deepEqual(planStepIds(empty), { uids: spare, gids: spare });
  assert.deepEqual(planStepIds({ ...empty, subuid: 'root:100000:65536\n', subgid: 'root:200000:10\n' }), { uids: range(100000, 65536), gids: range(200000, 10) });
  assert.deepEqual(planStepIds({ ...empty, subuid: 'root:1000:5\ncontainers:100000:7\n', subgid: '0:1:1\ncontainers:5:6\n' }), { uids: range(100000, 7), gids: range(5, 6) });
  assert.deepEqual(planStepIds({ ...empty, subuid: 'root:1000:5\n' }), { uids: spare, gids: spare }, 'both files count');
  for (const taken of [{ passwd: 'x:x:1879048192:1::/:/bin/sh\n' }, { group: 'x:x:2147483647:\n' }, { subuid: 'x:1879040000:65536\n' }, { subgid: 'x:2000000000:1\n' }]) {
    assert.throws(() => planStepIds({ ...empty, ...taken }), { code: 'USERNS_IDS_TAKEN' });
  }
  assert.deepEqual(planStepIds({ ...empty, passwd: 'nobody:x:65534:65534::/:/bin/sh\n', subuid: 'x:1879048191:1\nx:2147483648:9\n' }), { uids: spare, gids: spare });
});
