/**
 * Behaviour that other builders' test suites show for words, scopes, stages, config and history, in Dockerfiles of our own.
 * The first column names the suite's test: BuildKit's (frontend/dockerfile/*_test.go), Buildah's (tests/conformance,
 * tests/bud), imagebuilder's (dockerclient/testdata) or Kaniko's (integration/dockerfiles). Where Buildah or Kaniko do
 * otherwise than BuildKit, BuildKit's answer stands here.
 */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { ContainerConfig } from '../../src/image/config.ts';
import { configOf, copyOf, envOf, historyOf, namesOf, planned, refused, runOf, runsOf, type PlanOptions } from './support.ts';

type EnvRow = readonly [suiteTest: string, lines: string, expected: Readonly<Record<string, string>>, options?: PlanOptions];

/** The environment of a RUN at the end of the file, and so the values that words have there. */
function checkEnv(rows: readonly EnvRow[]): void {
  for (const [name, source, expected, options] of rows) assert.deepEqual(envOf(runOf(`${source}\nRUN x\n`, options)), expected, name);
}

test('values of ENV are written as in other suites', () => checkEnv([
  ['buildah env-whitespace', 'FROM a\nENV key the value', { key: 'the value' }],
  ['buildah env-unquoted-list', 'FROM a\nENV k=v k2=v2', { k: 'v', k2: 'v2' }],
  ['buildah env-dquoted-list', 'FROM a\nENV k="v w"', { k: 'v w' }],
  ['buildah env-escaped-value', 'FROM a\nENV k=v\\ w', { k: 'v w' }],
  ['buildah env-escaped-list', 'FROM a\nENV k=v\\ w l=x\\ y', { k: 'v w', l: 'x y' }],
  ['buildah env-squote-in-dquote', 'FROM a\nENV k="v\'w x\'y"', { k: "v'w x'y" }],
  ['buildah env-dquote-in-squote', 'FROM a\nENV k=\'v"w x"y\'', { k: 'v"w x"y' }],
  ['buildah env-eddquote', 'FROM a\nENV k="v\\"w"', { k: 'v"w' }],
  ['buildah env-esdquote', 'FROM a\nENV k="v\\\'w"', { k: "v\\'w" }],
  ['buildah env-essquote', "FROM a\nENV k='v\\'w''", { k: 'v\\w' }],
  ['buildah env-edsquote', "FROM a\nENV k='v\\\"w'", { k: 'v\\"w' }],
  ['buildah env-empty-squote-in-empty-dquote', 'FROM a\nENV k="\'\'"', { k: "''" }],
  ['buildah Dockerfile.edgecases', 'FROM a\nENV DEEP 1 SEA 3\nENV DEEP "1 SEA 3"', { DEEP: '1 SEA 3' }],
  ['buildkit testEnvEmptyFormatting', 'FROM a\nENV k v%sw', { k: 'v%sw' }],
  ['buildkit testDefaultEnvWithArgs: nothing given', 'FROM a\nARG n\nENV n "n=${n:-standard}"\nENV t "${n%%t*}"', { n: 'n=standard', t: 'n=s' }],
  ['buildkit testDefaultEnvWithArgs: empty', 'FROM a\nARG n\nENV n "n=${n:-standard}"', { n: 'n=standard' }, { args: { n: '' } }],
  ['buildkit testDefaultEnvWithArgs: given', 'FROM a\nARG n\nENV n "n=${n:-standard}"\nENV t "${n%%t*}"', { n: 'n=better', t: 'n=be' }, { args: { n: 'better' } }],
  ['imagebuilder Dockerfile.args', 'FROM a\nENV A="v" T=$B\nARG B\nENV C=$B', { A: 'v', T: '', C: 'given', B: 'given' }, { args: { B: 'given' } }],
  ['imagebuilder Dockerfile.multiarg', 'FROM a\nARG many="a=1 b=2"\nENV all="${many}"', { many: 'a=1 b=2', all: 'a=1 b=2' }],
  ['imagebuilder Dockerfile.envargconflict', 'FROM a\nARG WHO=arg\nENV WHO=env\nUSER ${WHO}', { WHO: 'env' }, { args: { WHO: 'cli' } }],
  ['buildah Dockerfile.quoted-arg', 'FROM a AS l\nARG q="two words"\nARG e=$q\nFROM l', { q: 'two words', e: 'two words' }],
]));

