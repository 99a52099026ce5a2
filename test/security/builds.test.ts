/** What hostile Dockerfiles, contexts and base images got out of other builders, tried on whole builds. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { makeTar } from '../layer/support.ts';
import { fromLayout, writeContext } from '../support/context.ts';
import { findSecret } from '../support/find-secret.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { writeLayout } from '../support/oci-layout.ts';
import { logOf, parseRawLines } from '../support/raw-events.ts';
import { runProcess } from '../support/run-process.ts';
import { buildRaw, callEnvironment, mustBuild, program, runTsbuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun);
const secret = 'precious-of-the-host-7f3a';
let folder: string;
let host: string;
let busybox: readonly string[];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tsbuild-security-'));
  host = join(folder, 'host');
  await mkdir(join(host, 'dir'), { recursive: true });
  writeFileSync(join(host, 'file'), secret);
  writeFileSync(join(host, 'dir/file'), secret);
  if (skip === false) busybox = [...await fromLayout('busybox'), '--network=none'];
});
after(() => rm(folder, { recursive: true, force: true }));

const store = (): string => join(folder, 'store');
let count = 0;
const context = (files: Readonly<Record<string, string>>): Promise<string> => writeContext(join(folder, `c${(count += 1)}`), files);
const untouched = (): void => {
  assert.deepEqual(readdirSync(host, { recursive: true }).sort(), ['dir', 'dir/file', 'file']);
  for (const file of ['file', 'dir/file']) assert.equal(readFileSync(join(host, file), 'utf8'), secret);
};

/** Builds; what it printed and its files must not hold the secret. */
async function attempt(dockerfile: string, files: Readonly<Record<string, string>> = {}, options: readonly string[] = []): Promise<{ readonly exitCode: number | null; readonly stderr: string; readonly out: string }> {
  const out = join(folder, `out${count + 1}`);
  const { exitCode, stderr } = await runTsbuild(['build', '--progress=plain', ...busybox, '-o', `type=local,dest=${out}`, ...options, await context({ Dockerfile: dockerfile, ...files })], { store: store() });
  assert.ok(!stderr.includes(secret), 'the file of the host was printed');
  if (existsSync(out)) assert.equal(spawnGrep(out), '', 'the file of the host is in the image');
  untouched();
  return { exitCode, stderr, out };
}

function spawnGrep(directory: string): string {
  return execFileSync('sh', ['-c', 'grep -rl --devices=skip "$1" "$2" || true', 'sh', secret, directory], { encoding: 'utf8' });
}

