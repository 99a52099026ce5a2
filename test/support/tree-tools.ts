/** Views of file trees by `list-tree`, a static program that shares nothing with tsbuild. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Need } from './needs.ts';
import { logOf } from './raw-events.ts';
import { mustRun } from './run-process.ts';
import { mustBuild, repository, type CallOptions } from './tsbuild.ts';

/** What compiling the tools needs. */
export const forTreeTools: readonly Need[] = [{ program: 'cc' }];

/** Compiles the programs of fixtures/e2e/odd-tree, statically, into a new folder; returns it. */
export async function compileTreeTools(folder: string, names: readonly string[] = ['list-tree']): Promise<string> {
  const target = join(folder, 'tree-tools');
  await mkdir(target, { recursive: true });
  for (const name of names) {
    await mustRun('cc', ['-static', '-O2', '-o', join(target, name), join(repository, 'fixtures/e2e/odd-tree', `${name}.c`)]);
  }
  return target;
}

// What the sandbox mounts over is not the image's; where the image has it as well, only the other view shows it.
const mountedOver = /^\/(dev|proc|sys|etc\/(hosts|hostname|resolv\.conf)) /;

/** The lines of a listing that do not depend on what a sandbox mounts. */
export function treeLines(listing: string): readonly string[] {
  const lines = listing.split('\n').filter((line) => line !== '' && !mountedOver.test(line));
  // An empty /etc may be there only to hold mount points.
  return lines.some((line) => line.startsWith('/etc/')) ? lines : lines.filter((line) => !line.startsWith('/etc d '));
}

/** The tree of an unpacked image. */
export async function listFolder(tools: string, root: string): Promise<readonly string[]> {
  return treeLines(await mustRun(join(tools, 'list-tree'), [root]));
}

const viewer = (image: string): string => `FROM ${image}
USER 0
RUN --mount=type=bind,from=tree-tools,target=/.tree-tools ["/.tree-tools/list-tree", "/"]
`;

/** The tree of an image of the store, as a RUN step on top of it sees it. */
export async function listInSandbox(tools: string, image: string, options: CallOptions): Promise<readonly string[]> {
  const args = ['--no-cache', '--network=none', '--build-context', `tree-tools=${tools}`, '-o', 'type=cacheonly', '-f', '-', tools];
  const { events } = await mustBuild(args, { ...options, input: viewer(image) });
  return treeLines(logOf(events, /list-tree/));
}

/** Compares two listings and, where they differ, shows only the lines that do. */
export function assertSameTree(actual: readonly string[], expected: readonly string[], message: string): void {
  const missing = expected.filter((line) => !actual.includes(line)).map((line) => `- ${line}`);
  const added = actual.filter((line) => !expected.includes(line)).map((line) => `+ ${line}`);
  assert.equal([...missing, ...added].slice(0, 40).join('\n'), '', message);
  assert.equal(actual.length, expected.length, message);
}
