/** What single instructions become: SEMANTICS A6, 27 to 31 and 52 to 99. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { posix } from 'node:path';
import fc from 'fast-check';
import type { CopyOperation, RunMount } from '../../src/graph/vertex.ts';
import { assertProperty } from '../support/property.ts';
import { copyOf, graphOf, operationsOf, refused, runOf, without, type PlanOptions } from './support.ts';

const bash = { bases: { a: { config: { Shell: ['/bin/bash', '-ec'] } } } };

/** The arguments of the last RUN. */
function checkRun(table: readonly (readonly [lines: string, args: readonly string[], options?: PlanOptions])[]): void {
  for (const [lines, args, options] of table) assert.deepEqual(runOf(`FROM a\n${lines}`, options).args, args, lines);
}

test('A6.77 shell form is given to the SHELL in force, exec form is taken as it is', () => checkRun([
  ['RUN a  $b "c"', ['/bin/sh', '-c', 'a  $b "c"']],
  ['RUN ["a", "$b"]', ['a', '$b']],
  ['RUN a', ['/bin/bash', '-ec', 'a'], bash],
  ['SHELL ["sh"]\nRUN a', ['sh', 'a'], bash],
  ['RUN', ['/bin/sh', '-c', '']],
  ['RUN []', []],
  ['ENTRYPOINT ["e"]\nRUN a', ['/bin/sh', '-c', 'a']],
]));

