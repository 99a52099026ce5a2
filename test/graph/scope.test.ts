/** Which variables exist where: SEMANTICS A4 and A6, 18 to 23 and 32 to 42. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { amd64, configOf, copyOf, envOf, graphOf, historyOf, namesOf, operationsOf, planned, runOf, runsOf, type PlanOptions } from './support.ts';

type Environment = Readonly<Record<string, string>>;

/** The environment of the last RUN. */
function check(table: readonly (readonly [source: string, expected: Environment, options?: PlanOptions])[]): void {
  for (const [source, expected, options] of table) assert.deepEqual(envOf(runOf(source, options)), expected, source);
}

const stage = (lines: string): string => `FROM a\n${lines}\nRUN x`;

test('A6.18 keys of ENV and LABEL are expanded too', () => {
  check([[stage('ENV k=N\nENV $k=v'), { k: 'N', N: 'v' }]]);
  assert.deepEqual(configOf('FROM a\nENV k=N v=V\nLABEL "$k"=$v').Labels, { N: 'V' });
});

test('A6.19 pairs of one ENV see the environment from before it', () => check([
  [stage('ENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc'), { def: 'hello', abc: 'bye', ghi: 'bye' }],
]));

test('A6.20 pairs of one ARG are expanded from left to right', () => check([
  [stage('ARG a=1 b=$a c=$b$a'), { a: '1', b: '1', c: '11' }],
  [stage('ARG a=1 b=$a'), { a: '2', b: '2' }, { args: { a: '2' } }],
]));

test('A6.21 expansion does not split words, but for EXPOSE', () => {
  const copy = copyOf('FROM a\nENV F="a b"\nCOPY $F /d');
  assert.deepEqual(copy.sources.map((source) => source.kind === 'path' && source.pattern), ['/a b']);
  assert.deepEqual(Object.keys(configOf('FROM a\nENV P="80 81/udp"\nEXPOSE $P').ExposedPorts ?? {}), ['80/tcp', '81/udp']);
});

test('A6.23 names of steps keep a variable that is not set, and quotes', () => {
  const name = (line: string): string => namesOf(`FROM scratch\nENV SET="a b"\n${line}`).at(-1)?.replace(/^\[[^\]]*\] /, '') ?? '';
  assert.equal(name('RUN echo $SET $NOT ${NOT:-x} "$SET"'), 'RUN echo a b $NOT ${NOT:-x} "a b"');
  assert.equal(name('RUN echo \'$SET\' \\$SET $(seq 3) "a\\nb" $?'), 'RUN echo \'$SET\' $SET $(seq 3) "a\\nb" $?');
  assert.equal(name('RUN echo ${SET^^}'), 'RUN echo ${SET^^}');
  assert.equal(name('copy $SET /d/$NOT'), 'COPY a b /d/$NOT');
  assert.equal(name('RUN --mount=type=secret,id=s,env=SET echo $SET'), 'RUN --mount=type=secret,id=s,env=SET echo $SET');
  assert.equal(name('run\tmake'), 'RUN\tmake');
});

test('A6.32 an ARG before the first FROM is seen by FROM lines only, until it is imported', () => {
  check([
    ['ARG X=1\nFROM a\nRUN x', {}],
    ['ARG X=1\nFROM a\nARG X\nRUN x', { X: '1' }],
    ['ARG X=1\nFROM a\nARG X=2\nRUN x', { X: '2' }],
    ['ARG X=1\nFROM a\nARG X\nRUN x', { X: '3' }, { args: { X: '3' } }],
    ['ARG X=1\nARG Y=$X$X\nFROM a\nARG Y\nRUN x', { Y: '11' }],
    ['ARG X\nFROM a\nARG X\nRUN x', {}],
    ['ARG X=1\nFROM b\nFROM a\nARG X\nRUN x', { X: '1' }],
  ]);
  assert.deepEqual(planned('ARG T=1\nARG R=r\nFROM $R:${T}').rounds, [['r:1 linux/amd64']]);
  assert.deepEqual(planned('ARG T=1\nFROM r:$T\nARG T=3', { args: { T: '2' } }).rounds, [['r:2 linux/amd64']]);
});

