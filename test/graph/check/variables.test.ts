import { test } from 'node:test';
import { check } from './support.ts';

const said = (name: string, near?: string) => `UndefinedVar: Usage of undefined variable '$${name}'${near === undefined ? '' : ` (did you mean $${near}?)`}`;

test('A5 UndefinedVar knows ARG and ENV from their line on, in the stage and in those that it starts from', () => {
  check('FROM scratch\nARG foo\nCOPY Dockerfile${foo} .\n', []);
  check('FROM alpine AS base\nARG foo=Dockerfile\n\nFROM base\nCOPY $foo .\n', []);
  check('FROM alpine\nRUN echo $PATH $anything\nCMD ["$x"]\nHEALTHCHECK CMD ["$x"]\n', []);
  check('FROM alpine\nCOPY $foo .\nARG foo=bar\nRUN echo $foo\n', [`2 ${said('foo')}`]);
  check('FROM alpine\nARG DIR_BINARIES=binaries/\nARG DIR_ASSETS=assets/\nARG DIR_CONFIG=config/\nCOPY $DIR_ASSET .\n', [`5 ${said('DIR_ASSET', 'DIR_ASSETS')}`]);
  check('FROM alpine\nENV PATH=$PAHT:/tmp/bin\n', [`2 ${said('PAHT', 'PATH')}`]);
  check('FROM scratch AS first\nCOPY $foo .\n\nFROM scratch AS second\nCOPY $bar .\n', [`2 ${said('foo')}`, `5 ${said('bar')}`]);
  check('FROM scratch AS first\nCOPY $foo .\n\nFROM scratch AS second\nCOPY $bar .\n', [`5 ${said('bar')}`], { build: true });
});

test('A5 UndefinedVar looks at every word in which variables are substituted', () => {
  const bodies = [
    'ENV $v=1', 'ENV a=$v', 'LABEL $v=1', 'LABEL a="x $v"', 'ADD --chown=$v a /', 'COPY --chmod=${v:-600} a /', 'COPY a $v/', 'COPY $v $v /', 'COPY --exclude=$v a /',
    'COPY <<EOF /x\n$v\nEOF', 'WORKDIR /$v', 'USER $v', 'VOLUME /$v', 'ARG a=$v', 'ARG long=1 b=$long$v', 'RUN --mount=type=cache,target=/c$v x', 'STOPSIGNAL ${v}9',
  ];
  for (const body of bodies) check(`FROM scratch\n${body}\n`, [`2 ${said('v')}`]);
  for (const body of ["COPY <<'EOF' /x\n$v\nEOF", "ENV a='$v'", 'ENV a=\\$v', 'EXPOSE 80$v', 'RUN $v', 'ONBUILD COPY $v /', 'SHELL ["$v"]', 'ENTRYPOINT ["$v"]']) {
    check(`FROM scratch\n${body}\n`, []);
  }
});

test('A5 UndefinedVar of an ARG counts only where its default is used', () => {
  check('FROM scratch\nARG a=$v\n', [], { args: { a: '1' } });
  check('FROM scratch\nARG a=1 b=$a c=$b\n', []);
  check('FROM scratch\nARG b=$a a=1\n', [`2 ${said('a')}`]);
});

test('arguments that are never environment are no mistake', () => {
  check('FROM scratch\nENV a=$BUILDKIT_SBOM_SCAN_STAGE\n', []);
});

test('a global ARG that the stage does not import is undefined in it', () => {
  check('ARG VERSION=1\nFROM alpine\nCOPY app-$VERSION /\n', [`3 ${said('VERSION')}`]);
  check('ARG VERSION=1\nFROM alpine\nARG VERSION\nCOPY app-$VERSION /\n', []);
  check('FROM alpine\nENV a=$TARGETARCH\n', []);
  check('FROM scratch\nENV a=$TARGETARCH\n', [`2 ${said('TARGETARCH')}`]);
});

test('without its image, a variable that may be the image\'s own is no mistake', () => {
  check('FROM golang\nENV PATH=$GOPATH/bin:$PATH\nCOPY a $JAVA_HOME/lib/\n', []);
  check('FROM golang AS a\nFROM a AS b\nFROM b\nCOPY a $GOPATH/\n', []);
  check('FROM golang AS a\nFROM scratch\nCOPY a $GOPATH/\n', [`3 ${said('GOPATH', 'PATH')}`]);
  check('FROM golang\nCOPY a $gopath/$1\n', [`2 ${said('gopath')}`, `2 ${said('1')}`]);
  check('FROM golang\nCOPY a $LATER/\nARG LATER=/x\n', [`2 ${said('LATER')}`]);
  check('FROM nvidia/cuda\nENV LD_LIBRARY_PATH=/x:$LD_LIBRARY_PATH\n', []);
});

test('with its image, what the image sets is known and what it does not set is a mistake', () => {
  const settings = { build: true, bases: { golang: { config: { Env: ['GOPATH=/go'] } } } } as const;
  check('FROM golang\nENV PATH=$GOPATH/bin:$PATH\nCOPY a $JAVA_HOME/lib/\n', [`3 ${said('JAVA_HOME')}`], settings);
});
