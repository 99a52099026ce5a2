import { test } from 'node:test';
import { check } from './support.ts';

test('A5 JSONArgsRecommended is for CMD and ENTRYPOINT where no SHELL is set', () => {
  const said = (name: string) => `JSON arguments recommended for ${name} to prevent unintended behavior related to OS signals`;
  check('FROM scratch\nCMD mycommand\n', [`2 JSONArgsRecommended: ${said('CMD')}`]);
  check('FROM scratch\nENTRYPOINT mycommand\n', [`2 JSONArgsRecommended: ${said('ENTRYPOINT')}`]);
  check('from scratch\ncmd mycommand\n', [`2 JSONArgsRecommended: ${said('cmd')}`]);
  check('FROM scratch\nCMD ["mycommand"]\nENTRYPOINT []\nHEALTHCHECK CMD mycommand\nRUN mycommand\n', []);
  check('FROM scratch\nSHELL ["/usr/bin/customshell"]\nCMD mycommand\nENTRYPOINT mycommand\n', []);
  check('FROM scratch AS base\nSHELL ["/usr/bin/customshell"]\n\nFROM base\nCMD mycommand\n', []);
  check('FROM windows\nCMD mycommand\n', [], { build: true, bases: { windows: { config: { Shell: ['cmd', '/S', '/C'] } } } });
  check('FROM windows\nCMD mycommand\n', [`2 JSONArgsRecommended: ${said('CMD')}`]);
});

test('A5 WorkdirRelativePath looks at the first WORKDIR of a stage and of those that it starts from', () => {
  check('FROM scratch\nWORKDIR app/\nWORKDIR more\n', ['2 WorkdirRelativePath: Relative workdir "app/" can have unexpected results if the base image changes']);
  check('FROM scratch AS a\nWORKDIR /app\n\nFROM a AS b\nWORKDIR subdir/\n', []);
  check('FROM scratch AS a\nWORKDIR /app\nFROM a AS b\nFROM b\nWORKDIR subdir/\n', []);
  check('FROM scratch\nARG d=/app\nWORKDIR $d\n', []);
  check('FROM scratch\nARG d=app\nWORKDIR $d\n', ['3 WorkdirRelativePath: Relative workdir "app" can have unexpected results if the base image changes']);
  check('FROM base\nWORKDIR app\n', ['2 WorkdirRelativePath'], { build: true, bases: { base: { config: { WorkingDir: '/srv' } } } });
});

test('A5 MultipleInstructionsDisallowed names the earlier instruction, which has no effect', () => {
  const said = (name: string) => `Multiple ${name} instructions should not be used in the same stage because only the last one will be used`;
  check('FROM scratch\nENTRYPOINT ["/a"]\nENTRYPOINT ["/b"]\nCMD ["/a"]\nCMD ["/b"]\nHEALTHCHECK CMD ["/a"]\nHEALTHCHECK NONE\n', [
    `2 MultipleInstructionsDisallowed: ${said('ENTRYPOINT')}`, `4 MultipleInstructionsDisallowed: ${said('CMD')}`, `6 MultipleInstructionsDisallowed: ${said('HEALTHCHECK')}`,
  ]);
  check('FROM scratch\nCMD ["/a"]\nCOPY <<EOF /a.txt\nHello\nEOF\nCMD ["/b"]\nCMD ["/c"]\n', [`2 MultipleInstructionsDisallowed: ${said('CMD')}`, `6 MultipleInstructionsDisallowed: ${said('CMD')}`]);
  check('FROM scratch AS a\nCMD ["/a"]\nENTRYPOINT ["/a"]\nHEALTHCHECK NONE\n\nFROM a AS b\nCMD ["/b"]\nENTRYPOINT ["/b"]\nHEALTHCHECK NONE\n', []);
});

test('A5 LegacyKeyValueFormat', () => {
  check('FROM scratch\nENV testkey value\nLABEL key value\n', [
    '2 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format',
    '3 LegacyKeyValueFormat: "LABEL key=value" should be used instead of legacy "LABEL key value" format',
  ]);
  check('FROM scratch\nENV testkey=value two=b\nLABEL key=value\n', []);
  const other = 'FROM scratch AS a\n\nFROM a AS b\nENV testkey value\n\nFROM a AS c\n';
  check(other, ['4 LegacyKeyValueFormat']);
  check(other, [], { target: 'c' });
  check(other, [], { build: true });
});

