/**
 * RUN, WORKDIR and what comes with a base, by real builds: lines of SEMANTICS, section A, that other files look at only below
 * the level of a build.
 */
import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { baseImage } from '../support/base-images.ts';
import { openBench, type Bench, type BenchOptions } from '../support/build-bench.ts';
import { editLayout } from '../support/edit-layout.ts';
import { forRun, skipWithout } from '../support/needs.ts';

interface Config {
  readonly history: readonly { readonly created: string; readonly created_by: string; readonly empty_layer?: boolean }[];
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly config: { readonly Labels?: Readonly<Record<string, string>> };
}

describe('semantics of RUN and of bases', { skip: skipWithout(...forRun) }, () => {
  let bench: Bench;
  before(async () => { bench = await openBench(); });
  after(() => bench.close());

  const logOf = async (lines: readonly string[], options?: BenchOptions): Promise<readonly string[]> => (await bench.run(lines, options)).log.trimEnd().split('\n');
  const refusal = async (lines: readonly string[], options?: BenchOptions): Promise<readonly unknown[]> => {
    const { error } = await bench.fail(lines, options);
    return [error.code, error.position?.startLine];
  };
  const configOf = async (imageID: string | null | undefined): Promise<Config> => JSON.parse(await readFile(join(bench.storeRoot, 'oci/blobs', (imageID ?? '').replace(':', '/')), 'utf8')) as Config; // ours

  test('A1.6 A6.16 shell form is given to a shell, exec form to none: nothing in it is expanded', async () => {
    assert.deepEqual(
      await logOf(['FROM base', 'ENV X=env', 'RUN y=own && echo "shell $X ${y} $((1 + 1))"', 'RUN ["echo", "exec $X", "&&", "~", "*"]', 'RUN ["/bin/sh", "-c", "echo inner $X"]', "RUN ['echo', 'broken JSON'] 2>/dev/null || echo shell again"]),
      ['shell env own 2', 'exec $X && ~ *', 'inner env', 'shell again'],
    );
  });

  test('A1.6 A6.28 A6.29 a here-document is a script of the shell, one that begins with #! a program of its own, any other use a redirection', async () => {
    assert.deepEqual(await logOf([
      'FROM base', 'ENV X=env', 'ARG A=arg', 'RUN <<EOF', 'y=own', 'echo "$X $A $y \\$X"', 'EOF', "RUN <<'EOF'", 'echo "quoted $X"', 'EOF', 'RUN <<-EOF', '\techo tabs', '\tEOF',
      'RUN <<EOF', '#!/bin/sed s/$X/shown/', 'what $X is: $X', 'EOF', 'RUN cat <<A > /a && cat <<"B" > /b && cat /a /b', 'expanded by the shell: $X', 'A', 'kept by the shell: $X', 'B', 'RUN test ! -e /dev/pipes && echo gone',
    ]), ['env arg own $X', 'quoted env', 'tabs', '#!/bin/sed s/shown/shown/', 'what shown is: $X', 'expanded by the shell: env', 'kept by the shell: $X', 'gone']);
  });

  test('A1.7 A6.83 a bind mount is the whole context and read-only; with rw what is written is gone after the step', async () => {
    const files = { 'd/f': 'content\n', 'd/deep/g': '' };
    assert.deepEqual(await logOf([
      'FROM base AS made', 'RUN mkdir /tree && echo staged > /tree/s', 'FROM base', 'WORKDIR /w',
      'RUN --mount=target=/m cat /m/d/f; touch /m/x 2>/dev/null || echo read-only', 'RUN --mount=type=bind,rw,src=d,dst=rel cat /w/rel/f; echo more > /w/rel/new; ls /w/rel',
      'RUN --mount=source=/d,destination=rel,readonly=false ls rel', 'RUN --mount=from=made,source=tree,target=/t,readwrite rm /t/s; ls /t', 'RUN --mount=from=made,source=tree/s,target=/one cat /one', 'RUN ls -A / /w | grep -E "^(m|t|one|rel)$" || echo nothing is left',
    ], { files }), ['content', 'read-only', 'content', 'deep', 'f', 'new', 'deep', 'f', 'staged', 'nothing is left']);
    for (const target of ['/', '/a/..']) assert.deepEqual(await refusal(['FROM base', `RUN --mount=target=${target} true`]), ['MOUNT_TARGET', 2]);
  });

  test('A1.9 a tmpfs is as large as it says, and gone after the step', async () => {
    const size = 'df -k /t | tail -n 1 | tr -s " " | cut -d " " -f 2';
    assert.deepEqual(await logOf(['FROM base', `RUN --mount=type=tmpfs,target=/t,size=3m ${size}; echo x > /t/f`, 'RUN test ! -e /t && echo gone', 'RUN mkdir /t && echo kept > /t/f', 'RUN --mount=type=tmpfs,target=/t ls /t; echo hidden', 'RUN cat /t/f']), ['3072', 'gone', 'hidden', 'kept']);
  });

  test('A1.12 RUN --network takes default, none, and host where it is allowed', async () => {
    const own = 'readlink /proc/self/ns/net';
    const [byDefault, none, host] = await logOf(['FROM base', `RUN --network=default ${own}`, `RUN --network=none ${own}`, `RUN --network=host ${own}`], { allow: ['network.host'] });
    assert.equal(host, readlinkSync('/proc/self/ns/net'));
    assert.ok(byDefault !== host && none !== host);
    assert.deepEqual(await refusal(['FROM base', 'RUN --network=host true']), ['ENTITLEMENT_MISSING', 2]);
  });

  test('A1.13 RUN --security=insecure has all capabilities, where it is allowed', async () => {
    const script = 'mount -t tmpfs none /tmp 2>/dev/null && echo mounts || echo mounts nothing';
    assert.deepEqual(await logOf(['FROM base', `RUN --security=sandbox ${script}`, `RUN --security=insecure ${script}`, `RUN ${script}`], { allow: ['security.insecure'] }), ['mounts nothing', 'mounts', 'mounts nothing']);
    assert.deepEqual(await refusal(['FROM base', 'RUN --security=insecure true']), ['ENTITLEMENT_MISSING', 2]);
  });

  test('A1.14 RUN --device is refused by the name of the device', async () => {
    const { error } = await bench.fail(['FROM base', 'RUN --device=vendor.com/class=gpu0,required true']);
    assert.deepEqual([error.code, error.position?.startLine], ['DEVICE_UNAVAILABLE', 2]);
    assert.match(error.message, /vendor\.com\/class=gpu0/);
  });

  test('A6.38 proxies reach RUN in both cases, and neither the history nor the key', async () => {
    const lines = ['FROM base', 'RUN echo "$HTTP_PROXY $http_proxy ${no_proxy-}"'];
    const proxy = (value: string): BenchOptions => ({ buildArgs: [{ key: 'Http_Proxy', value }] });
    const { result, log } = await bench.run(lines, proxy('http://one'));
    assert.equal(log, 'http://one http://one \n');
    assert.deepEqual((await bench.run(lines, proxy('http://two'))).performed, []);
    assert.doesNotMatch(JSON.stringify(await configOf(result.imageID)), /http:/);
  });

  test('A6.77 A6.87 the shell of a base is that of RUN until SHELL names another; its entry point is nobody\'s', async () => {
    const folder = join(bench.folder, 'shelled');
    await editLayout({ from: await baseImage('busybox'), folder, config: (old) => JSON.stringify({ ...old, config: { Shell: ['/bin/echo', 'given:'], Entrypoint: ['/bin/false'], Cmd: ['no'] } }) });
    const buildContexts = [{ name: 'shelled', value: `oci-layout://${folder}:latest` }];
    assert.deepEqual(await logOf(['FROM shelled', 'RUN a $b', 'RUN ["echo", "exec"]', 'SHELL ["/bin/sh", "-uc"]', 'RUN echo own', 'FROM shelled', 'COPY --from=0 /etc/passwd /p', 'RUN again'], { buildContexts }), ['given: a $b', 'exec', 'own', 'given: again']);
  });

  test('A6.78 what only the step needed is in no layer: hosts, resolv.conf, mount points and the directories above them', async () => {
    const mounts = '--mount=type=tmpfs,target=/made/by/mount --mount=type=cache,target=/other/cache --mount=target=/etc/own/file,source=f --mount=type=secret,id=s';
    const options = { files: { f: '' }, secretValues: { s: Buffer.from('v') } };
    const { log } = await bench.run(['FROM base AS step', `RUN ${mounts} test -e /etc/hosts && test -e /etc/own/file && test -e /run/secrets/s && touch /left /made/mine`, 'FROM base', 'RUN --mount=from=step,target=/m cd /m && find made other left etc run proc dev sys 2>/dev/null | sort'], options);
    assert.deepEqual(log.trim().split('\n'), ['etc', 'etc/group', 'etc/passwd', 'left', 'made', 'made/mine']);
  });

  test('A6.80 the key of RUN has what decides the result, and not where hosts lie, proxies or limits', async () => {
    const lines = (run: string, ...before: readonly string[]): readonly string[] => ['FROM base', ...before, `RUN ${run}true`];
    const performed = async (dockerfile: readonly string[], options?: BenchOptions): Promise<number> => (await bench.run(dockerfile, options)).performed.filter((text) => text.startsWith('RUN')).length;
    assert.equal(await performed(lines(''), { addHosts: [{ host: 'a', address: '10.0.0.1' }] }), 1);
    const same: readonly BenchOptions[] = [{ addHosts: [{ host: 'a', address: '10.0.0.2' }] }, { buildArgs: [{ key: 'HTTP_PROXY', value: 'x' }] }, { limits: { memoryBytes: 100_000_000 } }];
    for (const options of same) assert.equal(await performed(lines(''), { addHosts: [{ host: 'a', address: '10.0.0.1' }], ...options }), 0, JSON.stringify(options));
    assert.equal(await performed(lines('')), 1, 'without the name of the host');
    const other: readonly (readonly [readonly string[], BenchOptions?])[] = [
      [lines('X=1 ')], [lines('', 'ENV A=1')], [lines('', 'ARG A=2')], [lines('', 'USER nobody')], [lines('', 'SHELL ["/bin/sh", "-ec"]')], [lines('--network=default '), { network: 'host', allow: ['network.host'] }],
      [lines('--mount=type=tmpfs,target=/t ')], [lines('--mount=type=secret,id=none ')], [lines(''), { buildArgs: [{ key: 'BUILDKIT_SANDBOX_HOSTNAME', value: 'h' }] }], [lines(''), { ulimits: [{ name: 'nofile', soft: 100, hard: 100 }] }],
    ];
    for (const [dockerfile, options] of other) assert.equal(await performed(dockerfile, options), 1, JSON.stringify([dockerfile, options]));
    for (const [dockerfile, options] of other) assert.equal(await performed(dockerfile, options), 0, JSON.stringify([dockerfile, options]));
  });

  test('A6.81 a step runs again only where --no-cache or the name of its stage says so', async () => {
    const lines = ['FROM base AS one', 'RUN cat /proc/sys/kernel/random/uuid > /now', 'FROM base AS two', 'RUN cat /proc/sys/kernel/random/uuid > /now2', 'FROM base', 'COPY --from=one /now /', 'COPY --from=two /now2 /'];
    const performed = async (options?: BenchOptions): Promise<readonly string[]> => [...(await bench.run(lines, options)).performed].sort();
    const [copies, first, second] = [['COPY --from=one /now /', 'COPY --from=two /now2 /'], 'RUN cat /proc/sys/kernel/random/uuid > /now', 'RUN cat /proc/sys/kernel/random/uuid > /now2'];
    assert.deepEqual(await performed(), [...copies, first, second]);
    assert.deepEqual(await performed(), []);
    assert.deepEqual(await performed({ noCacheFilter: ['ONE'] }), [...copies, first]);
    assert.deepEqual(await performed({ noCache: true }), [...copies, first, second]);
    assert.deepEqual(await performed({ noCacheFilter: [''] }), [...copies, first, second]);
  });

  test('A6.89 Ours.1 a WORKDIR that makes a directory has a layer, one that finds it, or is the root, has none', async () => {
    const { result } = await bench.run(['FROM scratch', 'WORKDIR /a', 'WORKDIR b', 'WORKDIR /a', 'WORKDIR /a/b/../b', 'WORKDIR /']);
    const { history, rootfs } = await configOf(result.imageID);
    assert.deepEqual(history.map(({ created_by, empty_layer }) => [created_by, empty_layer ?? false]), [['WORKDIR /a', false], ['WORKDIR /a/b', false], ['WORKDIR /a', true], ['WORKDIR /a/b/../b', true], ['WORKDIR /', true]]);
    assert.equal(rootfs.diff_ids.length, 2);
  });

  test('A6.98 labels of a base are inherited, annotations of its manifest are not', async () => {
    const [base, child] = [join(bench.folder, 'annotated'), join(bench.folder, 'child')];
    const oci = (dest: string): readonly string[] => [`type=oci,tar=false,dest=${dest}`];
    await bench.run(['FROM base', 'LABEL of=base'], { outputs: oci(base), tags: ['x:latest'], annotations: [{ level: 'manifest', platform: null, key: 'note', value: 'theirs' }] });
    const { result } = await bench.run(['FROM noted', 'LABEL own=1'], { outputs: oci(child), buildContexts: [{ name: 'noted', value: `oci-layout://${base}:latest` }] });
    assert.deepEqual((await configOf(result.imageID)).config.Labels, { of: 'base', own: '1' });
    const annotations = async (folder: string): Promise<unknown> => {
      const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as { manifests: { digest: string }[] };
      return (JSON.parse(await readFile(join(folder, 'blobs', (index.manifests[0]?.digest ?? '').replace(':', '/')), 'utf8')) as { annotations?: unknown }).annotations;
    };
    assert.deepEqual([await annotations(base), await annotations(child)], [{ note: 'theirs' }, undefined]);
  });

  test('A6.100 an epoch changes neither the layers of a base nor the times in its history', async () => {
    const folder = join(bench.folder, 'dated');
    const created = '2020-02-02T02:02:02Z';
    await editLayout({ from: await baseImage('busybox'), folder, config: (old) => JSON.stringify({ ...old, history: [{ created, created_by: 'theirs' }] }) });
    const buildContexts = [{ name: 'dated', value: `oci-layout://${folder}:latest` }];
    const plain = await configOf((await bench.run(['FROM dated'], { buildContexts })).result.imageID);
    const { history, rootfs } = await configOf((await bench.run(['FROM dated', 'RUN touch /f'], { buildContexts, timestamps: 'epoch', sourceDateEpoch: '86400' })).result.imageID);
    assert.deepEqual(history.map((line) => line.created), [created, '1970-01-02T00:00:00Z']);
    assert.deepEqual(rootfs.diff_ids.slice(0, -1), plain.rootfs.diff_ids);
  });

  test('A6.107 A6.109 A6.110 A6.111 A6.112 what COPY sees of a context, by the lines of the ignore file that counts', async () => {
    const ignore = ['# no-comment', ' # indented', '/anchored', 'slash/', '  blanks  ', '*.log', '!keep.log', 'a?c', '**/deep', 'dir', '!dir/back', 'tail/**', './clean/../x', 'Dockerfile', '*.dockerignore'];
    const paths = ['# no-comment', '# indented', 'anchored', 'sub/anchored', 'slash', 'sub/slash', 'blanks', 'b.log', 'sub/b.log', 'keep.log', 'abc', 'a/c', 'deep', 'sub/one/deep', 'dir/gone', 'dir/back', 'tail/t', 'x', 'other'];
    const files = { ...Object.fromEntries(paths.map((path) => [path, ''])), '.dockerignore': 'other\n', 'Dockerfile.dockerignore': `\ufeff${ignore.join('\r\n')}\r\n` };
    assert.deepEqual(await logOf(['FROM base', 'COPY . /c', 'RUN cd /c && find . -type f | sort'], { files }), ['./# no-comment', './a/c', './dir/back', './keep.log', './other', './sub/anchored', './sub/b.log', './sub/slash']);
  });
});