test('the last line of a file may end in an escape character (Buildah, env-multiline)', () => {
  const source = 'FROM scratch\nENV k=v \\\n   k1=w \\\n   k2="x \\\n y" \\\n  k3="z\\n\\"q\\"" \\\n k4="p\\\\nq" \\\n';
  assert.deepEqual(configOf(source).Env?.slice(1), ['k=v', 'k1=w', 'k2=x  y', 'k3=z\\n"q"', 'k4=p\\nq']);
});

test('arguments are in scope as in other suites', () => checkEnv([
  ['buildkit testMultiArgs', 'ARG p="x y" q=box\nARG r="$q-z"\nFROM busy$q\nARG r s="1 2" p', { r: 'box-z', s: '1 2', p: 'x y' }],
  ['buildkit testQuotedMetaArgs', 'ARG p="box"\nARG q="$p-z"\nFROM busy$p\nARG q\nARG r="y-$q"', { q: 'box-z', r: 'y-box-z' }],
  ['buildkit testTargetStageNameArg: before ARG', 'FROM a AS t', {}],
  ['buildkit testTargetStageNameArg: default', 'FROM a\nARG TARGETSTAGE', { TARGETSTAGE: 'default' }],
  ['buildkit testTargetStageNameArg: last name', 'FROM a AS base\nARG TARGETSTAGE\nFROM base AS Final', { TARGETSTAGE: 'final' }],
  ['buildkit testEmptyStringArgInEnv', 'FROM a\nARG p\nARG q=', { q: '' }],
  ['buildkit testPlatformArgsExplicit', 'FROM --platform=$BUILDPLATFORM a\nARG TARGETPLATFORM\nARG TARGETOS', { TARGETPLATFORM: 'darwin/ppc64le', TARGETOS: 'freebsd' }, { targetPlatform: { os: 'darwin', architecture: 'ppc64le' }, isPlatformGiven: true, args: { TARGETOS: 'freebsd' } }],
  ['buildah Containerfile.arg-mixed-defaults', 'FROM a\nARG p q=set', { q: 'set' }],
  ['buildah Containerfile.arg-mixed-defaults, given', 'FROM a\nARG p q=set', { p: '1', q: '2' }, { args: { p: '1', q: '2' } }],
  ['buildah Containerfile.multiple-args-stage-overrides-one', 'ARG p=0 q=1\nFROM a\nARG p=9\nARG q', { p: '9', q: '1' }],
  ['buildah Containerfile.multiple-args-stage-overrides-one, given', 'ARG p=0 q=1\nFROM a\nARG p=9\nARG q', { p: '7', q: '1' }, { args: { p: '7' } }],
  ['buildah base-with-arg/Containerfile2', 'ARG WHICH\nFROM a AS one\nENV for=one\nFROM a AS two\nENV for=two\nFROM ${WHICH}', { for: 'two' }, { args: { WHICH: 'two' } }],
  ['imagebuilder Dockerfile.heading-redefine', 'ARG p=latest\nFROM a:$p\nARG p', { p: 'latest' }],
  ['imagebuilder Dockerfile.arg-scope: not beside', 'FROM a AS other\nARG s=1\nFROM a', {}],
  ['kaniko Dockerfile_test_arg_blank_with_quotes', 'ARG f=""\nFROM a\nARG f', { f: '' }],
  ['kaniko Dockerfile_test_arg_multi_with_quotes', 'ARG f="the file"\nFROM a AS x\nARG f\nFROM a\nARG f', { f: 'the file' }],
]));