test('A5 SecretsUsedInArgOrEnv goes by the words of a name', () => {
  const said = (what: string) => `SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (${what})`;
  check(`FROM scratch
ARG SECRET_PASSPHRASE
ENV SUPER_Secret=foo
ENV password=bar secret=baz
ARG super_duper_secret_token=foo auth=bar
ENV apikey=bar sunflower=foo
ENV git_key=
ENV PUBLIC_KEY=
ARG public_token
ENV PASSWORD_FILE=/x TOKEN_VERSION=2 monkey=1 authors=2 keyring=3
`, [
    `2 ${said('ARG "SECRET_PASSPHRASE"')}`, `3 ${said('ENV "SUPER_Secret"')}`, `4 ${said('ENV "password"')}`, `4 ${said('ENV "secret"')}`,
    `5 ${said('ARG "super_duper_secret_token"')}`, `5 ${said('ARG "auth"')}`, `6 ${said('ENV "apikey"')}`, `7 ${said('ENV "git_key"')}`,
  ]);
  check('ARG TOKEN\nFROM scratch\nLABEL token=1\n', []);
  check('FROM scratch\nARG word=token\nENV $word=1\n', [`3 ${said('ENV "token"')}`]);
});

test('A5 ExposeProtoCasing and ExposeInvalidFormat look at ports after substitution', () => {
  check('FROM scratch\nEXPOSE 80/TcP 81/tcp 82 83/UDP\n', [
    "2 ExposeProtoCasing: Defined protocol '80/TcP' in EXPOSE instruction should be lowercase",
    "2 ExposeProtoCasing: Defined protocol '83/UDP' in EXPOSE instruction should be lowercase",
  ]);
  check('FROM scratch\nARG port=127.0.0.1:80:80\nEXPOSE $port 5000-5010 8080:80 [::1]:81:81 :90\n', [
    "3 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
    "3 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '8080:80'",
    "3 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '[::1]:81:81'",
  ]);
});

test('A5 CopyIgnoredFile explains what COPY and ADD cannot find', () => {
  const ignored = (verb: string, file: string) => `CopyIgnoredFile: Attempting to ${verb} file "${file}" that is excluded by .dockerignore`;
  check('FROM scratch\nCOPY Dockerfile .\nADD Dockerfile /windy\n', [`2 ${ignored('Copy', 'Dockerfile')}`, `3 ${ignored('Add', 'Dockerfile')}`], { ignore: ['Dockerfile'] });
  check('FROM scratch AS base\nCOPY Dockerfile /foobar\nADD Dockerfile /windy\n\nFROM base\nCOPY --from=base /foobar /Dockerfile\n', [], { ignore: ['foobar'] });
  check('FROM scratch\nCOPY ./tmp/a/ other/b /\n', [`2 ${ignored('Copy', 'tmp/a')}`], { ignore: ['tmp'] });
  check('FROM scratch\nCOPY /tmp/a /\n', [`2 ${ignored('Copy', '/tmp/a')}`], { ignore: ['*/a'] });
  check('FROM scratch\nCOPY . /\n', [`2 ${ignored('Copy', '.')}`], { ignore: ['*'] });
  check('FROM scratch\nARG what=a\nCOPY $what.txt <<EOF /\nbody\nEOF\n', [`3 ${ignored('Copy', 'a.txt')}`], { ignore: ['*.txt', 'EOF'] });
  check('FROM scratch\nADD https://example.org/a /\n', [], { ignore: ['**'] });
});

test('triggers are checked in the stage that starts from theirs, at its FROM', () => {
  check('FROM scratch AS a\nONBUILD WORKDIR sub\nONBUILD COPY $foo /\n\nFROM a\n', [
    '5 WorkdirRelativePath: Relative workdir "sub" can have unexpected results if the base image changes', "5 UndefinedVar: Usage of undefined variable '$foo'",
  ]);
  check('FROM base\n', ['1 WorkdirRelativePath'], { build: true, bases: { base: { config: { OnBuild: ['WORKDIR sub'] } } } });
});
