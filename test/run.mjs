// Runs the tests: `npm test [-- filter...]`. A filter is a part of a file's path under test/.
// TSBUILD_TEST_STRICT=1 (set by .ci/run) makes a skipped test a failure.
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { existsSync, readdirSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join, dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const filters = process.argv.slice(2);

const files = readdirSync(here, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  .filter((file) => filters.length === 0 || filters.some((filter) => relative(root, file).includes(filter)))
  .sort();
if (files.length === 0) {
  console.error(`no test matches ${filters.join(' ')}`);
  process.exit(1);
}

if (!existsSync(join(root, 'build/Release/tsbuild.node'))) {
  execFileSync(process.execPath, [join(root, 'addon/build.mjs')], { stdio: 'inherit' });
}
execFileSync(process.execPath, [join(root, 'bundle.mjs')], { stdio: 'inherit' });
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=tsx`.trim();

let passed = 0;
let failed = 0;
let skipped = 0;
const stream = run({ files, concurrency: 2, timeout: 600_000 });
stream.on('test:pass', (event) => {
  if (event.details?.type === 'suite') return;
  if (event.skip !== undefined || event.todo !== undefined) skipped += 1;
  else passed += 1;
});
stream.on('test:fail', () => {
  failed += 1;
});
stream.compose(new spec()).pipe(process.stdout);
stream.on('end', () => {
  const strict = process.env.TSBUILD_TEST_STRICT === '1';
  process.on('exit', () => {
    console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
    if (strict && skipped > 0) console.log('a skipped test counts as a failure here (TSBUILD_TEST_STRICT=1)');
    process.exitCode = failed > 0 || passed === 0 || (strict && skipped > 0) ? 1 : 0;
  });
});
