/** Several platforms in one build: SEMANTICS A1, 2; A4, 2 and 3; A6, 33 and 51; B5, 6. No step here runs a foreign program. */
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fromLayout, writeContext } from '../support/context.ts';
import { forForeignTools } from '../support/foreign-tools.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { instructionsRun, stepLives } from '../support/raw-events.ts';
import { mustRun } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { buildRaw, mustBuild, runTsbuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun, ...forForeignTools, { program: 'apt-get' });
const folder = temporaryFolder({ after: (remove) => { after(remove as () => void); } });
const call = { store: join(folder, 'store') };

/** A stage for the builder's own platform, one that depends on the target, and one of the target's platform. */
const crossBuild = `
FROM --platform=$BUILDPLATFORM platforms AS common
COPY input /input
RUN cp /input /common
FROM common AS builder
ARG TARGETPLATFORM
ARG TARGETARCH TARGETVARIANT TARGETOS BUILDPLATFORM
RUN echo "$TARGETPLATFORM $TARGETOS $TARGETARCH $TARGETVARIANT on $BUILDPLATFORM" > /built
FROM platforms
WORKDIR /work
COPY --from=builder /built /common ./
`;

async function crossContext(): Promise<string> {
  return writeContext(join(folder, 'cross'), { Dockerfile: crossBuild, input: 'words\n' });
}

interface Entry {
  readonly digest: string;
  readonly platform?: Record<string, string>;
}

async function readIndex(reference: string): Promise<readonly Entry[]> {
  return (JSON.parse(await mustRun('skopeo', ['--insecure-policy', 'inspect', '--raw', reference])) as { manifests: readonly Entry[] }).manifests;
}

const built = ['linux/arm64', 'linux/amd64', 'linux/arm/v7'];

test('A1.2 one call builds for all platforms; the index keeps their order, and each image is of its platform', { skip }, async () => {
  const archive = join(folder, 'image.tar');
  const reports = ['--iidfile', join(folder, 'iid'), '--metadata-file', join(folder, 'metadata.json')];
  const args = [...await fromLayout('platforms'), '--network=none', '-t', 'cross:1', '--platform', `${built.join(',')},arm64`, await crossContext()];
  const { summary, events } = await mustBuild(['-o', `type=oci,dest=${archive}`, ...reports, ...args], call);
  const layout = join(folder, 'layout');
  await mustRun('skopeo', ['--insecure-policy', 'copy', '--all', '--quiet', `oci-archive:${archive}`, `oci:${layout}:image`]);
  const manifests = await readIndex(`oci:${layout}:image`);
  assert.deepEqual(manifests.map(({ platform }) => platform), [
    { os: 'linux', architecture: 'arm64' }, { os: 'linux', architecture: 'amd64' }, { os: 'linux', architecture: 'arm', variant: 'v7' },
  ]);
  for (const { digest, platform } of manifests) {
    const manifest = await readJson<{ config: { digest: string } }>(blob(layout, digest));
    const config = await readJson<Record<string, string>>(blob(layout, manifest.config.digest));
    assert.deepEqual([config['os'], config['architecture'], config['variant']], [platform?.['os'], platform?.['architecture'], platform?.['variant']]);
  }
  const metadata = await readJson<Record<string, unknown>>(join(folder, 'metadata.json'));
  const root = (await readJson<{ manifests: Entry[] }>(join(layout, 'index.json'))).manifests[0]?.digest;
  assert.deepEqual([metadata['containerimage.digest'], metadata['containerimage.config.digest']], [root, undefined]);
  assert.deepEqual([summary?.manifestDigest, summary?.imageID, await readFile(join(folder, 'iid'), 'utf8')], [root, root, root]);
  const names = stepLives(events).map(({ step }) => step.name);
  assert.deepEqual(names.filter((name) => name.includes(' common ') && name.includes('RUN')), ['[linux/amd64 common 3/3] RUN cp /input /common'], 'the common stage runs once');
  assert.deepEqual(names.filter((name) => name.includes(' builder 1/1] ')).map((name) => name.split(' ')[0]).sort(), ['[linux/amd64', '[linux/amd64->arm/v7', '[linux/amd64->arm64']);
  assert.equal(names.filter((name) => name === '[internal] load build context').length, 1);
});

function blob(layout: string, digest: string): string {
  return join(layout, 'blobs', digest.replace(':', '/'));
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}