test('A6.33 platform ARGs are global and must be imported', () => {
  const platforms = { targetPlatform: { os: 'linux', architecture: 'arm', variant: 'v7' }, buildPlatform: amd64 };
  check([
    [stage(''), {}, platforms],
    [stage('ARG TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT TARGETOSVERSION'),
      { TARGETPLATFORM: 'linux/arm/v7', TARGETOS: 'linux', TARGETARCH: 'arm', TARGETVARIANT: 'v7', TARGETOSVERSION: '' }, platforms],
    [stage('ARG TARGETPLATFORM TARGETOSVERSION'), { TARGETPLATFORM: 'windows(1.2.3)/amd64', TARGETOSVERSION: '1.2.3' }, { targetPlatform: { os: 'windows', architecture: 'amd64', 'os.version': '1.2.3' } }], // testPlatformWithOSVersion
    [stage('ARG BUILDPLATFORM\nARG BUILDOS\nARG BUILDARCH\nARG BUILDVARIANT'), { BUILDPLATFORM: 'linux/amd64', BUILDOS: 'linux', BUILDARCH: 'amd64', BUILDVARIANT: '' }, platforms],
    [stage('ARG TARGETARCH=mine'), { TARGETARCH: 'mine' }, platforms],
    [stage('ARG TARGETARCH'), { TARGETARCH: 'given' }, { ...platforms, args: { TARGETARCH: 'given' } }],
  ]);
  assert.deepEqual(planned('FROM --platform=$BUILDPLATFORM a\nFROM b\nCOPY --from=0 x y', platforms).rounds, [['b linux/arm/v7', 'a linux/amd64']]);
});

test('A4.3 TARGETSTAGE is the name of the target, or default', () => check([
  [stage('ARG TARGETSTAGE'), { TARGETSTAGE: 'default' }],
  ['FROM a AS One\nARG TARGETSTAGE\nRUN x', { TARGETSTAGE: 'one' }],
  ['FROM a AS one\nARG TARGETSTAGE\nRUN x', { TARGETSTAGE: 'one' }, { target: '' }],
  ['FROM a AS one\nARG TARGETSTAGE\nRUN x\nFROM b AS two', { TARGETSTAGE: 'ONE' }, { target: 'ONE' }],
]));

test('A4.5 arguments that steer the builder never become environment', () => check([
  [stage('ARG BUILDKIT_SBOM_SCAN_STAGE=true BUILDKIT_SBOM_SCAN_CONTEXT=true BUILDKIT_DOCKERFILE_CHECK=skip=all X=1'), { X: '1' }],
  [stage('ARG BUILDKIT_SBOM_SCAN_STAGE BUILDKIT_SBOM_SCAN_CONTEXT BUILDKIT_DOCKERFILE_CHECK'), {}, { args: { BUILDKIT_SBOM_SCAN_STAGE: 'a', BUILDKIT_SBOM_SCAN_CONTEXT: 'b', BUILDKIT_DOCKERFILE_CHECK: 'skip=all' } }],
  // The others of the builder are arguments like any other where an ARG names them.
  [stage('ARG BUILDKIT_BUILD_NAME BUILDKIT_INLINE_CACHE'), { BUILDKIT_BUILD_NAME: 'n', BUILDKIT_INLINE_CACHE: '1' }, { args: { BUILDKIT_BUILD_NAME: 'n', BUILDKIT_INLINE_CACHE: '1' } }],
  [stage('ENV A=$BUILDKIT_BUILD_NAME'), { A: '' }, { args: { BUILDKIT_BUILD_NAME: 'n' } }],
]));

test('A4.5 arguments that steer the builder are in the history, and nowhere in the config', () => {
  const source = 'FROM scratch\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nENV A=x$BUILDKIT_SBOM_SCAN_STAGE';
  assert.deepEqual(configOf(source).Env?.slice(1), ['A=x']);
  assert.deepEqual(historyOf(source), ['!ARG BUILDKIT_SBOM_SCAN_STAGE=true', '!ENV A=x']);
});

