/** Instructions that say something about the image: SEMANTICS A1, 15 to 18, 29 and 30, A6, 88 to 100. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { goDuration, goQuote } from '../../src/graph/go-format.ts';
import type { ContainerConfig } from '../../src/image/config.ts';
import { configOf, graphOf, historyOf, operationsOf, refused, runOf, targetOf, without, type PlanOptions } from './support.ts';

/** The image's config after `FROM a`, PATH left out. */
function checkConfig(table: readonly (readonly [lines: string, expected: ContainerConfig, base?: ContainerConfig])[]): void {
  for (const [lines, expected, base = {}] of table) {
    const config = configOf(`FROM a\n${lines}`, { bases: { a: { config: base } } });
    assert.deepEqual(without(config, 'Env'), expected, lines);
  }
}

const args = { ArgsEscaped: true };

test('A6.90 ENTRYPOINT clears a CMD of the base unless CMD is set in this stage', () => {
  checkConfig([
    ['ENTRYPOINT ["e"]', { Entrypoint: ['e'] }, { Cmd: ['c'] }],
    ['CMD ["d"]\nENTRYPOINT ["e"]', { Entrypoint: ['e'], Cmd: ['d'], ...args }, { Cmd: ['c'] }],
    ['ENTRYPOINT ["e"]\nCMD ["d"]', { Entrypoint: ['e'], Cmd: ['d'], ...args }, { Cmd: ['c'] }],
    ['CMD ["d"]', { Entrypoint: ['e'], Cmd: ['d'], ...args }, { Entrypoint: ['e'], Cmd: ['c'] }],
  ]);
  assert.equal(configOf('FROM a AS x\nCMD ["c"]\nFROM x\nENTRYPOINT ["e"]').Cmd, undefined);
});

test('A6.91 the last CMD and ENTRYPOINT count, and empty ones empty them', () => checkConfig([
  ['CMD a\nCMD ["b"]', { Cmd: ['b'], ...args }],
  // What is empty is not in the config, as Go writes it; tools show it as null.
  ['ENTRYPOINT []', {}, { Entrypoint: ['e'], Cmd: ['c'] }],
  ['CMD []', { ...args }, { Cmd: ['c'] }],
  ['CMD []\nENTRYPOINT ["e"]', { Entrypoint: ['e'], ...args }, { Cmd: ['c'] }],
  ['CMD a "b"', { Cmd: ['/bin/sh', '-c', 'a "b"'], ...args }],
  ['ENTRYPOINT a $b', { Entrypoint: ['/bin/sh', '-c', 'a $b'] }],
]));

test('A6.92 SHELL is for what comes after it and is saved; HEALTHCHECK is not wrapped in it', () => checkConfig([
  ['SHELL ["s", "-x"]\nENTRYPOINT b\nHEALTHCHECK CMD c', { Shell: ['s', '-x'], Entrypoint: ['s', '-x', 'b'], Healthcheck: { Test: ['CMD-SHELL', 'c'] } }],
  ['CMD a\nSHELL ["s"]', { Cmd: ['/bin/sh', '-c', 'a'], ...args, Shell: ['s'] }],
  ['CMD a', { Cmd: ['b', 'a'], ...args, Shell: ['b'] }, { Shell: ['b'] }],
]));

test('A6.93 HEALTHCHECK leaves out what is zero', () => {
  checkConfig([
    ['HEALTHCHECK NONE', { Healthcheck: { Test: ['NONE'] } }],
    ['HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=0s --start-interval=2h --retries=3 CMD ["a"]',
      { Healthcheck: { Test: ['CMD', 'a'], Interval: 90_000_000_000, Timeout: 500_000_000, StartInterval: 7_200_000_000_000, Retries: 3 } }],
  ]);
  assert.deepEqual(historyOf('FROM scratch\nHEALTHCHECK --interval=1m30s --timeout=1500us --start-interval=2h CMD ["a", "b c"]'),
    ['!HEALTHCHECK {Test:[CMD a b c] Interval:1m30s Timeout:1.5ms StartPeriod:0s StartInterval:2h0m0s Retries:0}']);
});

