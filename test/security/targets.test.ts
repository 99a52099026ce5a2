/**
 * Whatever an image has where tsbuild mounts or makes something: the step sees the right content or the build ends with a named error,
 * nothing of the host is seen or changed, and all that was made in the image is reported as a stub. One line each in
 * golden/targets.txt.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import type { LowerSpec } from '../../src/native/view.ts';
import type { StepMount } from '../../src/sandbox/step.ts';
import { openStepFixture, skipUnlessRoot, type StepFixture } from '../sandbox/step-fixture.ts';

/** What an image has in the place of a mount point; `host` is a directory of the host with `file` and `dir`. */
const things: Readonly<Record<string, (path: string, host: string) => void>> = {
  'nothing': () => undefined,
  'a file': (path) => writeFileSync(path, 'of the image'),
  'a directory with a file': (path) => { mkdirSync(path); writeFileSync(join(path, 'old'), ''); },
  'a link to a file of the host': (path, host) => symlinkSync(join(host, 'file'), path),
  'a link to a directory of the host': (path, host) => symlinkSync(join(host, 'dir'), path),
  'a link to nothing in a directory of the host': (path, host) => symlinkSync(join(host, 'dir/new'), path),
  'a link that climbs': (path, host) => symlinkSync(`../../../../../..${join(host, 'file')}`, path),
  'a link to itself': (path) => symlinkSync(path.slice(path.lastIndexOf('/') + 1), path),
  'a link to /': (path) => symlinkSync('/', path),
  'a link to /dev/null': (path) => symlinkSync('/dev/null', path),
  'a link to /proc/self/root': (path, host) => symlinkSync(`/proc/self/root${host}/file`, path),
  'a link to /proc/self/fd/1': (path) => symlinkSync('/proc/self/fd/1', path),
  'a link to /proc/self/cwd': (path) => symlinkSync('/proc/self/cwd', path),
  'a link to /proc/1/exe': (path) => symlinkSync('/proc/1/exe', path),
  'a link into /sys': (path) => symlinkSync('/sys/kernel/uevent_helper', path),
  'a fifo': (path) => void execFileSync('mkfifo', [path]),
  'a device of the host': (path) => void execFileSync('mknod', [path, 'b', '254', '0']),
  'a name of 255 bytes behind a link': (path) => symlinkSync('x'.repeat(255), path),
};

/** What is in the place of the directory that a mount point is in. */
const parents: Readonly<Record<string, (path: string, host: string) => void>> = {
  'below a link to a directory of the host': (path, host) => symlinkSync(join(host, 'dir'), path),
  'below a link to nothing': (path) => symlinkSync('/nowhere/at/all', path),
  'below a file': (path) => writeFileSync(path, ''),
  'below a fifo': (path) => void execFileSync('mkfifo', [path]),
  'below a link to /proc/self/root': (path, host) => symlinkSync(`/proc/self/root${host}`, path),
  'below a link to /proc': (path) => symlinkSync('/proc', path),
  'below a link to itself': (path) => symlinkSync(path.slice(path.lastIndexOf('/') + 1), path),
};

interface Target {
  /** In the image; its directory is no other's. */
  readonly path: string;
  readonly mount?: (at: string) => StepMount;
  readonly isWorkingDirectory?: boolean;
  /** What a step does to see what is there, and what that prints; null: a place, which is in the golden. */
  readonly look: string;
  readonly shows: string | null;
}

