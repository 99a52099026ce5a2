/**
 * What the test suites of Buildah (tests/conformance, tests/bud) and Kaniko (integration/dockerfiles) show of COPY, ADD,
 * WORKDIR and VOLUME, with the files that BuildKit gives where the three disagree.
 */
import { after, before, test } from 'node:test';
import { openForeignBench, type ForeignBench, type ForeignCase } from '../support/foreign-case.ts';
import { skipWithout } from '../support/needs.ts';

const skip = skipWithout('root');
let bench: ForeignBench;
before(async () => { bench = await openForeignBench(); });
after(() => bench.close());

/** A stage that a script fills, copied into an empty image by the lines after it. */
const from = (script: string, ...lines: readonly string[]): readonly string[] => ['FROM base AS from', `RUN umask 022; ${script}`, 'FROM scratch', ...lines];

const copies: readonly ForeignCase[] = [
  { of: 'copy file to root', lines: from('touch /a', 'COPY --from=from /a /'), tree: ['a f 644 0:0 ""'] },
  { of: 'copy file to same file', lines: from('touch /a', 'COPY --from=from /a /a'), tree: ['a f 644 0:0 ""'] },
  { of: 'copy file to workdir', lines: from('touch /a', 'WORKDIR /b', 'COPY --from=from /a .'), tree: ['b d 755 0:0', 'b/a f 644 0:0 ""'] },
  { of: 'copy file to workdir rename', lines: from('touch /a', 'WORKDIR /b', 'COPY --from=from /a ./b'), tree: ['b d 755 0:0', 'b/b f 644 0:0 ""'] },
  { of: 'copy folder contents to higher level', lines: from('mkdir -p /a/b; touch /a/b/1 /a/b/2', 'COPY --from=from /a/b /b'), tree: ['b d 755 0:0', 'b/1 f 644 0:0 ""', 'b/2 f 644 0:0 ""'] },
  { of: 'copy wildcard folder contents to higher level', lines: from('mkdir -p /a/b; touch /a/b/1 /a/b/2', 'COPY --from=from /a/b/* /b/'), tree: ['b d 755 0:0', 'b/1 f 644 0:0 ""', 'b/2 f 644 0:0 ""'] },
  { of: 'copy folder with dot contents to higher level', lines: from('mkdir -p /a/b; touch /a/b/1 /a/b/2', 'COPY --from=from /a/b/. /b/'), tree: ['b d 755 0:0', 'b/1 f 644 0:0 ""', 'b/2 f 644 0:0 ""'] },
  { of: 'copy nested file to different root name', lines: from('mkdir /a; touch /a/b', 'COPY --from=from /a/b /a'), tree: ['a f 644 0:0 ""'] },
  { of: 'copy file to deeper directory with explicit slash', lines: from('mkdir -p /a/b; touch /a/b/1', 'COPY --from=from /a/b/1 /a/b/c/'), tree: ['a d 755 0:0', 'a/b d 755 0:0', 'a/b/c d 755 0:0', 'a/b/c/1 f 644 0:0 ""'] },
  { of: 'copy file to deeper directory without explicit slash', lines: from('mkdir -p /a/b; touch /a/b/1', 'COPY --from=from /a/b/1 /a/b/c'), tree: ['a d 755 0:0', 'a/b d 755 0:0', 'a/b/c f 644 0:0 ""'] },
  { of: 'copy directory trailing to root without explicit slash', lines: from('mkdir -p /a; touch /a/1', 'COPY --from=from a/. /a'), tree: ['a d 755 0:0', 'a/1 f 644 0:0 ""'] },
  { of: 'copy from symlink source', context: 'printf z > file.tar.gz; ln -s file.tar.gz file-link.tar.gz', lines: ['FROM scratch', 'COPY file-link.tar.gz /'], tree: ['file-link.tar.gz f 644 0:0 "z"'] },
  { of: 'copy-symlink-2', lines: from('printf z > /f.gz; ln -s f.gz /link.gz', 'COPY --from=from /link.gz /'), tree: ['link.gz f 644 0:0 "z"'] },
  { of: 'copy with --chown', context: 'printf s > s; printf t > t', lines: ['FROM base', 'COPY --chown=1:2 s /bin1/a', 'COPY --chown=1:daemon s /bin1/b', 'COPY --chown=1 s /bin1/c', 'COPY --chown=daemon:nogroup s /bin1/d', 'COPY --chown=nobody s /bin1/e', 'COPY --chown=3 s t /bin2/'], tree: ['bin1 d 755 1:2', 'bin1/a f 644 1:2 "s"', 'bin1/b f 644 1:1 "s"', 'bin1/c f 644 1:1 "s"', 'bin1/d f 644 1:65534 "s"', 'bin1/e f 644 65534:65534 "s"', 'bin2 d 755 3:3', 'bin2/s f 644 3:3 "s"', 'bin2/t f 644 3:3 "t"'] },
  ...['existing', 'existing/'].map((source): ForeignCase => ({ of: `directory with${source.endsWith('/') ? '' : 'out'} slash`, context: 'mkdir -m 700 -p existing/etc; chmod 700 existing/etc; printf n > existing/etc/new; printf r > existing/r', lines: ['FROM base', `COPY ${source} .`], tree: ['etc d 700 0:0', 'etc/new f 644 0:0 "n"', 'r f 644 0:0 "r"'] })),
  { of: 'wildcard', context: 'mkdir d; touch d/1.a d/1.b d/2.b d/1.c', lines: ['FROM scratch', 'ENV DIR=/usr', 'ADD d/*.b d/*.c $DIR/test/'], tree: ['usr d 755 0:0', 'usr/test d 755 0:0', 'usr/test/1.b f 644 0:0 ""', 'usr/test/1.c f 644 0:0 ""', 'usr/test/2.b f 644 0:0 ""'] },
  { of: 'copy-permissions', context: 'mkdir s; touch s/r s/o; chown 99:99 s/o; chmod 640 s/*', lines: ['FROM scratch', 'COPY s/ s/', 'COPY --chown=99:99 s/ s/'], tree: ['s d 755 0:0', 's/o f 640 99:99 ""', 's/r f 640 99:99 ""'] },
  { of: 'copy-permissions-implicit', context: 'mkdir s; touch s/r s/o; chown 99:99 s/o; chmod 640 s/*', lines: ['FROM scratch', 'COPY --chown=99:99 s/ s/', 'COPY s/ s/'], tree: ['s d 755 99:99', 's/o f 640 0:0 ""', 's/r f 640 0:0 ""'] },
  { of: 'stage-container-as-source-plus-hardlinks', lines: from('mkdir -p /t/sub; printf p > /t/p; ln /t/p /t/sub/p; ln /t/sub/p /t/sub/p2', 'COPY --from=from /t/sub /sub'), tree: ['sub d 755 0:0', 'sub/p f 644 0:0 "p"', 'sub/p2 h 644 0:0 -> sub/p'] },
  { of: 'setuid-file-in-context', context: 'printf x > u; printf x > g; printf x > t; chmod 4755 u; chmod 2755 g; chmod 1755 t; mkdir -m 3770 d', lines: ['FROM scratch', 'COPY . 1', 'ADD . 2'], tree: ['1', '2'].flatMap((at) => [`${at} d 755 0:0`, `${at}/d d 3770 0:0`, `${at}/g f 2755 0:0 "x"`, `${at}/t f 1755 0:0 "x"`, `${at}/u f 4755 0:0 "x"`]) },
  { of: 'xattrs-file-in-context', context: 'printf x > f; chmod 640 f; xattr f user.a test', lines: ['FROM scratch', 'COPY . 1', 'ADD . 2'], tree: ['1', '2'].flatMap((at) => [`${at} d 755 0:0`, `${at}/f f 640 0:0 "x" user.a=74657374`]) },
  { of: 'setuid-file-in-other-stage', lines: from('mkdir /a /b /c; for p in a/u b/g c/t; do printf x > /$p; done; chmod 4744 /a/u; chmod 2654 /b/g; chmod 1645 /c/t', 'COPY --from=0 /a/u /b/g /c/t /'), tree: ['g f 2654 0:0 "x"', 't f 1645 0:0 "x"', 'u f 4744 0:0 "x"'] },
  { of: 'xattrs-file-in-other-stage', context: 'printf x > f; xattr f user.a test', lines: ['FROM scratch', 'COPY . .', 'FROM scratch', 'COPY --from=0 /f /'], tree: ['f f 644 0:0 "x" user.a=74657374'] },
  { of: 'copy-multiple-some-missing', context: 'touch a; mkdir d', lines: ['FROM scratch', 'COPY a d z e s/'], refused: ['SOURCE_NOT_FOUND', 2] },
  { of: 'copy-multiple-missing-file-with-glob', context: 'touch a; mkdir d-1', lines: ['FROM scratch', 'COPY z d-* s/'], refused: ['SOURCE_NOT_FOUND', 2] },
  { of: 'copy-multiple-missing-file-with-nomatch-on-glob (BuildKit copies nothing)', context: 'touch a', lines: ['FROM scratch', 'COPY missing* s/', 'COPY a /'], tree: ['a f 644 0:0 ""'] },
  { of: 'copy-multiple-some-missing-glob', context: 'touch a file-1; mkdir d-1 d-2; touch d-1/x d-2/y', lines: ['FROM scratch', 'COPY a d-* file-? missing* s/'], tree: ['s d 755 0:0', 's/a f 644 0:0 ""', 's/file-1 f 644 0:0 ""', 's/x f 644 0:0 ""', 's/y f 644 0:0 ""'] },
  { of: 'file-in-workdir-in-other-stage', context: 'printf 1 > f', lines: ['FROM scratch AS from', 'COPY . /s/', 'WORKDIR /s', 'FROM from', 'COPY --from=from . .'], tree: ['s d 755 0:0', 's/f f 644 0:0 "1"', 's/s d 755 0:0', 's/s/f f 644 0:0 "1"'] },
  { of: 'copy-empty-1', context: 'printf 1 > f', lines: ['FROM scratch', 'COPY "" /tmp/'], tree: ['tmp d 755 0:0', 'tmp/f f 644 0:0 "1"'] },
  { of: 'copy-empty-2', context: 'printf 1 > f', lines: ['FROM scratch', 'ENV NONE=', 'COPY ${NONE} /tmp/'], tree: ['tmp d 755 0:0', 'tmp/f f 644 0:0 "1"'] },
  { of: 'copy-absolute-directory-3', context: 'mkdir -p 1/2/a; printf f > 1/2/a/f', lines: ['FROM scratch', 'COPY /1/2 /var', 'FROM scratch', 'COPY --from=0 /var/a /var'], tree: ['var d 755 0:0', 'var/f f 644 0:0 "f"'] },
  { of: 'multi-stage-derived', lines: ['FROM base AS layer', 'RUN umask 022; touch /root/layer', 'FROM layer AS derived', 'RUN rm /root/layer', 'FROM base', 'COPY --from=layer /root /root'], tree: ['root d 700 0:0', 'root/layer f 644 0:0 ""'] },
  { of: 'copy-from-owner', lines: from('touch /t; chown 65:65 /t', 'USER 66:66', 'COPY --from=0 /t /t'), tree: ['t f 644 65:65 ""'] },
  { of: 'copy-from-owner-with-chown', lines: from('touch /t; chown 65:65 /t', 'USER 66:66', 'COPY --from=0 --chown=1:1 /t /t'), tree: ['t f 644 1:1 ""'] },
  { of: 'copy-for-user', context: 'touch s; chown 5:6 s', lines: ['FROM scratch', 'USER 66:66', 'COPY /s /s', 'COPY s /made/by/s'], tree: ['made d 755 0:0', 'made/by d 755 0:0', 'made/by/s f 644 0:0 ""', 's f 644 0:0 ""'] },
  {
    of: 'copy-escape-glob',
    context: "mkdir -p 'app/[xyz]/[abc]' 'app/n?pe' app/nope 'app/st*uv' app/strauv; for d in '[xyz]' '[xyz]/[abc]' 'n?pe' nope 'st*uv' strauv; do printf \"$d\" > \"app/$d/f\"; done",
    lines: ['FROM scratch', 'COPY ./app/[[]xyz]/f /1/', 'COPY ./app/[[]xyz]/[[]abc]/f /2/', 'COPY ./app/n\\\\?p[e]/f /3/f', 'COPY ./app/st\\\\*u[v]/f /4/f', 'COPY ./app/[n]* /5/'],
    tree: ['1 d 755 0:0', '1/f f 644 0:0 "[xyz]"', '2 d 755 0:0', '2/f f 644 0:0 "[xyz]/[abc]"', '3 d 755 0:0', '3/f f 644 0:0 "n?pe"', '4 d 755 0:0', '4/f f 644 0:0 "st*uv"', '5 d 755 0:0', '5/f f 644 0:0 "nope"'],
  },
  { of: 'replace-symlink-with-directory (BuildKit refuses)', context: 'mkdir -p t1/d t2/link; printf 1 > t1/d/f; ln -s d t1/link; printf 2 > t2/link/f', lines: ['FROM scratch', 'COPY t1/ /', 'COPY t2/ /'], refused: ['COPY_CONFLICT', 3] },
  { of: 'replace-directory-with-symlink (BuildKit refuses)', context: 'mkdir -p t1/d t2/link; printf 1 > t1/d/f; ln -s d t1/link; printf 2 > t2/link/f', lines: ['FROM scratch', 'COPY t2/ /tree/', 'COPY t1/ /tree/'], refused: ['COPY_CONFLICT', 3] },
  { of: 'bud symlink/Dockerfile.replace-symlink', context: 'mkdir d; ln -s none d/l; ln -s d e; printf f > f', lines: ['FROM scratch', 'COPY ./ ./', 'COPY ./ ./'], tree: ['d d 755 0:0', 'd/l l 777 0:0 -> none', 'e l 777 0:0 -> d', 'f f 644 0:0 "f"'] },
  { of: 'bud symlink/Dockerfile.absolute-dir-symlink', lines: from('mkdir -p /my/data; touch /my/data/exe; ln -s /my/data /data', 'COPY --from=from /data /data', 'VOLUME [ "/data" ]'), tree: ['data d 755 0:0', 'data/exe f 644 0:0 ""'] },
  { of: 'bud dest-symlink', context: 'printf 1 > f', lines: ['FROM base', 'ENV REAL=/usr/hbase LINK=/etc/hbase', 'RUN umask 022; mkdir $REAL; ln -s $REAL $LINK', 'COPY f $LINK'], tree: ['etc d 755 0:0', 'etc/hbase l 777 0:0 -> /usr/hbase', 'usr d 755 0:0', 'usr/hbase d 755 0:0', 'usr/hbase/f f 644 0:0 "1"'] },
  { of: 'bud dest-symlink-dangling', context: 'printf 1 > f', lines: ['FROM base', 'RUN ln -s /symlink /src', 'COPY f /src/'], tree: ['src l 777 0:0 -> /symlink', 'symlink d 755 0:0', 'symlink/f f 644 0:0 "1"'] },
  { of: 'copyglob: ** is one name, as * is', context: 'mkdir -p a/sub b/sub/sub; touch 0.txt a/1.txt a/sub/2.txt b/sub/3.txt b/sub/sub/4.txt', lines: ['FROM scratch', 'ARG SOURCE', 'COPY $SOURCE /1/', 'COPY **/sub/*.txt /2/', 'COPY b/**/*sub/*.txt /3/'], args: { SOURCE: '**/*.txt' }, tree: ['1 d 755 0:0', '1/1.txt f 644 0:0 ""', '2 d 755 0:0', '2/2.txt f 644 0:0 ""', '2/3.txt f 644 0:0 ""', '3 d 755 0:0', '3/4.txt f 644 0:0 ""'] },
  { of: 'copy--exclude-subdir-under-source', context: 'mkdir -p app/storage/views; touch app/a app/storage/b app/storage/views/c', lines: ['FROM scratch', 'COPY --exclude=storage/views app/ app/'], tree: ['app d 755 0:0', 'app/a f 644 0:0 ""', 'app/storage d 755 0:0', 'app/storage/b f 644 0:0 ""'] },
  { of: 'copy--exclude-exception-under-source', context: 'mkdir -p app/views; touch app/views/test app/views/exception', lines: ['FROM scratch', 'COPY --exclude=views/* --exclude=!views/exception app/ app/'], tree: ['app d 755 0:0', 'app/views d 755 0:0', 'app/views/exception f 644 0:0 ""'] },
  { of: 'copy--exclude-includes-dot-slash: an exception alone leaves nothing out', context: 'mkdir d-c; touch d-c/f g', lines: ['FROM scratch', "COPY --exclude='!**/*-c' ./ s/"], tree: ['s d 755 0:0', 's/d-c d 755 0:0', 's/d-c/f f 644 0:0 ""', 's/g f 644 0:0 ""'] },
  { of: 'add--exclude-includes-star', context: 'mkdir -p a/d-c d-c; touch a/f a/d-c/g d-c/h', lines: ['FROM scratch', 'ADD --exclude=**/*-c ./ s/'], tree: ['s d 755 0:0', 's/a d 755 0:0', 's/a/f f 644 0:0 ""'] },
  ...([
    ['copy--parents', './x/a ./y/a', ['x d', 'x/a', 'y d', 'y/a']],
    ['copy--parents-directories', './x', ['x d', 'x/a', 'x/y d', 'x/y/a', 'x/z d', 'x/z/a']],
    ['copy--parents-directory-with-parent-directory', './x/y/', ['x d', 'x/y d', 'x/y/a']],
    ['copy--parents-path-with-star', './x/*/a ./*/b', ['x d', 'x/y d', 'x/y/a', 'x/z d', 'x/z/a', 'y d', 'y/b']],
    ['copy--parents-unknown-count-parent-directories', './x/*', ['x d', 'x/a', 'x/y d', 'x/y/a', 'x/z d', 'x/z/a']],
    ['copy--parents-limit-parents-unknown-count-parent-directories', './x/./*', ['a', 'y d', 'y/a', 'z d', 'z/a']],
    ['copy--parents-limit-parent-directories', './x/./y/*', ['y d', 'y/a']],
    ['copy--parents-limit-parent-directories-1', './x/y/./*', ['a']],
  ] as const).map(([name, source, tree]): ForeignCase => ({
    of: name,
    context: 'mkdir -p x/y x/z y; touch x/a x/y/a x/z/a y/a y/b',
    lines: ['FROM scratch', `COPY --parents ${source} /p/`],
    tree: ['p d 755 0:0', ...tree.map((line) => `p/${line.endsWith(' d') ? `${line} 755 0:0` : `${line} f 644 0:0 ""`}`)],
  })),
  { of: 'copy--parents-dir-with-links', lines: from('mkdir -p /x/y /x/z; touch /x/y/b /x/z/a /x/z/b; ln -s /x/z/b /x/z/l; ln /x/z/a /x/z/h; ln /x/y/b /x/z/i', 'COPY --from=from --parents ./x/ /p', 'COPY --from=from --parents ./x/./z/ /q/'), tree: ['p d 755 0:0', 'p/x d 755 0:0', 'p/x/y d 755 0:0', 'p/x/y/b f 644 0:0 ""', 'p/x/z d 755 0:0', 'p/x/z/a f 644 0:0 ""', 'p/x/z/b f 644 0:0 ""', 'p/x/z/h h 644 0:0 -> p/x/z/a', 'p/x/z/i h 644 0:0 -> p/x/y/b', 'p/x/z/l l 777 0:0 -> /x/z/b', 'q d 755 0:0', 'q/z d 755 0:0', 'q/z/a f 644 0:0 ""', 'q/z/b f 644 0:0 ""', 'q/z/h h 644 0:0 -> q/z/a', 'q/z/i f 644 0:0 ""', 'q/z/l l 777 0:0 -> /x/z/b'] },
  { of: 'bud copy-exclude', context: 'printf 1 > a.txt; printf 2 > b', lines: ['FROM scratch', 'COPY --exclude=*txt . /t'], tree: ['t d 755 0:0', 't/b f 644 0:0 "2"'] },
];

