/** Malformed Dockerfiles and the exact words that each is refused with: code, lines, message, hint. The golden is reviewed. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import { parseMount } from '../../src/dockerfile/mount.ts';
import { plan } from '../../src/graph/plan.ts';
import { inputOf } from '../graph/support.ts';

const folder = new URL('golden/', import.meta.url);

/** Whole files. */
const files: readonly string[] = [
  '', '\n\n', '# only a comment\n', 'ARG A\n', 'RUN x\n', 'ENV A=1\nFROM a\n', 'FORM a\n', '# escape=x\nFROM a\n', '# syntax=a\n# syntax=b\nFROM a\n', 'FROM\n', 'FROM a b\n',
  'FROM a AS\n', 'FROM a IS b\n', 'FROM a AS 1b\n', 'FROM a AS b/c\n', 'FROM a # comment\n', 'FROM --platfrom=x a\n', 'FROM --platform a\n',
];
/** Lines behind `FROM a`. */
const lines: readonly string[] = [
  'RUNN x', 'cpoy a b', 'apt-get update', 'RUN --mout=type=cache x', 'RUN --network=hots x', 'RUN --security=insecur x', 'RUN --mount=type=bind,from=$x y', 'RUN --mount= x', 'RUN --mount=type=bind,\'"a\' x',
  'RUN --device=a,b=c x', 'RUN <<EOF', 'RUN <<EOF\nx\nEOF ', 'RUN echo $((1 << 2))', 'RUN [1]', 'CMD ["a", null]', 'CMD --x a', 'COPY a', 'COPY', 'COPY --form=b a /c', 'COPY --link= a /b', 'COPY --link=treu a /b',
  'COPY --from a /b', 'COPY --from=a --from=b c /d', 'COPY a <<E\nx\nE', 'COPY --unpack a /b', 'ADD --from=x a /b', 'ADD --chekcsum=x a /b', 'ENV', 'ENV A', 'ENV A=b c', 'ENV =b', 'LABEL a', 'ARG', 'ARG =x',
  'SHELL /bin/sh', 'SHELL []', 'USER', 'WORKDIR', 'EXPOSE', 'VOLUME []', 'VOLUME [""]', 'STOPSIGNAL', 'MAINTAINER', 'ONBUILD', 'ONBUILD ONBUILD RUN x', 'ONBUILD FROM a', 'ONBUILD RNU x',
  'RUN --network=NONE x', 'RUN --network=bridge x', 'RUN --security=none x', 'RUN a &&\n  make b', 'RUN a | \n  sort', 'RUN a;\ncpoy b c', 'RUN <<E\na &&\nE\ngrep x', 'RUN a\\\n b &&\n\n# c\n  c', 'HEALTHCEHCK NONE',
  'RUN <<EOF\nx\neof', 'RUN <<EOF\nx\n  EOF', 'RUN <<-EOF\nx\n  EOF', 'RUN <<EOF\n\tEOF\nx', 'RUN <<EOF\nx\nEOF\t', 'RUN <<-EOF\nx\n\tEof', 'COPY <<A <<B /x\nA\nb', 'RUN <<EOF\nxEOF\nEOF2\n',
  'HEALTHCHECK', 'HEALTHCHECK CMD', 'HEALTHCHECK NONE x', 'HEALTHCHECK CDM x', 'HEALTHCHECK --interval=30 CMD x', 'HEALTHCHECK --retries=-1 CMD x', 'HEALTHCHECK --intervl=1s CMD x',
];
const mounts: readonly string[] = ['type=cahce,target=/x', 'tpye=cache', 'type=cache,traget=/x', 'target=/x,rw=yes', 'type=bind,size=1m', 'type=cache,sharing=lockd', 'type=cache,uid=x', 'type=secret,id=a,mode=rw', 'type=secret,id=a,mode=0888', 'type=cache,gid=-1', 'type=cache,uid=4294967296', 'target=/x,ro=flase', 'type=secret,id=a,required=maybe', 'type=tmpfs,size=big', 'type=tmpfs,target=/x,size=1x', 'type=cache,sharing=exclusive', 'sharing=', 'type=cache,rdonly', 'type=secret', 'target', 'type=ssh,source=x', 'type=secret,id=a,source=b', 'type=secret,id=a,from=b', 'target=/x,uid=1', 'target=/x,sharing=locked'];
/** Files that parse, and cannot be planned whatever the images are; with the target asked for. */
const plans: readonly (readonly [source: string, target: string | null])[] = [
  ['FROM scratch AS build\n', 'biuld'], ['FROM scratch\nCOPY --from=3 /a /b\n', null], ['FROM scratch AS a\nCOPY --from=a /a /b\n', null], ['ARG B\nFROM $B\n', null],
  ['FROM scratch\nCOPY --from=$x /a /b\n', null], ['FROM scratch\nSTOPSIGNAL SIGTREM\n', null], ['FROM scratch\nEXPOSE 80/tpc\n', null], ['FROM scratch\nENV A=${B:?is needed}\n', null], ['FROM scratch\nENV A=${B\n', null], ['FROM scratch\nENV A=${B:-c\n', null], ['FROM scratch\nENV A=${B/c\n', null], ['FROM scratch\nENV A=${\n', null], ['FROM scratch\nENV A="b\n', null], ["FROM scratch\nENV A='b\n", null], ['FROM scratch\nLABEL a="${b"\n', null],
  ['FROM scratch AS a\nCOPY --from=b /a /b\nFROM scratch AS b\nCOPY --from=a /a /b\n', null], ['FROM scratch\nCOPY --from=1 /a /b\nFROM scratch\nCOPY --from=2 /a /b\nFROM scratch\nRUN --mount=from=0,target=/x y\n', null], ['FROM scratch\nCOPY --from=1 /a /b\nFROM scratch AS late\n', '0'],
  ['FROM scratch\nCOPY --from=-1 /a /b\n', null], ['FROM scratch\nRUN --mount=from=7,target=/x y\n', null], ['FROM scratch AS one\nFROM scratch AS two\n', 'three'], ['FROM scratch\n', 'x'],
  ['FROM scratch\nCOPY --chmod=rwx a /b\n', null],
  ['FROM --platform=$BULIDPLATFORM scratch\n', null], ['ARG MY_ARCH=amd64\nFROM --platform=linux/$MYARCH a\n', null], ['ARG IMAGE=a\nFROM $IMGAE\n', null], ['FROM --platform=$X a\n', null], ['FROM --platform=linux/amd64/v1/x a\n', null],
];