describe('mount points of hostile images', { skip: skipUnlessRoot }, () => {
  let fixture: StepFixture;
  let host: string;
  let socket: Server;
  let count = 0;
  before(async () => {
    fixture = await openStepFixture();
    host = mkdtempSync(join(tmpdir(), 'tsbuild-host-'));
    writeFileSync(join(host, 'file'), 'of the host');
    mkdirSync(join(host, 'dir'));
    socket = createServer();
    await new Promise<void>((resolve) => socket.listen(join(fixture.directory, 'agent'), resolve));
    fixture.layer('source', (directory) => { writeFileSync(join(directory, 'file'), 'bound'); });
    fixture.layer('cache', () => undefined);
  });
  after(async () => {
    await new Promise<void>((resolve) => void socket.close(() => resolve()));
    await fixture.close();
    rmSync(host, { recursive: true });
  });

  const view = (): { readonly lowers: readonly LowerSpec[] } => ({ lowers: [{ kind: 'directory', path: join(fixture.directory, 'source') }] });
  const targets: Readonly<Record<string, Target>> = {
    'hosts': { path: '/etc/hosts', look: 'cat /etc/hosts', shows: '127.0.0.1 localhost\n' },
    'resolv.conf': { path: '/etc/resolv.conf', look: 'cat /etc/resolv.conf', shows: '# no network\n' },
    'hostname': { path: '/etc/hostname', look: 'cat /etc/hostname', shows: 'buildkitsandbox\n' },
    'secret': { path: '/run/s/secret', mount: (target) => ({ kind: 'secret', target, content: Buffer.from('secret'), uid: 0, gid: 0, mode: 0o400 }), look: 'cat /run/s/secret', shows: 'secret' },
    'ssh': { path: '/run/ssh/agent', mount: (target) => ({ kind: 'path', path: join(fixture.directory, 'agent'), target, readOnly: false }), look: 'test -S /run/ssh/agent && echo socket', shows: 'socket\n' },
    'cache': { path: '/var/c/cache', mount: (target) => ({ kind: 'path', path: join(fixture.directory, 'cache'), target, readOnly: false }), look: 'ls -A /var/c/cache; touch /var/c/cache/x && rm /var/c/cache/x', shows: '' },
    'bind': { path: '/src/b/dir', mount: (target) => ({ kind: 'bind', view: view(), source: '/', target, readOnly: true }), look: 'cat /src/b/dir/file', shows: 'bound' },
    'bind of a file': { path: '/src/f/file', mount: (target) => ({ kind: 'bind', view: view(), source: '/file', target, readOnly: true }), look: 'cat /src/f/file', shows: 'bound' },
    'tmpfs': { path: '/var/t/tmp', mount: (target) => ({ kind: 'tmpfs', target }), look: 'ls -A /var/t/tmp; grep -c " tmpfs rw" /proc/mounts > /dev/null && touch /var/t/tmp/x', shows: '' },
    'WORKDIR': { path: '/srv/w/dir', isWorkingDirectory: true, look: 'pwd -P', shows: null },
  };

  /** An image of busybox that has something at a path. */
  const image = (path: string, make: (path: string, host: string) => void): readonly LowerSpec[] => [fixture.base, fixture.layer(`image${(count += 1)}`, (directory) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    make(join(directory, path), host);
  })];

  /** Every path below a directory, links not followed. */
  const pathsIn = (directory: string, prefix = ''): readonly string[] => readdirSync(join(directory, prefix)).flatMap((name) => {
    const path = join(prefix, name);
    return lstatSync(join(directory, path)).isDirectory() ? [path, ...pathsIn(directory, path)] : [path];
  });

  const names = (text: string): string => text.replaceAll(host, '$HOST').replaceAll(host.slice(1), '$HOST').replaceAll(fixture.directory, '$FIXTURE').replace(/x{200,}/g, 'xxx…');

  async function outcome(target: Target, lowers: readonly LowerSpec[]): Promise<string> {
    const changes = { lowers, ...(target.mount === undefined ? {} : { mounts: [target.mount(target.path)] }), ...(target.isWorkingDirectory === true ? { cwd: target.path } : {}) };
    try {
      const { result, stdout, stderr, upper } = await fixture.run(target.look, changes);
      assert.deepEqual([result.exitCode, stdout], [0, target.shows ?? stdout], stderr);
      const stubs = new Set(result.stubs.map(({ path }) => path));
      const made = pathsIn(upper).filter((path) => !lowers.some((lower) => existsSync(join(lower.path, path))) && !stubs.has(path));
      const own = made.filter((path) => !host.startsWith(`/${path}/`)).filter((path) => target.isWorkingDirectory === true || !path.startsWith('etc'));
      return `ok${target.shows === null ? `: ${stdout.trim()}` : ''}${own.length > 0 ? `, in the layer: ${own.join(' ')}` : ''}`;
    } catch (error) {
      if (!(error instanceof TsbuildError)) throw error;
      return `${error.code} ${error.errorClass}: ${error.message}`;
    }
  }

  const golden = new URL('golden/targets.txt', import.meta.url);
  const lines: string[] = [];
  const untouched = (): void => {
    assert.deepEqual(readdirSync(host, { recursive: true }).sort(), ['dir', 'file']);
    assert.equal(readFileSync(join(host, 'file'), 'utf8'), 'of the host');
    assert.deepEqual(readdirSync(join(fixture.directory, 'cache')), []);
  };

  for (const name of Object.keys(targets)) {
    test(`${name} over each thing that an image can have there`, async () => {
      const target = targets[name];
      assert.ok(target !== undefined);
      const expected = process.env['UPDATE_GOLDEN'] === '1' ? null : readFileSync(golden, 'utf8').split('\n').filter((line) => line.startsWith(`${name} | `));
      const seen: string[] = [];
      for (const [thing, make] of Object.entries(things)) seen.push(`${name} | ${thing} | ${names(await outcome(target, image(target.path, make)))}`);
      for (const [thing, make] of Object.entries(parents)) seen.push(`${name} | ${thing} | ${names(await outcome(target, image(dirname(target.path), make)))}`);
      untouched();
      lines.push(...seen);
      if (expected === null) writeFileSync(golden, `${lines.join('\n')}\n`);
      else assert.deepEqual(seen, expected);
    });
  }
});
