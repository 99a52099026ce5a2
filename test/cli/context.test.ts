/** How a listing is printed: what a terminal gets of a long one, and how many warnings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContextReport } from '../../src/build/list-context.ts';
import type { ListedEntry } from '../../src/context/listing.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { fakeCommands, fakeProcess } from './support.ts';

function entriesOf(paths: readonly string[]): readonly ListedEntry[] {
  return paths.map((path) => ({ path, type: 'file', sizeBytes: 1, isIncluded: true, rule: null }));
}

async function run(line: string, paths: readonly string[], { tty = false, warnings = [] as ContextReport['warnings'] } = {}) {
  const fake = fakeProcess({ tty });
  const report: ContextReport = { entries: entriesOf(paths), totals: { fileCount: 1, directoryCount: 1, sizeBytes: 1 }, ignoreFile: null, warnings };
  const code = await runCli(line.split(' '), {}, fake.io, fakeCommands({ context: () => Promise.resolve(report) }));
  return { code, stdout: fake.stdout.split('\n').slice(0, -1), stderr: fake.stderr };
}

const wide = Array.from({ length: 150 }, (_, index) => [`d${index}`, `d${index}/f`]).flat();

test('a terminal gets a long list to the depth that is easily read, a pipe gets all', async () => {
  const seen = await run('context', wide, { tty: true });
  assert.equal(seen.stdout.length, 151);
  assert.equal(seen.stdout.at(-1), 'total: 1 file, 1 directory, 1B; 150 more paths below depth 1: --depth shows them');
  const piped = await run('context', wide);
  assert.equal(piped.stdout.length, 301);
  assert.equal(piped.stdout.at(-1), 'total: 1 file, 1 directory, 1B');
});

test('a terminal gets all of a short list, of one with --depth, and of one of paths', async () => {
  assert.equal((await run('context', wide.slice(0, 100), { tty: true })).stdout.length, 101);
  assert.equal((await run('context --depth 2', wide, { tty: true })).stdout.length, 301);
  assert.equal((await run('context . a b', wide, { tty: true })).stdout.length, 300);
});

test('a flat list is never cut', async () => {
  assert.equal((await run('context', Array.from({ length: 500 }, (_, index) => `f${index}`), { tty: true })).stdout.length, 501);
});

test('ten warnings of a kind are told, and how many more there are', async () => {
  const warnings = Array.from({ length: 12 }, (_, index) => ({ code: 'CONTEXT_PRIVATE_KEY', path: `k${index}`, text: `k${index}\u001b[31m: a key` }));
  const { code, stderr } = await run('context', [], { warnings });
  const lines = stderr.split('\n');
  assert.equal(code, 0);
  assert.equal(lines.length, 12);
  assert.equal(lines[0], 'WARNING: k0\\x1b[31m: a key (CONTEXT_PRIVATE_KEY)');
  assert.equal(lines[10], 'WARNING: and 2 more (CONTEXT_PRIVATE_KEY); --json lists them');
});

test('names that are not UTF-8 are shown by their bytes', async () => {
  assert.equal((await run('context', ['a\udcffb😀'])).stdout[0], '      1B  a\\xffb😀');
});