const adds: readonly ForeignCase[] = [
  { of: 'add-permissions', context: 'mkdir archive; printf t > archive/r; printf t > archive/o; chmod 640 archive/*; chown 99:99 archive/o; tar -cf a.tar --sort=name archive/o archive/r', lines: ['FROM scratch', 'ADD a.tar 1/', 'ADD archive/ 2/'], tree: ['1 d 755 0:0', '1/archive d 755 0:0', '1/archive/o f 640 99:99 "t"', '1/archive/r f 640 0:0 "t"', '2 d 755 0:0', '2/o f 640 0:0 "t"', '2/r f 640 0:0 "t"'] },
  { of: 'setuid-file-in-archive', context: 'mkdir -p t; cd t; for n in u g t; do printf x > f$n; mkdir d$n; done; chmod 4755 ?u; chmod 2755 ?g; chmod 1755 ?t; tar -cf ../a.tar --sort=name *; cd ..; rm -r t', lines: ['FROM scratch', 'ADD a.tar .'], tree: ['dg d 2755 0:0', 'dt d 1755 0:0', 'du d 4755 0:0', 'fg f 2755 0:0 "x"', 'ft f 1755 0:0 "x"', 'fu f 4755 0:0 "x"'] },
  { of: 'xattrs-file-in-archive', context: 'printf x > f; xattr f user.a test; tar -cf a.tar --format=posix --xattrs f', lines: ['FROM scratch', 'ADD a.tar .'], tree: ['f f 644 0:0 "x" user.a=74657374'] },
  { of: 'add-parent-symlink', context: 'mkdir -p t/real; ln -s real t/link; printf f > t/real/f; tar -cf a.tar --sort=name -C t .', lines: ['FROM scratch', 'ADD a.tar /sub'], tree: ['sub d 755 0:0', 'sub/link l 777 0:0 -> real', 'sub/real d 755 0:0', 'sub/real/f f 644 0:0 "f"'] },
  { of: 'add-parent-dangling', context: 'printf f > f', lines: ['FROM base', 'RUN ln -s target /symlink', 'ADD . /symlink/deep/'], tree: ['symlink l 777 0:0 -> target', 'target d 755 0:0', 'target/deep d 755 0:0', 'target/deep/f f 644 0:0 "f"'] },
  { of: 'add-parent-clean: the destination is cleaned before links are followed', context: 'printf f > f', lines: ['FROM base', 'RUN ln -s /target/sub /symlink', 'ADD . /symlink/..'], tree: ['f f 644 0:0 "f"', 'symlink l 777 0:0 -> /target/sub'] },
  { of: 'add-archive-4: a directory of archives is copied', context: 'printf f > f; tar -cf a.tar f; rm f; mkdir s; cp a.tar s/; gzip s/a.tar; tar -cf p.tar --files-from=/dev/null; rm a.tar p.tar; printf p > p', lines: ['FROM scratch', 'ADD / /', 'FROM base', 'RUN --mount=from=0,target=/m test -f /m/s/a.tar.gz && test -f /m/p && touch /ok'], tree: ['ok f 644 0:0 ""'] },
  { of: 'add-archive-7: each match of a wildcard is unpacked', context: 'printf f > f; tar -cf a.tar f; printf g > g; tar -czf b.tar.gz g; mkdir s; mv a.tar b.tar.gz s; printf p > s/p', lines: ['FROM scratch', 'ADD s/* /s/'], tree: ['s d 755 0:0', 's/f f 644 0:0 "f"', 's/g f 644 0:0 "g"', 's/p f 644 0:0 "p"'] },
  { of: 'add-dir-not-dir', context: 'printf f > file; tar -cf a.tar file', lines: ['FROM scratch AS s', 'WORKDIR /file', 'WORKDIR /', 'ADD a.tar /'], tree: ['file f 644 0:0 "f"'] },
  { of: 'add-not-dir-dir', context: 'mkdir new; printf f > new/f; tar -cf a.tar new; rm -r new; touch new', lines: ['FROM scratch', 'COPY new /new', 'ADD a.tar /'], tree: ['new d 755 0:0', 'new/f f 644 0:0 "f"'] },
  { of: 'add-populated-dir-not-dir', context: 'mkdir one; touch one/1 one/2; mkdir t; printf f > t/one; tar -cf a.tar -C t one', lines: ['FROM scratch', 'COPY one /one', 'ADD a.tar /'], tree: ['one f 644 0:0 "f"'] },
  { of: 'tar-g: a global header is skipped', context: 'printf f > f; mkdir t; cd t; git init -q .; cp ../f .; git add f; git -c user.name=a -c user.email=b commit -qm c; git archive -o ../a.tar HEAD; cd ..; rm -r t f', lines: ['FROM scratch', 'ADD a.tar /'], tree: ['f f 664 0:0 "f"'] },
  { of: 'bud add-create-absolute-path', context: 'printf d > dist', lines: ['FROM scratch', 'ADD dist /usr/share/nginx/html/dist/'], tree: ['usr d 755 0:0', 'usr/share d 755 0:0', 'usr/share/nginx d 755 0:0', 'usr/share/nginx/html d 755 0:0', 'usr/share/nginx/html/dist d 755 0:0', 'usr/share/nginx/html/dist/dist f 644 0:0 "d"'] },
  { of: 'ADD --chmod of an archive leaves its modes alone', context: 'printf f > f; tar -cf a.tar f; chmod 600 a.tar', lines: ['FROM scratch', 'ADD --chmod=700 a.tar /d/'], tree: ['d d 755 0:0', 'd/f f 644 0:0 "f"'] },
];