test('FROM finds its base as in other suites', () => {
  const rows: readonly (readonly [suiteTest: string, source: string, images: readonly string[], options?: PlanOptions])[] = [
    ['buildkit testGlobalArg', 'ARG t=nosuch\nFROM b:${t}', ['b:latest2 linux/amd64'], { args: { t: 'latest2' } }],
    ['buildkit testDefaultEnvWithArgs', 'ARG i=idlebox\nFROM busy${i#idle}', ['busybox linux/amd64']],
    ['buildkit testPlatformArgsImplicit', 'FROM scratch AS build-linux\nCOPY a b\nFROM build-${TARGETOS}', []],
    ['buildkit testMultiStageCaseInsensitive', 'FROM scratch AS One\nCOPY a b\nFROM scratch AS tWO\nCOPY --from=oNE b c\nFROM scratch\nCOPY --from=TWO c d', []],
    ['buildkit testMultiStageImplicitFrom: the stage hides the image', 'FROM scratch AS golang\nCOPY a b\nFROM scratch\nCOPY --from=golang b c', []],
    ['buildkit testMultiStageImplicitFrom: an image', 'FROM scratch\nCOPY --from=golang b c', ['golang linux/amd64']],
    ['kaniko Dockerfile_test_arg_from_single_quotes', "ARG i='busybox:1'\nFROM $i", ['busybox:1 linux/amd64']],
    ['kaniko Dockerfile_test_arg_two_level', 'ARG v=3\nARG i=alpine:${v}\nFROM ${i}', ['alpine:3 linux/amd64']],
    ['kaniko Dockerfile_test_issue_1837', 'FROM scratch AS BASE\nFROM BASE', []],
    ['imagebuilder Dockerfile.arg-scope: FROM takes no number', 'FROM scratch\nFROM 0', ['0 linux/amd64']],
  ];
  for (const [name, source, images, options] of rows) assert.deepEqual(planned(source, options).rounds.flat(), images, name);
});

