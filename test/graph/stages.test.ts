/** FROM, stages, targets and ONBUILD: SEMANTICS A6, 40 and 43 to 51. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { amd64, arm64, configOf, copyOf, graphOf, historyOf, inputOf, namesOf, operationsOf, planned, refused, runOf, runsOf, targetOf, vertexOf, type PlanOptions } from './support.ts';

/** The command lines of all RUNs that are planned. */
function commands(source: string, options: PlanOptions = {}): readonly string[] {
  return runsOf(source, options).map(({ args }) => args.at(-1) ?? '');
}

/** What is asked for, round by round, when everything is for linux/amd64. */
function check(table: readonly (readonly [source: string, rounds: readonly (readonly string[])[], options?: PlanOptions])[]): void {
  for (const [source, rounds, options] of table) {
    assert.deepEqual(planned(source, options).rounds.map((round) => round.map((key) => key.replace(/ linux\/amd64$/, ''))), rounds, source);
  }
}

test('A6.43 names of stages are looked up whatever their case, and a later one shadows an earlier', () => {
  check([
    ['FROM a AS StaGe\nFROM STAGE AS x\nCOPY --from=sTAGE 1 2', [['a']]],
    ['FROM a AS x\nFROM b AS x\nFROM x', [['b']]],
    ['FROM a AS x\nFROM b AS x\nFROM scratch\nCOPY --from=x 1 2', [['b']]],
    ['FROM a AS x\nFROM x AS x', [['a']]],
  ]);
});

test('A6.44 --from is the number of a stage, the name of one, or an image', () => {
  const graph = graphOf('FROM a\nRUN one\nFROM b AS two\nRUN two\nFROM c\nCOPY --from=0 x y\nCOPY --from=two x y\nCOPY --from=other:1 x y\nCOPY --from=scratch x y\nRUN --mount=from=two,target=/m three');
  const froms = operationsOf(graph, 'copy').map(({ sources: [source] }) => source?.kind === 'path' && graph.vertices[source.from]?.name.replace(/@.*/, ''));
  assert.deepEqual(froms, ['[stage-0 2/2] RUN one', '[two 2/2] RUN two', 'FROM other:1', 'FROM scratch']);
  const [mount] = operationsOf(graph, 'run').at(-1)?.mounts ?? [];
  assert.ok(mount?.kind === 'bind' && graph.vertices[mount.from]?.name === '[two 2/2] RUN two');
});

test('A6.44 a stage must stand before its use', () => {
  refused('FROM a AS x\nCOPY --from=y 1 2\nFROM x AS y', 'STAGE_NOT_DEFINED', [2, 2], { message: /"y".*before current stage "x"/ });
  refused('FROM a AS x\nRUN --mount=from=y,target=/m 1\nFROM x AS y', 'STAGE_NOT_DEFINED', [2, 2]);
  refused('FROM a AS x\nRUN --mount=from=y,target=/m 1\nFROM x AS y', 'STAGE_NOT_DEFINED', [2, 2], { message: /^cannot mount from stage "y"/ });
  refused('FROM a AS target\nCOPY --from=build / /out\nFROM b AS build\nFROM target', 'STAGE_NOT_DEFINED', [2, 2], { message: /^cannot copy from stage "build", it needs to be defined before current stage "target"$/ });
  for (const index of ['7', '-1', '+2', '002']) refused(`FROM a\nFROM b\nCOPY --from=${index} 1 2`, 'STAGE_INDEX_INVALID', [3, 3]);
});

test('A6.44 stages that read each other are refused, also where nobody needs them', () => {
  refused('FROM a AS x\nCOPY --from=x 1 2', 'STAGE_CYCLE', [2, 2], { message: /^circular dependency detected on stage: x / });
  refused('FROM a AS x\nCOPY \\\n --from=0 \\\n 1 2', 'STAGE_CYCLE', [2, 4]);
  refused('FROM a AS stage0\nCOPY --from=stage2 1 2\nFROM a AS stage1\nRUN --mount=from=stage0,target=/m x\nFROM a AS stage2\nCOPY --from=stage1 1 2', 'STAGE_CYCLE', [4, 4], {
    message: /^circular dependency detected on stage: stage0 \(stage0 reads stage2 reads stage1 reads stage0\)$/,
  });
  refused('FROM a\nCOPY --from=1 1 2\nFROM b\nCOPY --from=0 1 2\nFROM scratch', 'STAGE_CYCLE', [4, 4], { message: /stage-0 reads stage-1 reads stage-0/ });
  check([['FROM a AS x\nFROM b AS y\nCOPY --from=x 1 2\nFROM c\nCOPY --from=y 1 2\nCOPY --from=x 1 2', [['c', 'b', 'a']]]]);
});

