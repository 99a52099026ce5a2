/** Dockerfiles as people write them: what lands in the image, what its config says, and that a second build runs nothing. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { baseImage, type BaseName } from '../support/base-images.ts';
import { checkGolden } from '../support/golden.ts';
import { imageConfig, tarLines, type Shown } from '../support/image-record.ts';
import { forDebian, forRun, skipWithout, type Need } from '../support/needs.ts';
import { instructionsRun } from '../support/raw-events.ts';
import { mustRun } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mustBuild, repository } from '../support/tsbuild.ts';

interface RealLife extends Shown {
  /** A folder of fixtures/real-life. */
  readonly name: string;
  /** What its FROMs name, and the base image of the tests that stands for it. */
  readonly from: Readonly<Record<string, BaseName>>;
  /** A second golden of the same fixture, told apart by this word. */
  readonly variant?: string;
  /** The Dockerfile, where it is not the context's own. */
  readonly file?: string;
  readonly args?: readonly string[];
  /** Secrets by id. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Its packages come from the npm registry that this machine is set to. */
  readonly npm?: true;
}

const everything = /^/;
const debian = { 'debian:bookworm-slim': 'debian' } as const;
const workspace = { name: 'node-workspace', from: { 'node:20-bookworm-slim': 'node' }, file: 'docker/Dockerfile' } as const;

// What takes longest comes first, and fixtures with the same packages do not come together: the second finds them.
const images: readonly RealLife[] = [
  { name: 'c-configure', from: debian, paths: /^\/(out|usr\/(local|src))/, made: /(bin\/|\.so\.1\.2\.0$)/ },
  { name: 'python-venv', from: debian, paths: /^\/(app|boats|build|opt\/venv\/(bin\/(boats|python)|lib.*\/boats)|root\/\.cache|wheels)/, made: /(\.pyc|RECORD)$/ },
  { name: 'node-service', from: { 'node:20-slim': 'node' }, paths: /^\/(root\/\.npm|usr\/src)(?!.*\.package-lock)/, npm: true },
  { name: 'cache-mounts', from: { busybox: 'busybox' }, paths: /^\/(build|program|seeded|usr\/|root|work)/ },
  {
    name: 'ci-tools', from: { 'docker.io/library/alpine:3.20': 'busybox' }, paths: /^\/(opt|builds)/,
    args: ['--build-arg', 'TOOL_VERSIONS=lint:1.2 fmt:0.9', '--build-arg', 'GIT_SHA=v0123abc', '--build-arg', 'CI_PROJECT_DIR=/never'],
  },
  { name: 'ci-tools', variant: 'minimal', from: { alpine: 'busybox' }, paths: /^\/(opt|builds)/, args: ['--build-arg', 'FLAVOUR=minimal', '--build-arg', 'TOOL_VERSIONS=lint:1.2 fmt:1', '--build-arg', 'BASE_TAG=latest'] },
  { name: 'cron-supervisor', from: { 'busybox:1.36': 'busybox' }, paths: /^\/(etc\/services|init|opt|var)/ },
  { name: 'database-entrypoint', from: { 'alpine:3.20': 'busybox' }, paths: /^\/(docker|etc\/(passwd|group)|usr\/(local|src)|var)/ },
  { name: 'deb-package', from: debian, paths: everything, args: ['--build-arg', 'VERSION=1.1.0'] },
  { name: 'devcontainer', from: debian, paths: /^\/(commandhistory|etc\/(default\/locale|sudoers)|home\/|tmp|usr\/local\/etc|workspaces)/, file: '.devcontainer/Dockerfile', args: ['--build-arg', 'USER_UID=1501'] },
  { name: 'heredocs', from: { alpine: 'busybox' }, paths: /^\/(etc\/app|usr\/local|srv|squares|dev|proc)/ },
  { name: 'layered-archive', from: { busybox: 'busybox' }, paths: /^\/(application|etc|extracted|build)/ },
  { name: 'metadata', from: { 'alpine:3': 'busybox' }, paths: /^\/(app|cache|data|var)/, args: ['--target', 'runtime', '--build-arg', 'VERSION=1.2.3-rc.1'] },
  { name: 'metadata', variant: 'debug', from: { 'alpine:3': 'busybox' }, paths: /^\/app/, args: ['--build-arg', 'CREATED=today', '--label', 'multi.two=option'] },
  { ...workspace, variant: 'api', paths: /^\/repo(?!.*\.package-lock)/, args: ['--target', 'api'] },
  { ...workspace, variant: 'web', paths: everything, args: ['--target', 'web'] },
  { ...workspace, variant: 'ci', paths: everything },
  { name: 'onbuild-child', from: { 'busybox:stable-glibc': 'busybox' }, paths: /^\/usr\/src/, args: ['--build-arg', 'APP_ENV=test'] },
  {
    name: 'private-registry', from: { 'busybox:1.36': 'busybox' }, paths: /^\/(app|etc\/registry|root|run|src)/,
    secrets: { netrc: 'machine packages.example.org login me password pass-of-netrc\n', registryrc: 'token=token-of-registry', token: 'token-of-registry' },
  },
  { name: 'selected-context', from: { alpine: 'busybox' }, paths: everything },
  { name: 'cpp-program', from: debian, paths: /^\/(app|tests-passed|usr\/local)/, made: /words$/, args: ['--build-arg', 'BUILD_TYPE=Debug'] },
  { name: 'static-binary', from: debian, paths: everything, made: /^\/app$/, args: ['--build-arg', 'VERSION=1.0'] },
  { name: 'static-site', from: { ...debian, 'busybox:stable': 'busybox' }, paths: /^\/(etc|home)/, made: /\.gz$/, args: ['--build-arg', 'BASE_URL=https://example.org/boats/'] },
  { name: 'web-server-templates', from: { 'alpine:3.20': 'busybox' }, paths: /^\/(docker-|etc\/web|usr\/share|var)/ },
];

