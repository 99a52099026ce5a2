import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openCgroupsOf } from '../../src/sandbox/cgroup/cgroups.ts';
import { noGroupLimits, planSettings, type GroupLimits } from '../../src/sandbox/cgroup/group-limits.ts';
import { parseLayout, type CgroupLayout, controllers } from '../../src/sandbox/cgroup/layout.ts';
import { readOwner } from '../../src/sandbox/cgroup/owner.ts';
import { readUsage } from '../../src/sandbox/cgroup/usage.ts';
import { imitatedFiles, imitateGroup, imitateRoot } from './cgroup-imitation.ts';

describe('where control groups are', () => {
  const mountinfo = (lines: readonly string[]): string => lines.map((line, index) => `${index + 30} 20 0:${index} ${line}\n`).join('');
  const check = (name: string, mounts: readonly string[], own: string, expected: CgroupLayout | null): void => {
    test(name, () => assert.deepEqual(parseLayout(mountinfo(mounts), own), expected));
  };

  check('v1, each controller in a tree of its own', ['/ /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory', '/ /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids'], '4:memory:/a/b\n8:pids:/\n', {
    version: 1,
    hierarchies: [{ controllers: ['memory'], names: ['memory'], mount: '/sys/fs/cgroup/memory', own: 'a/b' }, { controllers: ['pids'], names: ['pids'], mount: '/sys/fs/cgroup/pids', own: '' }],
  });
  check('v1, several controllers in one tree', ['/ /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct,cpuset'], '3:cpu,cpuacct,cpuset:/x\n', {
    version: 1,
    hierarchies: [{ controllers: ['cpu', 'cpuset'], names: ['cpu', 'cpuacct', 'cpuset'], mount: '/sys/fs/cgroup/cpu', own: 'x' }],
  });
  check('the hybrid has its controllers in v1', ['/ /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids', '/ /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw'], '8:pids:/\n0::/\n', {
    version: 1,
    hierarchies: [{ controllers: ['pids'], names: ['pids'], mount: '/sys/fs/cgroup/pids', own: '' }],
  });
  check('cgroup2', ['/ /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate'], '0::/user.slice/user-0.slice/session-1.scope\n', {
    version: 2,
    hierarchies: [{ controllers, names: [], mount: '/sys/fs/cgroup', own: 'user.slice/user-0.slice/session-1.scope' }],
  });
  check('a part of the tree is mounted, as in a container without a namespace of its own', ['/docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory'], '4:memory:/docker/abc\n', {
    version: 1,
    hierarchies: [{ controllers: ['memory'], names: ['memory'], mount: '/sys/fs/cgroup/memory', own: '' }],
  });
  check('a mount of a part that we are not in is none', ['/docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory'], '4:memory:/docker/abcd\n', null);
  check('a group above the root of our namespace is not to be reached', ['/ /sys/fs/cgroup rw - cgroup2 cgroup2 rw'], '0::/../x\n', null);
  check('a mount point with a space', ['/ /sys/fs/c\\040g rw - cgroup2 cgroup2 rw'], '0::/\n', { version: 2, hierarchies: [{ controllers, names: [], mount: '/sys/fs/c g', own: '' }] });
  check('nothing mounted', ['/ / rw - ext4 /dev/vda rw'], '0::/\n', null);
});

