/** What got out of other runtimes' containers, tried in a step of ours. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { constants, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { errnoCode, TsbuildError } from '../../src/base/errors.ts';
import type { LowerSpec } from '../../src/native/view.ts';
import { isOwnProcess, readOwner } from '../../src/sandbox/cgroup/owner.ts';
import { fillBusybox, openStepFixture, processesWith, skipUnlessRoot, type StepFixture } from '../sandbox/step-fixture.ts';
import { repository } from '../support/tsbuild.ts';
import { compileProbe } from './probe.ts';

const { EPERM, ENOSYS, ECONNREFUSED, EACCES } = constants.errno;

describe('published holes of runtimes', { skip: skipUnlessRoot }, () => {
  let fixture: StepFixture;
  let host: string;
  let probe: LowerSpec;
  before(async () => {
    fixture = await openStepFixture();
    host = mkdtempSync(join(tmpdir(), 'tsbuild-host-'));
    writeFileSync(join(host, 'file'), 'of the host');
    mkdirSync(join(host, 'dir'));
    const program = compileProbe(fixture.directory);
    probe = fixture.layer('probe-layer', (directory) => {
      mkdirSync(join(directory, 'bin'));
      copyFileSync(program, join(directory, 'bin/probe'));
    });
  });
  after(async () => {
    await fixture.close();
    rmSync(host, { recursive: true });
  });
  const probed = async (script: string, changes: Parameters<StepFixture['run']>[1] = {}): Promise<string> => (await fixture.run(script, { lowers: [fixture.base, probe], ...changes })).stdout;
  const answers = async (script: string, changes?: Parameters<StepFixture['run']>[1]): Promise<(readonly [string, number])[]> =>
    (await probed(script, changes)).trim().split('\n').map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]);
  const untouched = (): void => {
    assert.deepEqual(readdirSync(host, { recursive: true }).sort(), ['dir', 'file']);
    assert.equal(readFileSync(join(host, 'file'), 'utf8'), 'of the host');
  };
  let images = 0;
  /** Busybox and what is filled in, without the directories that images have. */
  const image = (fill: (directory: string) => void, ...made: readonly string[]): readonly LowerSpec[] => [fixture.layer(`image${(images += 1)}`, (directory) => {
    for (const name of ['bin', ...made]) mkdirSync(join(directory, name));
    fillBusybox(directory);
    fill(directory);
  })];

  test('CVE-2019-5736: no process of a step executes a file of the host, and the one it was made from cannot be written to', async () => {
    const program = join(repository, 'build/Release/tsbuild-sandbox');
    const digest = (): string => createHash('sha256').update(readFileSync(program)).digest('hex');
    const before = digest();
    const own = await fixture.run('', { argv: ['/proc/self/exe'] });
    assert.notEqual(own.result.exitCode, 0);
    const ours = async (): Promise<readonly number[]> => {
      const owner = await readOwner();
      const checked = await Promise.all(processesWith('tsbuild-sandbox').map(async (pid) => ((await isOwnProcess(pid, owner)) ? [pid] : [])));
      return checked.flat();
    };
    for (const pid of await ours()) {
      const exe = openSync(`/proc/${pid}/exe`, 'r');
      try {
        assert.throws(() => closeSync(openSync(`/proc/self/fd/${exe}`, 'r+')), { code: 'ETXTBSY' });
      } finally {
        closeSync(exe);
      }
    }
    const other = await openStepFixture();
    const running = (await ours()).map((pid) => openSync(`/proc/${pid}/exe`, 'r'));
    await other.close();
    const results = running.map((fd) => {
      try {
        const write = openSync(`/proc/self/fd/${fd}`, 'r+');
        try {
          writeSync(write, 'x');
          return 'written';
        } finally {
          closeSync(write);
        }
      } catch (error) {
        return errnoCode(error);
      } finally {
        closeSync(fd);
      }
    });
    assert.ok(results.length >= 4 && results.includes('EPERM'), results.join());
    assert.ok(results.every((result) => result === 'EPERM' || result === 'ETXTBSY'), results.join());
    assert.equal(digest(), before);
  });

  test('CVE-2019-5736: in a step the links of all processes to what they execute lead into the image', async () => {
    assert.equal(await probed('sleep 100 & for exe in /proc/[0-9]*/exe; do readlink $exe; done | sort -u; kill %1'), '/bin/busybox\n');
  });

  for (const [id, names] of [
    ['CVE-2025-31133', ['null']], ['CVE-2025-52565', ['console', 'pts', 'ptmx']], ['CVE-2026-41579', ['shm', 'mqueue', 'full', 'tty', 'stdin']],
  ] as const) {
    test(`${id}: links to the host in the image's /dev (${names.join(', ')}) are not followed, and masks hide what they should`, async () => {
      const lowers = image((directory) => names.forEach((name) => symlinkSync(join(host, 'file'), join(directory, 'dev', name))), 'dev', 'proc', 'sys', 'etc');
      const script = `ls -l /dev | grep -c ${host}; cat /proc/keys /proc/timer_list | wc -c; for f in ${names.map((name) => `/dev/${name}`).join(' ')}; do echo x 2>/dev/null > $f; done; echo done`;
      assert.equal(await probed(script, { lowers }), '0\n0\ndone\n');
      untouched();
    });
  }

  test('CVE-2025-31133: a mask is the null device itself, and cannot be undone', async () => {
    assert.equal(await probed('stat -c "%t:%T %F" /proc/keys; umount /proc/keys 2>/dev/null || echo no; rm -f /dev/null; wc -c < /proc/keys'), '1:3 character special file\nno\n0\n');
  });

  test('CVE-2025-52881, CVE-2019-16884: a mount over a file of /proc is refused, also through links', async () => {
    for (const target of ['/proc/self/attr/current', '/proc/1/attr/exec', '/proc/sys/kernel/core_pattern', '/l/attr/current']) {
      const lowers = [fixture.base, fixture.layer(`attr${(images += 1)}`, (directory) => symlinkSync('/proc/self', join(directory, 'l')))];
      const mount = { kind: 'secret', target, content: Buffer.from('x'), uid: 0, gid: 0, mode: 0o400 } as const;
      await assert.rejects(fixture.run('true', { lowers, mounts: [mount] }), { code: 'MOUNT_TARGET' }, target);
    }
  });

  test('CVE-2019-19921, CVE-2023-27561: /proc as a link to another directory of the image, or to the host, gets the real one', async () => {
    for (const target of ['evil', join(host, 'dir')]) {
      const lowers = image((directory) => {
        mkdirSync(join(directory, 'evil/sys/kernel'), { recursive: true });
        writeFileSync(join(directory, 'evil/keys'), 'fake');
        symlinkSync(target, join(directory, 'proc'));
      }, 'dev', 'sys', 'etc');
      assert.equal(await probed('wc -c < /proc/keys; echo 1 2>/dev/null > /proc/sys/kernel/panic || echo read-only; readlink /proc/self > /dev/null && echo real', { lowers }), '0\nread-only\nreal\n');
      untouched();
    }
  });

  test('CVE-2024-45310: mount points that are made through links are made in the image, not on the host', async () => {
    const lowers = image((directory) => symlinkSync(host, join(directory, 'link')), 'dev', 'proc', 'sys', 'etc');
    const mounts = [{ kind: 'tmpfs', target: '/link/made/deep' }, { kind: 'secret', target: '/link/secret', content: Buffer.from('x'), uid: 0, gid: 0, mode: 0o400 }] as const;
    const { result, upper } = await fixture.run('test -d /link/made/deep && cat /link/secret', { lowers, mounts, cwd: '/link/work' });
    assert.equal(result.exitCode, 0);
    assert.ok(existsSync(join(upper, host, 'work')));
    untouched();
  });

  test('CVE-2021-30465: a mount point in a shared cache that another step swaps for a link all the time never leads to the host', async () => {
    const tree = fixture.layer('shared', (directory) => mkdirSync(join(directory, 'inner'))).path;
    let isDone = false;
    const swap = async (): Promise<void> => {
      while (!isDone) {
        // A step that finds nothing there makes a directory; it is taken away with what is in it.
        rmSync(join(tree, 'inner'), { recursive: true, force: true });
        try {
          symlinkSync(host, join(tree, 'inner'));
        } catch (error) {
          if (errnoCode(error) !== 'EEXIST') throw error;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const swapping = swap();
    const mounts = [{ kind: 'path', path: tree, target: '/shared', readOnly: false }, { kind: 'tmpfs', target: '/shared/inner' }] as const;
    const seen = new Set<string>();
    for (let attempt = 0; attempt < 30; attempt++) {
      seen.add(await fixture.run(`echo evil > /shared/inner/new; ls /shared/inner; cat ${host}/file`, { mounts }).then(({ stdout }) => stdout, (error: unknown) => (error instanceof TsbuildError ? error.code : 'bug')));
    }
    isDone = true;
    await swapping;
    assert.doesNotMatch([...seen].join(), /of the host|bug/);
    untouched();
  });

  test('GHSA-7236-3392-c5c6: every step that is not insecure has the filter and the bounded capabilities, whoever it runs as', async () => {
    for (const uid of [0, 1000]) {
      const status = await probed('grep -E "^(Seccomp|CapBnd|CapInh|CapAmb)" /proc/self/status', { user: { uid, gid: uid, groups: [] } });
      assert.match(status, /CapInh:\t0{16}\nCapBnd:\t00000000a80425fb\nCapAmb:\t0{16}\nSeccomp:\t2\n/);
    }
  });

  test('CVE-2022-27651, CVE-2022-24769: a program with capabilities of its file gains none beyond the fourteen, a caller inherits none', async () => {
    const status = await probed('grep -E "^Cap(Inh|Prm|Eff)" /proc/self/status; /bin/busybox grep CapInh /proc/1/status', { user: { uid: 1000, gid: 1000, groups: [] } });
    assert.equal(status, `CapInh:\t${'0'.repeat(16)}\nCapPrm:\t${'0'.repeat(16)}\nCapEff:\t${'0'.repeat(16)}\nCapInh:\t${'0'.repeat(16)}\n`);
  });

  test('CVE-2020-15257: abstract sockets of the host are out of reach, with the network of the host too', async (t) => {
    const name = `tsbuild-security-${process.pid}`;
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(`\0${name}`, resolve));
    t.after(() => server.close());
    assert.deepEqual(await answers(`probe abstract ${name}`), [['connect', ECONNREFUSED]]);
    const { stdout, warnings } = await fixture.run(`probe abstract ${name}`, { lowers: [fixture.base, probe], network: 'host', landlockScope: true });
    if (warnings.length > 0) assert.match(warnings.join(), /this kernel cannot close the host's abstract sockets off/);
    else assert.equal(stdout, `connect ${EPERM}\n`);
  });

  test('CVE-2022-0492, CVE-2023-25809: control groups cannot be written to, mounted or left', async () => {
    const script = 'grep -c cgroup /proc/self/mountinfo; ls -A /sys/fs/cgroup; mkdir /c; for type in cgroup cgroup2; do mount -t $type none /c 2>/dev/null || echo no mount; done; echo x 2>/dev/null > /sys/fs/cgroup/release_agent || echo no file';
    assert.equal(await probed(script), '0\nno mount\nno mount\nno file\n');
  });

  test('CVE-2017-5226: a step has no terminal to type into', async () => {
    const seen = await answers('probe terminals');
    assert.deepEqual(seen.map(([name]) => name), ['TIOCSTI', 'TIOCSTI', 'TIOCSTI', 'TIOCSCTTY', 'open', 'open']);
    assert.ok(seen.every(([, errno]) => errno !== 0), JSON.stringify(seen));
  });

  test('system calls that change the machine are refused', async () => {
    const seen = await answers('probe calls');
    assert.ok(seen.length >= 32);
    assert.deepEqual(seen.filter(([, errno]) => errno !== EPERM && errno !== ENOSYS), []);
  });

  test('a chroot is left for the root of the step and no further', async () => {
    assert.equal(await probed('probe chroot'), 'the root of the step\n');
  });

  test('a device of the host that a step makes cannot be opened', async () => {
    const disk = statSync('/dev/null').rdev;
    assert.ok(disk > 0);
    const seen = await answers('mknod /disk b 254 0; mknod /mem c 1 1; mknod /dev/kmsg c 1 11; probe write /disk /mem /dev/kmsg');
    assert.deepEqual(seen, [['/disk', EACCES], ['/mem', EACCES], ['/dev/kmsg', EACCES]]);
  });

  test('processes, environment, host name and root of the host are out of reach', async () => {
    const script = `ls -d /proc/[0-9]* | wc -l; tr '\\0' '\\n' < /proc/1/environ; hostname; ls /proc/1/root/ | grep -c tsbuild; test -e /proc/1/root${repository} || echo none; kill -9 ${process.pid} 2>/dev/null || echo "no process"`;
    const lines = (await probed(script)).split('\n');
    assert.ok(Number(lines[0]) <= 4);
    assert.deepEqual(lines.slice(1), ['PATH=/usr/bin:/bin', 'buildkitsandbox', '0', 'none', 'no process', '']);
    assert.notEqual(hostname(), 'buildkitsandbox');
    assert.deepEqual(await answers(`probe ptrace ${process.pid}`), [['attach', constants.errno.ESRCH]]);
  });

  test('/sys and the switches of the kernel in /proc are closed', async () => {
    const paths = ['/proc/sysrq-trigger', '/proc/sys/kernel/core_pattern', '/proc/sys/kernel/modprobe', '/proc/sys/vm/drop_caches', '/proc/sys/fs/binfmt_misc/register', '/proc/irq/default_smp_affinity', '/sys/kernel/uevent_helper', '/sys/power/state', '/sys/kernel/mm/ksm/run', '/sys/fs/cgroup/release_agent'];
    const seen = await answers(`probe write ${paths.join(' ')}`);
    assert.deepEqual(seen.map(([path]) => path), paths);
    assert.deepEqual(seen.filter(([, errno]) => errno === 0), []);
  });

  for (const name of ['proc', 'sys', 'dev', 'etc']) {
    test(`/${name} of an image as a file or a fifo is refused with its name, and nothing hangs`, async () => {
      for (const make of [(path: string) => writeFileSync(path, ''), (path: string) => process.getBuiltinModule('node:child_process').execFileSync('mkfifo', [path])]) {
        const lowers = image((directory) => make(join(directory, name)), ...['dev', 'proc', 'sys', 'etc'].filter((other) => other !== name));
        await assert.rejects(fixture.run('true', { lowers }), (error: unknown) => error instanceof TsbuildError && error.code === 'SANDBOX_FAILED' && error.message.includes(`/${name}`));
      }
    });
  }

  test('/etc/hosts, resolv.conf and hostname as fifos are covered, and nothing hangs', async () => {
    const lowers = image((directory) => { for (const name of ['hosts', 'resolv.conf', 'hostname']) process.getBuiltinModule('node:child_process').execFileSync('mkfifo', [join(directory, 'etc', name)]); }, 'dev', 'proc', 'sys', 'etc');
    assert.equal(await probed('cat /etc/hosts /etc/resolv.conf /etc/hostname', { lowers }), '127.0.0.1 localhost\n# no network\nbuildkitsandbox\n');
  });
});