test('A6.40 --from is not expanded', () => {
  refused('ARG S=x\nFROM a AS x\nFROM b\nARG S\nCOPY --from=$S 1 2', 'FROM_EXPANSION', [5, 5]);
  refused('FROM b\nCOPY --from=${S} 1 2', 'FROM_EXPANSION', [2, 2]);
  refused('FROM b\nCOPY --from=a$ 1 2', 'FROM_EXPANSION', [2, 2]);
  refused('FROM b\nCOPY --from=$S 1 2\nFROM scratch', 'FROM_EXPANSION', [2, 2]);
});

test('A6.45 what the target does not reach is not resolved, planned or run', () => {
  check([
    ['FROM a AS x\nRUN 1\nFROM b\nRUN 2', [['b']]],
    ['FROM a AS x\nRUN 1\nFROM b\nRUN 2', [['a']], { target: 'x' }],
    ['FROM a AS x\nFROM b AS y\nFROM c\nCOPY --from=y 1 2', [['c', 'b']]],
    ['FROM a AS x\nFROM b AS y\nCOPY --from=x 1 2\nFROM y', [['b', 'a']]],
    ['FROM scratch\nCOPY --from=i 1 2\nFROM scratch', []],
  ]);
  assert.deepEqual(commands('FROM a AS x\nRUN 1\nFROM b\nRUN 2'), ['2']);
  assert.deepEqual(operationsOf(graphOf('FROM a\nCOPY . .\nFROM b'), 'context'), []);
});

test('A6.46 the target is the last stage, or the one named, or the one numbered', () => {
  const source = 'FROM a AS one\nRUN 1\nFROM a AS Two\nRUN 2\nFROM a\nRUN 3';
  const table: readonly (readonly [target: string | null, command: string, name: string])[] = [
    [null, '3', 'default'], ['', '3', 'default'], ['one', '1', 'one'], ['TWO', '2', 'TWO'], ['1', '2', '1'],
  ];
  for (const [target, command, name] of table) {
    assert.deepEqual(commands(source, { target }), [command]);
    assert.equal(graphOf(source, { target }).targetName, name);
  }
  refused(source, 'TARGET_NOT_FOUND', [5, 5], { target: 'tow', message: /"tow"/ });
  refused(source, 'TARGET_NOT_FOUND', [5, 5], { target: '3' });
  refused(source, 'TARGET_NOT_FOUND', [5, 5], { target: 'constructor' });
});

test('A6.47 a named context shadows FROM', () => {
  check([
    ['FROM base', [['base']], { contexts: { base: 'image' } }],
    ['FROM docker.io/library/base:latest', [['base']], { contexts: { base: 'image' } }],
    ['FROM base:1', [['base:1']], { contexts: { base: 'image' } }],
    ['FROM base', [], { contexts: { base: 'directory' } }],
    ['FROM x\nCOPY --from=base 1 2', [['x']], { contexts: { base: 'directory' } }],
    ['FROM scratch', [], { contexts: { scratch: 'image' } }],
  ]);
  const graph = graphOf('FROM base\nCOPY x y', { contexts: { base: 'directory' } });
  assert.deepEqual(operationsOf(graph, 'context'), [{ kind: 'context', name: 'base' }, { kind: 'context', name: '' }]);
  assert.deepEqual(operationsOf(graph, 'copy')[0]?.sources, [{ kind: 'path', from: 0, pattern: '/' }]);
});

test('A6.47 a directory as a base has a line in the history for its layer', () => {
  assert.deepEqual(historyOf('FROM base\nENV a=b', { contexts: { base: 'directory' } }), ['FROM base', '!ENV a=b']);
});

test('A6.47 a named context shadows a stage, whose instructions and triggers are skipped', () => {
  const source = 'FROM a AS base\nRUN own\nONBUILD RUN trigger\nFROM base\nRUN child';
  check([[source, [['base']], { contexts: { base: 'image' } }], [source, [], { contexts: { base: 'directory' } }]]);
  const onbuild = { contexts: { base: 'image' }, bases: { base: { config: { OnBuild: ['RUN image'], Env: ['E=1'] } } } } as const;
  assert.deepEqual(commands(source, onbuild), ['child']);
  assert.equal(configOf(source, onbuild).Env?.[0], 'E=1');
});