const others: readonly ForeignCase[] = [
  { of: 'workdir-owner', lines: ['FROM base', 'USER daemon', 'WORKDIR /created/dir', 'RUN touch here'], tree: ['created d 755 1:1', 'created/dir d 755 1:1', 'created/dir/here f 644 1:1 ""'] },
  { of: 'workdir with trailing separator', lines: ['FROM base', 'USER daemon', 'WORKDIR /tmp/', 'WORKDIR /made/'], tree: ['made d 755 1:1'] },
  { of: 'bud workdir-symlink/Dockerfile-2', context: 'printf 1 > f', lines: ['FROM base', 'RUN ln -s /var/lib/t /t', 'WORKDIR /t', 'RUN touch made', 'COPY f ./f'], tree: ['t l 777 0:0 -> /var/lib/t', 'var d 755 0:0', 'var/lib d 755 0:0', 'var/lib/t d 755 0:0', 'var/lib/t/f f 644 0:0 "1"', 'var/lib/t/made f 644 0:0 ""'] },
  { of: 'bud workdir-symlink/Dockerfile-3', context: 'printf 1 > f', lines: ['FROM base', 'RUN ln -s /var/lib/t /t', 'WORKDIR /t/low', 'COPY f ./1', 'COPY f /t/2', 'COPY f /t/low/3'], tree: ['t l 777 0:0 -> /var/lib/t', 'var d 755 0:0', 'var/lib d 755 0:0', 'var/lib/t d 755 0:0', 'var/lib/t/2 f 644 0:0 "1"', 'var/lib/t/low d 755 0:0', 'var/lib/t/low/1 f 644 0:0 "1"', 'var/lib/t/low/3 f 644 0:0 "1"'] },
  { of: 'volume', context: 'printf 1 > f; printf 2 > g', lines: ['FROM scratch', 'ADD f /var/www/', 'VOLUME /var/www', 'ADD f /var/', 'VOLUME /var', 'ADD g /var/'], tree: ['var d 755 0:0', 'var/f f 644 0:0 "1"', 'var/g f 644 0:0 "2"', 'var/www d 755 0:0', 'var/www/f f 644 0:0 "1"'] },
  { of: 'volumerun', context: 'printf 1 > f; printf 2 > g', lines: ['FROM base', 'ADD f /var/www/', 'VOLUME /var/www', 'ADD g /var/www/', 'RUN umask 022; printf 3 > /var/www/h', 'RUN test -f /var/www/h'], tree: ['var d 755 0:0', 'var/www d 755 0:0', 'var/www/f f 644 0:0 "1"', 'var/www/g f 644 0:0 "2"', 'var/www/h f 644 0:0 "3"'] },
  { of: 'chown-volume', lines: ['FROM base AS first', 'RUN umask 022; mkdir /a /b', 'VOLUME /a /b', 'FROM first', 'RUN chown 1000:1000 /a /b'], tree: ['a d 755 1000:1000', 'b d 755 1000:1000'] },
  { of: 'bud volume-perms (BuildKit makes no directory)', lines: ['FROM base', 'VOLUME /vol/sub', 'RUN test ! -e /vol'], tree: [] },
  { of: 'bud volume-symlink', lines: ['FROM base', 'RUN umask 022; mkdir -p /home/app/v; touch /home/app/v/f; ln -s /home/app/v /config', 'VOLUME ["/config"]', 'RUN rm /config/f'], tree: ['config l 777 0:0 -> /home/app/v', 'home d 755 0:0', 'home/app d 755 0:0', 'home/app/v d 755 0:0'] },
  { of: 'dockerignore-exceptions-weirdness-2', context: 'printf "subdir\\n!*/sub1*\\n!subdir/sub3*\\n" > .dockerignore; mkdir -m 711 subdir; touch subdir/sub1.txt subdir/sub2.txt subdir/sub3.txt', lines: ['FROM scratch', 'COPY ./ /n', 'COPY subdir /m'], tree: ['m d 755 0:0', 'm/sub1.txt f 644 0:0 ""', 'm/sub3.txt f 644 0:0 ""', 'n d 755 0:0', 'n/.dockerignore f 644 0:0 "subdir\\n!*/sub1*\\n!subdir/sub3*\\n"', 'n/subdir d 711 0:0', 'n/subdir/sub1.txt f 644 0:0 ""', 'n/subdir/sub3.txt f 644 0:0 ""'] },
  { of: 'dockerignore-exceptions-skip', context: 'printf "volume/\\n!**/one.txt\\n.dockerignore\\n" > .dockerignore; mkdir -p volume/data; touch volume/data/one.txt volume/data/two.txt', lines: ['FROM scratch', 'COPY volume /volume/'], tree: ['volume d 755 0:0', 'volume/data d 755 0:0', 'volume/data/one.txt f 644 0:0 ""'] },
  {
    of: 'dockerignore-allowlist-alternating',
    context: "printf '**\\n!s\\ns/1\\n!s/1/2\\ns/1/2/3\\n!s/1/2/3/4\\ns/1/2/3/4/5\\n!s/1/2/3/4/5/f\\n' > .dockerignore; mkdir -p s/1/2/3/4/5; for d in s s/1 s/1/2 s/1/2/3 s/1/2/3/4 s/1/2/3/4/5; do touch $d/f $d/g; done",
    lines: ['FROM scratch', 'COPY s /s'],
    tree: ['s d 755 0:0', 's/1 d 755 0:0', 's/1/2 d 755 0:0', 's/1/2/3 d 755 0:0', 's/1/2/3/4 d 755 0:0', 's/1/2/3/4/5 d 755 0:0', 's/1/2/3/4/5/f f 644 0:0 ""', 's/1/2/3/4/f f 644 0:0 ""', 's/1/2/3/4/g f 644 0:0 ""', 's/1/2/f f 644 0:0 ""', 's/1/2/g f 644 0:0 ""', 's/f f 644 0:0 ""', 's/g f 644 0:0 ""'],
  },
  { of: 'dockerignore-exclude-kind-of-deep-subdir-dot', context: "printf '**/e\\n!**/f\\n.dockerignore\\n' > .dockerignore; mkdir -p e/f/g d/e/x; touch a e/b e/f/c e/f/g/d d/e/x/f", lines: ['FROM scratch', 'COPY . 1/', 'COPY * 2/'], tree: ['1 d 755 0:0', '1/a f 644 0:0 ""', '1/d d 755 0:0', '1/d/e d 755 0:0', '1/d/e/x d 755 0:0', '1/d/e/x/f f 644 0:0 ""', '1/e d 755 0:0', '1/e/f d 755 0:0', '1/e/f/c f 644 0:0 ""', '1/e/f/g d 755 0:0', '1/e/f/g/d f 644 0:0 ""', '2 d 755 0:0', '2/a f 644 0:0 ""', '2/e d 755 0:0', '2/e/x d 755 0:0', '2/e/x/f f 644 0:0 ""', '2/f d 755 0:0', '2/f/c f 644 0:0 ""', '2/f/g d 755 0:0', '2/f/g/d f 644 0:0 ""'] },
  { of: 'dockerignore-allowlist-nothing-dot', context: "printf '**\\n' > .dockerignore; touch f", lines: ['FROM scratch', 'COPY . .'], tree: [] },
  { of: 'dockerignore-allowlist-subdir-nofile-file', context: "printf '**\\n!d/f1\\n' > .dockerignore; mkdir d; touch d/f2", lines: ['FROM scratch', 'COPY d/f1 /f1'], refused: ['SOURCE_NOT_FOUND', 2] },
];

