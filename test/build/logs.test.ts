/** Logs of steps on disk: when there is one, and when there is no room for it. */
import assert from 'node:assert/strict';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { LogFolder } from '../../src/build/log-files.ts';
import { redacting } from '../../src/build/redact.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const plain = { onText: () => undefined, redactor: redacting([]) };

test('a log that the disk has no room for is an error of this machine, not a bug', async (t) => {
  const folder = temporaryFolder(t);
  await mkdir(join(folder, 'build'));
  await symlink('/dev/full', join(folder, 'build', '1.log'));
  const log = await new LogFolder(folder, 'build').open(1, plain);
  t.after(() => log.close());
  await assert.rejects(log.write('stdout', Buffer.from('words')), (error) => {
    assert.ok(error instanceof TsbuildError);
    assert.equal(error.code, 'DISK_FULL');
    assert.equal(error.errorClass, 'machine');
    return true;
  });
});

test('a step that never came to print has no log to point at', async (t) => {
  const logs = new LogFolder(temporaryFolder(t), 'build');
  assert.equal(logs.openedPathOf(1), undefined);
  await (await logs.open(1, plain)).close();
  assert.equal(logs.openedPathOf(1), logs.pathOf(1));
});