test('A6.47 a stage that a named context replaces says what the image says and nothing else', () => {
  const source = 'FROM a AS base\nENV own=1\nWORKDIR /own';
  const image = { contexts: { base: 'image' }, bases: { base: { config: { Env: ['E=1'], WorkingDir: '/w', OnBuild: ['RUN x'] } } } } as const;
  assert.deepEqual(configOf(source, image), { Env: ['E=1'], WorkingDir: '/w' });
  assert.deepEqual(configOf(source, { contexts: { base: 'directory' } }), {});
  assert.deepEqual(configOf(source, { contexts: { base: 'scratch' } }), {});
  assert.equal(configOf(`${source}\nFROM base`, { contexts: { base: 'directory' } }).Env?.[0]?.startsWith('PATH='), true);
});

test('A6.47 an image may be replaced by nothing at all', () => {
  const graph = graphOf('FROM busybox:latest\nCOPY x y', { contexts: { busybox: 'scratch' } });
  assert.deepEqual(graph.vertices.map(({ operation }) => operation.kind), ['scratch', 'context', 'copy', 'config']);
  assert.equal(targetOf(graph).config.config?.WorkingDir, '/');
});

test('A6.48 config comes through FROM alone', () => {
  const config = configOf('FROM a AS x\nENV A=1\nLABEL l=1\nUSER u\nFROM b\nCOPY --from=x 1 2');
  assert.deepEqual({ ...config, Env: config.Env?.slice(0, -1) }, { Env: [] });
});

test('A6.49 triggers of the base image run right after FROM, in order, and are gone from the config', () => {
  const options = { bases: { base: { config: { OnBuild: ['RUN one', 'ENV A=1', 'COPY <<E /f\nx $A\nE\n', 'RUN two'] } } } };
  assert.deepEqual(commands('FROM base\nRUN own', options), ['one', 'two', 'own']);
  assert.equal(configOf('FROM base', options).OnBuild, undefined);
  assert.deepEqual(historyOf('FROM base', options), ['RUN /bin/sh -c one # buildkit', '!ENV A=1', 'COPY <<E /f # buildkit', 'RUN /bin/sh -c two # buildkit']);
  assert.deepEqual(copyOf('FROM base', options).sources, [{ kind: 'inline', name: 'E', content: 'x 1\n' }]);
  assert.deepEqual(namesOf('FROM base\nRUN own', options), ['[1/5] FROM base@…', '[2/5] ONBUILD RUN one', '[3/5] ONBUILD COPY <<E /f', '[4/5] ONBUILD RUN two', '[5/5] RUN own']);
});

test('A6.49 triggers of a stage run in its children, not in their children', () => {
  const source = 'FROM a AS base\nONBUILD RUN trigger\nRUN base\nFROM base AS child\nRUN child\nFROM child\nRUN grandchild';
  assert.deepEqual(commands(source), ['base', 'trigger', 'child', 'grandchild']);
  assert.deepEqual(configOf(source).OnBuild, undefined);
  assert.deepEqual(configOf(source, { target: 'base' }).OnBuild, ['RUN trigger']);
  assert.equal(vertexOf(graphOf(source), 'trigger').stage, 'child');
});

test('A6.49 a trigger may need stages and images that nobody needed before', () => {
  const source = 'FROM tools AS tools\nFROM base';
  check([
    [source, [['base'], ['more', 'tools']], { bases: { base: { config: { OnBuild: ['COPY --from=tools 1 2', 'RUN --mount=from=more,target=/m x'] } } } }],
    ['FROM base', [['base'], ['more']], { bases: { base: { config: { OnBuild: ['COPY --from=more 1 2'] } }, more: { config: { OnBuild: ['COPY --from=never 1 2'] } } } }],
  ]);
  refused('FROM base\nFROM tools AS later', 'STAGE_NOT_DEFINED', [1, 1], { target: '0', bases: { base: { config: { OnBuild: ['COPY --from=later 1 2'] } } } });
});

test('A6.49 a trigger that is a trigger itself comes to the next stage', () => {
  const options = { bases: { base: { config: { OnBuild: ['ONBUILD RUN second', 'RUN first'] } } } };
  assert.deepEqual(commands('FROM base AS x\nRUN x\nFROM x\nRUN y', options), ['first', 'x', 'second', 'y']);
  assert.deepEqual(configOf('FROM base', options).OnBuild, ['RUN second']);
});

test('A6.49 a trigger that cannot be read is refused at the FROM that brings it', () => {
  for (const [trigger, code] of [['FROM x', 'ONBUILD_TRIGGER'], ['RUN a\nRUN b', 'ONBUILD_EXPRESSION'], ['NO x', 'INSTRUCTION_UNKNOWN']] as const) {
    refused('ARG X\nFROM base', code, [2, 2], { bases: { base: { config: { OnBuild: [trigger] } } } });
  }
  refused('FROM base', 'EXPOSE_INVALID', [1, 1], { bases: { base: { config: { OnBuild: ['EXPOSE x'] } } } });
});

