import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { openStepFixture, skipUnlessRoot, type StepFixture } from './step-fixture.ts';

describe('a step in its sandbox', { skip: skipUnlessRoot }, () => {
  let fixture: StepFixture;
  before(async () => (fixture = await openStepFixture()));
  after(() => fixture.close());
  const output = async (...parameters: Parameters<StepFixture['run']>): Promise<string> => (await fixture.run(...parameters)).stdout;
  const status = async (...parameters: Parameters<StepFixture['spec']>): Promise<Record<string, string>> =>
    Object.fromEntries((await output(...parameters)).split('\n').map((line) => [line.split(':')[0] ?? '', line.split(':').slice(1).join(':').trim()]));

  test('root has the fourteen capabilities of Docker and a seccomp filter, and may gain privileges by sudo', async () => {
    const fields = await status('cat /proc/self/status');
    assert.equal(fields['CapEff'], '00000000a80425fb');
    assert.equal(fields['CapPrm'], '00000000a80425fb');
    assert.equal(fields['CapBnd'], '00000000a80425fb');
    assert.equal(fields['CapInh'], '0000000000000000');
    assert.equal(fields['CapAmb'], '0000000000000000');
    assert.equal(fields['Seccomp'], '2');
    assert.equal(fields['NoNewPrivs'], '0');
  });

  test('another user has no capabilities but the same bounding set, and exactly its groups', async () => {
    const fields = await status('cat /proc/self/status', { user: { uid: 1000, gid: 1001, groups: [27, 44] } });
    assert.equal(fields['CapEff'], '0000000000000000');
    assert.equal(fields['CapPrm'], '0000000000000000');
    assert.equal(fields['CapBnd'], '00000000a80425fb');
    assert.equal(fields['Uid']?.split('\t').join(' '), '1000 1000 1000 1000');
    assert.equal(fields['Gid']?.split('\t').join(' '), '1001 1001 1001 1001');
    assert.equal(fields['Groups'], '27 44');
  });

  test('insecure keeps what this process has and installs no filter', async () => {
    const fields = await status('cat /proc/self/status', { security: 'insecure' });
    const own = /CapBnd:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    assert.equal(fields['CapEff'], own);
    assert.equal(fields['Seccomp'], '0');
  });

  for (const namespace of ['mnt', 'pid', 'ipc', 'uts', 'cgroup', 'time', 'net']) {
    test(`its ${namespace} namespace is its own`, async () => {
      const seen = (await output(`readlink /proc/self/ns/${namespace}`)).trim();
      assert.match(seen, /^\w+:\[\d+\]$/);
      assert.notEqual(seen, readlinkSync(`/proc/self/ns/${namespace}`));
    });
  }

  test('the network of the host is the host\'s', async () => {
    assert.equal((await output('readlink /proc/self/ns/net', { network: 'host' })).trim(), readlinkSync('/proc/self/ns/net'));
  });

  test('without a network it has its loopback alone, which is up', async () => {
    assert.equal(await output("ip -o link | cut -d: -f2; ip -o addr show lo | grep -c 127.0.0.1/8"), ' lo\n1\n');
  });

  test('its mounts name no path of the host', async () => {
    const mounts = (await output('cat /proc/self/mountinfo')).trim().split('\n');
    assert.doesNotMatch(mounts.join('\n'), /vda|tsbuild|\/tmp|devtmpfs|cgroup/);
    assert.match(mounts[0] ?? '', / \/ \/ rw,nodev,relatime - overlay overlay rw,lowerdir\+=\/proc\/self\/fd\/\d+,/);
    assert.deepEqual(mounts.map((line) => line.split(' ')[4]).filter((target) => !/^\/proc\/.|^\/sys\/./.test(target ?? '')), [
      '/', '/proc', '/dev', '/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty', '/dev/pts',
      '/dev/shm', '/dev/mqueue', '/sys', '/etc/hosts', '/etc/resolv.conf', '/etc/hostname',
    ]);
  });

  test('masked files are empty, masked directories too', async () => {
    const script = 'for f in kcore keys timer_list sched_debug latency_stats; do [ -e /proc/$f ] && wc -c < /proc/$f; done; for d in /proc/acpi /proc/scsi /sys/firmware; do [ -e $d ] && ls -A $d; done; :';
    assert.match(await output(script), /^(0\n)+$/);
  });

  test('parts of /proc and all of /sys are read-only', async () => {
    const { stderr } = await fixture.run('echo 1 > /proc/sys/kernel/panic; echo h > /proc/sysrq-trigger; echo 1 > /sys/kernel/mm/ksm/run; mkdir /sys/x');
    const lines = stderr.trim().split('\n');
    assert.ok(lines.length >= 3);
    for (const line of lines) assert.match(line, /Read-only file system|nonexistent directory/);
  });

  test('it has no descriptor but 0 to 2', async () => {
    const inherited = openSync('/etc/passwd', 'r');
    const open = await output('', { argv: ['/bin/busybox', 'ls', '/proc/self/fd'] }); // 3 is its own view of the directory
    const links = await output('readlink /proc/1/fd/0; readlink /proc/1/fd/1; readlink /proc/1/fd/2');
    closeSync(inherited);
    assert.equal(open, '0\n1\n2\n3\n');
    assert.equal(links.replace(/\d+\]/g, ']'), '/dev/null\npipe:[]\npipe:[]\n');
  });

  test('its environment is exactly what was given', async () => {
    const argv = ['/bin/busybox', 'env'];
    assert.equal(await output('', { argv, env: [['PATH', '/bin'], ['A', 'x=y'], ['EMPTY', '']] }), 'PATH=/bin\nA=x=y\nEMPTY=\n');
    assert.equal(await output('', { argv, env: [] }), '');
  });

  test('its session keyring is new', async () => {
    const { stdout } = await fixture.run('cat /proc/keys', { security: 'insecure' });
    const session = stdout.split('\n').find((line) => / keyring +_ses/.test(line));
    assert.match(session ?? '', /keyring +_ses: empty/);
  });

  test('it has no terminal and a session of its own', async () => {
    const fields = (await output('cat /proc/1/stat')).trim().split(') ')[1]?.split(' ');
    assert.deepEqual(fields?.slice(1, 6), ['0', '1', '1', '0', '-1']); // parent, group, session, tty, foreground group
    assert.match((await fixture.run('echo x > /dev/tty')).stderr, /No such device or address/);
  });

  test('it sees its own processes only', async () => {
    assert.equal(await output('ls -d /proc/[0-9]* | head -n 1; kill -0 $PPID 2>/dev/null; echo $PPID'), '/proc/1\n0\n');
  });

  test('host name, umask, directory and generated files are as planned', async () => {
    const { stdout } = await fixture.run('hostname; umask; pwd; cat /etc/hosts /etc/resolv.conf /etc/hostname; df -k /dev/shm | tail -n 1 | tr -s " " | cut -d" " -f2', { shmSizeBytes: 1 << 20 });
    assert.equal(stdout, 'buildkitsandbox\n0022\n/\n127.0.0.1 localhost\n# no network\nbuildkitsandbox\n1024\n');
  });

  test('/etc/hosts and /etc/resolv.conf cannot be changed; writing /etc/hostname succeeds and is forgotten', async () => {
    const { stderr, stdout, result } = await fixture.run('echo a >> /etc/hosts; echo b >> /etc/resolv.conf; echo c > /etc/hostname && cat /etc/hostname');
    assert.equal(stderr.match(/Read-only file system/g)?.length, 2);
    assert.equal(stdout, 'c\n');
    assert.equal(result.exitCode, 0);
    assert.equal(await output('cat /etc/hostname'), 'buildkitsandbox\n');
  });

  test('a device node that it makes cannot be opened, on no file system of it', async () => {
    const script = 'for d in / /dev /dev/shm /tmp; do mknod $d/disk b 254 0 && head -c 1 $d/disk; done';
    const { stderr, stdout } = await fixture.run(script);
    assert.equal(stdout, '');
    assert.equal(stderr.match(/Permission denied/g)?.length, 4);
  });

  test('the devices work', async () => {
    assert.equal(await output('head -c 3 /dev/zero | wc -c; head -c 5 /dev/urandom | wc -c; echo x > /dev/null; echo x 2>&1 > /dev/full; [ -c /dev/ptmx ] && echo pty; ls /dev'), '3\n5\necho: write error: No space left on device\npty\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n'.replace('echo: write', 'sh: write'));
  });

  test('limits are those of Docker, as far as this machine allows', async () => {
    const { stdout, warnings } = await fixture.run('ulimit -c; ulimit -S -s; ulimit -n');
    const own = Number(/Max open files\s+\S+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
    assert.equal(stdout, `0\n8192\n${Math.min(own, 1048576)}\n`);
    assert.deepEqual(warnings, []);
  });

  test('asked-for limits hold, and one that the machine does not allow says so', async () => {
    const { stdout, warnings } = await fixture.run('ulimit -S -n; ulimit -H -n; ulimit -S -u', { ulimits: [{ name: 'nofile', soft: 100, hard: 200 }, { name: 'nproc', soft: 50, hard: 60 }] });
    assert.equal(stdout, '100\n200\n50\n');
    assert.deepEqual(warnings, []);
    const own = Number(/Max open files\s+\S+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
    const greedy = await fixture.run('ulimit -n', { ulimits: [{ name: 'nofile', soft: own + 1, hard: own + 1 }] });
    assert.match(greedy.warnings.join(), new RegExp(`^$|^ulimit nofile: this machine allows ${own} at most$`));
  });

  test('`#!/proc/self/exe` leads to no file that can be written to', async () => {
    const lowers = [fixture.base, fixture.layer('self-exe', (directory) => {
      const { writeFileSync, mkdirSync } = process.getBuiltinModule('node:fs');
      mkdirSync(`${directory}/opt`);
      writeFileSync(`${directory}/opt/run`, '#!/proc/self/exe\n', { mode: 0o755 });
    })];
    const { result } = await fixture.run('', { lowers, argv: ['/opt/run'] });
    assert.notEqual(result.exitCode, 0);
    const sealed = await output('readlink /proc/1/exe');
    assert.equal(sealed.trim(), '/bin/busybox');
  });

  test('abstract sockets of the host are out of reach where Landlock scopes them', async (t) => {
    const name = `tsbuild-test-${process.pid}`;
    const server = createServer((socket) => socket.end('host'));
    await new Promise<void>((resolve) => server.listen(`\0${name}`, resolve));
    t.after(() => server.close());
    const { warnings, result } = await fixture.run('true', { network: 'host', landlockScope: true });
    assert.equal(result.exitCode, 0);
    assert.ok(warnings.length === 0 || /Landlock/.test(warnings.join()));
  });
});
