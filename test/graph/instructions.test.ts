/** What single instructions become: SEMANTICS A6, 27 to 31 and 52 to 99. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { posix } from 'node:path';
import fc from 'fast-check';
import { goDuration, goQuote } from '../../src/graph/go-format.ts';
import type { CopyOperation, RunMount } from '../../src/graph/vertex.ts';
import type { ContainerConfig } from '../../src/image/config.ts';
import { configOf, copyOf, graphOf, historyOf, operationsOf, refused, runOf, targetOf, without, type PlanOptions } from './support.ts';

const bash = { bases: { a: { config: { Shell: ['/bin/bash', '-ec'] } } } };

/** The arguments of the last RUN. */
function checkRun(table: readonly (readonly [lines: string, args: readonly string[], options?: PlanOptions])[]): void {
  for (const [lines, args, options] of table) assert.deepEqual(runOf(`FROM a\n${lines}`, options).args, args, lines);
}

test('A6 77: shell form is given to the SHELL in force, exec form is taken as it is', () => checkRun([
  ['RUN a  $b "c"', ['/bin/sh', '-c', 'a  $b "c"']],
  ['RUN ["a", "$b"]', ['a', '$b']],
  ['RUN a', ['/bin/bash', '-ec', 'a'], bash],
  ['SHELL ["sh"]\nRUN a', ['sh', 'a'], bash],
  ['RUN', ['/bin/sh', '-c', '']],
  ['RUN []', []],
  ['ENTRYPOINT ["e"]\nRUN a', ['/bin/sh', '-c', 'a']],
]));

test('A6 28 and 29: bodies of here-documents are never expanded by the builder', () => {
  checkRun([
    ['ENV x=1\nRUN <<E\necho $x\nE', ['/bin/sh', '-c', 'echo $x\n']],
    ['RUN <<-E\n\ta\n\tb\n\tE', ['/bin/sh', '-c', 'a\nb\n']],
    ['RUN <<E\na\nE', ['/bin/bash', '-ec', 'a\n'], bash],
    ['RUN cat <<A >x && cat <<-B >y\na\nA\n\tb\n\tB', ['/bin/sh', '-c', 'cat <<A >x && cat <<-B >y\na\nA\n\tb\nB']],
    ['RUN python <<E\n#!x\nE', ['/bin/sh', '-c', 'python <<E\n#!x\nE']],
  ]);
  const run = runOf('FROM a\nRUN <<E\n#!/usr/bin/env python\nprint("$x")\nE', bash);
  assert.deepEqual([run.args, run.inlineFile], [['/dev/pipes/E'], { name: 'E', content: '#!/usr/bin/env python\nprint("$x")\n' }]);
});

test('RUN carries what it runs in', () => {
  const options = { network: 'none', extraHosts: [['h', '1.2.3.4']], ulimits: [{ name: 'nofile', soft: 1, hard: 2 }], shmSizeBytes: 5, hostname: 'h' } as const;
  const run = runOf('FROM a\nUSER u:g\nWORKDIR w\nRUN x', options);
  assert.deepEqual(without(run, 'root', 'env'), {
    kind: 'run', args: ['/bin/sh', '-c', 'x'], proxyEnv: [], cwd: '/w', user: 'u:g', mounts: [], network: 'none', security: 'sandbox', hostname: 'h',
    extraHosts: [['h', '1.2.3.4']], shmSizeBytes: 5, ulimits: options.ulimits, inlineFile: null, platform: { os: 'linux', architecture: 'amd64' },
  });
  assert.deepEqual(['', '--network=default ', '--network=host '].map((flag) => runOf(`FROM a\nRUN ${flag}x`, { ...options, allowHostNetwork: true }).network), ['none', 'none', 'host']);
  assert.throws(() => runOf('FROM a\nRUN --network=host x', options), { code: 'ENTITLEMENT_MISSING' });
});

test('A1 13: RUN --security=insecure wants to be allowed', () => {
  assert.equal(runOf('FROM a\nRUN --security=insecure x', { allowInsecure: true }).security, 'insecure');
  refused('FROM a\n\nRUN --security=insecure x', 'ENTITLEMENT_MISSING', [3, 3]);
});

test('A1 14: devices are refused for now', () => {
  refused('FROM a\nRUN --device=x.y/z=q x', 'DEVICE_UNAVAILABLE', [2, 2], { message: /x\.y\/z=q/ });
});