/** A base image with a shell and these entries. */
async function hostileImage(script: string): Promise<readonly string[]> {
  const layout = join(folder, `layout${(count += 1)}`);
  const shell = `add('bin/busybox', data=open('/bin/busybox', 'rb').read(), mode=0o755); s('bin/sh', 'busybox'); [s('bin/' + name, 'busybox') for name in ('cat', 'id', 'ls', 'echo', 'touch')]`;
  const tar = makeTar(join(folder, `layer${count}.tar`), `${shell}\n${script.replaceAll('HOST', host)}`);
  await writeLayout({ folder: layout, tag: 'latest', layerTars: [tar], gzip: false, config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'] } });
  return ['--build-context', `hostile=oci-layout://${layout}:latest`];
}

async function serve(t: TestContext, listener: RequestListener): Promise<{ readonly port: number; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    listener(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.close(); });
  return { port: (server.address() as AddressInfo).port, asked };
}

test('GHSA-7236-3392-c5c6: --security=insecure gains nothing unasked, and needs --allow security.insecure', { skip }, async () => {
  const refused = await attempt('FROM busybox\nRUN --security=insecure true\n');
  assert.equal(refused.exitCode, 2);
  assert.match(refused.stderr, /--allow security\.insecure/);
  const dockerfile = await context({ Dockerfile: 'FROM busybox\nRUN grep Seccomp: /proc/self/status\nRUN --security=insecure grep Seccomp: /proc/self/status\n' });
  const { events } = await mustBuild([...busybox, '--allow', 'security.insecure', dockerfile], { store: store() });
  assert.match(logOf(events, /RUN grep/), /Seccomp:\t2/);
  assert.match(logOf(events, /RUN --security/), /Seccomp:\t0/);
});

test('CVE-2026-33747: a frontend named by # syntax= is neither fetched nor run, and said to be', { skip }, async (t) => {
  const { port, asked } = await serve(t, (_request, response) => response.end());
  const { exitCode, stderr } = await attempt(`# syntax=127.0.0.1:${port}/evil/frontend:1\nFROM busybox\nRUN true\n`);
  assert.equal(exitCode, 2);
  assert.match(stderr, /evil\/frontend/);
  assert.deepEqual(asked, []);
});

test('CVE-2024-24557: an image whose history looks like a step is not taken for its result', { skip }, async () => {
  const run = 'FROM busybox\nRUN echo cached > /result\n';
  const own = join(folder, 'poisoned-store');
  const image = join(folder, 'poisoned.tar');
  await mustBuild([...busybox, '-o', `type=oci,dest=${image}`, await context({ Dockerfile: run })], { store: store() });
  assert.equal((await runTsbuild(['load', '-i', image], { store: own })).exitCode, 0);
  const { events } = await mustBuild([...busybox, await context({ Dockerfile: run })], { store: own });
  assert.ok(events.some((event) => event.type === 'step-done' && event.usage !== undefined && !event.cached), 'the step ran');
});

for (const [id, url] of [
  ['CVE-2026-33748', 'https://127.0.0.1:1/a.git#main:../../../../HOST'], ['CVE-2026-33748', 'https://127.0.0.1:1/a.git#main:/HOST/../..'],
  ['git options in addresses', 'https://127.0.0.1:1/a.git#--upload-pack=touch${IFS}HOST/pwned'], ['git options in addresses', 'git@-oProxyCommand=touch HOST/pwned:a.git'],
  ['git transports that run programs', 'ext::sh -c touch% HOST/pwned'], ['git transports that run programs', 'git://-x/a.git'], ['files as repositories', 'file://HOST/a.git'],
] as const) {
  test(`${id}: ADD ${url} is refused and plants nothing`, { skip: skipWithout(...forRun, { program: 'git' }) }, async () => {
    const { exitCode, out } = await attempt(`FROM busybox\nADD ${JSON.stringify([url.replaceAll('HOST', host), '/x'])}\n`);
    assert.ok([1, 2, 4].includes(exitCode ?? 0), String(exitCode));
    assert.ok(!existsSync(out));
  });
}

for (const source of ['/link', '/link/file', '/up/host/file', '/magic/etc/passwd']) {
  test(`CVE-2024-1753: a bind of ${source}, a link to the host in the image that it is from, stays in that image`, { skip }, async () => {
    const image = await hostileImage(`s('link', 'HOST'); s('up', '../../../../../..${folder}'); s('magic', '/proc/self/root')`);
    const { exitCode } = await attempt(`FROM busybox\nRUN --mount=type=bind,from=hostile,source=${source},target=/m,rw cat /m /m/file; touch /m/evil\n`, {}, image);
    assert.equal(exitCode, 2);
  });
}

test('CVE-2024-11218: what a step writes to a bind of the context is discarded, and the context stays as it was', { skip }, async () => {
  const dockerfile = 'FROM busybox\nRUN --mount=type=bind,target=/src,rw echo evil > /src/file && rm /src/other && cat /src/file\nRUN --mount=type=bind,target=/src cat /src/file /src/other\n';
  const directory = await context({ Dockerfile: dockerfile, file: 'mine\n', other: 'too\n' });
  const { events } = await mustBuild([...busybox, directory], { store: store() });
  assert.equal(logOf(events, /RUN --mount=type=bind,target=\/src cat/), 'mine\ntoo\n');
  assert.deepEqual([readFileSync(join(directory, 'file'), 'utf8'), readdirSync(directory).sort().join()], ['mine\n', 'Dockerfile,file,other']);
});

for (const options of ['source=../../../../../..', 'source=../HOST', 'bind-propagation=rshared', 'from=busybox,source=/../../..', 'source=/,bind-recursive=enabled']) {
  test(`CVE-2024-9407: the options ${options} of a bind reach nothing of the host`, { skip }, async () => {
    const { exitCode, stderr } = await attempt(`FROM busybox\nRUN --mount=type=bind,target=/m,${options.replaceAll('HOST', host)} ls /m; cat /m${host}/file; grep -c shared: /proc/self/mountinfo\n`);
    if (exitCode === 0) assert.fail('the last command finds nothing shared and fails');
    assert.doesNotMatch(stderr, /^#\d+ [\d.]+ (host|store|layout\d+)$/m);
  });
}

for (const [what, script] of [
  ['a link to the file of the host', `s('etc/passwd', '/etc/passwd'.join(['/proc/1/root', ''])); s('etc/group', 'HOST/file')`],
  ['a fifo', `add('etc/passwd', FIFOTYPE); add('etc/group', FIFOTYPE)`],
  ['a directory', `d('etc/passwd'); d('etc/group')`],
  ['a line of 16 MiB', `f('etc/passwd', 'x' * (16 << 20)); f('etc/group', ':' * (16 << 20))`],
  ['a device', `add('etc/passwd', CHRTYPE, devmajor=1, devminor=5); add('etc/group', CHRTYPE, devmajor=1, devminor=5)`],
] as const) {
  test(`CVE-2024-9676: /etc/passwd and group as ${what} are no accounts, do not hang and are not read without end`, { skip }, async () => {
    const image = await hostileImage(script);
    for (const dockerfile of ['FROM hostile\nUSER nobody\nRUN true\n', 'FROM hostile\nCOPY --chown=nobody:daemon Dockerfile /\n']) {
      const { exitCode, stderr } = await attempt(dockerfile, {}, image);
      assert.ok(exitCode === 1 || exitCode === 2, stderr);
      assert.match(stderr, /nobody|etc\/passwd/);
    }
  });
}

test('CVE-2020-10696: names of downloads come from the address alone and stay below the destination', { skip }, async (t) => {
  const { port } = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-disposition': `attachment; filename="../../../..${host}/file"` });
    response.end('downloaded');
  });
  for (const path of ['a/..%2f..%2f..%2fevil', '%2e%2e', 'x/%2e%2e/%2e%2e/evil', `%2f${host.replaceAll('/', '%2f')}%2ffile`, 'plain']) {
    const { out, exitCode } = await attempt(`FROM scratch\nADD http://127.0.0.1:${port}/${path} /to/\n`);
    if (exitCode !== 0) continue; // refused: also right
    assert.deepEqual(readdirSync(out), ['to'], path);
    assert.equal(readdirSync(join(out, 'to')).length, 1, path);
  }
  const { out } = await attempt(`FROM scratch\nADD http://127.0.0.1:${port}/plain /to/\n`);
  assert.deepEqual(readdirSync(join(out, 'to')), ['plain']);
});