describe('limits as settings of groups', () => {
  const check = (limits: Partial<GroupLimits>, v1: readonly string[], v2: readonly string[]): void => {
    const lines = (version: 1 | 2): string[] => planSettings(version, { ...noGroupLimits, pidsMax: -1, ...limits }, new Map([['/dev/a', '254:0']])).filter(({ file, value }) => file !== 'pids.max' || value !== 'max').map(({ file, value, option }) => `${file}=${value} ${option ?? ''}`.trim());
    test(JSON.stringify(limits), () => {
      assert.deepEqual(lines(1), v1);
      assert.deepEqual(lines(2), v2);
    });
  };

  check({}, [], []);
  check({ pidsMax: null }, ['pids.max=8192'], ['pids.max=8192']);
  check({ pidsMax: 20 }, ['pids.max=20 --pids-limit'], ['pids.max=20 --pids-limit']);
  check({ memoryBytes: 64 << 20 }, ['memory.limit_in_bytes=67108864 --memory', 'memory.memsw.limit_in_bytes=134217728'], ['memory.max=67108864 --memory', 'memory.swap.max=67108864']);
  check({ memoryBytes: 100, memorySwapBytes: 100 }, ['memory.limit_in_bytes=100 --memory', 'memory.memsw.limit_in_bytes=100 --memory-swap'], ['memory.max=100 --memory', 'memory.swap.max=0 --memory-swap']);
  check({ memoryBytes: 100, memorySwapBytes: -1 }, ['memory.limit_in_bytes=100 --memory', 'memory.memsw.limit_in_bytes=-1 --memory-swap'], ['memory.max=100 --memory', 'memory.swap.max=max --memory-swap']);
  check({ cpuQuotaUs: 150_000, cpuPeriodUs: 100_000 }, ['cpu.cfs_period_us=100000 --cpu-period', 'cpu.cfs_quota_us=150000 --cpu-quota'], ['cpu.max=150000 100000 --cpu-quota']);
  check({ cpuQuotaUs: 50_000 }, ['cpu.cfs_quota_us=50000 --cpu-quota'], ['cpu.max=50000 100000 --cpu-quota']);
  check({ cpuPeriodUs: 50_000 }, ['cpu.cfs_period_us=50000 --cpu-period'], ['cpu.max=max 50000 --cpu-period']);
  check({ cpuQuotaUs: -1 }, ['cpu.cfs_quota_us=-1 --cpu-quota'], ['cpu.max=max 100000 --cpu-quota']);
  check({ cpuShares: 1024 }, ['cpu.shares=1024 --cpu-shares'], ['cpu.weight=39 --cpu-shares']);
  check({ cpuShares: 2 }, ['cpu.shares=2 --cpu-shares'], ['cpu.weight=1 --cpu-shares']);
  check({ cpuShares: 262_144 }, ['cpu.shares=262144 --cpu-shares'], ['cpu.weight=10000 --cpu-shares']);
  check({ devices: [{ path: '/dev/a', what: 'read-bps', rate: 1024 }, { path: '/dev/a', what: 'write-iops', rate: 5 }] },
    ['blkio.throttle.read_bps_device=254:0 1024 --device-read-bps', 'blkio.throttle.write_iops_device=254:0 5 --device-write-iops'],
    ['io.max=254:0 rbps=1024 --device-read-bps', 'io.max=254:0 wiops=5 --device-write-iops']);
  check({ cpusetCpus: '0-1', cpusetMems: '0' }, ['cpuset.cpus=0-1 --cpuset-cpus', 'cpuset.mems=0 --cpuset-mems'], ['cpuset.cpus=0-1 --cpuset-cpus', 'cpuset.mems=0 --cpuset-mems']);
});

describe('what the files of a group say', () => {
  const check = (name: string, version: 1 | 2, files: Readonly<Record<string, string>>, expected: Awaited<ReturnType<typeof readUsage>>): void => {
    test(name, async () => assert.deepEqual(await readUsage(version, (_, file) => Promise.resolve(files[file] ?? null)), expected));
  };

  check('v1', 1, {
    'memory.max_usage_in_bytes': '4096\n',
    'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n', 'pids.events': 'max 7\n',
  }, { peakMemoryBytes: 4096, oomKills: 2, pidsRefused: 7 });
  check('v2', 2, {
    'cpu.stat': 'usage_usec 3000\nuser_usec 2000\nsystem_usec 1000\nnr_periods 0\n', 'memory.peak': '8192\n',
    'memory.events': 'low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n', 'pids.events': 'max 0\n',
    'io.stat': '254:0 rbytes=5 wbytes=6 rios=1 wios=1 dbytes=0 dios=0\n8:0 rbytes=10 wbytes=20 rios=1\n',
  }, { userMs: 2, systemMs: 1, peakMemoryBytes: 8192, oomKills: 1, pidsRefused: 0, readBytes: 15, writtenBytes: 26 });
  check('a kernel that tells nothing', 2, {}, { oomKills: 0, pidsRefused: 0 });
});

