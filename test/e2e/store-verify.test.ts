/** `tsbuild store verify` finds every kind of damage and repairs it, and a build after damage is right or says what is wrong. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { VerifyReport } from '../../src/cli/commands.ts';
import { fromLayout, writeContext } from '../support/context.ts';
import { unfinished } from '../support/machine-state.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { mustRun } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { buildRaw, mustBuild, runTsbuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun);
const folder = temporaryFolder({ after: (remove) => { after(remove as () => void); } });
const good = join(folder, 'good');
let args: readonly string[] = [];
let golden = '';

before(async () => {
  const context = await writeContext(folder, { Dockerfile: 'FROM busybox\nRUN echo made > /made\nCOPY file /file\n', file: 'of the context\n' });
  args = ['--network=none', ...await fromLayout('busybox'), '-t', 'app', context];
  golden = await buildInto(good);
  await mustBuild(['-o', `type=oci,dest=${join(folder, 'zipped.tar')}`, ...args], { store: good });
});

/** Builds, and returns the digest of the whole archive, in which every layer stands. */
async function buildInto(store: string): Promise<string> {
  const archive = `${store}.tar`;
  await mustBuild(['-o', `type=oci,compression=uncompressed,dest=${archive}`, ...args], { store });
  return createHash('sha256').update(readFileSync(archive)).digest('hex');
}

async function verify(store: string, ...more: readonly string[]): Promise<{ readonly exitCode: number | null; readonly report: VerifyReport; readonly stderr: string }> {
  const { exitCode, stdout, stderr } = await runTsbuild(['store', 'verify', '--json', ...more], { store });
  return { exitCode, report: JSON.parse(stdout) as VerifyReport, stderr };
}

const blobs = 'oci/blobs/sha256';

/** The blobs of a store whose content satisfies the condition. */
function blobsWith(store: string, condition: (bytes: Buffer) => boolean): readonly string[] {
  return readdirSync(join(store, blobs)).sort().map((name) => join(store, blobs, name)).filter((path) => condition(readFileSync(path)));
}

function only<T>(values: readonly T[]): T {
  assert.equal(values.length, 1, `one of ${JSON.stringify(values)}`);
  return values[0] as T; // it was counted
}

const madeLayer = (store: string): string => only(blobsWith(store, (bytes) => bytes.includes('ustar') && bytes.includes('made\n')));
const imageManifest = (store: string): string => {
  const index = JSON.parse(readFileSync(join(store, 'oci/index.json'), 'utf8')) as { manifests: { digest: string }[] };
  return join(store, blobs, only(index.manifests).digest.slice('sha256:'.length));
};
const imageConfig = (store: string): string => {
  const { config } = JSON.parse(readFileSync(imageManifest(store), 'utf8')) as { config: { digest: string } };
  return join(store, blobs, config.digest.slice('sha256:'.length));
};
const record = (store: string): string => only(readdirSync(join(store, 'cache/v1')).map((name) => join(store, 'cache/v1', name)).filter((path) => path.endsWith('.json') && readFileSync(path, 'utf8').includes('echo made')));

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
}

function cut(path: string): void {
  chmodSync(path, 0o644);
  truncateSync(path, readFileSync(path).length >> 1);
}

interface Case {
  readonly name: string;
  readonly damage: (store: string) => void;
  /** What verify finds, sorted. */
  readonly codes: readonly VerifyReport['damages'][number]['code'][];
}

/** The unpacked layer of the RUN. */
const snapshot = (store: string): string => {
  const folder = join(store, 'snapshots/v1/directory');
  return only(readdirSync(folder).flatMap((boot) => readdirSync(join(folder, boot)).map((name) => join(folder, boot, name))).filter((path) => readdirSync(path).includes('made')));
};

const snapshotDamages = {
  'a bit in a file': (store: string): void => {
    const path = join(snapshot(store), 'made');
    const { atime, mtime } = statSync(path);
    flip(path);
    utimesSync(path, atime, mtime);
  },
  'a file that is gone': (store: string): void => { rmSync(join(snapshot(store), 'made')); },
  'another mode': (store: string): void => { chmodSync(join(snapshot(store), 'made'), 0o4755); },
  'a file that came': (store: string): void => { writeFileSync(join(snapshot(store), '.hidden'), ''); },
};