/** The mounts of one RUN in /w. */
function mountsOf(flags: string): readonly RunMount[] {
  return runOf(`FROM a\nENV V=v/w\nWORKDIR /w\nRUN ${flags} x`).mounts;
}

test('A6 82 to 85: mounts of RUN', () => {
  const owned = { uid: 0, gid: 0 };
  const table: readonly (readonly [flag: string, expected: object])[] = [
    ['--mount=target=m', { kind: 'bind', source: '/', target: '/w/m', readOnly: true }],
    ['--mount=target=.', { kind: 'bind', source: '/', target: '/w', readOnly: true }],
    ['--mount=from=i,source=../s/./$V,target=/m,rw', { kind: 'bind', source: '/s/v/w', target: '/m', readOnly: false }],
    ['--mount=type=cache,target=/c/', { kind: 'cache', namespace: '', id: '/c', target: '/c', readOnly: false, sharing: 'shared', source: '/', initial: null }],
    ['--mount=type=cache,id=$V,target=c,sharing=locked,mode=700,uid=1,gid=2,from=i,source=s,ro',
      { kind: 'cache', namespace: '', id: 'v/w', target: '/w/c', readOnly: true, sharing: 'locked', source: '/s', initial: { mode: 0o700, uid: 1, gid: 2 } }],
    ['--mount=type=tmpfs,target=/t', { kind: 'tmpfs', target: '/t', readOnly: false, sizeBytes: null }],
    ['--mount=type=tmpfs,target=/t,ro,size=1m', { kind: 'tmpfs', target: '/t', readOnly: true, sizeBytes: 1 << 20 }],
    ['--mount=type=secret,id=a/b', { kind: 'secret', id: 'a/b', target: '/run/secrets/b', env: null, required: false, mode: 0o400, ...owned }],
    ['--mount=type=secret,id=a,env=E,required', { kind: 'secret', id: 'a', target: null, env: 'E', required: true, mode: 0o400, ...owned }],
    ['--mount=type=secret,id=a,env=E,target=/s', { kind: 'secret', id: 'a', target: '/s', env: 'E', required: false, mode: 0o400, ...owned }],
    ['--mount=type=ssh', { kind: 'ssh', id: 'default', target: '/run/buildkit/ssh_agent.0', required: false, mode: 0o600, ...owned }],
  ];
  for (const [flag, expected] of table) {
    const mounts = mountsOf(flag).map((mount) => Object.fromEntries(Object.entries(mount).filter(([key]) => key !== 'from')));
    assert.deepEqual(mounts, [expected], flag);
  }
});

test('A6 85: ssh sockets are numbered among themselves', () => {
  const targets = mountsOf('--mount=type=ssh,id=a --mount=type=tmpfs,target=/t --mount=type=ssh,id=b --mount=type=ssh,target=/s').map((mount) => mount.target);
  assert.deepEqual(targets, ['/run/buildkit/ssh_agent.0', '/t', '/run/buildkit/ssh_agent.1', '/s']);
});

test('A6 83: mounts over the root are refused', () => {
  for (const mount of ['target=/', 'target=/x/..', 'type=tmpfs,target=/', 'type=cache,target=//']) refused(`FROM a\nRUN --mount=${mount} x`, 'MOUNT_TARGET', [2, 2]);
  refused('FROM a\nRUN --mount=target=. x', 'MOUNT_TARGET', [2, 2]);
  refused('FROM a\nENV S=x\nRUN --mount=type=cache,target=/m,sharing=$S x', 'MOUNT_TYPE', [3, 3]);
});

test('bind and cache mounts are inputs of RUN', () => {
  const graph = graphOf('FROM a\nRUN --mount=target=/m --mount=type=cache,target=/c --mount=type=cache,from=b,target=/d x');
  const [run] = operationsOf(graph, 'run');
  const names = run?.mounts.map((mount) => ('from' in mount && mount.from !== null ? graph.vertices[mount.from]?.name.replace(/@.*/, '') : null));
  assert.deepEqual(names, ['[internal] load build context', null, 'FROM b']);
});

/** What is told of a COPY or ADD in /w; all else is as it always is. */
function checkCopy(table: readonly (readonly [line: string, expected: Partial<CopyOperation>])[]): void {
  const usual = { kind: 'copy', instruction: 'COPY', owner: null, mode: null, link: false, parents: false, excludes: [], unpack: false, unpackRemote: false };
  for (const [line, expected] of table) {
    const copy = copyOf(`FROM a\nENV V=v U=\nWORKDIR /w\n${line}`);
    assert.deepEqual(without(copy, 'root'), { ...usual, ...expected }, line);
  }
}

