/** What `tsbuild doctor` says of machines that are made up: the judging and the printing, which are pure. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Facts } from '../../src/build/doctor/facts.ts';
import { judge } from '../../src/build/doctor/judge.ts';
import { formatDoctor } from '../../src/cli/doctor/format-doctor.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { checkGolden, fakeCommands, fakeProcess } from './support.ts';

const works = ['namespaces', 'host name', 'tmpfs', 'proc', 'devpts', 'mqueue', 'overlay', 'pivot root'].map((name) => ({ name, failure: null }));

/** A machine on which everything works for root. */
const best: Facts = {
  node: 'v20.20.2', kernel: '6.18.44', architecture: 'x64', user: { uid: 0, name: 'root' },
  namespaces: { failure: null, tries: works }, ids: { kind: 'machine', count: 0, hasPrograms: true }, settings: { 'user.max_user_namespaces': '1000' },
  step: { isolation: 'namespaces', failure: null },
  store: { path: '/var/lib/tsbuild', triedIn: '/var/lib', fileSystem: 'ext4', freeBytes: 50 * 2 ** 30, failure: null, sharesBlocks: false },
  cgroups: { version: 2, missing: null }, network: { program: 'slirp4netns', reason: '', install: '' }, interpreters: ['qemu-aarch64'],
  git: 'git version 2.39.5', ssh: '/usr/bin/ssh', label: null, terminal: { isTerminal: true, columns: 120 },
};

const container: Facts = {
  ...best, namespaces: { failure: 'start: start sandbox process: EPERM: operation not permitted, unshare', tries: [] }, step: { isolation: 'chroot', failure: null },
  store: { ...best.store, path: '/var/lib/tsbuild', triedIn: '/var/lib/tsbuild', fileSystem: 'overlayfs' }, cgroups: { version: null, missing: 'no control group can be made (EROFS)' },
  interpreters: [], git: null, ssh: null, terminal: { isTerminal: false, columns: null },
};

const user: Facts = {
  ...best, user: { uid: 1000, name: 'ana' }, ids: { kind: 'single', count: 1, hasPrograms: false },
  network: { program: null, reason: 'no program for user-mode networking was found', install: 'Install slirp4netns (or passt, which has pasta), a package of every large distribution.' },
};

const nothing: Facts = {
  ...user, namespaces: { failure: 'start: start sandbox process: EPERM: operation not permitted, unshare', tries: [] }, step: null, label: 'unconfined\u001b[31m',
  settings: { 'kernel.apparmor_restrict_unprivileged_userns': '1' }, store: { ...best.store, freeBytes: 1000, failure: "EACCES: permission denied, mkdtemp '/var/lib/x'" },
};

for (const [name, facts] of Object.entries({ best, container, user, nothing })) {
  test(`doctor of a machine: ${name}`, () => {
    checkGolden(`doctor-${name}`, formatDoctor(judge(facts)));
  });
}

const cases: readonly { readonly words: readonly string[]; readonly facts: Facts; readonly code: number; readonly says: RegExp }[] = [
  { words: [], facts: best, code: 0, says: /^Builds work here: RUN is isolated by namespaces, layers are stacked by overlayfs, with a network of its own\./ },
  { words: [], facts: container, code: 0, says: /isolated by chroot, each step works on a copy, with a shared network/ },
  { words: [], facts: nothing, code: 1, says: /^RUN does not work here\./ },
  { words: ['--format', 'json'], facts: nothing, code: 1, says: /"ok": false/ },
];

test('doctor ends with 0 where a build can run, else with 1, and prints to standard output', async () => {
  for (const { words, facts, code, says } of cases) {
    const fake = fakeProcess();
    const ended = await runCli(['doctor', ...words], {}, fake.io, fakeCommands({ doctor: () => Promise.resolve(judge(facts)) }));
    assert.equal(ended, code);
    assert.match(fake.stdout, says);
    assert.equal(fake.stderr, '');
  }
});

test('doctor --format json has the fields that the README names', () => {
  const report = judge(best);
  assert.deepEqual(Object.keys(report), ['ok', 'isolation', 'snapshots', 'network', 'unkept', 'findings']);
  for (const finding of report.findings) assert.deepEqual(Object.keys(finding).filter((key) => key !== 'hint'), ['id', 'title', 'verdict', 'text']);
  assert.equal(new Set(report.findings.map(({ id }) => id)).size, report.findings.length);
});
