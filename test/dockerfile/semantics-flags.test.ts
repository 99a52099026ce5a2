/** Instructions and their flags, as far as reading goes: one test for each row of the reference's table A1. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import { parseMount } from '../../src/dockerfile/mount.ts';
import { read, refuse, refuseLine, strip } from './semantics-support.ts';

const copy = { kind: 'copy', sources: ['a'], heredocs: [], destination: '/b', link: false, parents: false, excludes: [] };
const add = { ...copy, kind: 'add' };
const run = { kind: 'run', command: { form: 'shell', text: 'x' }, heredocs: [], mounts: [], devices: [] };

function from(line: string): object {
  const [stage] = parseDockerfile(`${line}\n`, 'f').stages;
  assert.ok(stage !== undefined);
  return strip(stage.from);
}

test('A1.1 FROM takes an image with tag and digest, and a name', () => {
  const image = `r.example:5000/a/b:1@sha256:${'0'.repeat(64)}`;
  assert.deepEqual(from(`FROM ${image} AS Name`), { kind: 'from', base: image, as: 'name' });
  refuse('FROM a b\n', 'FROM_ARGUMENTS');
});

test('A1.2 FROM --platform is kept as written, for global ARGs', () => {
  assert.deepEqual(from('FROM --platform=$BUILDPLATFORM a'), { kind: 'from', base: 'a', platform: '$BUILDPLATFORM' });
});

test('A1.3 FROM --after is not BuildKit: refused with the flags that there are', () => refuse('FROM --after=x a\n', 'FLAG_UNKNOWN', /FROM takes --platform/));

test('A1.4 FROM takes scratch, a stage and a named context by the same word', () => {
  for (const base of ['scratch', 'stage', 'context']) assert.deepEqual(from(`FROM ${base}`), { kind: 'from', base });
});

test('A1.5 a transport before the image is not BuildKit: it is read as the name of an image', () => {
  assert.deepEqual(from('FROM oci-archive:a.tar'), { kind: 'from', base: 'oci-archive:a.tar' });
});

test('A1.6 RUN takes shell form, exec form and here-documents', () => {
  assert.deepEqual(read('RUN a b'), { ...run, command: { form: 'shell', text: 'a b' } });
  assert.deepEqual(read('RUN ["a", "b"]'), { ...run, command: { form: 'exec', argv: ['a', 'b'] } });
  assert.equal((read('RUN <<E\nx\nE\n')['heredocs'] as unknown[]).length, 1);
});

test('A1.7 RUN --mount=type=bind takes source, target, from and rw in all their spellings', () => {
  const mount = { type: 'bind', target: '/t', source: 's', from: 'f', readOnly: false };
  for (const [target, source, rw] of [['target', 'source', 'rw'], ['dst', 'src', 'readwrite'], ['destination', 'source', 'rw=true'], ['target', 'src', 'ro=false'], ['target', 'src', 'readonly=0']]) {
    const value = `type=bind,${target}=/t,${source}=s,from=f,${rw}`;
    assert.deepEqual(read(`RUN --mount=${value} x`), { ...run, mounts: [value] });
    assert.deepEqual(parseMount(value), mount);
  }
});

test('A1.8 RUN --mount=type=cache takes id, sharing, mode, uid, gid, from and source', () => {
  assert.deepEqual(parseMount('type=cache,target=/c,id=i,sharing=locked,mode=0700,uid=1,gid=2,from=f,source=s,ro'),
    { type: 'cache', target: '/c', id: 'i', sharing: 'locked', mode: 0o700, uid: 1, gid: 2, from: 'f', source: 's', readOnly: true });
  for (const sharing of ['shared', 'private', 'locked'] as const) assert.equal((parseMount(`type=cache,target=/c,sharing=${sharing}`) as { sharing: string }).sharing, sharing);
});

test('A1.9 RUN --mount=type=tmpfs takes size', () => {
  assert.deepEqual(parseMount('type=tmpfs,target=/t,size=64m'), { type: 'tmpfs', target: '/t', sizeBytes: 64 * 1024 ** 2, readOnly: false });
});

test('A1.10 RUN --mount=type=secret takes id, target, env, required, mode, uid and gid', () => {
  assert.deepEqual(parseMount('type=secret,id=i,target=/t,env=E,required,mode=0440,uid=1,gid=2'),
    { type: 'secret', id: 'i', target: '/t', env: 'E', required: true, mode: 0o440, uid: 1, gid: 2 });
});

test('A1.11 RUN --mount=type=ssh takes id, target, required, mode, uid and gid', () => {
  assert.deepEqual(parseMount('type=ssh,id=i,target=/t,required=true,mode=0600,uid=1,gid=2'), { type: 'ssh', id: 'i', target: '/t', required: true, mode: 0o600, uid: 1, gid: 2 });
});

test('A1.12 RUN --network takes default, none and host', () => {
  for (const network of ['default', 'none', 'host']) assert.deepEqual(read(`RUN --network=${network} x`), { ...run, network });
  refuseLine('RUN --network=bridge x', 'RUN_NETWORK', /default, none and host/);
});

test('A1.13 RUN --security takes sandbox and insecure', () => {
  for (const security of ['sandbox', 'insecure']) assert.deepEqual(read(`RUN --security=${security} x`), { ...run, security });
  refuseLine('RUN --security=insecur x', 'RUN_SECURITY', /insecure/);
});

test('A1.14 RUN --device takes CDI devices, several, with required', () => {
  assert.deepEqual(read('RUN --device=v.com/c=gpu0,required --device=v.com/c=gpu1 x'), { ...run, devices: ['v.com/c=gpu0,required', 'v.com/c=gpu1'] });
});

test('A1.15 CMD and ENTRYPOINT take exec and shell form', () => {
  for (const kind of ['cmd', 'entrypoint']) {
    assert.deepEqual(read(`${kind} ["a", "b c"]`), { kind, command: { form: 'exec', argv: ['a', 'b c'] } });
    assert.deepEqual(read(`${kind} a  b`), { kind, command: { form: 'shell', text: 'a  b' } });
  }
});

test('A1.16 LABEL and ENV take pairs and the legacy form', () => {
  for (const kind of ['label', 'env']) {
    assert.deepEqual(read(`${kind} a=b c="d e"`), { kind, pairs: [{ key: 'a', value: 'b' }, { key: 'c', value: '"d e"' }] });
    assert.deepEqual(read(`${kind} a b c`), { kind, pairs: [{ key: 'a', value: 'b c' }], legacy: true });
  }
});

test('A1.17 MAINTAINER takes the rest of the line', () => assert.deepEqual(read('MAINTAINER A B <a@b.c>'), { kind: 'maintainer', value: 'A B <a@b.c>' }));

test('A1.18 EXPOSE keeps ports, ranges and protocols as words', () => {
  assert.deepEqual(read('EXPOSE 80 8000-8010 53/udp 9/sctp $P'), { kind: 'expose', values: ['80', '8000-8010', '53/udp', '9/sctp', '$P'] });
});

test('A1.19 ADD takes files, addresses and repositories, with owner and mode', () => {
  assert.deepEqual(read('ADD --chown=1:2 --chmod=0644 a https://x/y.tgz git@h:o/r.git#m /b'), { ...add, sources: ['a', 'https://x/y.tgz', 'git@h:o/r.git#m'], chown: '1:2', chmod: '0644' });
});

test('A1.20 ADD --checksum is kept', () => assert.deepEqual(read('ADD --checksum=sha256:abc a /b'), { ...add, checksum: 'sha256:abc' }));

test('A1.21 ADD --keep-git-dir is a boolean, and COPY has none', () => {
  assert.deepEqual(read('ADD --keep-git-dir a /b'), { ...add, keepGitDir: true });
  assert.deepEqual(read('ADD --keep-git-dir=false a /b'), { ...add, keepGitDir: false });
  refuseLine('COPY --keep-git-dir a /b', 'FLAG_UNKNOWN');
});

test('A1.22 ADD and COPY take --link', () => {
  for (const kind of ['add', 'copy']) assert.deepEqual(read(`${kind} --link a /b`), { ...copy, kind, link: true });
});

test('A1.23 ADD --unpack is a boolean, and COPY has none', () => {
  assert.deepEqual(read('ADD --unpack=FALSE a /b'), { ...add, unpack: false });
  refuseLine('COPY --unpack a /b', 'FLAG_UNKNOWN');
});

test('A1.24 ADD and COPY take --exclude any number of times', () => {
  for (const kind of ['add', 'copy']) assert.deepEqual(read(`${kind} --exclude=*.md --exclude=x a /b`), { ...copy, kind, excludes: ['*.md', 'x'] });
});

test('A1.25 COPY --from takes a stage, an index, an image or a context, and ADD has none', () => {
  for (const source of ['stage', '0', 'alpine:3', 'r.io/a@sha256:0']) assert.deepEqual(read(`COPY --from=${source} a /b`), { ...copy, from: source });
  refuseLine('ADD --from=x a /b', 'FLAG_UNKNOWN');
});

test('A1.26 COPY takes --chown and an octal --chmod', () => assert.deepEqual(read('COPY --chown=u:g --chmod=755 a /b'), { ...copy, chown: 'u:g', chmod: '755' }));

test('A1.27 COPY takes a symbolic --chmod', () => assert.deepEqual(read('COPY --chmod=u=rwX,go=rX a /b'), { ...copy, chmod: 'u=rwX,go=rX' }));

test('A1.28 COPY takes --parents with pivots and wildcards, and ADD has none', () => {
  assert.deepEqual(read('COPY --parents x/./a/** /b'), { ...copy, parents: true, sources: ['x/./a/**'] });
  refuseLine('ADD --parents a /b', 'FLAG_UNKNOWN');
});

test('A1.29 VOLUME, USER, WORKDIR, ARG, STOPSIGNAL, SHELL and ONBUILD are read', () => {
  const table: readonly (readonly [line: string, expected: object])[] = [
    ['VOLUME /a /b', { kind: 'volume', values: ['/a', '/b'] }], ['VOLUME ["/a b"]', { kind: 'volume', values: ['/a b'] }], ['USER u:g', { kind: 'user', value: 'u:g' }],
    ['WORKDIR /a b', { kind: 'workdir', value: '/a b' }], ['ARG A B=1 C=', { kind: 'arg', args: [{ key: 'A' }, { key: 'B', value: '1' }, { key: 'C', value: '' }] }],
    ['STOPSIGNAL SIGTERM', { kind: 'stopsignal', value: 'SIGTERM' }], ['SHELL ["a", "-c"]', { kind: 'shell', shell: ['a', '-c'] }],
  ];
  for (const [line, expected] of table) assert.deepEqual(read(line), expected, line);
  assert.equal(read('ONBUILD COPY a /b')['expression'], 'COPY a /b');
});

test('A1.30 HEALTHCHECK takes its five flags, also --retries=0, and NONE', () => {
  assert.deepEqual(read('HEALTHCHECK --interval=5m --timeout=3s --start-period=1s --start-interval=2s --retries=2 CMD x'),
    { kind: 'healthcheck', test: ['CMD-SHELL', 'x'], interval: 300e9, timeout: 3e9, startPeriod: 1e9, startInterval: 2e9, retries: 2 });
  assert.deepEqual(read('HEALTHCHECK --retries=0 CMD ["x"]'), { kind: 'healthcheck', test: ['CMD', 'x'] });
  assert.deepEqual(read('HEALTHCHECK NONE'), { kind: 'healthcheck', test: ['NONE'] });
});

test('A1.31 INCLUDE, IF and loops are not BuildKit: refused as unknown instructions', () => {
  for (const line of ['INCLUDE a', 'IF true', 'FOR x IN a b', 'END']) refuseLine(line, 'INSTRUCTION_UNKNOWN', /unknown instruction/);
});