const path = (pattern: string): CopyOperation['sources'][number] => ({ kind: 'path', from: 2, pattern });

test('A6 53 and 55: sources are clamped to their root, destinations belong to WORKDIR and keep a trailing slash', () => {
  const table: readonly (readonly [source: string, destination: string, pattern: string, expected: string])[] = [
    ['x', 'y', '/x', '/w/y'], ['x', 'y/', '/x', '/w/y/'], ['x', '.', '/x', '/w/'], ['x', './', '/x', '/w/'], ['x', '/', '/x', '/'], ['x', '//y//z//', '/x', '/y/z/'],
    ['x', '/y/.', '/x', '/y/'], ['x', '..', '/x', '/'], ['x', '../../..', '/x', '/'], ['x', '/y/../z', '/x', '/z'], ['x', '$U', '/x', '/w/'],
    ['/x/', 'y', '/x', '/w/y'], ['../../x', 'y', '/x', '/w/y'], ['/../x/../y', 'y', '/y', '/w/y'], ['.', 'y', '/', '/w/y'], ['/', 'y', '/', '/w/y'], ['./x//y', 'y', '/x/y', '/w/y'],
    ['a[b]*?', 'y', '/a[b]*?', '/w/y'], ['$V', '/$V/', '/v', '/v/'],
  ];
  for (const [source, destination, pattern, expected] of table) checkCopy([[`COPY ${source} ${destination}`, { sources: [path(pattern)], destination: expected }]]);
});

test('no source and no destination leaves its root, and WORKDIR is always absolute and clean', () => {
  const word = fc.stringMatching(/^[a./]{1,12}$/);
  fc.assert(fc.property(word, word, word, (source, destination, workdir) => {
    const copy = copyOf(`FROM a\nWORKDIR ${workdir}\nCOPY ${source} ${destination}`);
    const [only] = copy.sources;
    assert.ok(only?.kind === 'path');
    const config = configOf(`FROM a\nWORKDIR ${workdir}`);
    for (const given of [only.pattern, copy.destination.replace(/(?<=.)\/$/, ''), config.WorkingDir ?? '']) {
      assert.ok(given.startsWith('/'));
      assert.equal(posix.resolve('/', given), given);
    }
  }), { numRuns: 200 });
});

test('A1 19 to 28: flags of COPY and ADD', () => checkCopy([
  ['COPY --chown=$V:g --chmod=u+x --link --exclude=*.$V --exclude=b x y', { sources: [path('/x')], destination: '/w/y', owner: 'v:g', mode: 'u+x', link: true, excludes: ['*.v', 'b'] }],
  ['COPY --chown=$U --chmod=$U x y', { sources: [path('/x')], destination: '/w/y' }],
  ['COPY x y z/', { sources: [path('/x'), path('/y')], destination: '/w/z/' }],
  ['ADD x y', { instruction: 'ADD', sources: [path('/x')], destination: '/w/y', unpack: true }],
  ['ADD --unpack=false x y', { instruction: 'ADD', sources: [path('/x')], destination: '/w/y' }],
  ['ADD --unpack x y', { instruction: 'ADD', sources: [path('/x')], destination: '/w/y', unpack: true, unpackRemote: true }],
]));

test('A6 27 and 30: here-documents of COPY are expanded unless quoted, quotes in them stay', () => checkCopy([
  ['COPY <<E x /y/\n$V "q" \\$V \'$V\'\nE', { sources: [path('/x'), { kind: 'inline', name: 'E', content: 'v "q" $V \'v\'\n' }], destination: '/y/' }],
  ['COPY <<"E" /y\n$V\r\nE', { sources: [{ kind: 'inline', name: 'E', content: '$V\r\n' }], destination: '/y' }],
  ['COPY <<-E /y\n\t$V\n\tE', { sources: [{ kind: 'inline', name: 'E', content: 'v\n' }], destination: '/y' }],
]));

