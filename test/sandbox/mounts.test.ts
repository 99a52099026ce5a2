import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { StepMount } from '../../src/sandbox/step.ts';
import { openStepFixture, skipUnlessRoot, type StepFixture } from './step-fixture.ts';

describe('the mounts of a step', { skip: skipUnlessRoot }, () => {
  let fixture: StepFixture;
  before(async () => (fixture = await openStepFixture()));
  after(() => fixture.close());
  const context = (name: string): { readonly lowers: readonly [ReturnType<StepFixture['layer']>] } => ({
    lowers: [fixture.layer(name, (directory) => {
      mkdirSync(join(directory, 'sub'));
      writeFileSync(join(directory, 'sub/file'), 'from the context\n');
      symlinkSync('/etc/passwd', join(directory, 'link'));
      symlinkSync('sub', join(directory, 'inside'));
    })],
  });

  test('bind shows a directory of another view, read-only', async () => {
    const { stdout, stderr } = await fixture.run('cat /src/file; echo x > /src/file', { mounts: [{ kind: 'bind', view: context('c1'), source: '/sub', target: '/src', readOnly: true }] });
    assert.equal(stdout, 'from the context\n');
    assert.match(stderr, /Read-only file system/);
  });

  test('bind shows a single file, through a link inside the view', async () => {
    const { stdout, result } = await fixture.run('cat /a/b/file', { mounts: [{ kind: 'bind', view: context('c2'), source: '/inside/file', target: '/a/b/file', readOnly: true }] });
    assert.equal(stdout, 'from the context\n');
    assert.deepEqual(result.stubs.slice(-3), [{ kind: 'directory', path: 'a' }, { kind: 'directory', path: 'a/b' }, { kind: 'file', path: 'a/b/file' }]);
  });

  test('bind of a link to the host finds nothing', async () => {
    await assert.rejects(fixture.run('true', { mounts: [{ kind: 'bind', view: context('c3'), source: '/link', target: '/x', readOnly: true }] }), { code: 'MOUNT_SOURCE_MISSING', errorClass: 'usage' });
  });

  test('bind of a writable view takes writes, which stay in its upperdir', async () => {
    const { lowers } = context('c4');
    const upper = fixture.layer('bind-upper', () => undefined).path;
    const work = fixture.layer('bind-work', () => undefined).path;
    const { result } = await fixture.run('echo changed > /src/sub/file', { mounts: [{ kind: 'bind', view: { lowers, upper, work }, source: '/', target: '/src', readOnly: false }] });
    assert.equal(result.exitCode, 0);
    assert.equal(readFileSync(join(lowers[0].path, 'sub/file'), 'utf8'), 'from the context\n');
    assert.equal(readFileSync(join(upper, 'sub/file'), 'utf8'), 'changed\n');
  });

  test('a path is a directory of the host that keeps what the step writes', async () => {
    const path = fixture.layer('cache', () => undefined).path;
    const { result } = await fixture.run('echo 1 > /root/.cache/x', { mounts: [{ kind: 'path', path, target: '/root/.cache', readOnly: false }] });
    assert.equal(readFileSync(join(path, 'x'), 'utf8'), '1\n');
    assert.deepEqual(result.stubs.slice(-2), [{ kind: 'directory', path: 'root' }, { kind: 'directory', path: 'root/.cache' }]);
  });

  test('a mount point inside another mount is made there and is no stub', async () => {
    const path = fixture.layer('outer', () => undefined).path;
    const { stdout, result } = await fixture.run('ls /outer; cat /outer/inner/file', {
      mounts: [{ kind: 'bind', view: context('c5'), source: '/sub', target: '/outer/inner', readOnly: true }, { kind: 'path', path, target: '/outer', readOnly: false }],
    });
    assert.equal(stdout, 'inner\nfrom the context\n');
    assert.deepEqual(result.stubs.filter((stub) => stub.path.startsWith('outer')), [{ kind: 'directory', path: 'outer' }]);
    assert.deepEqual(readdirSync(path), ['inner']);
  });

  test('tmpfs has its size and mode, and nothing of it stays', async () => {
    const { stdout, upper } = await fixture.run('stat -c %a /t; head -c 20000 /dev/zero > /t/f 2>/dev/null || echo full', { mounts: [{ kind: 'tmpfs', target: '/t', sizeBytes: 8192, mode: 0o700 }] });
    assert.equal(stdout, '700\nfull\n');
    assert.deepEqual(readdirSync(join(upper, 't')), []);
  });

  test('tmpfs without a mode has that of the directory it hides, else 1777; a read-only one takes nothing', async () => {
    const lowers = [fixture.base, fixture.layer('tmpfs-target', (directory) => mkdirSync(join(directory, 'there'), { mode: 0o750 }))];
    const mounts = [{ kind: 'tmpfs', target: '/there' }, { kind: 'tmpfs', target: '/made' }, { kind: 'tmpfs', target: '/ro', readOnly: true }] as const;
    const { stdout, stderr } = await fixture.run('stat -c "%n %a" /there /made; touch /ro/f', { lowers, mounts });
    assert.equal(stdout, '/there 750\n/made 1777\n');
    assert.match(stderr, /Read-only file system/);
  });

  test('a source inside a path follows links inside it and no further', async () => {
    const tree = fixture.layer('cache-tree', (directory) => {
      mkdirSync(join(directory, 'sub/deep'), { recursive: true });
      writeFileSync(join(directory, 'sub/deep/file'), 'in the cache\n');
      symlinkSync('/sub/deep', join(directory, 'absolute'));
      symlinkSync('../../../../../../../../etc', join(directory, 'out'));
      symlinkSync('/proc/self/root/etc', join(directory, 'magic'));
    }).path;
    const run = (source: string) => fixture.run('cat /c/file', { mounts: [{ kind: 'path', path: tree, source, target: '/c', readOnly: false }] });
    assert.equal((await run('/absolute')).stdout, 'in the cache\n');
    assert.equal((await run('/../../sub/deep')).stdout, 'in the cache\n');
    for (const source of ['/out', '/magic', '/sub/none']) await assert.rejects(run(source), { code: 'MOUNT_SOURCE_MISSING', message: `mount /c: ${source}: not found in what is mounted` });
  });

  test('a source that is swapped for a link to the host all the time never shows the host', async () => {
    const { promises: fs } = process.getBuiltinModule('node:fs');
    const tree = fixture.layer('swapped-tree', (directory) => {
      mkdirSync(join(directory, 'a'));
      writeFileSync(join(directory, 'a/file'), 'inside\n');
    }).path;
    const host = fixture.layer('swapped-host', (directory) => writeFileSync(join(directory, 'file'), 'outside\n')).path;
    let isDone = false;
    const swap = async (): Promise<void> => {
      while (!isDone) {
        await fs.rename(join(tree, 'a'), join(tree, 'b'));
        await fs.symlink(host, join(tree, 'a'));
        await fs.rm(join(tree, 'a'));
        await fs.rename(join(tree, 'b'), join(tree, 'a'));
      }
    };
    const swapping = swap();
    const seen = new Set<string>();
    for (let attempt = 0; attempt < 40; attempt++) {
      const mounts = [{ kind: 'path', path: tree, source: '/a', target: '/c', readOnly: false }] as const;
      seen.add(await fixture.run('cat /c/file', { mounts }).then(({ stdout }) => stdout, () => 'refused'));
    }
    isDone = true;
    await swapping;
    assert.ok(!seen.has('outside\n'), [...seen].join());
  });

  test('a secret has its owner and mode, is read-only, and never on disk', async () => {
    const content = Buffer.from([0, 255, 10, 115]);
    const { stdout, stderr, upper } = await fixture.run('stat -c "%a %u %g" /run/secrets/s; od -An -tx1 /run/secrets/s; echo x > /run/secrets/s', {
      mounts: [{ kind: 'secret', target: '/run/secrets/s', content, uid: 5, gid: 6, mode: 0o440 }],
    });
    assert.equal(stdout, '440 5 6\n 00 ff 0a 73\n');
    assert.match(stderr, /Read-only file system/);
    assert.equal(readFileSync(join(upper, 'run/secrets/s'), 'utf8'), '');
  });

  test('a secret over an existing file hides it and leaves it alone', async () => {
    const lowers = [fixture.base, fixture.layer('passwd', (directory) => {
      mkdirSync(join(directory, 'etc'));
      writeFileSync(join(directory, 'etc/passwd'), 'root\n');
    })];
    const secret = { kind: 'secret', target: '/etc/passwd', content: Buffer.from('hidden\n'), uid: 0, gid: 0, mode: 0o400 } as const;
    const { stdout, result, upper } = await fixture.run('cat /etc/passwd', { lowers, mounts: [secret] });
    assert.equal(stdout, 'hidden\n');
    assert.deepEqual(result.stubs.filter((stub) => stub.path === 'etc/passwd'), []);
    assert.ok(!readdirSync(join(upper, 'etc')).includes('passwd'));
  });

  test('a mount over something of another kind, over the root or in /proc is refused as the Dockerfile\'s fault', async () => {
    const file = { kind: 'secret', content: Buffer.from('x'), uid: 0, gid: 0, mode: 0o400 } as const;
    const refused = (mount: StepMount, message: RegExp) => assert.rejects(fixture.run('true', { mounts: [mount] }), { code: 'MOUNT_TARGET', errorClass: 'usage', message });
    await refused({ ...file, target: '/bin' }, /^mount \/bin: a file cannot be mounted over a directory$/);
    await refused({ kind: 'tmpfs', target: '/bin/busybox' }, /^mount \/bin\/busybox: a directory cannot be mounted over a file/);
    await refused({ kind: 'tmpfs', target: '/bin/busybox/below' }, /over a file, or below one$/);
    await refused({ kind: 'tmpfs', target: '/bin/..' }, /over the root$/);
    await refused({ ...file, target: '/proc/version' }, /\/proc and \/sys take no mounts$/);
  });

  test('more stubs than one frame holds are all reported', async () => {
    const deep = Array.from({ length: 60 }, (_, index) => `${'d'.repeat(100)}${index}`);
    const mounts = deep.map((name) => ({ kind: 'tmpfs', target: `/many/${name}`, sizeBytes: 4096 }) as const);
    const { result } = await fixture.run('true', { mounts });
    assert.deepEqual(result.stubs.filter((stub) => stub.path.startsWith('many/')).map((stub) => stub.path).sort(), deep.map((name) => `many/${name}`).sort());
  });

  test('an image of nothing gets all its mount points made, and they are stubs', async () => {
    const busybox = fixture.base.path;
    const { result, stdout } = await fixture.run('', { lowers: [], argv: ['/bin/busybox', 'echo', 'hello'], mounts: [{ kind: 'path', path: join(busybox, 'bin'), target: '/bin', readOnly: true }] });
    assert.equal(stdout, 'hello\n');
    assert.deepEqual(result.stubs.map((stub) => stub.path), ['proc', 'dev', 'sys', 'etc', 'etc/hosts', 'etc/resolv.conf', 'etc/hostname', 'bin']);
  });

  test('300 layers are one root', async () => {
    const lowers = [fixture.base, ...Array.from({ length: 299 }, (_, index) => fixture.layer(`deep${index}`, (directory) => writeFileSync(join(directory, `f${index}`), '')))];
    assert.equal((await fixture.run('ls / | grep -c "^f[0-9]"', { lowers })).stdout, '299\n');
  });

  test('a missing layer is named', async () => {
    await assert.rejects(fixture.run('true', { lowers: [{ kind: 'directory', path: '/nonexistent/layer' }] }), /run step: mount view "\/nonexistent\/layer": ENOENT/);
  });
});
