/** `npm run crash [KILLS [SEED]]`: many kills, with a line for each. The program must have been built. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crash } from './crash.ts';

const kills = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const folder = mkdtempSync(join(tmpdir(), 'tsbuild-crash-'));
console.log(`seed ${seed}`);
try {
  const { killed, late } = await crash({ folder, kills, seed, onRound: (line) => { console.log(line); } });
  console.log(`all right after ${kills} rounds: killed ${JSON.stringify(killed)}, ${late} had ended before; seed ${seed}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
