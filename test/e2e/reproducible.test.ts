/** The same files give the same digests, whatever the checkout, user settings, folder and store. */
import assert from 'node:assert/strict';
import { chmod, readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { copyFixture, fromLayout } from '../support/context.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { mustRun } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { callEnvironment, program, type CallOptions } from '../support/tsbuild.ts';

interface Checkout {
  readonly umask: string;
  readonly timeZone: string;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Build from within the context, which is then `.`. */
  readonly inside: boolean;
  readonly env: Readonly<Record<string, string>>;
}

const checkouts: readonly Checkout[] = [
  { umask: '022', timeZone: 'UTC', mtime: 1_000_000_000, inside: true, env: {} },
  { umask: '077', timeZone: 'Pacific/Kiritimati', mtime: 1_700_000_000.5, inside: false, env: { LANG: 'de_DE.UTF-8', LC_ALL: 'C' } },
  { umask: '002', timeZone: 'America/St_Johns', mtime: 2_000_000_000.123, inside: true, env: { USER: 'someone', TSBUILD_UNKNOWN: '1' } },
];

for (const name of ['forty-instructions', '../demo']) {
  test(`two checkouts give the same archive, byte by byte: ${name}`, { skip: skipWithout(...forRun) }, async (t) => {
    const digests = new Set<string>();
    for (const checkout of checkouts) digests.add(await buildCheckout(name, temporaryFolder(t), checkout));
    assert.equal(digests.size, 1, [...digests].join('\n'));
  });
}

// Returns the digests of both archives.
async function buildCheckout(name: string, folder: string, checkout: Checkout): Promise<string> {
  const context = await copyFixture(name, folder);
  await setModesAndTimes(context, checkout.mtime);
  const archives = ['oci', 'docker'].map((type) => ({ type, file: join(folder, `${type}.tar`) }));
  const outputs = archives.flatMap(({ type, file }) => ['-o', `type=${type},dest=${file}`]);
  const call: CallOptions = { store: join(folder, 'store'), env: { TZ: checkout.timeZone, ...checkout.env } };
  const words = [process.execPath, program, 'build', '--progress=quiet', ...await fromLayout('busybox'), ...outputs, checkout.inside ? '.' : context];
  await mustRun('sh', ['-c', `umask ${checkout.umask} && exec "$@"`, 'sh', ...words], { cwd: checkout.inside ? context : folder, env: callEnvironment(call) });
  const listing = await mustRun('sha256sum', archives.map(({ file }) => file));
  return listing.replaceAll(folder, '');
}

// What git keeps of modes; times as a checkout leaves them, each another.
async function setModesAndTimes(folder: string, mtime: number): Promise<void> {
  let offset = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    await chmod(path, entry.isDirectory() ? 0o755 : 0o644);
    offset += 17;
    await utimes(path, mtime - offset, mtime - offset);
  }
}