test('A6.94 EXPOSE makes one lower-cased entry a port', () => {
  const ports = (words: string): readonly string[] => Object.keys(configOf(`FROM a\nENV P=81\nEXPOSE ${words}`).ExposedPorts ?? {});
  const table: readonly (readonly [words: string, expected: readonly string[]])[] = [
    ['80', ['80/tcp']], ['8000-8002/UDP', ['8000/udp', '8001/udp', '8002/udp']], ['80/sctp $P/$NONE', ['81/tcp', '80/sctp']], ['0080 000065535', ['65535/tcp', '80/tcp']], ['80/', ['80/tcp']], ['0', ['0/tcp']], ['65535', ['65535/tcp']],
    ['8080:80', ['80/tcp']], ['127.0.0.1:8080:80/udp', ['80/udp']], ['127.0.0.1::80', ['80/tcp']], ['[::1]:8080:80', ['80/tcp']], ['::1:8080:80', ['80/tcp']], ['2001:4860:0:2001::68::333', ['333/tcp']], ['::::80', ['80/tcp']], ['[::ffff:1.2.3.4]::80', ['80/tcp']], ['8000-9000:80', ['80/tcp']],
    ['8000-8001:80-81', ['80/tcp', '81/tcp']], ['5-5', ['5/tcp']], ['$NONE', []],
  ];
  for (const [words, expected] of table) assert.deepEqual(ports(words), expected, words);
  for (const wrong of ['x', '/tcp', '80/xyz', '65536', '9-8', '1-2-3', '1.2.3:80:80', 'x:80', '1-3:80-81', '-1', '80-', ':', '999999', '80/tcp/udp', '+80', '256.1.1.1:1:80', '01.1.1.1:1:80', '[::1:80:80', 'fe80::1%eth0:80:80', '1::2::3:80:80', 'localhost:80:80']) refused(`FROM a\n\nEXPOSE ${wrong}`, 'EXPOSE_INVALID', [3, 3]);
  // The words are sorted as they are written (BuildKit's testExportedHistory).
  assert.deepEqual(historyOf('FROM scratch\nENV P=9\nEXPOSE 2375 5000 1234/udp $P 80-81 80').slice(1), ['!EXPOSE [9/tcp 1234/udp 2375/tcp 5000/tcp 80/tcp 80/tcp 81/tcp]']);
  assert.equal(Object.keys(configOf('FROM scratch\nEXPOSE 1-65535').ExposedPorts ?? {}).length, 65535);
});

test('A6.95 VOLUME is config alone', () => {
  checkConfig([['ENV V=/x\nVOLUME $V /y\nVOLUME ["/z z"]', { Volumes: { '/base': {}, '/x': {}, '/y': {}, '/z z': {} } }, { Volumes: { '/base': {} } }]]);
  assert.deepEqual(historyOf('FROM scratch\nVOLUME /x /y'), ['!VOLUME [/x /y]']);
  assert.equal(graphOf('FROM scratch\nVOLUME /x').vertices.length, 2);
  refused('FROM a\nVOLUME /x $NONE', 'VOLUME_EMPTY', [2, 2]);
});

test('A6.96 STOPSIGNAL is checked after expansion', () => {
  for (const signal of ['SIGKILL', 'KILL', '9', 'RTMIN+1', 'SIGRTMAX-3']) checkConfig([[`STOPSIGNAL ${signal}`, { StopSignal: signal }]]);
  for (const wrong of ['SIGNOPE', '0', '$NONE']) refused(`FROM a\nSTOPSIGNAL ${wrong}`, 'STOPSIGNAL_UNKNOWN', [2, 2]);
});