test('A6.28 A6.29 bodies of here-documents are never expanded by the builder', () => {
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

test('A1.13 RUN --security=insecure wants to be allowed', () => {
  assert.equal(runOf('FROM a\nRUN --security=insecure x', { allowInsecure: true }).security, 'insecure');
  refused('FROM a\n\nRUN --security=insecure x', 'ENTITLEMENT_MISSING', [3, 3]);
});

test('A1.14 devices are refused for now', () => {
  refused('FROM a\nRUN --device=x.y/z=q x', 'DEVICE_UNAVAILABLE', [2, 2], { message: /x\.y\/z=q/ });
});

/** The mounts of one RUN in /w. */
function mountsOf(flags: string): readonly RunMount[] {
  return runOf(`FROM a\nENV V=v/w\nWORKDIR /w\nRUN ${flags} x`).mounts;
}

test('A6.82 A6.83 A6.84 A6.85 mounts of RUN', () => {
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

test('A6.85 ssh sockets are numbered among themselves', () => {
  const targets = mountsOf('--mount=type=ssh,id=a --mount=type=tmpfs,target=/t --mount=type=ssh,id=b --mount=type=ssh,target=/s').map((mount) => mount.target);
  assert.deepEqual(targets, ['/run/buildkit/ssh_agent.0', '/t', '/run/buildkit/ssh_agent.1', '/s']);
});

test('A6.83 mounts over the root are refused', () => {
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

test('A6.53 A6.55 sources are clamped to their root, destinations belong to WORKDIR and keep a trailing slash', () => {
  const table: readonly (readonly [source: string, destination: string, pattern: string, expected: string])[] = [
    ['x', 'y', '/x', '/w/y'], ['x', 'y/', '/x', '/w/y/'], ['x', '.', '/x', '/w/'], ['x', './', '/x', '/w/'], ['x', '/', '/x', '/'], ['x', '//y//z//', '/x', '/y/z/'],
    ['x', '/y/.', '/x', '/y/'], ['x', '..', '/x', '/'], ['x', '../../..', '/x', '/'], ['x', '/y/../z', '/x', '/z'], ['x', '$U', '/x', '/w/'],
    ['/x/', 'y', '/x', '/w/y'], ['../../x', 'y', '/x', '/w/y'], ['/../x/../y', 'y', '/y', '/w/y'], ['.', 'y', '/', '/w/y'], ['/', 'y', '/', '/w/y'], ['./x//y', 'y', '/x/y', '/w/y'],
    ['a[b]*?', 'y', '/a[b]*?', '/w/y'], ['$V', '/$V/', '/v', '/v/'],
  ];
  for (const [source, destination, pattern, expected] of table) checkCopy([[`COPY ${source} ${destination}`, { sources: [path(pattern)], destination: expected }]]);
});

test('no source and no destination leaves its root, and a step always runs in an absolute and clean directory', () => {
  const word = fc.stringMatching(/^[a./]{1,12}$/);
  assertProperty(fc.property(word, word, word, (source, destination, workdir) => {
    const copy = copyOf(`FROM a\nWORKDIR ${workdir}\nCOPY ${source} ${destination}`);
    const [only] = copy.sources;
    assert.ok(only?.kind === 'path');
    const { cwd } = runOf(`FROM a\nWORKDIR ${workdir}\nRUN x`);
    for (const given of [only.pattern, copy.destination.replace(/(?<=.)\/$/, ''), cwd]) {
      assert.ok(given.startsWith('/'));
      assert.equal(posix.resolve('/', given), given);
    }
  }), { numRuns: 200 });
});

test('A1.19 A1.20 A1.21 A1.22 A1.23 A1.24 A1.25 A1.26 A1.27 A1.28 flags of COPY and ADD', () => checkCopy([
  ['COPY --chown=$V:g --chmod=u+x --link --exclude=*.$V --exclude=b x y', { sources: [path('/x')], destination: '/w/y', owner: 'v:g', mode: 'u+x', link: true, excludes: ['*.v', 'b'] }],
  ['COPY --chown=$U --chmod=$U x y', { sources: [path('/x')], destination: '/w/y' }],
  ['COPY x y z/', { sources: [path('/x'), path('/y')], destination: '/w/z/' }],
  ['ADD x y', { instruction: 'ADD', sources: [path('/x')], destination: '/w/y', unpack: true }],
  ['ADD --unpack=false x y', { instruction: 'ADD', sources: [path('/x')], destination: '/w/y' }],
  ['ADD --unpack x y', { instruction: 'ADD', sources: [path('/x')], destination: '/w/y', unpack: true, unpackRemote: true }],
]));

test('A6.27 A6.30 here-documents of COPY are expanded unless quoted, quotes in them stay', () => checkCopy([
  ['COPY <<E x /y/\n$V "q" \\$V \'$V\'\nE', { sources: [path('/x'), { kind: 'inline', name: 'E', content: 'v "q" $V \'v\'\n' }], destination: '/y/' }],
  ['COPY <<"E" /y\n$V\r\nE', { sources: [{ kind: 'inline', name: 'E', content: '$V\r\n' }], destination: '/y' }],
  ['COPY <<-E /y\n\t$V\n\tE', { sources: [{ kind: 'inline', name: 'E', content: 'v\n' }], destination: '/y' }],
]));

test('A6.73 ADD names a download after the path of its URL', () => {
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

test('A1.20 ADD --checksum is for one download', () => {
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

test('A6.63 a wrong mode and a broken word are refused', () => {
  refused('FROM a\nARG M=99\nCOPY --chmod=$M x y', 'MODE_INVALID', [3, 3]);
  refused('FROM a\nCOPY "x$Y y', 'WORD_UNCLOSED', [2, 2]);
});

test('A6.66 --parents keeps the path, or what stands behind the first /./', () => {
  const table: readonly (readonly [source: string, pattern: string, include?: string])[] = [
    ['a/b/c', '/', 'a/b/c'], ['/a/b/', '/', 'a/b'], ['./a', '/', 'a'], ['/./a', '/', 'a'], ['../../a', '/', 'a'], ['**/*.go', '/', '**/*.go'],
    ['/t/a/./b', '/t/a', 'b'], ['t/./b/./c', '/t', 'b/c'], ['t/a/../.././b/../../c', '/', 'c'], ['t*/./b', '/t*', 'b'], ['t/c/.', '/', 't/c'],
    ['$V/./$V', '/v', 'v'], ['.', '/'], ['/', '/'], ['t/./', '/t'], ['t/./.', '/t'],
  ];
  for (const [source, pattern, include] of table) {
    checkCopy([[`COPY --parents ${source} y`, { sources: [{ ...path(pattern), ...(include === undefined ? {} : { include }) }], destination: '/w/y', parents: true }]]);
  }
});
