// `npm run bench [-- --case NAME[,NAME] --samples N --json]`: measures and prints JSON lines, then a table.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { adapters } from './adapters/index.mjs';
import { casesOf } from './cases.mjs';
import { writeContexts } from './contexts.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: { case: { type: 'string' }, samples: { type: 'string', default: '5' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
});
if (values.help) {
  console.log('npm run bench -- [--case NAME,…] [--samples N] [--json]\ncases: node-start, step, cached, commit, copy, copy-total, copy-cached');
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'tsbuild-bench-'));
try {
  await measure();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure() {
  const base = join(folder, 'busybox');
  execFileSync(process.execPath, ['--import=tsx', join(root, 'test/support/make-base.ts'), 'busybox', base], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const world = { folder, base, contexts: writeContexts(folder) };
  const chosen = values.case?.split(',');
  const cases = usableAdapters().flatMap((adapter) => casesOf(adapter, world).map((one) => ({ ...one, adapter: adapter.name, samplesMs: [] })))
    .filter(({ name }) => chosen === undefined || chosen.includes(name));
  for (const one of cases) await one.prepare?.();
  // Cases take turns. The first round only warms the page cache and is not counted.
  for (let round = 0; round <= Number(values.samples); round += 1) {
    for (const one of cases) {
      const sampleMs = await one.sample();
      if (round > 0) one.samplesMs.push(sampleMs);
    }
  }
  report(cases);
}

function usableAdapters() {
  return adapters.filter((adapter) => {
    const reason = adapter.available();
    if (reason !== undefined) console.error(`bench: ${adapter.name} is left out: ${reason}`);
    return reason === undefined;
  });
}

function report(cases) {
  const machine = { node: process.version, cpus: cpus().length, cpu: cpus()[0]?.model ?? 'unknown', memoryBytes: totalmem() };
  const rows = cases.map(({ adapter, name, goalMs, samplesMs }) => ({ adapter, name, medianMs: median(samplesMs), goalMs, samplesMs: samplesMs.map(round) }));
  for (const row of rows) console.log(JSON.stringify({ ...row, machine }));
  if (values.json) return;
  console.log(`\n${'case'.padEnd(14)}${'builder'.padEnd(12)}${'median'.padStart(10)}${'goal'.padStart(10)}`);
  for (const { adapter, name, medianMs, goalMs } of rows) {
    const verdict = goalMs === undefined ? '' : medianMs < goalMs ? '  reached' : '  missed';
    console.log(`${name.padEnd(14)}${adapter.padEnd(12)}${`${medianMs} ms`.padStart(10)}${(goalMs === undefined ? '' : `${goalMs} ms`).padStart(10)}${verdict}`);
  }
}

function median(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return round(sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2);
}

function round(ms) {
  return Math.round(ms * 10) / 10;
}
