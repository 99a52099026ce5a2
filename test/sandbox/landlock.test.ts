import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { compileSources, makeTestDirectory } from './compile-driver.ts';

interface Report {
  readonly abi: number;
  readonly result: number;
  readonly noNewPrivs: number;
  readonly host: number;
  readonly own: number;
  readonly path: number;
}

const skip = process.getuid?.() === 0 ? false : 'only with CAP_SYS_ADMIN may a process restrict itself without no_new_privs';

test('landlockScopeAbstractSockets closes the host’s abstract sockets off and nothing else', { skip }, () => {
  const directory = makeTestDirectory();
  const driver = compileSources(directory, 'landlock_driver', ['test/sandbox/landlock_driver.cc', 'addon/sandbox/landlock.cc']);
  const report = JSON.parse(execFileSync(driver, [join(directory, 'socket')], { encoding: 'utf8' })) as Report;
  const works = report.abi >= 6;
  assert.deepEqual(report, {
    abi: report.abi,
    result: works ? 0 : constants.errno.EOPNOTSUPP,
    noNewPrivs: 0,
    host: works ? constants.errno.EPERM : 0,
    own: 0,
    path: 0,
  });
});