test('A6 73: ADD names a download after the path of its URL', () => {
  const name = (url: string): string => {
    const [source] = copyOf(`FROM a\nADD ${url} /d/`).sources;
    assert.ok(source?.kind === 'http' && source.url === url);
    return source.filename;
  };
  const table: readonly (readonly [url: string, expected: string])[] = [
    ['https://h/a/b.tgz', 'b.tgz'], ['https://h/a/b.tgz?x=/c#/d', 'b.tgz'], ['https://h/a%20b', 'a b'], ['https://h/a/b/', 'b'], ['https://h', '__unnamed__'], ['http://h/', '__unnamed__'],
    ['https://h/a/..%2f..', '__unnamed__'], ['https://h/a%2Fb', 'b'], ['https://h/%zz', '%zz'], ['https://h/x.git.tgz', 'x.git.tgz'],
  ];
  for (const [url, expected] of table) assert.equal(name(url), expected, url);
});

test('A1 20: ADD --checksum is for one download', () => {
  const sum = `sha256:${'0'.repeat(64)}`;
  assert.deepEqual(copyOf(`FROM a\nARG S=${sum}\nADD --checksum=$S https://h/x /y`).sources, [{ kind: 'http', url: 'https://h/x', filename: 'x', checksum: sum }]);
  assert.deepEqual(copyOf('FROM a\nADD --checksum=$NONE https://h/x /y').sources, [{ kind: 'http', url: 'https://h/x', filename: 'x', checksum: null }]);
  refused(`FROM a\nADD --checksum=${sum} https://h/x https://h/z /y`, 'CHECKSUM_SOURCES', [2, 2]);
  refused(`FROM a\nADD --checksum=${sum} x /y`, 'CHECKSUM_SOURCES', [2, 2]);
});

test('A6.75 A6.76 COPY refuses addresses; a repository of ADD is a source of its own, one for all that name it', () => {
  for (const source of ['git://h/x', 'ssh://h/x', 'git@h:x', 'https://h/x.git', 'https://h/x.git#main:sub', 'https://h/x.git?ref=a']) {
    refused(`FROM a\nCOPY ${source} /y`, 'COPY_FROM_GIT', [2, 2]);
    assert.equal(copyOf(`FROM a\nADD ${source} /y`).sources[0]?.kind, 'git', source);
  }
  refused('FROM a\nCOPY https://h/x /y', 'COPY_FROM_URL', [2, 2]);
  refused('FROM a\nADD https://h/x.git?depth=1 /y', 'GIT_URL_INVALID', [2, 2]);
  const graph = graphOf('FROM a\nARG V=v1\nADD https://me:pw@h/x.git#$V:d /y\nADD --chmod=755 https://me:pw@h/x.git#v1:d /z\nADD --keep-git-dir https://h/x /y');
  assert.deepEqual(operationsOf(graph, 'git').map(({ url: { remote, ref, subdirectory }, keepsGit }) => [remote, ref, subdirectory, keepsGit]), [
    ['https://me:pw@h/x.git', 'v1', 'd', false], ['https://h/x', null, '', true],
  ]);
  assert.ok(graph.vertices.every(({ name }) => !name.includes('pw')), 'names hide the password');
  assert.ok(!JSON.stringify(operationsOf(graph, 'config').map(({ history }) => history)).includes('pw'), 'so does the history');
});

test('A6 63: a wrong mode and a broken word are refused', () => {
  refused('FROM a\nARG M=99\nCOPY --chmod=$M x y', 'MODE_INVALID', [3, 3]);
  refused('FROM a\nCOPY "x$Y y', 'WORD_UNCLOSED', [2, 2]);
});

test('A6 66: --parents keeps the path, or what stands behind the first /./', () => {
  const table: readonly (readonly [source: string, pattern: string, include?: string])[] = [
    ['a/b/c', '/', 'a/b/c'], ['/a/b/', '/', 'a/b'], ['./a', '/', 'a'], ['/./a', '/', 'a'], ['../../a', '/', 'a'], ['**/*.go', '/', '**/*.go'],
    ['/t/a/./b', '/t/a', 'b'], ['t/./b/./c', '/t', 'b/c'], ['t/a/../.././b/../../c', '/', 'c'], ['t*/./b', '/t*', 'b'], ['t/c/.', '/', 't/c'],
    ['$V/./$V', '/v', 'v'], ['.', '/'], ['/', '/'], ['t/./', '/t'], ['t/./.', '/t'],
  ];
  for (const [source, pattern, include] of table) {
    checkCopy([[`COPY --parents ${source} y`, { sources: [{ ...path(pattern), ...(include === undefined ? {} : { include }) }], destination: '/w/y', parents: true }]]);
  }
});