test('CVE-2020-10696: an archive as context whose Dockerfile or ignore file is a link to the host does not read it', { skip }, async () => {
  for (const script of [`s('Dockerfile', 'HOST/file')`, `s('Dockerfile', '../../../../../..HOST/file')`, `f('Dockerfile', 'FROM scratch\\nCOPY . /\\n'); s('.dockerignore', 'HOST/file'); s('l', 'HOST'); h('h', 'HOST/file')`]) {
    const tar = makeTar(join(folder, `context${(count += 1)}.tar`), script.replaceAll('HOST', host));
    const out = join(folder, `tar-out${count}`);
    const { stderr } = await runTsbuild(['build', '--progress=plain', '-o', `type=local,dest=${out}`, '-'], { store: store(), input: readFileSync(tar) });
    assert.ok(!stderr.includes(secret));
    if (existsSync(out)) assert.equal(spawnGrep(out), '');
    untouched();
  }
});

test('context links: COPY through links that lead out of the context finds nothing of the host', { skip }, async () => {
  const directory = await context({ Dockerfile: '' });
  symlinkSync(host, join(directory, 'link'));
  symlinkSync(`../../../../../../..${host}/file`, join(directory, 'up'));
  for (const source of ['link', 'link/', 'link/file', 'up', 'l*/file', '../host/file', '/../host/file']) {
    writeFileSync(join(directory, 'Dockerfile'), `FROM scratch\nCOPY ${source} /x/\n`);
    const out = join(folder, `links${(count += 1)}`);
    const { exitCode } = await runTsbuild(['build', '--progress=plain', '-o', `type=local,dest=${out}`, directory], { store: store() });
    if (exitCode === 0) assert.equal(spawnGrep(out), '', source);
    untouched();
  }
});