test('A6.88 WORKDIR joins, makes a step unless it is the root, and belongs to the current user', () => {
  const table: readonly (readonly [lines: string, base: string | undefined, expected: string | undefined])[] = [
    ['WORKDIR /a', undefined, '/a'], ['WORKDIR a\nWORKDIR b', undefined, '/a/b'], ['WORKDIR a', '/base', '/base/a'], ['WORKDIR ../..', '/x', '/'], ['WORKDIR /a  b', undefined, '/a  b'],
    // Absolute paths stay as they are written, relative ones become clean.
    ['WORKDIR /a/../b/', '/x', '/a/../b/'], ['WORKDIR /a/../b/\nWORKDIR ./c/', '/x', '/b/c'], ['ENV D=d\nWORKDIR /$D/$NONE/e', undefined, '/d//e'], ['WORKDIR $NONE', '/x', '/x'], ['WORKDIR $NONE', undefined, '/'],
    ['ENV x=y', '/base/', '/base/'], ['ENV x=y', undefined, undefined], ['ENV x=y', '', undefined],
    // A relative one of a base image is joined to itself.
    ['ENV x=y', 'rel/', '/rel/rel'], ['WORKDIR a', 'base', '/base/base/a'], ['ENV x=y', 'C:\\app', '/C:\\app/C:\\app'],
  ];
  for (const [lines, base, expected] of table) {
    assert.equal(configOf(`FROM a\n${lines}`, { bases: { a: { config: base === undefined ? {} : { WorkingDir: base } } } }).WorkingDir, expected, lines);
  }
  const graph = graphOf('FROM a\nUSER u\nWORKDIR /w\nWORKDIR /');
  assert.deepEqual(operationsOf(graph, 'workdir'), [{ kind: 'workdir', root: 0, path: '/w', user: 'u' }]);
  assert.deepEqual(historyOf('FROM a\nWORKDIR w\nWORKDIR /\nWORKDIR /a/../b/'), ['WORKDIR /w', '!WORKDIR /', 'WORKDIR /a/../b/']);
  assert.equal(runOf('FROM a\nWORKDIR /a/../b/\nRUN x').cwd, '/b');
  assert.equal(runOf('FROM a AS x\nFROM x\nRUN x', { bases: { a: { config: { WorkingDir: 'rel' } } } }).cwd, '/rel/rel');
});

test('A6.97 --label overrides the labels of the final image', () => {
  const labels: PlanOptions = { labels: [['a', 'cli'], ['__proto__', 'p'], ['a', 'last']] };
  assert.deepEqual(Object.entries(configOf('FROM x AS base\nLABEL a=1 b=2\nFROM base', labels).Labels ?? {}), [['a', 'last'], ['b', '2'], ['__proto__', 'p']]);
  assert.deepEqual(historyOf('FROM scratch\nLABEL a=1', labels), ['!LABEL a=1']);
});

test('A1.17 MAINTAINER is taken as written', () => {
  const { config } = targetOf(graphOf('FROM a\nMAINTAINER Miles O\'Brien <$HOME>'));
  assert.equal(config.author, "Miles O'Brien <$HOME>");
  assert.deepEqual(historyOf("FROM scratch\nMAINTAINER Miles O'Brien"), ["!MAINTAINER Miles O'Brien"]);
});

test('A6.99 lines of the history', () => {
  const source = [
    'FROM scratch', 'ARG A=1 B', 'ENV C=2', 'ARG A=3', 'RUN x  y', 'RUN ["p", "q r"]', 'COPY --chown=u --chmod=644 --link a $C /d/', 'ADD --unpack=false a b', 'COPY <<E <<F a /d/', '1', 'E', '2', 'F',
    'USER u', 'LABEL k="v w"', 'CMD ["a", "b\\"\\n\\u00e9"]', 'ENTRYPOINT a', 'SHELL ["s", "-c"]', 'STOPSIGNAL 9', 'ONBUILD RUN x',
  ].join('\n');
  assert.deepEqual(historyOf(source, { args: { B: 'b' } }), [
    '!ARG A=1 B=b', '!ENV C=2', '!ARG A=3', 'RUN |2 A=3 B=b /bin/sh -c x  y # buildkit', 'RUN |2 A=3 B=b p q r # buildkit', 'COPY --chown=u --chmod=644 a 2 /d/ # buildkit', 'ADD a b # buildkit', 'COPY a <<E <<F /d/ # buildkit',
    '!USER u', '!LABEL k=v w', '!CMD ["a" "b\\"\\né"]', '!ENTRYPOINT ["/bin/sh" "-c" "a"]', '!SHELL [s -c]', '!STOPSIGNAL 9',
  ]);
  const [first] = targetOf(graphOf('FROM scratch\nUSER u')).history;
  assert.deepEqual(first?.entry, { created: '1980-01-02T00:00:00Z', created_by: 'USER u', comment: 'buildkit.dockerfile.v0', empty_layer: true });
  assert.deepEqual(historyOf('FROM a AS x\nARG A=1\nFROM x\nENV A=2\nRUN y').at(-1), 'RUN |1 A=2 /bin/sh -c y # buildkit');
});