/** The image's config after `FROM a`, PATH left out. */
function checkConfig(table: readonly (readonly [lines: string, expected: ContainerConfig, base?: ContainerConfig])[]): void {
  for (const [lines, expected, base = {}] of table) {
    const config = configOf(`FROM a\n${lines}`, { bases: { a: { config: base } } });
    assert.deepEqual(without(config, 'Env'), expected, lines);
  }
}

const args = { ArgsEscaped: true };

test('A6 90: ENTRYPOINT clears a CMD of the base unless CMD is set in this stage', () => {
  checkConfig([
    ['ENTRYPOINT ["e"]', { Entrypoint: ['e'] }, { Cmd: ['c'] }],
    ['CMD ["d"]\nENTRYPOINT ["e"]', { Entrypoint: ['e'], Cmd: ['d'], ...args }, { Cmd: ['c'] }],
    ['ENTRYPOINT ["e"]\nCMD ["d"]', { Entrypoint: ['e'], Cmd: ['d'], ...args }, { Cmd: ['c'] }],
    ['CMD ["d"]', { Entrypoint: ['e'], Cmd: ['d'], ...args }, { Entrypoint: ['e'], Cmd: ['c'] }],
  ]);
  assert.equal(configOf('FROM a AS x\nCMD ["c"]\nFROM x\nENTRYPOINT ["e"]').Cmd, undefined);
});

test('A6 91: the last CMD and ENTRYPOINT count, and empty ones empty them', () => checkConfig([
  ['CMD a\nCMD ["b"]', { Cmd: ['b'], ...args }],
  ['ENTRYPOINT []', { Entrypoint: null }, { Entrypoint: ['e'] }],
  ['CMD []', { Cmd: [], ...args }, { Cmd: ['c'] }],
  ['CMD a "b"', { Cmd: ['/bin/sh', '-c', 'a "b"'], ...args }],
  ['ENTRYPOINT a $b', { Entrypoint: ['/bin/sh', '-c', 'a $b'] }],
]));

test('A6 92: SHELL is for what comes after it and is saved; HEALTHCHECK is not wrapped in it', () => checkConfig([
  ['SHELL ["s", "-x"]\nENTRYPOINT b\nHEALTHCHECK CMD c', { Shell: ['s', '-x'], Entrypoint: ['s', '-x', 'b'], Healthcheck: { Test: ['CMD-SHELL', 'c'] } }],
  ['CMD a\nSHELL ["s"]', { Cmd: ['/bin/sh', '-c', 'a'], ...args, Shell: ['s'] }],
  ['CMD a', { Cmd: ['b', 'a'], ...args, Shell: ['b'] }, { Shell: ['b'] }],
]));

test('A6 93: HEALTHCHECK leaves out what is zero', () => {
  checkConfig([
    ['HEALTHCHECK NONE', { Healthcheck: { Test: ['NONE'] } }],
    ['HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=0s --start-interval=2h --retries=3 CMD ["a"]',
      { Healthcheck: { Test: ['CMD', 'a'], Interval: 90_000_000_000, Timeout: 500_000_000, StartInterval: 7_200_000_000_000, Retries: 3 } }],
  ]);
  assert.deepEqual(historyOf('FROM scratch\nHEALTHCHECK --interval=1m30s --timeout=1500us --start-interval=2h CMD ["a", "b c"]'),
    ['!HEALTHCHECK {Test:[CMD a b c] Interval:1m30s Timeout:1.5ms StartPeriod:0s StartInterval:2h0m0s Retries:0}']);
});

test('A6 94: EXPOSE makes one lower-cased entry a port', () => {
  const ports = (words: string): readonly string[] => Object.keys(configOf(`FROM a\nENV P=81\nEXPOSE ${words}`).ExposedPorts ?? {});
  const table: readonly (readonly [words: string, expected: readonly string[]])[] = [
    ['80', ['80/tcp']], ['8000-8002/UDP', ['8000/udp', '8001/udp', '8002/udp']], ['80/sctp $P/$NONE', ['80/sctp', '81/tcp']], ['80/', ['80/tcp']], ['0', ['0/tcp']], ['65535', ['65535/tcp']],
    ['8080:80', ['80/tcp']], ['127.0.0.1:8080:80/udp', ['80/udp']], ['127.0.0.1::80', ['80/tcp']], ['[::1]:8080:80', ['80/tcp']], ['::1:8080:80', ['80/tcp']], ['8000-9000:80', ['80/tcp']],
    ['8000-8001:80-81', ['80/tcp', '81/tcp']], ['5-5', ['5/tcp']], ['$NONE', []],
  ];
  for (const [words, expected] of table) assert.deepEqual(ports(words), expected, words);
  for (const wrong of ['x', '/tcp', '80/xyz', '65536', '9-8', '1-2-3', '1.2.3:80:80', 'x:80', '1-3:80-81', '-1', '80-', ':', '999999']) refused(`FROM a\n\nEXPOSE ${wrong}`, 'EXPOSE_INVALID', [3, 3]);
  assert.deepEqual(historyOf('FROM scratch\nEXPOSE 80 81-82/udp'), ['!EXPOSE [80/tcp 81/udp 82/udp]']);
});

