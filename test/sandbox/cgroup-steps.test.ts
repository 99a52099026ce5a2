import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cgroupFiles } from '../../src/sandbox/cgroup/files.ts';
import { openCgroups, openCgroupsOf, type StepGroup } from '../../src/sandbox/cgroup/cgroups.ts';
import { noGroupLimits, type GroupLimits } from '../../src/sandbox/cgroup/group-limits.ts';
import { controllers, parseLayout, type Controller } from '../../src/sandbox/cgroup/layout.ts';
import { groupName, readOwner } from '../../src/sandbox/cgroup/owner.ts';
import { park } from '../../src/sandbox/cgroup/park.ts';
import type { GroupUsage } from '../../src/sandbox/cgroup/usage.ts';
import { SpecWriter } from '../../src/native/encoding.ts';
import { JobKind } from '../../src/native/helper.ts';
import { eventually, openStepFixture, skipUnlessRoot, type Outcome, type StepFixture } from './step-fixture.ts';

const layout = parseLayout(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'));
const directoryOf = (controller: Controller): string => {
  const hierarchy = layout?.hierarchies.find((candidate) => candidate.controllers.includes(controller));
  return hierarchy === undefined ? '/' : join(hierarchy.mount, hierarchy.own);
};
const groupsIn = (directory: string): string[] => readdirSync(directory).filter((name) => name.startsWith(`tsbuild-`) && name.split('-')[2] === String(process.pid));
const skip = skipUnlessRoot !== false ? skipUnlessRoot : layout?.version === 1 ? false : 'needs the controllers of cgroup v1';

describe('steps in control groups of this kernel', { skip }, () => {
  let fixture: StepFixture;
  before(async () => (fixture = await openStepFixture()));
  after(() => fixture.close());

  const runIn = async (limits: Partial<GroupLimits>, script: string, changes: Parameters<StepFixture['run']>[1] = {}): Promise<Outcome & { readonly group: GroupUsage }> => {
    const cgroups = await openCgroups({ limits: { ...noGroupLimits, ...limits }, onWarning: (text) => assert.fail(text) });
    const group: StepGroup = await cgroups.make();
    try {
      const outcome = await fixture.run(script, { cgroups: group.cgroups, ...changes });
      return { ...outcome, group: await group.measure() };
    } finally {
      await group.remove();
    }
  };

  test('a memory bomb is killed at its limit, and the kernel says that it was for memory', async () => {
    const { result, group } = await runIn({ memoryBytes: 32 << 20, memorySwapBytes: 32 << 20 }, "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo survived");
    assert.notEqual(result.exitCode, 0);
    assert.ok(group.oomKills >= 1);
    assert.ok((group.peakMemoryBytes ?? 0) > (24 << 20) && (group.peakMemoryBytes ?? 0) <= 32 << 20, String(group.peakMemoryBytes));
  });

  test('a step that stays below its limit ends as usual', async () => {
    const { result, group } = await runIn({ memoryBytes: 64 << 20 }, 'true');
    assert.equal(result.exitCode, 0);
    assert.equal(group.oomKills, 0);
  });

  test('files on a tmpfs of the step count as its memory', async () => {
    const { result, group } = await runIn({ memoryBytes: 32 << 20, memorySwapBytes: 32 << 20 }, 'head -c 60000000 /dev/zero > /dev/shm/x', { shmSizeBytes: 1 << 30 });
    assert.notEqual(result.exitCode, 0);
    assert.ok(group.oomKills >= 1);
  });

  test('a fork bomb is refused further processes and ends; root too', async () => {
    const { result, stderr, group } = await runIn({ pidsMax: 30 }, 'b() { b | b & }; b; wait; i=0; while [ $i -lt 40 ]; do sleep 100 & i=$((i+1)); done');
    assert.notEqual(result.exitCode, 0);
    assert.ok(group.pidsRefused > 0);
    assert.match(stderr, /can't fork/);
  });

  test('processor time is limited: a busy loop of 0.2 s is throttled at a tenth of a processor', async () => {
    const cgroups = await openCgroups({ limits: { ...noGroupLimits, cpuQuotaUs: 10_000, cpuPeriodUs: 100_000 }, onWarning: (text) => assert.fail(text) });
    const group = await cgroups.make();
    const throttled = (): number => {
      const [name = ''] = groupsIn(directoryOf('cpu'));
      return Number(/nr_throttled (\d+)/.exec(readFileSync(join(directoryOf('cpu'), name, 'cpu.stat'), 'utf8'))?.[1]);
    };
    await fixture.run('i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done', { cgroups: group.cgroups });
    assert.ok(throttled() > 0);
    await group.remove();
  });

  test('shares of processors, processors and memory nodes are set', async () => {
    const cgroups = await openCgroups({ limits: { ...noGroupLimits, cpuShares: 512, cpusetCpus: '0', cpusetMems: '0' }, onWarning: (text) => assert.fail(text) });
    const group = await cgroups.make();
    const [name = ''] = groupsIn(directoryOf('cpu'));
    assert.equal(readFileSync(join(directoryOf('cpu'), name, 'cpu.shares'), 'utf8'), '512\n');
    const { stdout } = await fixture.run('grep Cpus_allowed_list /proc/self/status; grep Mems_allowed_list /proc/self/status', { cgroups: group.cgroups });
    assert.equal(stdout, 'Cpus_allowed_list:\t0\nMems_allowed_list:\t0\n');
    await group.remove();
  });

  test('processors that this machine has not are refused, and nothing stays behind', async () => {
    await assert.rejects(runIn({ cpusetCpus: '4000' }, 'true'), { code: 'LIMIT_REFUSED', errorClass: 'usage', message: /^limit --cpuset-cpus: cpuset.cpus 4000: the kernel refuses it: E(INVAL|RANGE)$/ });
    for (const { mount, own } of layout?.hierarchies ?? []) assert.deepEqual(groupsIn(join(mount, own)), []);
  });

  test('what it writes and what the page cache holds for it is counted', async () => {
    const { group, result } = await runIn({}, 'head -c 3000000 /dev/zero > /f');
    assert.ok((result.usage.writtenBytes ?? 0) >= 3_000_000, String(result.usage.writtenBytes));
    assert.ok((group.peakMemoryBytes ?? 0) > 3_000_000, 'the page cache counts');
  });

  test('bytes to a device are throttled and then counted; what is no device is refused', async () => {
    const { dev } = statSync(fixture.directory);
    const number = `${dev >> 8}:${dev & 0xff}`;
    const device = readdirSync('/dev').map((name) => `/dev/${name}`).find((path) => statSync(path).isBlockDevice() && statSync(path).rdev === dev);
    if (device !== undefined) {
      const cgroups = await openCgroups({ limits: { ...noGroupLimits, devices: [{ path: device, what: 'write-bps', rate: 64 << 20 }] }, onWarning: (text) => assert.fail(text) });
      const group = await cgroups.make();
      const [name = ''] = groupsIn(directoryOf('io'));
      const file = (what: string): string => readFileSync(join(directoryOf('io'), name, what), 'utf8');
      assert.equal(file('blkio.throttle.write_bps_device'), `${number} ${64 << 20}\n`);
      await fixture.run('dd if=/dev/zero of=/g bs=1048576 count=3 oflag=direct', { cgroups: group.cgroups });
      assert.ok(Number(new RegExp(`^${number} Write (\\d+)$`, 'm').exec(file('blkio.throttle.io_service_bytes'))?.[1]) >= 3 << 20);
      await group.remove();
    }
    for (const path of ['/dev/null', '/nonexistent', '/tmp']) {
      await assert.rejects(runIn({ devices: [{ path, what: 'read-bps', rate: 1 }] }, 'true'), { code: 'LIMIT_REFUSED', message: `limit --device-read-bps: ${path}: not a block device` });
    }
  });

  test('the step sees its own groups as roots', async () => {
    const { stdout } = await runIn({}, 'cut -d: -f3 /proc/self/cgroup | sort -u');
    assert.equal(stdout, '/\n');
  });

  test('it can read its limits in /sys/fs/cgroup, and change nothing there, not even in trees of v1 that let root out', async () => {
    const script = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max; ls /sys/fs/cgroup; for file in memory/memory.limit_in_bytes pids/cgroup.procs memory/notify_on_release new; do echo 1 2>/dev/null > /sys/fs/cgroup/$file || echo refused; done; ls /sys/fs/cgroup/*/release_agent 2>/dev/null; mkdir /sys/fs/cgroup/pids/x 2>/dev/null || echo refused; umount /sys/fs/cgroup/memory 2>/dev/null || echo refused';
    const { stdout } = await runIn({ memoryBytes: 32 << 20, pidsMax: 77 }, script);
    assert.equal(stdout, `${32 << 20}\n77\nmemory\npids\n${'refused\n'.repeat(6)}`);
  });

  test('an insecure step may change its own groups, as with BuildKit', async () => {
    const { stdout } = await runIn({ memoryBytes: 64 << 20 }, `echo ${32 << 20} > /sys/fs/cgroup/memory/memory.limit_in_bytes && cat /sys/fs/cgroup/memory/memory.limit_in_bytes`, { security: 'insecure' });
    assert.equal(stdout, `${32 << 20}\n`);
  });

  test('a parent is made, holds the groups, and stays', async () => {
    const parent = `/tsbuild-test-${process.pid}`;
    const mount = layout?.hierarchies.find((candidate) => candidate.controllers.includes('pids'))?.mount ?? '';
    const { result } = await runIn({ cgroupParent: parent, cpusetCpus: '0', pidsMax: 40 }, 'true');
    assert.equal(result.exitCode, 0);
    assert.ok(existsSync(join(mount, parent)));
    for (const hierarchy of layout?.hierarchies ?? []) if (existsSync(join(hierarchy.mount, parent))) await cgroupFiles.remove(join(hierarchy.mount, parent));
  });

  /** Sends a process into the group; resolves with whether it cloned a step there. */
  const parkIn = (group: StepGroup, signal?: AbortSignal): Promise<boolean> => {
    const spec = new SpecWriter();
    spec.strings(group.cgroups.files);
    return fixture.helper.request({ kind: JobKind.Park, spec: spec.finish(), what: 'park', ...(signal === undefined ? {} : { signal }) }).then(() => true, () => false);
  };
  const openSilent = () => openCgroups({ limits: { ...noGroupLimits, cpusetCpus: '0' }, onWarning: (text) => assert.fail(text) });

  test('a step is born in a group in which a process waits for it, with its output, exit code and network', async () => {
    const cgroups = await openSilent();
    for (const network of ['none', 'host'] as const) {
      const group = await cgroups.make();
      const handedOver = parkIn(group);
      const { result, stdout } = await fixture.run('grep Cpus_allowed_list /proc/self/status; cut -d: -f3 /proc/self/cgroup | sort -u; echo $$ $PPID; ls /proc | grep -c "^[0-9]"; exit 3', { cgroups: group.cgroups, network });
      assert.equal(result.exitCode, 3);
      assert.equal(stdout.replace(/\n\d\n$/, '\n'), 'Cpus_allowed_list:\t0\n/\n1 0\n');
      assert.equal(await handedOver, true);
      await group.remove();
    }
  });

  test('many steps at once each find their own waiting process', async () => {
    const cgroups = await openSilent();
    const parked: Promise<boolean>[] = [];
    await Promise.all(Array.from({ length: 6 }, async (_, index) => {
      const group = await cgroups.make();
      parked.push(parkIn(group));
      const { stdout } = await fixture.run(`echo ${index}`, { cgroups: group.cgroups });
      assert.equal(stdout, `${index}\n`);
      await group.remove();
    }));
    assert.deepEqual(await Promise.all(parked), Array.from({ length: 6 }, () => true));
  });

  test('a waiting process that nobody needs ends when it is told to, and leaves its group empty', async () => {
    const group = await (await openSilent()).make();
    const end = park(fixture.helper, group.cgroups.files);
    await end();
    await group.remove();
    for (const { mount, own } of layout?.hierarchies ?? []) assert.deepEqual(groupsIn(join(mount, own)), []);
  });

  test('a step whose waiting process was killed enters its group by itself', async () => {
    const group = await (await openSilent()).make();
    const handedOver = parkIn(group);
    const [file = ''] = group.cgroups.files;
    assert.ok(await eventually(() => readFileSync(file, 'utf8') !== ''));
    process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
    const { stdout } = await fixture.run('grep Cpus_allowed_list /proc/self/status', { cgroups: group.cgroups });
    assert.equal(stdout, 'Cpus_allowed_list:\t0\n');
    assert.equal(await handedOver, false);
    await group.remove();
  });

  test('a build makes groups ahead, as many as it has steps, and closing removes what was not used', async () => {
    const cgroups = await openCgroups({ limits: noGroupLimits, aheadMax: 2, park: (files) => park(fixture.helper, files), onWarning: (text) => assert.fail(text) });
    const first = await cgroups.make();
    assert.ok(await eventually(() => groupsIn(directoryOf('pids')).length === 2));
    await first.remove();
    await cgroups.close();
    assert.deepEqual(groupsIn(directoryOf('pids')), []);
  });

  test('what a killed build leaves, the next one removes', async () => {
    const child = spawn('sleep', ['1000']);
    await once(child, 'spawn');
    const owner = await readOwner();
    const start = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(' ')[21] ?? '';
    const left = join(directoryOf('pids'), groupName({ ...owner, pid: child.pid ?? 0, start }, 1));
    await cgroupFiles.make(left);
    const open = () => openCgroups({ limits: noGroupLimits, onWarning: (text) => assert.fail(text) });
    await open();
    assert.ok(existsSync(left), 'its owner lives');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await open();
    assert.ok(!existsSync(left));
  });
});

/** The tests' machine may have cgroup2 without controllers beside v1; what needs none is real there. */
const unified = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').find((line) => line.includes(' - cgroup2 '))?.split(' ')[4];
const skipUnified = skipUnlessRoot !== false ? skipUnlessRoot : unified === undefined ? 'needs a mounted cgroup2' : false;

describe('steps in a group of a real cgroup2', { skip: skipUnified }, () => {
  let fixture: StepFixture;
  before(async () => (fixture = await openStepFixture()));
  after(() => fixture.close());

  test('the step enters the group, its processor time is measured, and the group goes', async () => {
    const mount = unified ?? '';
    const cgroups = await openCgroupsOf({ version: 2, hierarchies: [{ controllers, names: [], mount, own: '' }] }, await readOwner(), cgroupFiles, { limits: noGroupLimits, onWarning: () => undefined });
    const group = await cgroups.make();
    const { stdout } = await fixture.run('grep ^0:: /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs; echo 0 2>/dev/null > /sys/fs/cgroup/cgroup.procs || echo refused', { cgroups: group.cgroups });
    assert.equal(stdout.replace(/^\d+\n/gm, ''), '0::/\nrefused\n');
    assert.match(stdout, /^1$/m);
    assert.ok((await group.measure()).userMs !== undefined);
    await group.remove();
    assert.deepEqual(groupsIn(mount), []);
  });

  test('alone in a group, it moves below it and makes the groups of steps beside itself; the next build removes that group', async () => {
    const mount = unified ?? '';
    const own = `tsbuild-test-${process.pid}`;
    await cgroupFiles.make(join(mount, own));
    const script = fileURLToPath(new URL('alone-in-group.ts', import.meta.url));
    const run = (): readonly string[] => execFileSync(process.execPath, ['--import', 'tsx', script, mount, own], { encoding: 'utf8' }).split('\n');
    const [where = '', files = ''] = run();
    assert.match(where, new RegExp(`^/${own}/tsbuild-\\d+-\\d+-\\d+-0$`));
    assert.equal(files, join(mount, where.replace(/0$/, '1'), 'cgroup.procs'));
    assert.deepEqual(await cgroupFiles.groups(join(mount, own)), [where.split('/')[2]]);
    const [second = ''] = run();
    assert.deepEqual(await cgroupFiles.groups(join(mount, own)), [second.split('/')[2]]);
    for (const name of await cgroupFiles.groups(join(mount, own))) await cgroupFiles.remove(join(mount, own, name));
    await cgroupFiles.remove(join(mount, own));
  });
});