test('CVE-2018-15664, CVE-2026-42306, GHSA-vp62-88p7-qqf5: a file that is swapped for a link to the host while it is copied never brings the file of the host', { skip }, async (t) => {
  const directory = await context({ Dockerfile: 'FROM scratch\nCOPY d /d\nCOPY d/f /f\n', 'd/f': 'inside\n' });
  const script = 'while :; do ln -sfn "$1/file" d/l; mv -T d/l d/f; echo inside > d/n; mv -T d/n d/f; mv -T d e; ln -sfn "$1/dir" d; rm d; mv -T e d; done';
  const swapping = spawn('sh', ['-c', script, 'sh', host], { cwd: directory, stdio: 'ignore' });
  const closed = once(swapping, 'close');
  t.after(async () => {
    swapping.kill('SIGKILL');
    await closed;
  });
  for (let round = 0; round < 10; round++) {
    const out = join(folder, `swap${(count += 1)}`);
    const { stderr } = await runTsbuild(['build', '--no-cache', '--progress=plain', '-o', `type=local,dest=${out}`, directory], { store: store() });
    assert.ok(!stderr.includes(secret));
    if (existsSync(out)) assert.equal(spawnGrep(out), '');
  }
  untouched();
});

test('GHSA-vp62-88p7-qqf5: COPY --from and COPY into directories that are links to the host stay in their images', { skip }, async () => {
  const image = await hostileImage(`s('link', 'HOST'); s('file', 'HOST/file'); s('up', '../../../../../../..HOST')`);
  for (const source of ['/link', '/link/file', '/file', '/up/file']) {
    await attempt(`FROM scratch\nCOPY --from=hostile ${source} /x/\n`, {}, image);
  }
  for (const target of ['/link/new', '/link/', '/file', '/up/']) {
    assert.equal((await attempt(`FROM hostile\nCOPY Dockerfile ${target}\nRUN touch /link/touched\n`, {}, image)).exitCode, 0);
  }
});

test('CVE-2022-23648: VOLUME through links to the host makes and mounts nothing there', { skip }, async () => {
  const image = await hostileImage(`s('link', 'HOST'); s('vol', 'HOST/dir')`);
  assert.equal((await attempt('FROM hostile\nVOLUME /link/made /vol /../../up\nRUN ls -R / > /dev/null\n', {}, image)).exitCode, 0);
});

test('mount points that were made for mounts are in no layer; what a step puts beside them is', { skip }, async () => {
  const dockerfile = 'FROM busybox\nRUN --mount=type=tmpfs,target=/made/deep --mount=type=secret,id=x,required=false,target=/s/ecret --mount=type=bind,target=/made/context --mount=type=cache,target=/cache touch /made/kept\n';
  const { out, exitCode } = await attempt(dockerfile);
  assert.equal(exitCode, 0);
  assert.deepEqual(readdirSync(join(out, 'made')), ['kept']);
  for (const name of ['s', 'cache', 'etc/resolv.conf', 'etc/hostname']) assert.ok(!existsSync(join(out, name)), name);
});