test('A6 95: VOLUME is config alone', () => {
  checkConfig([['ENV V=/x\nVOLUME $V /y\nVOLUME ["/z z"]', { Volumes: { '/base': {}, '/x': {}, '/y': {}, '/z z': {} } }, { Volumes: { '/base': {} } }]]);
  assert.deepEqual(historyOf('FROM scratch\nVOLUME /x /y'), ['!VOLUME [/x /y]']);
  assert.equal(graphOf('FROM scratch\nVOLUME /x').vertices.length, 2);
  refused('FROM a\nVOLUME /x $NONE', 'VOLUME_EMPTY', [2, 2]);
});

test('A6 96: STOPSIGNAL is checked after expansion', () => {
  for (const signal of ['SIGKILL', 'KILL', '9', 'RTMIN+1', 'SIGRTMAX-3']) checkConfig([[`STOPSIGNAL ${signal}`, { StopSignal: signal }]]);
  for (const wrong of ['SIGNOPE', '0', '$NONE']) refused(`FROM a\nSTOPSIGNAL ${wrong}`, 'STOPSIGNAL_UNKNOWN', [2, 2]);
});

test('A6 88: WORKDIR joins, makes a step unless it is the root, and belongs to the current user', () => {
  const table: readonly (readonly [lines: string, base: string | undefined, expected: string])[] = [
    ['WORKDIR /a', undefined, '/a'], ['WORKDIR a\nWORKDIR b', undefined, '/a/b'], ['WORKDIR a', '/base', '/base/a'], ['WORKDIR a', 'base', '/base/a'], ['WORKDIR /a/../b/', '/x', '/b'],
    ['WORKDIR ../..', '/x', '/'], ['ENV D=d\nWORKDIR /$D/$NONE/e', undefined, '/d/e'], ['WORKDIR /a  b', undefined, '/a  b'], ['WORKDIR $NONE', '/x', '/x'],
  ];
  for (const [lines, base, expected] of table) {
    assert.equal(configOf(`FROM a\n${lines}`, { bases: { a: { config: base === undefined ? {} : { WorkingDir: base } } } }).WorkingDir, expected, lines);
  }
  const graph = graphOf('FROM a\nUSER u\nWORKDIR /w\nWORKDIR /');
  assert.deepEqual(operationsOf(graph, 'workdir'), [{ kind: 'workdir', root: 0, path: '/w', user: 'u' }]);
  assert.deepEqual(historyOf('FROM a\nWORKDIR w\nWORKDIR /'), ['WORKDIR /w', '!WORKDIR /']);
  assert.equal(runOf('FROM a\nRUN x', { bases: { a: { config: { WorkingDir: 'rel/' } } } }).cwd, '/rel');
});

test('A6 97: --label overrides the labels of the final image', () => {
  const labels: PlanOptions = { labels: [['a', 'cli'], ['__proto__', 'p'], ['a', 'last']] };
  assert.deepEqual(Object.entries(configOf('FROM x AS base\nLABEL a=1 b=2\nFROM base', labels).Labels ?? {}), [['a', 'last'], ['b', '2'], ['__proto__', 'p']]);
  assert.deepEqual(historyOf('FROM scratch\nLABEL a=1', labels), ['!LABEL a=1']);
});

test('A1 17: MAINTAINER is taken as written', () => {
  const { config } = targetOf(graphOf('FROM a\nMAINTAINER Miles O\'Brien <$HOME>'));
  assert.equal(config.author, "Miles O'Brien <$HOME>");
  assert.deepEqual(historyOf("FROM scratch\nMAINTAINER Miles O'Brien"), ["!MAINTAINER Miles O'Brien"]);
});

test('A6 99: lines of the history', () => {
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
  ];
  for (const [nanoseconds, expected] of durations) assert.equal(goDuration(nanoseconds), expected);
});