test('A6.50 FROM whose expression becomes empty is refused', () => {
  refused('ARG B\nFROM $B', 'BASE_NAME_BLANK', [2, 2], { message: /base name should not be blank/ });
  refused('ARG B\nFROM $B AS x\nFROM scratch', 'BASE_NAME_BLANK', [2, 2]);
  refused('FROM Upper', 'REFERENCE_INVALID', [1, 1]);
  refused('FROM a\nCOPY --from=Upper 1 2', 'REFERENCE_INVALID', [2, 2]);
  refused('ARG P\nFROM --platform=$P a', 'PLATFORM_EMPTY', [2, 2]);
  refused('FROM --platform=a/b/c/d a', 'PLATFORM_INVALID', [1, 1]);
  refused('FROM ${X:?none}', 'WORD_REQUIRED', [1, 1]);
});

test('A6.51 created of the base is dropped, its history stays, its platform gives way to the one asked for', () => {
  const history = [{ created: '2001-01-01T00:00:00Z', created_by: 'base' }];
  const { config, baseHistory } = targetOf(graphOf('FROM a', { bases: { a: { history, author: 'me' } } }));
  assert.deepEqual([config.created, config.author, baseHistory], ['1980-01-02T00:00:00Z', 'me', history]);
  const platformOf = (source: string, options: PlanOptions): string => {
    const { os, architecture, variant } = targetOf(graphOf(source, options)).config;
    return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
  };
  const cross = { targetPlatform: arm64, isPlatformGiven: true, buildPlatform: amd64 };
  const table: readonly (readonly [source: string, expected: string, options: PlanOptions])[] = [
    ['FROM a', 'linux/arm64', cross],
    ['FROM --platform=$BUILDPLATFORM a', 'linux/arm64', cross],
    ['FROM --platform=$BUILDPLATFORM a AS x\nFROM x', 'linux/arm64', cross],
    ['FROM scratch', 'linux/arm64', cross],
    ['FROM --platform=linux/arm64 a', 'linux/arm64', {}],
    ['FROM a', 'linux/arm64', { ...cross, bases: { a: { variant: 'v8' } } }],
    ['FROM a', 'linux/arm/v6', { isPlatformGiven: true, targetPlatform: { os: 'linux', architecture: 'arm', variant: 'v6' }, bases: { a: { variant: 'v7' } } }],
    ['FROM a', 'linux/amd64/v3', { bases: { a: { variant: 'v3' } } }],
    // Whoever names this machine's platform gets it, whatever the stage was built with.
    ['FROM --platform=linux/arm64 a', 'linux/amd64', { isPlatformGiven: true }],
    ['FROM a', 'linux/amd64', { isPlatformGiven: true, bases: { a: { variant: 'v3' } } }],
  ];
  for (const [source, expected, options] of table) assert.equal(platformOf(source, options), expected, source);
  assert.deepEqual(runOf('FROM --platform=$BUILDPLATFORM a\nRUN x', cross).platform, amd64);
});

test('the answer names each image once, with the first place that wants it', () => {
  const { rounds } = planned('FROM a\nCOPY --from=b 1 2\nCOPY --from=b 3 4\nFROM a\nCOPY --from=0 1 2');
  assert.deepEqual(rounds, [['a linux/amd64', 'b linux/amd64']]);
});

test('an image is asked for once, however it is spelled', () => check([
  ['FROM busybox\nCOPY --from=docker.io/library/busybox:latest 1 2\nCOPY --from=library/busybox 3 4', [['busybox']]],
  [`FROM busybox:1@sha256:${'0'.repeat(64)}\nCOPY --from=busybox@sha256:${'0'.repeat(64)} 1 2`, [[`busybox:1@sha256:${'0'.repeat(64)}`, `busybox@sha256:${'0'.repeat(64)}`]]],
]));

test('A6.45 an unreachable stage must still parse', () => {
  assert.throws(() => inputOf('FROM a\nRUN --nope x\nFROM b'), { code: 'FLAG_UNKNOWN' });
});

test('names of objects are names of stages, contexts and images', () => {
  check([
    ['FROM constructor\nCOPY --from=tostring 1 2', [['constructor', 'tostring']]],
    ['FROM a AS constructor\nFROM constructor', [['a']]],
    ['FROM a AS hasownproperty\nFROM valueof', [['valueof']]],
  ]);
  refused('FROM a\nCOPY --from=__proto__ 1 2', 'REFERENCE_INVALID', [2, 2]);
});