test('a step that puts a link to the host in the place of a directory above its mount points takes nothing away there', { skip }, async () => {
  const decoy = join(folder, 'decoy');
  await mkdir(join(decoy, 'b'), { recursive: true });
  writeFileSync(join(decoy, 'f'), '');
  writeFileSync(join(folder, 'token'), 'x');
  const before = execFileSync('find', [decoy, '-printf', '%P %y %C@\\n'], { encoding: 'utf8' });
  const swap = `mv /a /away && ln -s ${decoy} /a && mv /x /gone && ln -s ${decoy} /x`;
  const dockerfile = `FROM busybox\nRUN --mount=type=tmpfs,target=/a/b --mount=type=secret,id=t,target=/x/f ${swap}\n`;
  const { exitCode, stderr, out } = await attempt(dockerfile, {}, ['--secret', `id=t,src=${join(folder, 'token')}`]);
  assert.equal(exitCode, 0, stderr);
  assert.equal(execFileSync('find', [decoy, '-printf', '%P %y %C@\\n'], { encoding: 'utf8' }), before);
  assert.ok(lstatSync(join(out, 'a')).isSymbolicLink());
});

test('hostile whiteouts: a file that is named as one is refused, and takes nothing away', { skip }, async () => {
  for (const dockerfile of ['FROM busybox\nCOPY .wh.bin /\n', 'FROM busybox\nCOPY d /\n', 'FROM busybox\nRUN touch /.wh.bin\n', 'FROM busybox\nRUN mkdir /x && touch /x/.wh..wh..opq\n']) {
    const { exitCode, stderr, out } = await attempt(dockerfile, { '.wh.bin': '', 'd/.wh..wh..opq': '' });
    assert.ok(exitCode === 1 || exitCode === 2, stderr);
    assert.match(stderr, /\.wh\./);
    assert.ok(!existsSync(out));
  }
});

test('CVE-2023-26054: a password in an address and in a proxy is in no image, log or file of the store', { skip }, async (t) => {
  const password = 'hunter2-4d1f';
  const { port, asked } = await serve(t, (request, response) => {
    response.statusCode = request.headers.authorization === undefined ? 401 : 200;
    response.end('x');
  });
  const own = join(folder, 'credential-store');
  const image = join(folder, 'credential.tar');
  const proxies = ['--build-arg', `HTTP_PROXY=http://user:${password}@127.0.0.1:1`, '--build-arg', `NO_PROXY=127.0.0.1`];
  const directory = await context({ Dockerfile: `FROM busybox\nADD http://user:${password}@127.0.0.1:${port}/file /f\nRUN echo "$HTTP_PROXY" | wc -c\n` });
  const { exitCode, stderr } = await runTsbuild(['build', '--progress=plain', ...busybox, ...proxies, '-t', 'x', '-o', `type=oci,dest=${image}`, '--metadata-file', join(folder, 'meta.json'), directory], { store: own });
  assert.ok(!stderr.includes(password), stderr);
  assert.deepEqual(await findSecret(own, Buffer.from(password)), []);
  if (exitCode === 0) assert.ok(!readFileSync(image).includes(password));
  assert.ok(asked.length > 0 || exitCode !== 0);
});

test('who starts tsbuild with open files, inheritable and ambient capabilities, a session keyring and variables gives none of them to a step', { skip: skipWithout(...forRun, { program: 'setpriv' }) }, async () => {
  const script = 'ls /proc/1/fd; grep -E "^Cap(Inh|Amb|Bnd)" /proc/1/status; env | grep -c INHERITED';
  const directory = await context({ Dockerfile: `FROM busybox\nRUN <<'EOF'\n${script}\n:\nEOF\n` });
  const start = `exec 7</etc/shadow 8>>"$0" 9<>"$0" 17</; exec setpriv --inh-caps=+chown,+net_raw,+sys_ptrace --ambient-caps=+chown,+net_raw,+sys_ptrace "$@"`;
  const finished = await runProcess('bash', ['-c', start, join(folder, 'inherited'), process.execPath, program, 'build', '--progress=rawjson', ...busybox, directory], {
    cwd: '/', env: { ...callEnvironment({ store: store() }), INHERITED: '1' },
  });
  assert.equal(finished.exitCode, 0, finished.stderr);
  const { events } = parseRawLines(finished.stderr);
  const none = '0'.repeat(16);
  assert.equal(logOf(events, /RUN/), `0\n1\n2\nCapInh:\t${none}\nCapBnd:\t00000000a80425fb\nCapAmb:\t${none}\n0\n`);
});