test('A6.34 an ARG takes effect from its line on', () => check([
  [stage('ENV A=$X\nARG X=1\nENV B=$X'), { A: '', X: '1', B: '1' }],
  [stage('ENV X=env\nENV A=$X\nARG X=arg\nENV B=$X'), { A: 'env', X: 'arg', B: 'arg' }],
]));

test('A6.35 a child stage inherits ENV and ARG, others do not', () => check([
  ['FROM a AS base\nARG X=1\nENV Y=2\nFROM base\nRUN x', { X: '1', Y: '2' }],
  ['FROM a AS base\nARG X=1\nENV Y=2\nRUN x\nFROM a\nCOPY --from=base . .\nRUN x', {}],
]));

test('A6.36 ARG with a value after ENV overrides it, ENV after ARG overrides that, the config keeps the ENV', () => {
  check([
    [stage('ENV X=env\nARG X=arg'), { X: 'arg' }],
    [stage('ARG X=arg\nENV X=env'), { X: 'env' }],
    [stage('ARG X=arg\nENV X=env'), { X: 'env' }, { args: { X: 'given' } }],
    [stage('ENV X=env\nARG X'), { X: 'given' }, { args: { X: 'given' } }],
    ['ARG X=global\nFROM a\nENV X=env\nARG X\nRUN x', { X: 'global' }],
  ]);
  assert.deepEqual(configOf('FROM scratch\nENV X=env\nARG X=arg').Env?.slice(1), ['X=env']);
});

test('A6.37 ARG without any value sets nothing', () => {
  check([[stage('ENV X=env\nARG X'), { X: 'env' }], [stage('ARG X'), {}], [stage('ARG X='), { X: '' }], [stage('ARG X=1'), { X: '' }, { args: { X: '' } }]]);
  assert.deepEqual(historyOf('FROM scratch\nARG X Y=1 Z='), ['!ARG X Y=1 Z=']);
});

test('A4.1 ten proxies reach RUN by build argument, in any case and in both', () => {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];
  const both = Object.fromEntries(names.flatMap((name) => [[name, name], [name.toLowerCase(), name]]));
  for (const spell of [(name: string) => name, (name: string) => name.toLowerCase(), (name: string) => name.replace('_PROXY', '_proxy')]) {
    const given = Object.fromEntries(names.map((name) => [spell(name), name]));
    assert.deepEqual(Object.fromEntries(runOf('FROM a\nRUN x', { args: given }).proxyEnv), both);
  }
  assert.deepEqual(runOf('FROM a\nRUN x', { args: { PROXY: '1', HTTP_PROXY_: '1', XHTTP_PROXY: '1' } }).proxyEnv, []);
});

test('A4.1 a proxy that an ARG names is a variable like any other, and in the history', () => {
  const options = { args: { HTTP_PROXY: 'http://h' } };
  assert.deepEqual(envOf(runOf('FROM a\nARG HTTP_PROXY\nRUN x', options)), { HTTP_PROXY: 'http://h' });
  assert.deepEqual(historyOf('FROM a\nARG HTTP_PROXY\nRUN x', options), ['!ARG HTTP_PROXY=http://h', 'RUN |1 HTTP_PROXY=http://h /bin/sh -c x # buildkit']);
});

test('A6.38 proxies reach RUN in both cases without ARG, and nothing else', () => {
  const options = { args: { HTTPS_proxy: 'http://u:p@h', no_proxy: 'x', other: 'y' } };
  const graph = graphOf('FROM a\nRUN x\nENV P=$HTTPS_PROXY$https_proxy', options);
  const [run] = operationsOf(graph, 'run');
  assert.deepEqual(Object.fromEntries(run?.proxyEnv ?? []), { HTTPS_PROXY: 'http://u:p@h', https_proxy: 'http://u:p@h', NO_PROXY: 'x', no_proxy: 'x' });
  assert.deepEqual(run === undefined ? null : envOf(run), {});
  assert.deepEqual(historyOf('FROM a\nRUN x', options), ['RUN /bin/sh -c x # buildkit']);
  assert.deepEqual(configOf('FROM scratch\nENV P=$HTTPS_PROXY$https_proxy', options).Env?.slice(1), ['P=']);
  const upperLast = { args: { http_proxy: 'lower', HTTP_PROXY: 'upper' } };
  assert.deepEqual(Object.fromEntries(runOf('FROM a\nRUN x', upperLast).proxyEnv), { HTTP_PROXY: 'lower', http_proxy: 'lower' });
});

