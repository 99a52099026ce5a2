// tsbuild as the benchmarks call it: the built command line, once a build, as a user would start it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'dist/tsbuild.cjs');

export const name = 'tsbuild';

/** Why it cannot be measured here; undefined where it can. */
export function available() {
  if (!existsSync(program)) return 'dist/tsbuild.cjs is not there; run npm ci';
  return process.getuid() === 0 ? undefined : 'RUN needs root';
}

/**
 * Builds once. `state` is a folder that the builder keeps between calls, `base` an OCI layout that `FROM busybox` means.
 * Returns the milliseconds of the whole call and, where `events` is set, what happened within it.
 */
export async function build({ state, base, context, noCache, events }) {
  const words = [
    program, 'build', '--store', state, `--progress=${events ? 'rawjson' : 'quiet'}`, '--network=none', ...(noCache ? ['--no-cache'] : []),
    '--build-context', `busybox=oci-layout://${base}:latest`, '-o', 'type=cacheonly', context,
  ];
  const start = process.hrtime.bigint();
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env.PATH, HOME: state } });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
  const [exitCode] = await once(child, 'close');
  const totalMs = Number(process.hrtime.bigint() - start) / 1e6;
  if (exitCode !== 0) throw new Error(`${name}: exit code ${exitCode}\n${text.slice(-4000)}`);
  return { totalMs, events: events ? text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line)) : [] };
}