test('A6.99 every layer of a base has a line in the history, and no line more has one', () => {
  const created = '2001-01-01T00:00:00Z';
  const missing = { created, created_by: 'layer of the base image', comment: 'buildkit.exporter.image.v0' };
  const [line, empty] = [{ created_by: 'line' }, { created_by: 'ENV', empty_layer: true }];
  const table: readonly (readonly [history: readonly object[], layers: number, expected: readonly object[]])[] = [
    [[], 2, [missing, missing]], [[line, empty], 2, [line, empty, missing]], [[empty, line], 1, [empty, line]], [[line, line, empty], 1, [line, { ...line, empty_layer: true }, empty]], [[], 0, []],
  ];
  for (const [history, layers, expected] of table) assert.deepEqual(targetOf(graphOf('FROM a', { bases: { a: { history, layers } } })).baseHistory, expected);
  assert.equal(targetOf(graphOf('FROM a\nRUN x', { bases: { a: { layers: 140 } } })).baseHistory.length, 140);
});

test('A6.41 an image for Windows has its own shell and no PATH', () => {
  const options: PlanOptions = { targetPlatform: { os: 'windows', architecture: 'amd64' } };
  assert.deepEqual(configOf('FROM scratch\nENTRYPOINT foo bar', options), { Entrypoint: ['cmd', '/S', '/C', 'foo bar'], WorkingDir: '/' });
});

test('the config leaves out what is empty, and of a name that a base has twice ENV replaces the first', () => {
  checkConfig([['USER $NONE\nEXPOSE $NONE', {}, { User: 'u', Labels: {}, Volumes: {}, StopSignal: '', Cmd: null, Shell: [], ArgsEscaped: false }]]);
  assert.deepEqual(configOf('FROM a\nENV A=3', { bases: { a: { config: { Env: ['A=1', 'PATH=/x', 'A=2'] } } } }).Env, ['A=3', 'PATH=/x', 'A=2']);
});

test('ONBUILD is kept as written and leaves no line in the history', () => {
  const source = 'FROM scratch\nONBUILD  run   $x\nONBUILD COPY <<E /f\nb\nE';
  assert.deepEqual(configOf(source).OnBuild, ['run   $x', 'COPY <<E /f\nb\nE']);
  assert.deepEqual(historyOf(source), []);
});

test('goQuote and goDuration print as Go does', () => {
  const quoted: readonly (readonly [text: string, expected: string])[] = [
    ['', '""'], ['a"\\', '"a\\"\\\\"'], ['\u0007\b\f\n\r\t\v', '"\\a\\b\\f\\n\\r\\t\\v"'], ['\u0000\u007f', '"\\x00\\x7f"'], ['é€😀', '"é€😀"'], ['\u00a0\u200b\ufeff', '"\\u00a0\\u200b\\ufeff"'], ['\u{e0001}', '"\\U000e0001"'],
  ];
  for (const [text, expected] of quoted) assert.equal(goQuote(text), expected);
  const durations: readonly (readonly [nanoseconds: number, expected: string])[] = [
    [0, '0s'], [1, '1ns'], [1_100, '1.1µs'], [2_000_000, '2ms'], [1_500_000_000, '1.5s'], [60_000_000_000, '1m0s'], [3_600_000_000_000, '1h0m0s'], [3_661_000_000_001, '1h1m1.000000001s'], [-1_000_000, '-1ms'],
    [10_800_000_000_000_000, '3000h0m0s'], [9_223_372_036_854_000_000, '2562047h47m16.854s'],
  ];
  for (const [nanoseconds, expected] of durations) assert.equal(goDuration(nanoseconds), expected);
});
