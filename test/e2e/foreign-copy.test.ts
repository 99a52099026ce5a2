/**
 * What BuildKit's own tests (frontend/dockerfile/*_test.go) show of COPY, ADD, WORKDIR and ONBUILD: each row is named
 * after the test whose behaviour it shows.
 */
import { after, before, test } from 'node:test';
import { openForeignBench, type ForeignBench, type ForeignCase } from '../support/foreign-case.ts';
import { skipWithout } from '../support/needs.ts';

const skip = skipWithout('root');
let bench: ForeignBench;
before(async () => { bench = await openForeignBench(); });
after(() => bench.close());

const modes = 'umask 077; ';
const excluded = `${modes}mkdir -m 755 d1 d2 d3; printf 2 > d1/a.png; printf 3 > d1/b.txt; printf 6 > d2/c.pdf; printf 9 > d3/d.mp3; printf 10 > d3/e.mpeg`;
const deep = ['FROM base AS deep', 'WORKDIR /t', 'RUN umask 022; mkdir -p a/b/c/d/e a/b2/c/d/e a/b/c2/d/e2; printf 1 > a/b/c/d/f; printf 2 > a/b/c/d/e/y; printf 3 > a/b2/c/d/e/r; printf 4 > a/b/c2/d/e2/z'];

const cases: readonly ForeignCase[] = [
  { of: 'testDockerfileDirs', context: `${modes}printf bar > foo`, lines: ['FROM base', 'COPY foo /foo2', 'COPY foo /', 'RUN cmp foo foo2 && cmp /foo foo2'], tree: ['foo f 600 0:0 "bar"', 'foo2 f 600 0:0 "bar"'] },
  { of: 'testEmptyDestDir', context: `${modes}printf 0 > file`, lines: ['FROM base', 'ENV empty=""', 'COPY file $empty', 'RUN test -f file'], tree: ['file f 600 0:0 "0"'] },
  { of: 'testPreserveDestDirSlash', context: `${modes}printf 0 > file`, lines: ['FROM scratch', 'COPY file /sample/'], tree: ['sample d 755 0:0', 'sample/file f 600 0:0 "0"'] },
  { of: 'testCopyLinkDotDestDir', context: `${modes}printf 0 > file`, lines: ['FROM scratch', 'WORKDIR /var/www', 'COPY --link file .'], tree: ['var d 755 0:0', 'var/www d 755 0:0', 'var/www/file f 600 0:0 "0"'] },
  { of: 'testCopyLinkEmptyDestDir', context: `${modes}printf 0 > file`, lines: ['FROM scratch', 'WORKDIR /var/www', 'ENV empty=""', 'COPY --link file $empty'], tree: ['var d 755 0:0', 'var/www d 755 0:0', 'var/www/file f 600 0:0 "0"'] },
  {
    of: 'testCopyChownExistingDir',
    lines: [
      'FROM base AS source', 'RUN umask 022; touch /file; mkdir -p /dir/sub; touch /dir/sub/nested; chown 100:200 /file /dir; chown 101:201 /dir/sub; chown 102:202 /dir/sub/nested',
      'FROM base AS there', 'RUN umask 022; mkdir -p /old/oldsub; touch /old/oldfile; chown 500:600 /old; chown 501:601 /old/oldsub /old/oldfile',
      'FROM there', 'COPY --from=source /file .', 'COPY --from=source /dir /dir', 'COPY --from=source /dir/. /old', 'COPY --from=source --chown=300:400 /dir /mine', 'COPY --from=source --chown=300:400 /dir/. /old/oldsub',
    ],
    tree: [
      'dir d 755 0:0', 'dir/sub d 755 101:201', 'dir/sub/nested f 644 102:202 ""', 'file f 644 100:200 ""', 'mine d 755 300:400', 'mine/sub d 755 300:400', 'mine/sub/nested f 644 300:400 ""',
      'old d 755 500:600', 'old/oldfile f 644 501:601 ""', 'old/oldsub d 755 501:601', 'old/oldsub/sub d 755 300:400', 'old/oldsub/sub/nested f 644 300:400 ""', 'old/sub d 755 101:201', 'old/sub/nested f 644 102:202 ""',
    ],
  },
  { of: 'testEmptyWildcard', context: `${modes}printf 0 > foo`, lines: ['FROM scratch', 'COPY foo nomatch* /'], tree: ['foo f 600 0:0 "0"'] },
  {
    of: 'testCopyChownCreateDest',
    context: `${modes}printf 0 > foo`,
    lines: ['FROM base', 'ARG group', 'ENV owner=user01', 'RUN echo user:x:1000:1000::/:/bin/sh >> /etc/passwd; echo user01:x:1001:1001::/:/bin/sh >> /etc/passwd; echo user:x:1000: >> /etc/group', 'COPY --chown=user:user . /dest', 'COPY --chown=${owner}:${group} . /dest01', 'FROM scratch', 'COPY --from=0 /dest* /', 'COPY --from=0 /dest01 /d/'],
    args: { group: 'user' },
    tree: ['d d 755 0:0', 'd/foo f 600 1001:1000 "0"', 'foo f 600 1001:1000 "0"'],
  },
  { of: 'testCopyThroughSymlinkContext', context: `${modes}mkdir sub; ln -s sub link; printf 1 > sub/foo`, lines: ['FROM scratch', 'COPY link/foo .'], tree: ['foo f 600 0:0 "1"'] },
  {
    of: 'testCopyThroughSymlinkMultiStage',
    lines: ['FROM base AS made', 'RUN umask 022; mkdir -p /out/sub; ln -s /out/sub /sub; ln -s out/sub /sub2; printf data > /sub/foo', 'FROM scratch', 'COPY --from=made /sub/foo .', 'COPY --from=made /sub2/foo bar'],
    tree: ['bar f 644 0:0 "data"', 'foo f 644 0:0 "data"'],
  },
  { of: 'testCopySocket', context: 'sock socket.sock; chmod 600 socket.sock', lines: ['FROM scratch', 'COPY . /'], tree: ['socket.sock f 600 0:0 ""'] },
  { of: 'testCopyFollowAllSymlinks', context: `${modes}printf bar > bar; mkdir foo; ln -s ../bar foo/sub`, lines: ['FROM scratch', 'COPY foo /', 'COPY foo/sub bar'], tree: ['bar f 600 0:0 "bar"', 'sub l 777 0:0 -> ../bar'] },
  {
    of: 'testCopySymlinks',
    context: `${modes}printf bar > bar; ln -s bar foo; mkdir sub; printf l > sub/lfile; ln -s subfile sub/l0; printf s > sub/subfile; ln -s second sub/l1; ln -s baz sub/second; printf z > sub/baz`,
    lines: ['FROM scratch', 'COPY foo /', 'COPY sub/l* links/'],
    tree: ['foo f 600 0:0 "bar"', 'links d 755 0:0', 'links/l0 f 600 0:0 "s"', 'links/l1 f 600 0:0 "z"', 'links/lfile f 600 0:0 "l"'],
  },
  {
    of: 'testCopyChown',
    context: `${modes}printf foo > foo; mkdir bar; touch bar/sub`,
    lines: ['FROM base', 'ENV owner=1000', 'COPY --chown=daemon foo /', 'COPY --chown=1000:nogroup bar /baz', 'ARG group', 'COPY --chown=${owner}:${group} foo /foobis'],
    args: { group: 'nogroup' },
    tree: ['baz d 755 1000:65534', 'baz/sub f 600 1000:65534 ""', 'foo f 600 1:1 "foo"', 'foobis f 600 1000:65534 "foo"'],
  },
  {
    of: 'testCopyChmod',
    context: `${modes}printf f > foo; printf b > bar; chmod 700 bar; mkdir dir; printf d > dir/in`,
    lines: ['FROM scratch', 'COPY --chmod=0644 foo /', 'COPY --chmod=777 bar /baz', 'COPY --chmod=0 foo /none', 'COPY --chmod=777 foo /parent/foo', 'COPY --chmod=770 foo /parent/sub/foo', 'ARG mode', 'COPY --chmod=${mode} foo /arg', 'COPY --chmod=711 dir /dir'],
    args: { mode: '755' },
    tree: ['arg f 755 0:0 "f"', 'baz f 777 0:0 "b"', 'dir d 711 0:0', 'dir/in f 711 0:0 "d"', 'foo f 644 0:0 "f"', 'none f 0 0:0 "f"', 'parent d 777 0:0', 'parent/foo f 777 0:0 "f"', 'parent/sub d 770 0:0', 'parent/sub/foo f 770 0:0 "f"'],
  },
  { of: 'testCopyInvalidChmod', context: 'touch foo', lines: ['FROM scratch', 'COPY --chmod=64a foo /'], refused: ['MODE_INVALID', 2] },
  { of: 'testAddInvalidChmod', context: 'touch foo', lines: ['FROM scratch', 'ADD --chmod=10000 foo /'], refused: ['MODE_INVALID', 2] },
  {
    of: 'testCopyOverrideFiles',
    context: `${modes}mkdir -p sub/dir1/dir2 files; printf foo > sub/dir1/dir2/foo; printf go > files/foo.go`,
    lines: ['FROM scratch', 'COPY sub sub', 'COPY sub sub', 'COPY files/foo.go dest/foo.go', 'COPY files/foo.go dest/foo.go', 'COPY files dest'],
    tree: ['dest d 755 0:0', 'dest/foo.go f 600 0:0 "go"', 'sub d 755 0:0', 'sub/dir1 d 700 0:0', 'sub/dir1/dir2 d 700 0:0', 'sub/dir1/dir2/foo f 600 0:0 "foo"'],
  },
  { of: 'testCopyVarSubstitution', context: `${modes}printf bar > bar`, lines: ['FROM scratch', 'ENV FOO bar', 'COPY $FOO baz'], tree: ['baz f 600 0:0 "bar"'] },
  {
    of: 'testCopyWildcards',
    context: `${modes}printf foo > foo.go; printf bar > bar.go; mkdir -p sub/dir1/dir2; printf deep > sub/dir1/dir2/foo`,
    lines: ['FROM scratch', 'COPY *.go /go/', 'COPY f*.go foo2.go', 'COPY sub/* /s1/', 'COPY sub/*/dir2/foo /s2/', 'COPY sub/*/dir2/foo /s3/bar', 'COPY . all/', 'COPY sub/dir1/ s4', 'COPY sub/dir1/. s5', 'COPY sub/dir1 s6'],
    tree: [
      'all d 755 0:0', 'all/bar.go f 600 0:0 "bar"', 'all/foo.go f 600 0:0 "foo"', 'all/sub d 700 0:0', 'all/sub/dir1 d 700 0:0', 'all/sub/dir1/dir2 d 700 0:0', 'all/sub/dir1/dir2/foo f 600 0:0 "deep"',
      'foo2.go f 600 0:0 "foo"', 'go d 755 0:0', 'go/bar.go f 600 0:0 "bar"', 'go/foo.go f 600 0:0 "foo"', 's1 d 755 0:0', 's1/dir2 d 700 0:0', 's1/dir2/foo f 600 0:0 "deep"',
      's2 d 755 0:0', 's2/foo f 600 0:0 "deep"', 's3 d 755 0:0', 's3/bar f 600 0:0 "deep"',
      ...['s4', 's5', 's6'].flatMap((name) => [`${name} d 755 0:0`, `${name}/dir2 d 700 0:0`, `${name}/dir2/foo f 600 0:0 "deep"`]),
    ],
  },
  {
    of: 'testCopyRelative',
    context: `${modes}printf hello > foo`,
    lines: ['FROM scratch', 'WORKDIR /1', 'WORKDIR 2', 'COPY foo ./', 'ADD foo ./bar/baz', 'COPY foo ./bar/baz2', 'WORKDIR ..', 'COPY foo ./', 'COPY foo /3/', 'WORKDIR /4', 'COPY . .', 'WORKDIR /5/6', 'COPY foo ../'],
    tree: [
      '1 d 755 0:0', '1/2 d 755 0:0', '1/2/bar d 755 0:0', '1/2/bar/baz f 600 0:0 "hello"', '1/2/bar/baz2 f 600 0:0 "hello"', '1/2/foo f 600 0:0 "hello"', '1/foo f 600 0:0 "hello"',
      '3 d 755 0:0', '3/foo f 600 0:0 "hello"', '4 d 755 0:0', '4/foo f 600 0:0 "hello"', '5 d 755 0:0', '5/6 d 755 0:0', '5/foo f 600 0:0 "hello"',
    ],
  },
  {
    of: 'testCopyUnicodePath',
    context: `${modes}printf foo > test-äöü.txt; printf bar > test-%C3%A4.txt; printf baz > test+aou.txt`,
    lines: ['FROM scratch', 'COPY test-äöü.txt /', 'COPY test-%C3%A4.txt /', 'COPY test+aou.txt /'],
    tree: ['test+aou.txt f 600 0:0 "baz"', 'test-%C3%A4.txt f 600 0:0 "bar"', 'test-äöü.txt f 600 0:0 "foo"'],
  },
  {
    of: 'testChmodNonOctal',
    lines: [
      'FROM base AS made', 'RUN mkdir -p /in/f /in/d/d; touch /in/f/f; chmod 666 /in/f/f; chmod 124 /in/d/d',
      'FROM scratch', 'COPY --from=made --chmod=go-w /in/f/f /f1', 'COPY --from=made --chmod=u=rw,g=r,o=r /in/f/f /f2', 'COPY --from=made --chmod=a+X /in/f/f /f3',
      'COPY --from=made --chmod=go-w /in/d /d1/', 'COPY --from=made --chmod=u+rw,g+r,o-x,o+w /in/d /d2/', 'COPY --from=made --chmod=a+X /in/d /d3/',
    ],
    tree: ['d1 d 755 0:0', 'd1/d d 104 0:0', 'd2 d 755 0:0', 'd2/d d 766 0:0', 'd3 d 755 0:0', 'd3/d d 135 0:0', 'f1 f 644 0:0 ""', 'f2 f 644 0:0 ""', 'f3 f 666 0:0 ""'],
  },
  { of: 'testDockerfileCopyFromArgs', lines: ['FROM scratch', 'COPY --from=$FOO . .'], refused: ['FROM_EXPANSION', 2] },
  { of: 'testWorkdirCreatesDir', lines: ['FROM scratch', 'WORKDIR /foo', 'WORKDIR /'], tree: ['foo d 755 0:0'] },
  { of: 'testWorkdirUser', lines: ['FROM base', 'USER daemon', 'WORKDIR /mine/deep', 'RUN test "$(stat -c %U:%G .)" = daemon:daemon'], tree: ['mine d 755 1:1', 'mine/deep d 755 1:1'] },
  { of: 'testWorkdirCopyIgnoreRelative', context: `${modes}printf 1 > foo`, lines: ['FROM scratch AS from', 'WORKDIR /w', 'COPY foo /', 'FROM scratch', 'COPY --from=from foo .'], tree: ['foo f 600 0:0 "1"'] },
  { of: 'testWorkdirExists', lines: ['FROM base', 'RUN mkdir -m 711 /mine; chown 1:1 /mine', 'USER nobody', 'WORKDIR /mine'], tree: ['mine d 711 1:1'] },
  {
    of: 'testSymlinkDestination',
    context: `${modes}printf 0 > foo; ln -s ../tmp/target symlink; tar cf t.tar symlink; rm symlink`,
    lines: ['FROM scratch', 'ADD t.tar /', 'COPY foo /symlink/'],
    tree: ['symlink l 777 0:0 -> ../tmp/target', 'tmp d 755 0:0', 'tmp/target d 755 0:0', 'tmp/target/foo f 600 0:0 "0"'],
  },
  {
    of: 'testCopyParents',
    context: `${modes}mkdir -p a/b; printf 1 > a/b/bar; printf 2 > a/b/baz`,
    lines: ['FROM scratch', 'COPY --parents a/b/bar /', 'WORKDIR /t', 'COPY --parents a/b/ba* .'],
    tree: ['a d 700 0:0', 'a/b d 700 0:0', 'a/b/bar f 600 0:0 "1"', 't d 755 0:0', 't/a d 700 0:0', 't/a/b d 700 0:0', 't/a/b/bar f 600 0:0 "1"', 't/a/b/baz f 600 0:0 "2"'],
  },
  ...([
    ['middle', '/t/a/b/./c/d', ['c d', 'c/d d', 'c/d/e d', 'c/d/e/y "2"', 'c/d/f "1"']],
    ['end', '/t/a/b/c/d/.', ['t d', 't/a d', 't/a/b d', 't/a/b/c d', 't/a/b/c/d d', 't/a/b/c/d/e d', 't/a/b/c/d/e/y "2"', 't/a/b/c/d/f "1"']],
    ['start', './t/a/b/c2/d', ['t d', 't/a d', 't/a/b d', 't/a/b/c2 d', 't/a/b/c2/d d', 't/a/b/c2/d/e2 d', 't/a/b/c2/d/e2/z "4"']],
    ['double', '/t/a/./b/./c', ['b d', 'b/c d', 'b/c/d d', 'b/c/d/e d', 'b/c/d/e/y "2"', 'b/c/d/f "1"']],
    ['wildcard', '/t/a/./*/c', ['b d', 'b/c d', 'b/c/d d', 'b/c/d/e d', 'b/c/d/e/y "2"', 'b/c/d/f "1"', 'b2 d', 'b2/c d', 'b2/c/d d', 'b2/c/d/e d', 'b2/c/d/e/r "3"']],
    ['doublewildcard', '/t/a/b*/./c/**/e', ['c d', 'c/d d', 'c/d/e d', 'c/d/e/r "3"', 'c/d/e/y "2"']],
    ['doubleinputs', '/t/a/b/c*/./d/**/z /t/a/b*/./c/**/r', ['c d', 'c/d d', 'c/d/e d', 'c/d/e/r "3"', 'd d', 'd/e2 d', 'd/e2/z "4"']],
  ] as const).map(([name, source, tree]): ForeignCase => ({
    of: `testCopyRelativeParents, ${name}`,
    lines: [...deep, 'FROM scratch', `COPY --from=deep --parents ${source} /out/`],
    tree: ['out d 755 0:0', ...tree.map((line) => `out/${line.endsWith(' d') ? `${line} 755 0:0` : line.replace(' ', ' f 644 0:0 ')}`)],
  })),
  {
    of: 'testDockerfileAddArchive',
    context: `${modes}printf 0 > foo; chmod 644 foo; tar cf t.tar foo; gzip -k t.tar; rm foo; printf x > plain`,
    lines: ['FROM scratch', 'ADD t.tar /1', 'ADD t.tar.gz /2/', 'ADD --unpack=false t.tar plain /3/', 'COPY --chmod=600 plain t.tar.gz /4/', 'FROM base', 'COPY --from=0 /1 /2 /b/', 'RUN --mount=from=0,target=/m test -f /m/3/t.tar && test -f /m/4/t.tar.gz && test ! -e /m/3/foo'],
    tree: ['b d 755 0:0', 'b/foo f 644 0:0 "0"'],
  },
  {
    of: 'testDockerfileAddChownArchive',
    context: `${modes}printf 0 > foo; tar cf t.tar foo`,
    lines: ['FROM scratch', 'ADD --chown=100:200 t.tar /out/'],
    tree: ['out d 755 100:200', 'out/foo f 600 100:200 "0"'],
  },
  { of: 'testDockerfileAddArchiveWildcard', context: `${modes}printf 0 > foo; printf 1 > bar; tar cf t.tar foo; tar cf b.tar bar`, lines: ['FROM scratch', 'ADD *.tar /dest'], tree: ['dest d 755 0:0', 'dest/bar f 600 0:0 "1"', 'dest/foo f 600 0:0 "0"'] },
  { of: 'testDockerfileAddChownExpand', context: `${modes}printf f > foo`, lines: ['FROM base', 'ARG group', 'ENV owner=1000', 'ADD --chown=${owner}:${group} foo /'], args: { group: 'nogroup' }, tree: ['foo f 600 1000:65534 "f"'] },
  { of: 'testAddChecksum, NonHTTPSource', context: 'touch foo', lines: ['FROM scratch', `ADD --checksum=sha256:${'0'.repeat(64)} foo /tmp/foo`], refused: ['CHECKSUM_SOURCES', 2] },
  {
    of: 'testExcludedFilesOnCopy',
    context: excluded,
    lines: ['FROM scratch', 'COPY --exclude=*/*.png --exclude=*/*.txt . /1', 'ADD --exclude=*.mp3 d3/ /2/', 'COPY --exclude=*.mp3 --exclude=*.png --exclude=*.pdf d* /3/', 'ADD --exclude=* d* /4'],
    tree: [
      '1 d 755 0:0', '1/d1 d 755 0:0', '1/d2 d 755 0:0', '1/d2/c.pdf f 600 0:0 "6"', '1/d3 d 755 0:0', '1/d3/d.mp3 f 600 0:0 "9"', '1/d3/e.mpeg f 600 0:0 "10"',
      '2 d 755 0:0', '2/e.mpeg f 600 0:0 "10"', '3 d 755 0:0', '3/b.txt f 600 0:0 "3"', '3/e.mpeg f 600 0:0 "10"', '4 d 755 0:0',
    ],
  },
  { of: 'testOnBuildInheritedStageRun', lines: ['FROM base AS parent', 'ONBUILD RUN mkdir -p /out && printf 11 >> /out/foo', 'FROM parent AS mid', 'RUN cp /out/foo /out/bar', 'FROM scratch', 'COPY --from=mid /out/bar /'], tree: ['bar f 644 0:0 "11"'] },
  { of: 'testOnBuildInheritedStageWithFrom', lines: ['FROM base AS src', 'RUN mkdir /in; printf 12 > /in/file', 'FROM base AS parent', 'ONBUILD COPY --from=src /in/file /out/foo', 'FROM parent AS mid', 'FROM scratch', 'COPY --from=mid /out/foo /'], tree: ['foo f 644 0:0 "12"'] },
  {
    of: 'testOnBuildWithChildStage',
    lines: ['FROM base AS parent', 'ONBUILD RUN mkdir -p /out && printf yes >> /out/ran', 'FROM parent AS one', 'RUN test -f /out/ran && touch /step1; rm /out/ran', 'FROM one AS child', 'RUN test ! -f /out/ran && touch /step2', 'FROM scratch', 'COPY --from=child /step* /'],
    tree: ['step1 f 644 0:0 ""', 'step2 f 644 0:0 ""'],
  },
  { of: 'testMultiStageImplicitFrom', lines: ['FROM scratch', 'COPY --from=base /etc/group test'], tree: ['test f 644 0:0 "root:x:0:\\ndaemon:x:1:\\nnogroup:x:65534:\\n"'] },
  { of: 'testMultiStageImplicitFrom, a stage under the name of an image', lines: ['FROM base AS golang', 'RUN printf foo > /usr/bin/go', 'FROM scratch', 'COPY --from=golang /usr/bin/go go'], tree: ['go f 644 0:0 "foo"'] },
  { of: 'testMultiStageCaseInsensitive', context: `${modes}printf foo > foo`, lines: ['FROM scratch AS STAge0', 'COPY foo bar', 'FROM scratch AS staGE1', 'COPY --from=staGE0 bar baz', 'FROM scratch', 'COPY --from=stage1 baz bax'], target: 'Stage1', tree: ['baz f 600 0:0 "foo"'] },
  { of: 'testOutOfOrderStage', context: 'touch d', lines: ['FROM scratch AS target', 'COPY --from=build /d2 /out', 'FROM scratch AS build', 'COPY d /d2', 'FROM target'], refused: ['STAGE_NOT_DEFINED', 2] },
  { of: 'testDockerignore', context: `${modes}printf 'ba*\\nDockerfile\\n!bay\\n.dockerignore\\n' > .dockerignore; for f in foo bar baz bay Dockerfile; do printf $f > $f; done`, lines: ['FROM scratch', 'COPY . .'], tree: ['bay f 600 0:0 "bay"', 'foo f 600 0:0 "foo"'] },
  { of: 'testDockerignoreInvalid', context: 'printf "!\\n" > .dockerignore', lines: ['FROM scratch', 'COPY . .'], refused: ['IGNORE_INVALID', 1] },
];

for (const one of cases) test(`BuildKit, ${one.of}`, { skip }, () => bench.check(one));