function complaint(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof TsbuildError, String(error));
    assert.equal(error.errorClass, 'usage');
    const place = error.position === undefined ? '' : `${error.position.startLine}-${error.position.endLine} `;
    return `${place}${error.code}: ${error.message}\n  hint: ${error.hint ?? '-'}`;
  }
  return assert.fail('accepted');
}

function describeAll(): string {
  const blocks = [
    ...[...files, ...lines.map((line) => `FROM a\n${line}\n`)].map((source) => [source, complaint(() => parseDockerfile(source, 'Dockerfile'))]),
    ...mounts.map((mount) => [`--mount=${mount}`, complaint(() => parseMount(mount))]),
    ...plans.map(([source, target]) => [`${source}${target === null ? '' : `--target ${target}`}`, complaint(() => plan({ ...inputOf(source, { target }), images: new Map() }))]),
  ];
  return blocks.map(([source = '', text = '']) => `${JSON.stringify(source)}\n  ${text}\n`).join('\n');
}

test('at least sixty malformed Dockerfiles are refused with the words of the golden', () => {
  assert.ok(files.length + lines.length >= 60);
  const file = new URL('bad-input.txt', folder);
  const actual = describeAll();
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, actual);
  }
  assert.equal(actual, existsSync(file) ? readFileSync(file, 'utf8') : '(no golden: run with UPDATE_GOLDEN=1)');
});
