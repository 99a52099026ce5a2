/**
 * The whole examination of a real build: a second build does nothing, and tools that are not ours accept what was made
 * and see the same files as the sandbox. Start at `judgeBuild`.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkArchives, forForeignTools, umociUnpack } from './foreign-tools.ts';
import { forRun, forTrace, type Need } from './needs.ts';
import { instructionsRun, type RawOutcome } from './raw-events.ts';
import { traceBuild } from './trace.ts';
import { assertSameTree, compileTreeTools, forTreeTools, listFolder, listInSandbox } from './tree-tools.ts';
import { mustBuild, type CallOptions } from './tsbuild.ts';

/** Everything that the examination needs of the machine. */
export const forJudging: readonly Need[] = [...forRun, ...forForeignTools, ...forTrace, ...forTreeTools];

/** One build, to be done twice. */
export interface Case {
  /** Options and context for `tsbuild build`; outputs and the tag are added. */
  readonly args: readonly string[];
  /** A folder of the test's own. */
  readonly folder: string;
  readonly call: CallOptions;
}

/** What was built. */
export interface Judged {
  readonly first: RawOutcome;
  /** OCI archive of the first build. */
  readonly archive: string;
  /** Its files, unpacked by umoci. */
  readonly rootfs: string;
}

const name = 'judged:1';

/** Builds, builds again, and lets the foreign tools look at it. */
export async function judgeBuild(build: Case): Promise<Judged> {
  const { first, archives, imageID } = await buildFirst(build);
  await checkRebuild(build, first);
  await checkArchives(archives, imageID, build.folder);
  return { first, archive: archives.oci, rootfs: await checkTree(build) };
}

async function buildFirst(build: Case): Promise<{ first: RawOutcome; archives: { oci: string; docker: string }; imageID: string }> {
  const archives = { oci: join(build.folder, 'image.oci.tar'), docker: join(build.folder, 'image.docker.tar') };
  const outputs = ['-t', name, '-o', `type=oci,dest=${archives.oci}`, '-o', `type=docker,dest=${archives.docker}`];
  const first = await mustBuild([...outputs, ...build.args], build.call);
  for (const archive of Object.values(archives)) assert.ok(existsSync(archive), `${archive} was written`);
  const imageID = first.summary?.imageID;
  assert.ok(imageID !== undefined, 'the result names the image');
  return { first, archives, imageID };
}

/** A second build runs no step, mounts nothing, starts no process and has the same digests. */
export async function checkRebuild(build: Case, first: RawOutcome): Promise<void> {
  const archive = join(build.folder, 'again.oci.tar');
  const again = await traceBuild(['-t', name, '-o', `type=oci,dest=${archive}`, ...build.args], build.call);
  assert.equal(again.exitCode, 0, again.text.slice(-4000));
  assert.deepEqual(instructionsRun(again.events), [], 'no instruction is carried out again');
  assert.deepEqual(again.calls, [], 'nothing is mounted and no process is started');
  assert.equal(again.summary?.imageID, first.summary?.imageID);
  assert.equal(again.summary?.manifestDigest, first.summary?.manifestDigest);
}

// The tree of the archive, unpacked by umoci, against the view from inside a sandbox.
async function checkTree(build: Case): Promise<string> {
  const tools = await compileTreeTools(build.folder);
  const bundle = join(build.folder, 'bundle');
  const rootfs = await umociUnpack(join(build.folder, 'from-oci'), bundle);
  const expected = await listInSandbox(tools, name, build.call);
  assert.ok(expected.length > 0, 'the sandbox lists the tree');
  assertSameTree(await listFolder(tools, rootfs), expected, 'umoci unpacks what the sandbox saw');
  return rootfs;
}
