/** Build arguments that speak to the builder: SEMANTICS A4, 4, and "Ours", 8. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { build, TsbuildError, type BuildEvent } from '../../src/index.ts';
import { writeContext } from '../support/context.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Told { readonly events: readonly BuildEvent[]; readonly error: TsbuildError | null }

/** Builds a Dockerfile that starts nothing, with these build arguments. */
async function tell(t: TestContext, dockerfile: string, args: Readonly<Record<string, string>>): Promise<Told> {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: dockerfile });
  const running = build({ context, storeRoot: join(folder, 'store'), buildArgs: Object.entries(args).map(([key, value]) => ({ key, value })) });
  const events: BuildEvent[] = [];
  for await (const event of running) events.push(event);
  const error = await running.result.then(() => null, (reason: unknown) => {
    if (reason instanceof TsbuildError) return reason;
    throw reason;
  });
  return { events, error };
}

const noticesOf = ({ events }: Told): readonly string[] => events.flatMap((event) => (event.type === 'notice' ? [`${event.level} ${event.code}`] : []));

test('A4.4 BUILDKIT_BUILD_NAME is the name that the build is told to have', async (t) => {
  const nameOf = ({ events }: Told): unknown => events.find((event) => event.type === 'build-started')?.name;
  const named = await tell(t, 'FROM scratch\n', { BUILDKIT_BUILD_NAME: 'nightly' });
  assert.deepEqual([nameOf(named), noticesOf(named), named.error], ['nightly', [], null]);
  assert.equal(nameOf(await tell(t, 'FROM scratch\n', { BUILDKIT_BUILD_NAME: '' })), undefined);
});

test('A4.4 BUILDKIT_INLINE_CACHE is said to have no effect, where it asks for something', async (t) => {
  for (const [value, expected] of [['1', ['info INLINE_CACHE_UNAVAILABLE']], ['true', ['info INLINE_CACHE_UNAVAILABLE']], ['0', []], ['', []], ['x', []]] as const) {
    const told = await tell(t, 'FROM scratch\n', { BUILDKIT_INLINE_CACHE: value });
    assert.deepEqual([noticesOf(told), told.error], [expected, null], value);
  }
});

test('A4.4 Ours.8 BUILDKIT_SYNTAX takes the built-in frontend alone, and stands above the file', async (t) => {
  const other = '# syntax=other/frontend\nFROM scratch\n';
  for (const value of ['docker/dockerfile:1', 'docker.io/docker/dockerfile:1.7-labs', 'docker/dockerfile-upstream:master --x']) {
    assert.equal((await tell(t, other, { BUILDKIT_SYNTAX: value })).error, null, value);
  }
  for (const value of ['other/frontend', 'docker/dockerfiles', 'docker/dockerfile/x', 'evil.io/docker/dockerfile:1', 'other/frontend --x']) {
    const { error } = await tell(t, 'FROM scratch\n', { BUILDKIT_SYNTAX: value });
    assert.deepEqual([error?.code, error?.errorClass, error?.position], ['SYNTAX_UNSUPPORTED', 'usage', undefined], value);
    assert.equal(error?.message, `--build-arg BUILDKIT_SYNTAX=${value.split(' ')[0]}: custom frontends are not run`);
  }
  assert.equal((await tell(t, other, { BUILDKIT_SYNTAX: '' })).error?.code, 'SYNTAX_UNSUPPORTED');
});

test('Ours.8 # syntax= takes the built-in frontend alone; another is told even where its language is not ours', async (t) => {
  for (const reference of ['docker/dockerfile', 'docker/dockerfile:1.7', 'docker.io/docker/dockerfile:1', 'docker/dockerfile-upstream:master-labs', `docker/dockerfile:1@sha256:${'a'.repeat(64)}`]) {
    assert.equal((await tell(t, `# syntax=${reference}\nFROM scratch\n`, {})).error, null, reference);
  }
  for (const first of ['# syntax=other/frontend', '// syntax=other/frontend', '#!/usr/bin/x\n# syntax=other/frontend', '{"syntax": "other/frontend"}', '# escape=`\n# syntax=other/frontend:1 x']) {
    const { error } = await tell(t, `${first}${first.startsWith('{') ? '' : '\ntargets { all = 1 }'}\n`, {});
    assert.equal(error?.code, 'SYNTAX_UNSUPPORTED', first);
    assert.equal(error.position?.startLine, /^(#!|# escape)/.test(first) ? 2 : 1);
    assert.match(error.message, /^# syntax=other\/frontend(:1)?: custom frontends are not run$/);
    assert.match(error.hint ?? '', /^Remove the line, or use docker\/dockerfile/);
  }
});