test('CVE-2024-25621, CVE-2021-41103: nobody else can enter the store, whatever the umask of who builds', { skip }, async () => {
  const own = join(folder, 'umask-store');
  execFileSync('sh', ['-c', 'umask 000; exec "$@"', 'sh', process.execPath, program, 'build', '--progress=quiet', ...busybox, await context({ Dockerfile: 'FROM busybox\nRUN touch /x\n' })], { env: { PATH: process.env['PATH'], HOME: folder, TSBUILD_ROOT: own }, stdio: 'pipe' });
  assert.equal(statSync(own).mode & 0o077, 0);
  assert.equal(execFileSync('find', [own, '-path', '*/snapshots/*', '-prune', '-o', '!', '-type', 'l', '-perm', '/022', '-print'], { encoding: 'utf8' }), '');
});

test('names of JavaScript objects are plain names of ENV, LABEL, ARG, stages and secrets', { skip }, async () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype'];
  const dockerfile = ['FROM busybox AS constructor', 'RUN touch /from-constructor', 'FROM busybox', ...names.flatMap((name) => [`ARG ${name}`, `ENV ${name}=env`, `LABEL ${name}=label`]),
    'COPY --from=constructor /from-constructor /', 'RUN --mount=type=secret,id=__proto__,required=false env | sort', ''].join('\n');
  const { events } = await mustBuild([...busybox, ...names.flatMap((name) => ['--build-arg', `${name}=arg`, '--label', `${name}.x=y`]), '-t', 'names', await context({ Dockerfile: dockerfile })], { store: store() });
  for (const name of names) assert.match(logOf(events, /RUN --mount/), new RegExp(`^${name}=env$`, 'm'));
  const { stdout } = await runTsbuild(['inspect', 'names'], { store: store() });
  for (const name of names) assert.match(stdout, new RegExp(`"${name}": "label"`));
  assert.equal(({} as Record<string, unknown>)['env'], undefined);
});

test('rm -rf / takes away the files of its own root alone', { skip }, async () => {
  const directory = await context({ Dockerfile: 'FROM busybox\nRUN --mount=type=bind,target=/src,rw --mount=type=cache,target=/cache rm -rf / 2>/dev/null; true\n', file: 'mine' });
  await mustBuild([...busybox, directory], { store: store() });
  assert.equal(readFileSync(join(directory, 'file'), 'utf8'), 'mine');
  assert.ok(lstatSync(join(store(), 'oci')).isDirectory());
  await mustBuild([...busybox, await context({ Dockerfile: 'FROM busybox\nRUN echo the store still works\n' })], { store: store() });
  untouched();
});

test('a log of 100 MB is kept whole, in bounded memory', { skip }, async () => {
  const directory = await context({ Dockerfile: 'FROM busybox\nRUN yes 0123456789abcdef0123456789abcde | head -c 100000000\n' });
  const own = join(folder, 'log-store');
  execFileSync(process.execPath, ['--max-old-space-size=64', program, 'build', '--progress=quiet', ...busybox, directory], { env: { PATH: process.env['PATH'], HOME: folder, TSBUILD_ROOT: own }, stdio: 'pipe' });
  const [build = ''] = readdirSync(join(own, 'logs'));
  assert.ok(readdirSync(join(own, 'logs', build)).some((name) => statSync(join(own, 'logs', build, name)).size === 100_000_000));
});

test('a foreign terminal sequence in a log, a name or an error reaches no terminal', { skip }, async () => {
  const { stderr } = await attempt('FROM busybox\nRUN printf "\\033]0;evil\\007\\033[2J\\033[1;1H\\033c" && printf "\\033]52;c;ZXZpbA==\\007" >&2; exit 1\n');
  assert.doesNotMatch(stderr, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
});

test('raw JSON of a build that fails has the error as its last line and no stack', { skip }, async () => {
  const { error, text } = await buildRaw([...busybox, await context({ Dockerfile: 'FROM busybox\nRUN exit 9\n' })], { store: store() });
  assert.equal(error?.code, 'STEP_FAILED');
  assert.doesNotMatch(text, /\\n\s+at /);
});