const kaniko: readonly ForeignCase[] = [
  {
    of: 'Dockerfile_test_copy',
    context: "mkdir -p c/bar/bam c/empty c/qux; printf foo > c/foo; printf bar > c/bar/bar; printf bat > c/bar/bat; printf bag > c/bar/bam/bag; printf q > c/qux/q; printf a > 'c/arr[0].txt'",
    lines: ['FROM scratch', 'COPY c/foo foo', 'COPY c/foo /foodir/', 'COPY c/bar/b* bar/', 'COPY c/fo? /foo2', 'COPY c/bar/none* c/foo hello', 'COPY ./c/empty /empty', 'COPY c/bar /baz/', 'COPY ["c/foo", "/tmp/foo" ]', 'COPY c/q* /qux/', 'COPY c/foo c/bar/ba? /test/', 'COPY c/arr[[]0].txt /my/', 'COPY --chown=10000:10000 c/foo /test/not/there/'],
    tree: [
      'bar d 755 0:0', 'bar/bag f 644 0:0 "bag"', 'bar/bar f 644 0:0 "bar"', 'bar/bat f 644 0:0 "bat"', 'baz d 755 0:0', 'baz/bam d 755 0:0', 'baz/bam/bag f 644 0:0 "bag"', 'baz/bar f 644 0:0 "bar"', 'baz/bat f 644 0:0 "bat"',
      'empty d 755 0:0', 'foo f 644 0:0 "foo"', 'foo2 f 644 0:0 "foo"', 'foodir d 755 0:0', 'foodir/foo f 644 0:0 "foo"', 'hello f 644 0:0 "foo"', 'my d 755 0:0', 'my/arr[0].txt f 644 0:0 "a"', 'qux d 755 0:0', 'qux/q f 644 0:0 "q"',
      'test d 755 0:0', 'test/bag f 644 0:0 "bag"', 'test/bar f 644 0:0 "bar"', 'test/bat f 644 0:0 "bat"', 'test/foo f 644 0:0 "foo"', 'test/not d 755 10000:10000', 'test/not/there d 755 10000:10000', 'test/not/there/foo f 644 10000:10000 "foo"', 'tmp d 755 0:0', 'tmp/foo f 644 0:0 "foo"',
    ],
  },
  { of: 'Dockerfile_test_copy_symlink', lines: from('echo hello > /tmp/target; ln -s /tmp/target /tmp/link', 'COPY --from=from /tmp/link /tmp'), tree: ['tmp f 644 0:0 "hello\\n"'] },
  { of: 'Dockerfile_test_dangling_symlink', lines: ['FROM base', 'RUN ["/bin/ln", "-s", "nowhere", "/link"]'], tree: ['link l 777 0:0 -> nowhere'] },
  { of: 'Dockerfile_test_issue_3429', lines: ['FROM base', 'RUN umask 022; mkdir /test; ln -s /test /link', 'RUN umask 022; rm -r /test /link; mkdir /link'], tree: ['link d 755 0:0'] },
  { of: 'Dockerfile_test_issue_704', lines: ['FROM base', 'RUN umask 022; mkdir -p /some/dir; echo first > /some/dir/first', 'RUN rm /some/dir/first'], tree: ['some d 755 0:0', 'some/dir d 755 0:0'] },
  { of: 'Dockerfile_test_copyadd_chmod', context: 'printf f > foo; mkdir -p qux/quw; printf q > qux/quw/que; printf p > qux/qup', lines: ['FROM scratch', 'ADD --chmod=0666 foo /p/f666', 'ADD --chmod=777 qux /p/d777'], tree: ['p d 666 0:0', 'p/d777 d 777 0:0', 'p/d777/qup f 777 0:0 "p"', 'p/d777/quw d 777 0:0', 'p/d777/quw/que f 777 0:0 "q"', 'p/f666 f 666 0:0 "f"'] },
  { of: 'Dockerfile_test_add_dest_symlink_dir', context: 'printf f > foo', lines: ['FROM base', 'RUN umask 022; mkdir /run/real /etc/real; ln -s /etc/real /etc/service', 'ADD foo /etc/service/foo'], tree: ['etc d 755 0:0', 'etc/real d 755 0:0', 'etc/real/foo f 644 0:0 "f"', 'etc/service l 777 0:0 -> /etc/real'] },
  { of: 'Dockerfile_test_multistage', context: 'mkdir -p c; printf foo > c/foo; printf bar > c/bar', lines: ['FROM scratch AS one', 'COPY . .', 'FROM scratch AS second', 'ENV foopath c/foo', 'COPY --from=0 $foopath c/b* /foo/', 'FROM one', 'ARG file', 'COPY --from=second /foo $file'], args: { file: '/arg' }, tree: ['arg d 755 0:0', 'arg/bar f 644 0:0 "bar"', 'arg/foo f 644 0:0 "foo"', 'c d 755 0:0', 'c/bar f 644 0:0 "bar"', 'c/foo f 644 0:0 "foo"'] },
  { of: 'Dockerfile_test_copy_root_multistage', lines: from('mkdir -p /r/etc /r/lib; chmod 750 /r/lib; printf f > /r/etc/f; ln -s etc/f /r/l', 'COPY --from=from /r /', 'COPY --from=from /r/. /'), tree: ['etc d 755 0:0', 'etc/f f 644 0:0 "f"', 'l l 777 0:0 -> etc/f', 'lib d 750 0:0'] },
  { of: 'Dockerfile_test_copy_chown_intermediate_dirs', context: 'printf f > foo; mkdir -p qux/in; printf q > qux/in/q', lines: ['FROM base', 'COPY --chown=daemon:daemon foo /p/to/foo', 'COPY --chown=daemon:daemon qux /p/to/qux', 'USER daemon', 'RUN mkdir -m 700 /p/new /p/to/qux/new'], tree: ['p d 755 1:1', 'p/new d 700 1:1', 'p/to d 755 1:1', 'p/to/foo f 644 1:1 "f"', 'p/to/qux d 755 1:1', 'p/to/qux/in d 755 1:1', 'p/to/qux/in/q f 644 1:1 "q"', 'p/to/qux/new d 700 1:1'] },
  {
    of: 'Dockerfile_test_workdir_with_user',
    lines: ['FROM scratch', 'WORKDIR /w/none', 'USER 9999', 'WORKDIR /w/uid', 'USER 9999:99', 'WORKDIR /w/both', 'USER 0', 'WORKDIR /w/0', 'COPY --from=base /etc/passwd /etc/group /etc/', 'USER nobody', 'WORKDIR /w/name', 'USER nobody:1', 'WORKDIR /w/mixed', 'USER 1:nogroup', 'WORKDIR /w/group/deep', 'FROM base', 'COPY --from=0 /w /'],
    tree: ['0 d 755 0:0', 'both d 755 9999:99', 'group d 755 1:65534', 'group/deep d 755 1:65534', 'mixed d 755 65534:1', 'name d 755 65534:65534', 'none d 755 0:0', 'uid d 755 9999:9999'],
  },
  { of: 'Dockerfile_test_workdir', context: 'printf f > foo', lines: ['FROM base', 'WORKDIR w', 'WORKDIR deep ', 'COPY foo ./now', 'RUN cp now new', 'ENV dir=/another', 'WORKDIR $dir/new', 'WORKDIR $dir/$none', 'WORKDIR /', 'ARG workdir', 'WORKDIR $workdir', 'RUN pwd > /pwd'], args: { workdir: '/arg/dir' }, tree: ['another d 755 0:0', 'another/new d 755 0:0', 'arg d 755 0:0', 'arg/dir d 755 0:0', 'pwd f 644 0:0 "/arg/dir\\n"', 'w d 755 0:0', 'w/deep d 755 0:0', 'w/deep/new f 644 0:0 "f"', 'w/deep/now f 644 0:0 "f"'] },
  { of: 'Dockerfile_test_volume_2 (BuildKit makes no directory of a volume)', context: 'printf f > foo', lines: ['FROM base', 'RUN umask 022; mkdir /v', 'VOLUME /v', 'RUN umask 022; echo hello > /v/h', 'WORKDIR /v/bar', 'ADD foo /v/foo', 'VOLUME /never'], tree: ['v d 755 0:0', 'v/bar d 755 0:0', 'v/foo f 644 0:0 "f"', 'v/h f 644 0:0 "hello\\n"'] },
  { of: 'Dockerfile_test_issue_mz108', context: 'mkdir -m 700 -p c/w; chmod 700 c/w; printf f > c/w/f', lines: ['FROM base', 'RUN mkdir -m 711 /c', 'USER nobody', 'COPY --chmod=400 c/ /c', 'COPY --chmod=755 c/ /c'], tree: ['c d 711 0:0', 'c/w d 755 0:0', 'c/w/f f 755 0:0 "f"'] },
  { of: 'Dockerfile_test_issue_mz305', lines: ['FROM base AS zero', 'FROM base AS one', 'RUN umask 022; echo 1 > /tmp/one', 'FROM base AS two', 'COPY --from=1 /tmp /t'], tree: ['t d 755 0:0', 't/one f 644 0:0 "1\\n"'] },
  { of: 'Dockerfile_test_issue_mz332', lines: ['FROM base AS made', 'RUN umask 022; touch /blubb', 'FROM base AS trigger', 'ONBUILD COPY --from=made /blubb /here', 'FROM not.there.invalid/nobody:needs-it', 'FROM trigger', 'RUN test -f /here'], tree: ['here f 644 0:0 ""'] },
  { of: 'Dockerfile_test_issue_mz334', lines: ['FROM base AS first', 'RUN umask 022; echo 1 > /bli; touch /blubb', 'FROM first AS second', 'RUN umask 022; touch /bla', 'FROM second AS third', 'RUN echo 3 > /bli', 'FROM second', 'COPY --from=first /blubb /blubb', 'COPY --from=third /bli /bli'], tree: ['bla f 644 0:0 ""', 'bli f 644 0:0 "3\\n"', 'blubb f 644 0:0 ""'] },
  {
    of: 'Dockerfile_test_issue_mz1133',
    context: 'printf new > foo',
    lines: ['FROM base', 'RUN umask 022; mkdir /real /keep; ln -s /real /link; echo base > /keep/base; printf target > /target; ln -s /target /aslink; printf old > /old', 'COPY --link foo /link/foo', 'COPY --link foo /keep/foo', 'COPY --link foo /aslink', 'COPY --link foo /old', 'RUN test ! -L /link -a ! -L /aslink -a "$(cat /target)" = target'],
    tree: ['aslink f 644 0:0 "new"', 'keep d 755 0:0', 'keep/base f 644 0:0 "base\\n"', 'keep/foo f 644 0:0 "new"', 'link d 755 0:0', 'link/foo f 644 0:0 "new"', 'old f 644 0:0 "new"', 'real d 755 0:0', 'target f 644 0:0 "target"'],
  },
  { of: 'Dockerfile_test_issue_mz1148', context: 'printf f > f; tar -cf a.tar f; printf g > plain; chmod 600 f', lines: ['FROM scratch', 'ADD a.tar /1/', 'ADD --unpack=true a.tar plain /2/', 'ADD --unpack=false a.tar /3/', 'FROM base', 'RUN --mount=from=0,target=/m test -f /m/3/a.tar && umask 022 && ls /m/1 /m/2 > /list'], tree: ['list f 644 0:0 "/m/1:\\nf\\n\\n/m/2:\\nf\\nplain\\n"'] },
  { of: 'Dockerfile_test_issue_1599', lines: from('mkfifo /pipe; chmod 620 /pipe; chown 1:2 /pipe', 'COPY --from=from /pipe /there'), tree: ['there p 620 1:2'] },
  { of: 'Dockerfile_test_copy_same_file_many_times', context: 'printf f > foo', lines: ['FROM scratch', ...Array.from({ length: 8 }, () => 'COPY foo /foo')], tree: ['foo f 644 0:0 "f"'] },
];

const suites: readonly (readonly [suite: string, cases: readonly ForeignCase[]])[] = [['Buildah', [...copies, ...adds, ...others]], ['Kaniko', kaniko]];

for (const [suite, cases] of suites) for (const row of cases) test(`${suite}, ${row.of}`, { skip }, () => bench.check(row));