test('a second build is cached whole; the order of platforms is the user\'s and part of the index', { skip }, async () => {
  const args = [...await fromLayout('platforms'), '--network=none', '-t', 'cross:1', await crossContext()];
  const first = await mustBuild(['--platform', built.join(','), ...args], call);
  assert.deepEqual(instructionsRun(first.events), []);
  const again = await mustBuild(['--platform', built.join(','), ...args], call);
  assert.equal(again.summary?.imageID, first.summary?.imageID);
  const turned = await mustBuild(['--platform', built.toReversed().join(','), '-t', 'cross:turned', ...args.filter((arg) => arg !== 'cross:1' && arg !== '-t')], call);
  assert.notEqual(turned.summary?.imageID, first.summary?.imageID);
  const [left, right] = await Promise.all(['cross:1', 'cross:turned'].map((name) => readIndex(`oci:${call.store}/oci:docker.io/library/${name}`)));
  assert.deepEqual(left?.map(({ digest }) => digest), right?.map(({ digest }) => digest).reverse(), 'the images themselves are the same');
});

test('A4.2 type=local writes a folder for each platform, with what its ARGs said', { skip }, async () => {
  const out = join(folder, 'out');
  await mustBuild(['-o', out, '--platform', built.join(','), ...await fromLayout('platforms'), '--network=none', await crossContext()], call);
  assert.deepEqual((await readdir(out)).sort(), ['linux_amd64', 'linux_arm64', 'linux_arm_v7']);
  const texts = await Promise.all(['linux_arm64', 'linux_amd64', 'linux_arm_v7'].map((name) => readFile(join(out, name, 'work/built'), 'utf8')));
  assert.deepEqual(texts, ['linux/arm64 linux arm64  on linux/amd64\n', 'linux/amd64 linux amd64  on linux/amd64\n', 'linux/arm/v7 linux arm v7 on linux/amd64\n']);
});

test('FROM of an own name of several platforms picks the wanted one, also the nearest variant', { skip }, async () => {
  const context = await writeContext(join(folder, 'from'), { Dockerfile: 'FROM cross:1\n' });
  for (const [wanted, found] of [['linux/arm64', 'linux_arm64'], ['linux/arm/v7', 'linux_arm_v7'], ['linux/arm/v8', 'linux_arm_v7'], ['linux/amd64/v2', 'linux_amd64']] as const) {
    const out = join(folder, wanted.replaceAll('/', '-'));
    await mustBuild(['-o', out, '--platform', wanted, context], call);
    const expected = await readFile(join(folder, 'out', found, 'work/built'), 'utf8');
    assert.equal(await readFile(join(out, 'work/built'), 'utf8'), expected, wanted);
  }
  const missing = await buildRaw(['--platform', 'linux/s390x', context], call);
  assert.deepEqual([missing.exitCode, missing.error?.code], [4, 'PLATFORM_MISSING']);
});

test('a step that fails for one platform ends the build for all', { skip }, async () => {
  const dockerfile = 'FROM platforms\nARG TARGETARCH\nRUN test $TARGETARCH != 386\nRUN sleep 60\n';
  const context = await writeContext(join(folder, 'failing'), { Dockerfile: dockerfile });
  const failed = await buildRaw([...await fromLayout('platforms'), '--network=none', '-t', 'failing', '--platform', 'linux/amd64,linux/386', context], call);
  assert.deepEqual([failed.exitCode, failed.error?.code], [1, 'STEP_FAILED']);
  const canceled = failed.events.filter(({ type }) => type === 'step-canceled').length;
  const sleeping = failed.events.some((event) => event.type === 'step-started' && event.step.name.includes('sleep'));
  assert.equal(canceled > 0, sleeping, 'the other platform\'s step was stopped');
  assert.equal((await runTsbuild(['inspect', 'failing'], call)).exitCode, 2, 'no platform was kept');
});

test('outputs and annotations that several platforms cannot have are refused before anything is read', { skip }, async () => {
  const missing = join(folder, 'no-such-context');
  for (const [output, code] of [['type=docker,dest=x.tar', 'OUTPUT_PLATFORMS'], ['type=tar,dest=x.tar', 'OUTPUT_PLATFORMS'], ['type=oci,dest=x,annotation[linux/s390x].a=b', 'ANNOTATION_PLATFORM']] as const) {
    const refused = await buildRaw(['-o', output, '--platform', 'linux/amd64,linux/arm64', missing], { ...call, cwd: folder });
    assert.deepEqual([refused.exitCode, refused.error?.code], [2, code]);
  }
});