test('A6.39 every declared ARG is in the environment of every later RUN', () => {
  const runs = runsOf('FROM a\nRUN 1\nARG X=1\nRUN 2\nRUN 3');
  assert.deepEqual(runs.map(envOf), [{}, { X: '1' }, { X: '1' }]);
});

test('A6.41 PATH is set where the base has none, also for scratch, and saved', () => {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  assert.deepEqual(configOf('FROM scratch').Env, [`PATH=${path}`]);
  assert.deepEqual(configOf('FROM a', { bases: { a: { config: { Env: ['A=1'] } } } }).Env, ['A=1', `PATH=${path}`]);
  assert.deepEqual(configOf('FROM a', { bases: { a: { config: { Env: ['PATH=/x', 'B='] } } } }).Env, ['PATH=/x', 'B=']);
  assert.deepEqual(configOf('FROM a', { bases: { a: { config: { Env: ['PATH='] } } } }).Env, ['PATH=']);
  assert.deepEqual(configOf('FROM scratch\nENV PATH=$PATH:/x').Env, [`PATH=${path}:/x`]);
  assert.equal(Object.fromEntries(runOf('FROM scratch\nRUN ["x"]').env)['PATH'], path);
});

test('A6.42 an empty ENV is set', () => check([[stage('ENV X=\nENV A=${X-d} B=${X:-d}'), { X: '', A: '', B: 'd' }]]));

test('ENV keeps the place of a variable in the config', () => {
  const options = { bases: { a: { config: { Env: ['A=1', 'PATH=/x', 'B=2=3', 'C'] } } } };
  assert.deepEqual(configOf('FROM a\nENV B=4 D=5 A=6\nENV C=7', options).Env, ['A=6', 'PATH=/x', 'B=4', 'C=7', 'D=5']);
  assert.deepEqual(envOf(runOf('FROM a\nRUN x', options)), { A: '1', B: '2=3', C: '' });
});

test('SOURCE_DATE_EPOCH is given to RUN unless ARG or ENV set it', () => {
  const epoch = (source: string, args: Environment = {}): string | undefined => Object.fromEntries(runOf(source, { args }).env)['SOURCE_DATE_EPOCH'];
  assert.equal(epoch(stage('')), '315619200');
  assert.equal(epoch(stage('ENV SOURCE_DATE_EPOCH=5')), '5');
  assert.equal(epoch(stage('ARG SOURCE_DATE_EPOCH'), { SOURCE_DATE_EPOCH: '7' }), '7');
  assert.equal(epoch(stage('ARG SOURCE_DATE_EPOCH')), '315619200');
});

test('names of objects are names like any other', () => {
  const names = '__proto__ constructor toString hasOwnProperty'.split(' ');
  const lines = names.map((name) => `ARG ${name}=arg\nENV ${name}=$${name}-env\nLABEL ${name}=label\nVOLUME ${name}`).join('\n');
  const config = configOf(`FROM scratch AS base\n${lines}\nFROM base`);
  assert.deepEqual(config.Env?.slice(1), names.map((name) => `${name}=arg-env`));
  assert.deepEqual(Object.entries(config.Labels ?? {}), names.map((name) => [name, 'label']));
  assert.deepEqual(Object.keys(config.Volumes ?? {}), names);
  assert.deepEqual(runOf('FROM a\nRUN $constructor').args, ['/bin/sh', '-c', '$constructor']);
  assert.deepEqual(envOf(runOf('FROM a\nENV A=$constructor$__proto__\nRUN x')), { A: '' });
});
