/** `tsbuild doctor` on the real machine: as root, as an ordinary user, in a container without privileges. Nothing is left of it. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DoctorReport } from '../../src/build/doctor/judge.ts';
import { forContainer, makeContainer } from '../support/container.ts';
import { skipWithout } from '../support/needs.ts';
import { makeOrdinaryUser } from '../support/ordinary-user.ts';
import type { Finished } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { runTsbuild } from '../support/tsbuild.ts';

const skip = skipWithout('root');

/** The exit code says what the report says. */
function reportOf({ exitCode, stdout, stderr }: Finished): DoctorReport {
  assert.equal(stderr, '');
  const report = JSON.parse(stdout) as DoctorReport;
  assert.equal(exitCode, report.ok ? 0 : 1);
  return report;
}

const verdictOf = (report: DoctorReport, id: string): string | undefined => report.findings.find((finding) => finding.id === id)?.verdict;

test('as root: namespaces, overlays, and no store or file is made', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const report = reportOf(await runTsbuild(['doctor', '--format', 'json'], { store: join(folder, 'store') }));
  assert.deepEqual([report.ok, report.isolation, report.snapshots], [true, 'namespaces', 'overlay']);
  assert.deepEqual(readdirSync(folder), []);
});

test('as an ordinary user with subordinate ids: the same in a user namespace', { skip: skipWithout('root', { program: 'newuidmap' }) }, async () => {
  const user = await makeOrdinaryUser({ hasIds: true });
  try {
    const before = readdirSync(user.home);
    const report = reportOf(await user.run(['doctor', '--format', 'json']));
    assert.deepEqual([report.ok, report.isolation, report.snapshots, verdictOf(report, 'ids')], [true, 'namespaces', 'overlay', 'ok']);
    assert.deepEqual(readdirSync(user.home), before);
  } finally {
    await user.remove();
  }
});

test('in a container without privileges: chroot and copies, and what they do not keep; without a capability nothing works', { skip: skipWithout(...forContainer) }, async () => {
  const container = makeContainer();
  try {
    mkdirSync(join(container.work, 'place'));
    const args = ['doctor', '--format', 'json', '--store', '/work/place'];
    const report = reportOf(await container.tsbuild(args));
    assert.deepEqual([report.ok, report.isolation, report.snapshots, report.network], [true, 'chroot', 'copy', 'shared']);
    assert.ok(report.unkept.some((promise) => promise.includes('a secret is a file')));
    const lacking = reportOf(await container.tsbuild(args, { without: ['CAP_MKNOD'] }));
    assert.deepEqual([lacking.ok, lacking.isolation, verdictOf(lacking, 'run')], [false, null, 'missing']);
    assert.deepEqual(readdirSync(join(container.work, 'place')), []);
  } finally {
    await container.remove();
  }
});