test('steps are numbered as BuildKit numbers them', () => {
  assert.deepEqual(namesOf('FROM a\nENV x=y\nRUN 1\nWORKDIR /w\nCOPY . .'), ['[1/4] FROM a@…', '[2/4] RUN 1', '[3/4] WORKDIR /w', '[internal] load build context', '[4/4] COPY . .']);
  assert.deepEqual(namesOf('FROM scratch\nRUN 1'), ['[1/1] RUN 1']);
  assert.deepEqual(namesOf('FROM a AS builder\nRUN make\nFROM builder\nRUN 1\nADD . /'), ['[builder 1/2] FROM a@…', '[builder 2/2] RUN make', '[stage-1 1/2] RUN 1', '[internal] load build context', '[stage-1 2/2] ADD . /']);
  const many = namesOf(`FROM a\n${'RUN 1\n'.repeat(9)}`);
  assert.deepEqual([many[0], many[1], many[9]], ['[ 1/10] FROM a@…', '[ 2/10] RUN 1', '[10/10] RUN 1']);
  assert.deepEqual(namesOf('FROM a AS x\nRUN 1\nFROM a AS y\nRUN 2\nCOPY --from=x 1 2'), ['[x 1/2] FROM a@…', '[x 2/2] RUN 1', '[y 2/3] RUN 2', '[y 3/3] COPY --from=x 1 2']);
  // With several platforms each step names its own, and the one that it builds for where it knows another.
  const several = { targetPlatform: arm64, buildPlatform: amd64, isPlatformShown: true };
  assert.deepEqual(namesOf('FROM --platform=$BUILDPLATFORM a AS x\nRUN 1\nARG TARGETARCH\nRUN 2\nFROM b\nCOPY --from=x . .', several), [
    '[linux/amd64 x 1/3] FROM a@…', '[linux/amd64 x 2/3] RUN 1', '[linux/amd64->arm64 x 3/3] RUN 2', '[linux/arm64 stage-1 1/2] FROM b@…', '[linux/arm64 stage-1 2/2] COPY --from=x . .',
  ]);
  assert.deepEqual(namesOf('FROM --platform=$BUILDPLATFORM a\nARG TARGETPLATFORM\nRUN 1', { ...several, targetPlatform: { os: 'linux', architecture: 'arm', variant: 'v7' } })[1], '[linux/amd64->arm/v7 2/2] RUN 1');
  assert.deepEqual(namesOf('FROM --platform=$BUILDPLATFORM a\nARG TARGETOS\nRUN 1', { ...several, targetPlatform: { os: 'windows', architecture: 'amd64' } })[1], '[linux/amd64->windows/amd64 2/2] RUN 1');
  assert.deepEqual(namesOf('FROM a\nARG TARGETPLATFORM\nRUN 1', several)[1], '[linux/arm64 2/2] RUN 1');
  // The root needs no directory, so that step is counted and never shown.
  assert.deepEqual(namesOf('FROM a\nWORKDIR /\nRUN 1'), ['[1/3] FROM a@…', '[2/3] RUN 1']);
});

test('steps of RUN with a lone here-document tell its first line', () => {
  const name = (line: string): string | undefined => namesOf(`FROM scratch\n${line}`).at(-1);
  assert.equal(name('RUN <<E\n\n  make $X\nmake test\nE'), '[1/1] RUN <<E (make $X...)');
  assert.equal(name('RUN <<E\nmake\nE'), '[1/1] RUN <<E (make)');
  assert.equal(name('RUN python <<E\nmake\nE'), '[1/1] RUN python <<E');
  assert.equal(name('COPY <<E /x\nmake\nE'), '[1/1] COPY <<E /x');
  assert.equal(name('RUN a \\\n  # no\n  && b'), '[1/1] RUN a   && b');
});

test('--no-cache is on every step, --no-cache-filter on those of the stages that it names', () => {
  const source = 'FROM a AS one\nRUN 1\nFROM a AS two\nRUN 2\nCOPY --from=one x y';
  const ignored = (options: PlanOptions): readonly boolean[] => graphOf(source, options).vertices.filter(({ operation }) => operation.kind !== 'config').map(({ ignoreCache }) => ignoreCache);
  assert.deepEqual(ignored({}), [false, false, false, false]);
  assert.deepEqual(ignored({ noCache: true }), [false, true, true, true]);
  assert.deepEqual(ignored({ noCacheFilter: ['TWO'] }), [false, false, true, true]);
  assert.deepEqual(ignored({ noCacheFilter: [''] }), [false, true, true, true]);
  assert.deepEqual(ignored({ noCacheFilter: ['none'] }), [false, false, false, false]);
});
