/** What a build says about its Dockerfile: notices, and no build where the file wants none. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { build, TsbuildError, type BuildEvent, type BuildOptions } from '../../src/index.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { writeContext } from '../support/context.ts';

const skip = skipWithout(...forRun);

interface Told { readonly notices: readonly string[]; readonly steps: readonly string[]; readonly code: string | null }

/** Builds to the end; of the events, findings as `3 Rule: words` and the names of steps of the Dockerfile that were started. */
async function tell(t: TestContext, files: Readonly<Record<string, string>>, options: Partial<BuildOptions> = {}): Promise<Told> {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, files);
  const running = build({ context, storeRoot: join(folder, 'store'), network: 'none', ...options });
  const events: BuildEvent[] = [];
  for await (const event of running) events.push(event);
  const code = await running.result.then(() => null, (error: unknown) => (error instanceof TsbuildError ? error.code : String(error)));
  return {
    notices: events.flatMap((event) => (event.type === 'notice' && event.check !== undefined ? [`${event.position?.startLine} ${event.code}: ${event.text}`] : [])),
    steps: events.flatMap((event) => (event.type === 'step-started' && event.step.position !== undefined ? [event.step.instruction ?? ''] : [])),
    code,
  };
}

test('a build tells what the checks found, of the stages that it needs, and goes on', async (t) => {
  const source = 'FROM scratch AS other\nCOPY $unseen /\nFROM scratch as Base\n\n# check=skip=UndefinedVar\nENV a=$seen\n';
  assert.deepEqual(await tell(t, { Dockerfile: source }), {
    notices: ["3 StageNameCasing: Stage name 'Base' should be lowercase", "3 FromAsCasing: 'as' and 'FROM' keywords' casing do not match"],
    steps: [],
    code: null,
  });
});

test('a finding has the words and the address of its rule', async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: 'FROM scratch as a\n' });
  for await (const event of build({ context, storeRoot: join(folder, 'store') })) {
    if (event.type !== 'notice') continue;
    assert.deepEqual(event.check, { description: "The 'as' keyword should match the case of the 'from' keyword", url: 'https://docs.docker.com/go/dockerfile/rule/from-as-casing/' });
    assert.deepEqual([event.level, event.position], ['warning', { file: 'Dockerfile', startLine: 1, endLine: 1 }]);
  }
});

test('error=true fails the build before a step is started', { skip }, async (t) => {
  const files = { Dockerfile: '# check=error=true\nFROM scratch as a\nCOPY a /\n', a: '' };
  assert.deepEqual(await tell(t, files), { notices: ["2 FromAsCasing: 'as' and 'FROM' keywords' casing do not match"], steps: [], code: 'CHECK_FAILED' });
  const allowed = { buildArgs: [{ key: 'BUILDKIT_DOCKERFILE_CHECK', value: 'skip=all' }] };
  assert.deepEqual(await tell(t, files, allowed), { notices: [], steps: ['COPY a /'], code: null });
  assert.equal((await tell(t, { Dockerfile: '# check=errors=true\nFROM scratch\n' })).code, 'CHECK_OPTION');
});

test('what was found is told where the build fails for another reason', async (t) => {
  const unreadable = await tell(t, { Dockerfile: '# check=error=true\nFROM scratch as a\nCOPPY a /\n' });
  assert.deepEqual(unreadable, { notices: ["2 FromAsCasing: 'as' and 'FROM' keywords' casing do not match"], steps: [], code: 'INSTRUCTION_UNKNOWN' });
  const unplanned = await tell(t, { Dockerfile: 'FROM --platform=$BULIDPLATFORM scratch\n' });
  assert.deepEqual(unplanned, { notices: ["1 UndefinedArgInFrom: FROM argument 'BULIDPLATFORM' is not declared (did you mean BUILDPLATFORM?)"], steps: [], code: 'PLATFORM_EMPTY' });
});

test('a COPY that fails because of the ignore file is explained', async (t) => {
  const { notices, code } = await tell(t, { Dockerfile: 'FROM scratch\nCOPY a /\n', '.dockerignore': 'a\n', a: '' });
  assert.deepEqual(notices, ['2 CopyIgnoredFile: Attempting to Copy file "a" that is excluded by .dockerignore']);
  assert.match(code ?? '', /./);
});

test('in a build, images are known: what they set, and which platform they are for', { skip }, async (t) => {
  const storeRoot = join(temporaryFolder(t), 'store');
  const base = { Dockerfile: 'FROM scratch\nENV SET=1\nSHELL ["/bin/x", "-c"]\nCOPY a /\n', a: '' };
  assert.equal((await tell(t, base, { storeRoot, tags: ['base'] })).code, null);
  assert.equal((await tell(t, base, { storeRoot, tags: ['foreign'], platforms: ['linux/s390x'] })).code, null);
  const known = await tell(t, { Dockerfile: 'FROM base\nENV a=$SET b=$NOTHING\nCMD x\n' }, { storeRoot });
  assert.deepEqual([known.notices, known.code], [["2 UndefinedVar: Usage of undefined variable '$NOTHING'"], null]);
  const { notices } = await tell(t, { Dockerfile: 'FROM foreign\n' }, { storeRoot, platforms: ['linux/amd64'] });
  assert.deepEqual(notices, ['1 InvalidBaseImagePlatform: Base image foreign was pulled with platform "linux/s390x", expected "linux/amd64" for current build']);
});

test('a build tells the arguments that none of its platforms consumed, once', async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: 'FROM scratch AS x-amd64\nARG ONE\nFROM scratch AS x-arm64\nARG TWO\nFROM x-$TARGETARCH\n' });
  const buildArgs = ['Z', 'ONE', 'TWO', 'A', 'HTTP_PROXY', 'BUILDKIT_BUILD_NAME'].map((key) => ({ key, value: '1' }));
  const notices: BuildEvent[] = [];
  for await (const event of build({ context, storeRoot: join(folder, 'store'), platforms: ['linux/amd64', 'linux/arm64'], buildArgs })) {
    if (event.type === 'notice') notices.push({ ...event, timeMs: 0 });
  }
  assert.deepEqual(notices, [{ type: 'notice', timeMs: 0, level: 'warning', code: 'BUILD_ARGS_UNCONSUMED', text: 'One or more build-args [A Z] were not consumed', isRepeated: true }]);
});