const cases: readonly Case[] = [
  { name: 'a layer with a flipped bit', damage: (store) => { flip(madeLayer(store)); }, codes: ['BLOB_CORRUPT', 'IMAGE_INCOMPLETE', 'RECORD_STALE', 'SNAPSHOT_STALE'] },
  { name: 'a layer that was cut', damage: (store) => { cut(madeLayer(store)); }, codes: ['BLOB_CORRUPT', 'IMAGE_INCOMPLETE', 'RECORD_STALE', 'SNAPSHOT_STALE'] },
  { name: 'a layer that was deleted', damage: (store) => { rmSync(madeLayer(store)); }, codes: ['IMAGE_INCOMPLETE', 'RECORD_STALE', 'SNAPSHOT_STALE'] },
  { name: 'a deleted layer and its snapshot', damage: (store) => { rmSync(madeLayer(store)); rmSync(join(store, 'snapshots'), { recursive: true }); }, codes: ['IMAGE_INCOMPLETE', 'RECORD_STALE'] },
  { name: 'a config with a flipped bit', damage: (store) => { flip(imageConfig(store)); }, codes: ['BLOB_CORRUPT', 'IMAGE_INCOMPLETE'] },
  { name: 'a deleted config', damage: (store) => { rmSync(imageConfig(store)); }, codes: ['IMAGE_INCOMPLETE'] },
  { name: 'a manifest with a flipped bit', damage: (store) => { flip(imageManifest(store)); }, codes: ['BLOB_CORRUPT', 'IMAGE_MISSING'] },
  { name: 'a deleted manifest', damage: (store) => { rmSync(imageManifest(store)); }, codes: ['IMAGE_MISSING'] },
  { name: 'files among the blobs that are none', damage: (store) => { writeFileSync(join(store, blobs, 'note'), 'x'); mkdirSync(join(store, blobs, 'a'.repeat(64))); }, codes: ['STRAY_FILE', 'STRAY_FILE'] },
  { name: 'a list of names that was cut', damage: (store) => { cut(join(store, 'oci/index.json')); }, codes: ['INDEX_BROKEN'] },
  { name: 'a list of names that is gone', damage: (store) => { rmSync(join(store, 'oci/index.json')); }, codes: ['INDEX_LOST'] },
  { name: 'a record that was cut', damage: (store) => { cut(record(store)); }, codes: ['RECORD_BROKEN'] },
  { name: 'a record with a flipped bit', damage: (store) => { flip(record(store)); }, codes: ['RECORD_BROKEN'] },
  { name: 'a record under another key', damage: (store) => { renameSync(record(store), join(store, 'cache/v1', `${'0'.repeat(64)}.json`)); }, codes: ['RECORD_BROKEN'] },
  { name: 'a deleted record', damage: (store) => { rmSync(record(store)); }, codes: [] },
  ...(['a bit in a file', 'a file that is gone', 'another mode', 'a file that came'] as const).map((name): Case => ({ name: `of a snapshot: ${name}`, damage: snapshotDamages[name], codes: ['SNAPSHOT_CORRUPT'] })),
  { name: 'deleted snapshots', damage: (store) => { rmSync(join(store, 'snapshots'), { recursive: true }); }, codes: [] },
  { name: 'an empty folder of blobs', damage: (store) => { rmSync(join(store, 'oci/blobs'), { recursive: true }); }, codes: ['IMAGE_MISSING', ...Array<'RECORD_STALE' | 'SNAPSHOT_STALE'>(5).fill('RECORD_STALE'), 'SNAPSHOT_STALE', 'SNAPSHOT_STALE'] },
];

test('a store that is as it should be is all right', { skip }, async () => {
  const { exitCode, report } = await verify(good);
  assert.deepEqual(report.damages, []);
  assert.equal(exitCode, 0);
  assert.ok(report.blobCount > 5 && report.recordCount > 3 && report.imageCount === 1);
});

for (const [at, { name, damage, codes }] of cases.entries()) {
  test(`verify finds and repairs ${name}, and the build after it makes the same image`, { skip }, async () => {
    const store = join(folder, `repaired-${at}`);
    await mustRun('cp', ['-a', good, store]); // with hard links, owners and times, as snapshots have them
    damage(store);
    if (codes[0] !== 'INDEX_LOST') {
      const found = await verify(store);
      assert.deepEqual(found.report.damages.map(({ code }) => code).sort(), codes);
      assert.equal(found.exitCode, codes.length === 0 ? 0 : 3, found.stderr);
    }
    const repaired = await verify(store, '--repair');
    assert.deepEqual(repaired.report.damages.map(({ code, repair }) => `${code} ${repair}`).sort(), codes.map((code) => `${code} repaired`));
    assert.equal(repaired.exitCode, 0, repaired.stderr);
    assert.equal(await buildInto(store), golden);
    assert.deepEqual((await verify(store)).report.damages, []);
    assert.deepEqual(await unfinished(store), []);
  });

  test(`without a repair a build after ${name} is right, or says so and the next one is right`, { skip }, async () => {
    const store = join(folder, `damaged-${at}`);
    await mustRun('cp', ['-a', good, store]); // with hard links, owners and times, as snapshots have them
    damage(store);
    const first = await buildRaw(['-o', `type=oci,compression=uncompressed,dest=${store}.first`, ...args], { store });
    if (first.exitCode !== 0) assert.match(`${first.exitCode} ${first.error?.code}`, /^3 (BLOB_CORRUPT|LAYER_CORRUPT)$/, first.text);
    assert.equal(await buildInto(store), golden);
  });
}
