import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repository } from '../support/tsbuild.ts';

test('every test that the table of published holes names exists', () => {
  const table = readFileSync(join(repository, 'test/security/README.md'), 'utf8');
  const rows = [...table.matchAll(/^\| (.+?) \| `(.+?\.test\.ts)` \| (.+) \|$/gm)];
  assert.ok(rows.length > 50);
  for (const [, published = '', file = '', title = ''] of rows) {
    const titles = readFileSync(join(repository, 'test', file), 'utf8').replaceAll("\\'", "'");
    assert.ok(titles.includes(title), `${published}: ${file} has no test ${title}`);
  }
});