describe('groups of steps in cgroup2, imitated by a directory', () => {
  let root: string;
  before(() => (root = mkdtempSync(join(tmpdir(), 'tsbuild-cgroup-'))));
  after(() => rmSync(root, { recursive: true, force: true }));
  let trees = 0;
  const all = ['cpuset', 'cpu', 'io', 'memory', 'pids'];
  /** A tree as systemd makes it: this process is in a scope. */
  const makeTree = (available: readonly string[] = all): { readonly mount: string; readonly layout: CgroupLayout } => {
    const mount = join(root, `tree${(trees += 1)}`);
    imitateRoot(mount, available);
    imitateGroup(join(mount, 'user.slice'));
    imitateGroup(join(mount, 'user.slice/session.scope'), '4711\n');
    return { mount, layout: { version: 2, hierarchies: [{ controllers, names: [], mount, own: 'user.slice/session.scope' }] } };
  };
  const open = async (layout: CgroupLayout | null, limits: Partial<GroupLimits> = {}, warnings: string[] = []) =>
    openCgroupsOf(layout, await readOwner(), imitatedFiles, { limits: { ...noGroupLimits, ...limits }, onWarning: (text) => void warnings.push(text) });
  const groups = (directory: string): string[] => readdirSync(directory).filter((name) => name.startsWith('tsbuild-'));
  const value = (directory: string, name: string, file: string): string => readFileSync(join(directory, name, file), 'utf8');

  test('the group is made above the one that has processes, gets its limits, and is removed', async () => {
    const { mount, layout } = makeTree();
    const cgroups = await open(layout, { memoryBytes: 64 << 20, cpuQuotaUs: 150_000, cpuPeriodUs: 100_000, cpuShares: 2048, cpusetCpus: '0', pidsMax: 50 });
    const group = await cgroups.make();
    const slice = join(mount, 'user.slice');
    const [name = ''] = groups(slice);
    assert.deepEqual(group.cgroups.files, [join(slice, name, 'cgroup.procs')]);
    assert.deepEqual(group.missing, []);
    const files = ['memory.max', 'memory.swap.max', 'cpu.max', 'cpu.weight', 'cpuset.cpus', 'pids.max'];
    assert.deepEqual(files.map((file) => value(slice, name, file)), ['67108864', '67108864', '150000 100000', '79', '0', '50']);
    writeFileSync(join(slice, name, 'memory.events'), 'oom_kill 1\n');
    writeFileSync(join(slice, name, 'memory.peak'), '67108864\n');
    const usage = await group.measure();
    assert.deepEqual([usage.oomKills, usage.peakMemoryBytes, usage.userMs], [1, 67108864, 0]);
    await group.remove();
    assert.deepEqual(groups(slice), []);
  });

  test('a limit whose controller is not there is refused by the option\'s name; nothing stays behind', async () => {
    const { mount, layout } = makeTree(['cpu', 'pids']);
    const cgroups = await open(layout, { memoryBytes: 64 << 20 });
    await assert.rejects(cgroups.make(), { code: 'LIMIT_UNAVAILABLE', errorClass: 'machine', message: 'limit --memory: no control group with memory can be made here: ENOENT' });
    assert.deepEqual(groups(join(mount, 'user.slice')), []);
  });

  test('where nothing was asked for, a missing limit of processes is one warning', async () => {
    const { layout } = makeTree(['cpu']);
    const warnings: string[] = [];
    const cgroups = await open(layout, {}, warnings);
    for (let step = 0; step < 2; step++) await (await cgroups.make()).remove();
    assert.deepEqual(warnings, ['The number of processes of a RUN step has no limit here: no control group can be made (ENOENT).']);
  });

  test('in a container, whose root has processes, limits are refused', async () => {
    const mount = join(root, `tree${(trees += 1)}`);
    imitateRoot(mount, all);
    writeFileSync(join(mount, 'cgroup.type'), 'domain\n');
    writeFileSync(join(mount, 'cgroup.procs'), '1\n');
    const cgroups = await open({ version: 2, hierarchies: [{ controllers, names: [], mount, own: '' }] }, { pidsMax: 9 });
    await assert.rejects(cgroups.make(), { code: 'LIMIT_UNAVAILABLE' });
    assert.deepEqual(groups(mount), []);
  });

  test('alone in its group, as in a service or a scope, tsbuild moves below it, and its steps are beside it and within its limits', async () => {
    const { mount, layout } = makeTree();
    const scope = join(mount, 'user.slice/session.scope');
    const child = spawn('sleep', ['1000']);
    await once(child, 'spawn');
    writeFileSync(join(scope, 'cgroup.procs'), `${process.pid}\n${child.pid ?? 0}\n`);
    const group = await (await open(layout, { memoryBytes: 64 << 20 })).make();
    child.kill('SIGKILL');
    assert.equal(readFileSync(join(scope, 'cgroup.procs'), 'utf8'), '');
    const { namespace, start } = await readOwner();
    const below = `tsbuild-${namespace}-${process.pid}-${start}-0`;
    assert.deepEqual(value(scope, below, 'cgroup.procs').trim().split('\n'), [String(process.pid), String(child.pid)]);
    assert.deepEqual(group.cgroups.files, [join(scope, below.replace(/0$/, '1'), 'cgroup.procs')]);
    assert.equal(value(scope, below.replace(/0$/, '1'), 'memory.max'), '67108864');
    await group.remove();
    const next = await (await open({ version: 2, hierarchies: [{ controllers, names: [], mount, own: `user.slice/session.scope/${below}` }] })).make();
    assert.deepEqual(next.cgroups.files, group.cgroups.files, 'a second build of this process does not move deeper');
    await next.remove();
  });

  test('with a stranger in its group, tsbuild stays in it', async () => {
    const { mount, layout } = makeTree();
    const scope = join(mount, 'user.slice/session.scope');
    writeFileSync(join(scope, 'cgroup.procs'), `${process.pid}\n1\n`);
    const group = await (await open(layout)).make();
    assert.equal(readFileSync(join(scope, 'cgroup.procs'), 'utf8'), `${process.pid}\n1\n`);
    assert.ok(group.cgroups.files[0]?.startsWith(join(mount, 'user.slice/tsbuild-')));
    await group.remove();
  });

  test('without any control groups a limit is refused, and its absence is a warning', async () => {
    await assert.rejects((await open(null, { cpuShares: 2 })).make(), { code: 'LIMIT_UNAVAILABLE' });
    const warnings: string[] = [];
    const group = await (await open(null, {}, warnings)).make();
    assert.deepEqual(group.cgroups.files, []);
    assert.deepEqual(await group.measure(), { oomKills: 0, pidsRefused: 0 });
    await group.remove();
    assert.equal(warnings.length, 1);
  });

  test('an absolute parent lies below the root, is made with its controllers, and stays', async () => {
    const { mount, layout } = makeTree();
    const group = await (await open(layout, { cgroupParent: '/builds/ours', memoryBytes: 64 << 20 })).make();
    assert.match(group.cgroups.files[0] ?? '', /\/builds\/ours\/tsbuild-[^/]*\/cgroup\.procs$/);
    assert.equal(readFileSync(join(mount, 'builds/cgroup.subtree_control'), 'utf8').trim().split(' ').sort().join(' '), 'cpu cpuset io memory pids');
    await group.remove();
    assert.deepEqual(readdirSync(join(mount, 'builds/ours')).filter((name) => name.startsWith('tsbuild')), []);
  });

  test('a relative parent lies below the group that is chosen otherwise; one that leads upwards is refused', async () => {
    const { mount, layout } = makeTree();
    const group = await (await open(layout, { cgroupParent: 'builds' })).make();
    assert.ok(group.cgroups.files[0]?.startsWith(join(mount, 'user.slice/builds/tsbuild-')));
    await group.remove();
    await assert.rejects(open(layout, { cgroupParent: '/a/../../b' }), { code: 'LIMIT_REFUSED', errorClass: 'usage' });
  });

  test('groups of a process that has ended are removed by the next build, others stay', async () => {
    const { mount, layout } = makeTree();
    const slice = join(mount, 'user.slice');
    const owner = await readOwner();
    const abandoned = `tsbuild-${owner.namespace}-${owner.pid}-1-1`; // our number, but another start
    const kept = [`tsbuild-${owner.namespace}-${owner.pid}-${owner.start}-9`, `tsbuild-1-${owner.pid}-1-1`, 'tsbuild-mine', 'other.scope'];
    for (const name of [abandoned, ...kept]) imitateGroup(join(slice, name));
    const busy = `tsbuild-${owner.namespace}-${owner.pid}-2-1`;
    imitateGroup(join(slice, busy), '99\n');
    await open(layout);
    assert.ok(!existsSync(join(slice, abandoned)));
    for (const name of [...kept, busy]) assert.ok(existsSync(join(slice, name)), name);
  });

  test('two builds of one process do not take each other\'s groups', async () => {
    const { mount, layout } = makeTree();
    const made = await Promise.all([1, 2].map(async () => (await open(layout)).make()));
    assert.equal(groups(join(mount, 'user.slice')).length, 2);
    for (const group of made) await group.remove();
    assert.deepEqual(groups(join(mount, 'user.slice')), []);
  });
});