test('what other suites refuse is refused', () => {
  const missing = { message: /FOO: needed here$/ };
  refused('ARG FOO=${FOO:?"needed here"}\nFROM a', 'WORD_REQUIRED', [1, 1], missing); // buildkit testGlobalArgErrors
  planned('ARG FOO=${FOO:?"needed here"}\nFROM a', { args: { FOO: 'x' } });
  refused('FROM a\nARG FOO\nARG BAR=${FOO:?"needed here"}', 'WORD_REQUIRED', [3, 3], missing); // buildkit testArgDefaultExpansion
  planned('FROM a\nARG FOO\nARG BAR=${FOO:?"needed here"}', { args: { FOO: 'x' } });
  planned('FROM a\nARG FOO\nARG BAR=${FOO:?"needed here"}', { args: { BAR: 'x' } });
  for (const source of ['/', '/f']) { // buildkit testOutOfOrderStage
    refused(`FROM a AS first\nCOPY --from=later ${source} /out\nFROM b AS later\nFROM first`, 'STAGE_NOT_DEFINED', [2, 2], { message: /^cannot copy from stage "later", it needs to be defined before current stage "first"$/ });
  }
  refused('FROM ""', 'BASE_NAME_BLANK', [1, 1]); // buildkit TestDockerfileParsing
  refused('FROM a\nCOPY https://example.com/x /', 'COPY_FROM_URL', [2, 2], { message: /^source can't be a URL for COPY$/ });
  refused("FROM a\nENV k='v\\'w'", 'WORD_UNCLOSED', [2, 2]); // buildah env-invalid-ssquote
});

test('the config of an image is that of other suites', () => {
  const rows: readonly (readonly [suiteTest: string, source: string, expected: ContainerConfig, base?: ContainerConfig])[] = [
    ['buildkit testCmdShell', 'FROM a\nSHELL ["ls"]\nENTRYPOINT my program', { Shell: ['ls'], Entrypoint: ['ls', 'my program'] }, { Cmd: ['test'] }],
    ['buildkit testInvalidJSONCommands', 'FROM a\nENTRYPOINT []of words', { Entrypoint: ['/bin/sh', '-c', '[]of words'] }],
    ['buildkit testExposeExpansion', 'FROM a\nARG P="3 4/udp"\nEXPOSE $P\nEXPOSE 5', { ExposedPorts: { '3/tcp': {}, '4/udp': {}, '5/tcp': {} } }],
    ['buildkit testLabels', 'FROM a\nLABEL x=y', { Labels: { x: 'y' } }],
    ['buildah Dockerfile.edgecases: CMD', "FROM a\nCMD [\"echo\"]\nCMD echo 'x' | wc -", { Cmd: ['/bin/sh', '-c', "echo 'x' | wc -"], ArgsEscaped: true }],
    ['buildah Dockerfile.edgecases: EXPOSE', 'FROM a\nEXPOSE 3000\nEXPOSE 9000 5000', { ExposedPorts: { '3000/tcp': {}, '5000/tcp': {}, '9000/tcp': {} } }],
    ['buildah Dockerfile.edgecases: VOLUME', 'FROM a\nVOLUME ["/t"]\nVOLUME ["/t", "/u"]\nVOLUME /v', { Volumes: { '/t': {}, '/u': {}, '/v': {} } }],
    ['buildah Dockerfile.edgecases: USER', 'FROM a\nUSER u\nUSER u:root', { User: 'u:root' }],
    ['buildah Dockerfile.edgecases: ONBUILD', 'FROM a\nONBUILD RUN ["echo", "x"]\nONBUILD RUN echo x\nONBUILD COPY . /', { OnBuild: ['RUN ["echo", "x"]', 'RUN echo x', 'COPY . /'] }],
    ['imagebuilder Dockerfile.healthcheckdefaults', 'FROM a\nHEALTHCHECK   CMD   a b\nHEALTHCHECK CMD ["c"]\nHEALTHCHECK CMD /d --e', { Healthcheck: { Test: ['CMD-SHELL', '/d --e'] } }],
    ['kaniko Dockerfile_test_expose', 'FROM a\nEXPOSE 81/udp\nENV q tcp\nEXPOSE 82/$q\nENV p 83\nEXPOSE $p/udp\nEXPOSE $p/$q', { ExposedPorts: { '81/udp': {}, '82/tcp': {}, '83/tcp': {}, '83/udp': {} } }],
  ];
  for (const [name, source, expected, base = {}] of rows) {
    const config = configOf(source, { bases: { a: { config: base } } });
    assert.deepEqual({ ...config, Env: [] }, { ...expected, Env: [] }, name); // the default PATH is not what the rows are about
  }
});

test('lines of the history are those of other suites', () => {
  assert.deepEqual(historyOf('FROM a AS b\nENV x=y\nCOPY f /g\nFROM a\nLABEL l=v\nCOPY --from=b g h\nWORKDIR /\nRUN echo x > y\nRUN ["ls"]'), // buildkit testExportedHistory
    ['!LABEL l=v', 'COPY g h # buildkit', '!WORKDIR /', 'RUN /bin/sh -c echo x > y # buildkit', 'RUN ls # buildkit']);
  assert.deepEqual(historyOf('FROM a\nARG p=1\nARG q=2\nARG p=3\nRUN ls /'), // buildkit testExportedHistoryFlattenArgs
    ['!ARG p=1', '!ARG q=2', '!ARG p=3', 'RUN |2 p=3 q=2 /bin/sh -c ls / # buildkit']);
});

test('here-documents are filled in as in other suites', () => {
  const body = (head: string): string => {
    const [source] = copyOf(`FROM a\nARG p=1\nENV q=2\nCOPY <<${head} /f\nr=3\nx=$p\ny="$q"\nz='$r'\nEOF\n`).sources;
    return source?.kind === 'inline' ? source.content : assert.fail('an inline file');
  };
  assert.equal(body('EOF'), 'r=3\nx=1\ny="2"\nz=\'\'\n'); // buildah Dockerfile.heredoc-quoting
  assert.equal(body('"EOF"'), 'r=3\nx=$p\ny="$q"\nz=\'$r\'\n');
  for (const head of ['EOF', '"EOF"']) assert.deepEqual(runOf(`FROM a\nARG p=1\nRUN <<${head}\nx=$p\nEOF\n`).args, ['/bin/sh', '-c', 'x=$p\n']);
  assert.deepEqual(runOf('FROM a\nSHELL ["/bin/awk"]\nRUN <<EOF\nBEGIN {}\nEOF\n').args, ['/bin/awk', 'BEGIN {}\n']); // buildkit testRunFakeHeredoc
  assert.deepEqual(runOf('FROM a\nRUN <<-EOF sh > /o\n\techo x\nEOF\n').args, ['/bin/sh', '-c', '<<-EOF sh > /o\n\techo x\nEOF']); // buildkit testHeredocIndent
  assert.deepEqual(runOf('FROM a\nRUN <<A 3<<B cat -\nx\nA\ny\nB\n').args, ['/bin/sh', '-c', '<<A 3<<B cat -\nx\nA\ny\nB']); // buildkit testRunComplexHeredoc
});

test('triggers run where other suites have them run', () => {
  const base = (...OnBuild: readonly string[]): PlanOptions => ({ bases: { parent: { config: { OnBuild } } } });
  const commands = (source: string, options: PlanOptions = {}): readonly (string | undefined)[] => runsOf(source, options).map(({ args }) => args.at(-1));
  assert.deepEqual(commands('FROM parent AS p\nRUN 1\nFROM p AS c\nRUN 2\nFROM scratch\nCOPY --from=c /a /', base('RUN t')), ['t', '1', '2']); // buildkit testOnBuildWithChildStage
  assert.deepEqual(commands('FROM a AS p\nONBUILD RUN t\nFROM p AS m\nRUN 1\nFROM scratch\nCOPY --from=m /a /'), ['t', '1']); // buildkit testOnBuildInheritedStageRun
  assert.deepEqual(commands('FROM a AS s\nRUN 1\nFROM b AS p\nONBUILD COPY --from=s /x /y\nFROM p AS m\nRUN 2\nFROM scratch\nCOPY --from=m /a /'), ['1', '2']); // buildkit testOnBuildInheritedStageWithFrom
  assert.deepEqual(planned('FROM parent', base('COPY --from=alpine /a /b')).rounds, [['parent linux/amd64'], ['alpine linux/amd64']]); // buildkit testOnBuildNewDeps
  assert.deepEqual(commands('FROM a AS in\nRUN 1\nFROM parent AS p\nRUN 2\nFROM scratch\nCOPY --from=p /o /', base('RUN --mount=type=bind,target=/i,from=in t')), ['1', 't', '2']); // the same, nested
  assert.deepEqual(commands('FROM a AS other\nRUN 1\nFROM base AS in\nFROM scratch\nCOPY --from=in /o /b', { contexts: { base: 'image' }, bases: { base: { config: { OnBuild: ['COPY --from=other /t /o'] } } } }), ['1']); // buildkit testOnBuildNamedContext
  assert.equal(configOf('FROM parent', base('RUN t')).OnBuild, undefined); // buildkit testOnBuildCleared
});

test('steps are named as in other suites', () => {
  assert.deepEqual(namesOf('FROM a\nRUN echo ${s%s}'), ['[1/2] FROM a@…', '[2/2] RUN echo ${s%s}']); // kaniko Dockerfile_test_complex_substitution
});