// As many as a machine with two cores does well at once.
describe('Dockerfiles of real life', { concurrency: 3 }, () => {
  // One store for all: equal steps of several fixtures are run once.
  const folder = temporaryFolder({ after: (remove) => { after(remove as () => void); } });
  for (const image of images) {
    const title = image.variant === undefined ? image.name : `${image.name}-${image.variant}`;
    test(`${title} has the files and the config of its golden, and a second build runs nothing`, { skip: skipWithout(...needs(image)) }, async () => {
      const call = { store: join(folder, 'store') };
      const tar = join(folder, `${title}.tar`);
      const args = await buildArgs(image, join(folder, title));
      const first = await mustBuild(['-t', title, '-o', `type=tar,dest=${tar}`, ...args], call);
      const { imageID = '' } = first.summary ?? {};
      checkGolden(`real-life/${title}`, `${(await tarLines(tar, image)).join('\n')}\n${await imageConfig(call.store, imageID)}`);
      const again = await mustBuild(['-t', title, ...args], call);
      assert.deepEqual(instructionsRun(again.events), []);
      assert.equal(again.summary?.imageID, imageID);
    });
  }
});

function needs({ from }: RealLife): readonly Need[] {
  return Object.values(from).every((base) => base === 'busybox') ? forRun : [...forRun, ...forDebian, { program: 'npm' }];
}

async function buildArgs(image: RealLife, prefix: string): Promise<readonly string[]> {
  const context = join(repository, 'fixtures/real-life', image.name);
  const args = [...(image.args ?? []), '-f', join(context, image.file ?? 'Dockerfile'), context];
  if (image.npm === true) args.push('--build-arg', `NPM_CONFIG_REGISTRY=${(await mustRun('npm', ['config', 'get', 'registry'])).trim()}`);
  for (const [name, base] of Object.entries(image.from)) args.push('--build-context', `${name}=oci-layout://${await baseImage(base)}:latest`);
  for (const [id, value] of Object.entries(image.secrets ?? {})) {
    await writeFile(`${prefix}.${id}`, value, { mode: 0o600 });
    args.push('--secret', `id=${id},src=${prefix}.${id}`);
  }
  return args;
}
