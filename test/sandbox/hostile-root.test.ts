import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { fillBusybox, openStepFixture, skipUnlessRoot, type StepFixture } from './step-fixture.ts';

describe('an image with links to the host', { skip: skipUnlessRoot }, () => {
  let fixture: StepFixture;
  let host: string;
  let count = 0;
  before(async () => {
    fixture = await openStepFixture();
    host = mkdtempSync(join(tmpdir(), 'tsbuild-host-'));
    writeFileSync(join(host, 'hosts'), 'of the host');
    mkdirSync(join(host, 'dev'));
  });
  after(async () => {
    await fixture.close();
    rmSync(host, { recursive: true });
  });
  /** An image that has these links and nothing else but busybox. */
  const image = (links: Readonly<Record<string, string>>) => {
    count += 1;
    return [fixture.layer(`hostile${count}`, (directory) => {
      for (const name of ['bin', 'etc']) mkdirSync(join(directory, name));
      fillBusybox(directory);
      if ('/etc' in links) rmSync(join(directory, 'etc'), { recursive: true });
      for (const [path, target] of Object.entries(links)) symlinkSync(target, join(directory, path));
    })];
  };
  const untouched = (): void => {
    assert.deepEqual(readdirSync(host, { recursive: true }).sort(), ['dev', 'hosts']);
    assert.equal(readFileSync(join(host, 'hosts'), 'utf8'), 'of the host');
  };

  for (const name of ['/proc', '/dev', '/sys', '/etc']) {
    test(`${name} as a link to a directory of the host is followed in the root`, async () => {
      const { result, stdout, upper } = await fixture.run('cat /etc/hosts; head -c 1 /dev/zero | wc -c; readlink /proc/self', { lowers: image({ [name]: join(host, 'dev') }) });
      assert.equal(stdout, '127.0.0.1 localhost\n1\n3\n'.replace('3\n', stdout.split('\n')[2] + '\n'));
      assert.equal(result.exitCode, 0);
      assert.ok(existsSync(join(upper, host, 'dev')), 'the mount point was made in the root');
      untouched();
    });
  }

  for (const name of ['hosts', 'resolv.conf', 'hostname']) {
    test(`/etc/${name} as a link to a file of the host is followed in the root, and its stub reported`, async () => {
      const target = join(host, 'hosts');
      const { result, stdout } = await fixture.run(`cat /etc/${name} ${target}`, { lowers: image({ [`/etc/${name}`]: target }) });
      assert.equal(result.exitCode, 0);
      assert.doesNotMatch(stdout, /of the host/);
      assert.ok(result.stubs.some((stub) => stub.kind === 'file' && `/${stub.path}` === target));
      untouched();
    });
  }

  test('a dangling relative link of /etc/resolv.conf gets its parents made, as stubs in order', async () => {
    const { result, stdout } = await fixture.run('cat /run/systemd/resolve/stub.conf', { lowers: image({ '/etc/resolv.conf': '../run/systemd/resolve/stub.conf' }) });
    assert.equal(stdout, '# no network\n');
    const paths = result.stubs.map((stub) => `${stub.kind} ${stub.path}`);
    const expected = ['directory run', 'directory run/systemd', 'directory run/systemd/resolve', 'file run/systemd/resolve/stub.conf'];
    assert.deepEqual(paths.filter((path) => expected.includes(path)), expected);
  });

  const refuses = async (links: Readonly<Record<string, string>>, errno: string): Promise<void> => {
    await assert.rejects(fixture.run('true', { lowers: image(links) }), (error: unknown) => {
      assert.ok(error instanceof TsbuildError);
      assert.equal(error.code, 'SANDBOX_FAILED');
      assert.equal(error.details['errno'], errno);
      assert.match(error.message, /^run step: /);
      return true;
    });
  };
  test('a mount point that is a link into /proc is refused', () => refuses({ '/etc/hosts': '/proc/sys/kernel/hostname' }, 'EPERM'));
  test('a mount point below /proc/self/fd is refused', () => refuses({ '/etc/hosts': '/proc/self/fd/1' }, 'ELOOP'));
  test('a mount point behind a link of the kernel is not reached', () => refuses({ '/etc/hosts': '/proc/1/root/etc/hosts' }, 'ELOOP'));
  test('/sys as a link to /proc is refused', () => refuses({ '/sys': 'proc' }, 'EPERM'));
  test('a loop of links is refused', () => refuses({ '/etc/hosts': 'hosts' }, 'ELOOP'));
  test('/dev as a link to the root is refused', () => refuses({ '/dev': '/' }, 'EBUSY'));

  test('/dev as a file is refused with its name', async () => {
    const lowers = [fixture.layer('dev-file', (directory) => {
      mkdirSync(join(directory, 'bin'));
      writeFileSync(join(directory, 'dev'), '');
    })];
    await assert.rejects(fixture.run('true', { lowers }), /run step: mount "\/dev": a directory cannot be mounted over a file/);
  });

  for (const cwd of ['/proc/self/fd/7', '/proc/self/cwd', '/proc/1/root/tmp']) {
    test(`the working directory ${cwd} leads nowhere`, async () => {
      await assert.rejects(fixture.run('pwd', { cwd }), (error: unknown) => error instanceof TsbuildError && error.details['operation'] === 'change directory');
    });
  }

  test('a working directory that is a link to the host is followed in the root', async () => {
    const { stdout } = await fixture.run('pwd -P; ls -A', { lowers: image({ '/work': host }), cwd: '/work/dir' });
    assert.equal(stdout, `${host}/dir\n`);
    untouched();
  });
});
