/** RUN --mount=type=cache on the real kernel (SEMANTICS A1, 8; A6, 82). */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openBench, type Bench } from '../support/build-bench.ts';
import { forRun, skipWithout } from '../support/needs.ts';

describe('RUN --mount=type=cache', { skip: skipWithout(...forRun) }, () => {
  let bench: Bench;
  before(async () => (bench = await openBench()));
  after(() => bench.close());

  test('A6.82 the id is the cleaned target, and the same id in any Dockerfile is the same directory', async () => {
    await bench.run(['FROM base', 'WORKDIR /w', 'RUN --mount=type=cache,target=/keep/./x/ echo kept > /keep/x/f']);
    const { log } = await bench.run(['FROM base', 'RUN --mount=type=cache,id=/keep/x,target=/other cat /other/f', 'RUN --mount=type=cache,target=/keep cat /keep/f 2>/dev/null || echo another']);
    assert.equal(log, 'kept\nanother\n');
  });

  test('A6.82 what is in a cache is not in the image and not in the key, its settings are', async () => {
    const lines = (mount: string): string[] => ['FROM base', `RUN --mount=type=cache,id=key,${mount} date +%N > /c/now; ls / /c > /list`];
    const first = await bench.run(lines('target=/c'));
    assert.equal(first.performed.length, 1);
    assert.deepEqual((await bench.run(lines('target=/c'))).performed, []);
    for (const mount of ['target=/c,sharing=locked', 'target=/c,mode=700', 'id=key2,target=/c', 'target=/c,from=base']) {
      assert.equal((await bench.run(lines(mount))).performed.length, 1, mount);
    }
    const { log } = await bench.run(['FROM base AS made', `RUN --mount=type=cache,id=key,target=/c/d touch /c/d/x`, 'FROM base', 'COPY --from=made / /made', 'RUN ls -d /made/c 2>&1 || true']);
    assert.match(log, /No such file/);
  });

  test('A6.82 owner and mode are those asked for from the moment that the cache is made, and never changed later', async () => {
    const owned = '--mount=type=cache,id=owned,target=/c,uid=5,gid=6,mode=2750';
    const { log } = await bench.run(['FROM base', `RUN ${owned} stat -c "%a %u:%g" /c; chmod 700 /c`, `RUN ${owned} stat -c "%a %u:%g" /c`, 'RUN --mount=type=cache,id=owned,target=/c stat -c "%a %u:%g" /c']);
    assert.equal(log, '2750 5:6\n700 5:6\n755 0:0\n'); // without the settings it is another cache, as with BuildKit
  });

  test('A1.8 from= is what a new cache starts with; a later build keeps what it became', async () => {
    const lines = ['FROM base AS seed', 'RUN mkdir -p /tree/d && echo seeded > /tree/d/f && ln -s /tree/d/f /tree/link && chown 7:8 /tree/d', 'FROM scratch AS small', 'COPY --from=seed /tree /',
      'FROM base', 'RUN --mount=type=cache,id=seed,from=small,target=/c cat /c/d/f; stat -c %u:%g /c/d; readlink /c/link; echo grown >> /c/d/f'];
    assert.equal((await bench.run(lines)).log, 'seeded\n7:8\n/tree/d/f\n');
    const again = [...lines, 'RUN --mount=type=cache,id=seed,from=small,target=/c cat /c/d/f', 'RUN --mount=type=cache,id=seed,target=/c ls /c | wc -l'];
    assert.equal((await bench.run(again)).log, 'seeded\ngrown\n0\n');
  });

  test('A1.8 a cache starts with the files of a named context, without what its ignore file leaves out', async () => {
    const context = join(bench.folder, 'seed-context');
    await mkdir(join(context, 'd'), { recursive: true });
    await Promise.all([writeFile(join(context, 'd/f'), 'of a context\n'), writeFile(join(context, 'hidden'), ''), writeFile(join(context, '.dockerignore'), 'hidden\n')]);
    const { log } = await bench.run(['FROM base', 'RUN --mount=type=cache,id=ctx,from=seeds,target=/c,uid=3 ls /c; cat /c/d/f; stat -c %u /c'], { buildContexts: [{ name: 'seeds', value: context }] });
    assert.equal(log, 'd\nof a context\n3\n');
  });

  test('A1.8 source= mounts a part of the cache, a directory or a file; one that is not there is an error of the instruction', async () => {
    const { log } = await bench.run(['FROM base', 'RUN --mount=type=cache,id=part,target=/c mkdir -p /c/a/b && echo deep > /c/a/b/f && ln -s a/b /c/link',
      'RUN --mount=type=cache,id=part,source=a/b,target=/p cat /p/f; echo more >> /p/f', 'RUN --mount=type=cache,id=part,source=/link,target=/q cat /q/f', 'RUN --mount=type=cache,id=part,source=a/b/f,target=/r/file cat /r/file']);
    assert.equal(log, 'deep\ndeep\nmore\ndeep\nmore\n');
    const { error } = await bench.fail(['FROM base', 'RUN --mount=type=cache,id=part,source=none,target=/p true']);
    assert.deepEqual([error.code, error.errorClass, error.position?.startLine], ['MOUNT_SOURCE_MISSING', 'usage', 2]);
  });

  test('CVE-2024-23651: source= through a link to the host stays in the cache', async () => {
    const outside = join(bench.folder, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'f'), 'of the host');
    await bench.run(['FROM base', `RUN --mount=type=cache,id=escape,target=/c ln -s ${outside} /c/link; ln -s / /c/root; ln -s /proc/self/cwd /c/magic`]);
    for (const source of ['link', 'link/f', 'magic']) assert.equal((await bench.fail(['FROM base', `RUN --mount=type=cache,id=escape,source=${source},target=/p ls /p`])).error.code, 'MOUNT_SOURCE_MISSING', source);
    const { log } = await bench.run(['FROM base', 'RUN --mount=type=cache,id=escape,source=root,target=/p ls /p', 'RUN --mount=type=cache,id=escape,source=../../..,target=/p ls /p | wc -l']);
    assert.equal(log, 'link\nmagic\nroot\n3\n'); // the root is the cache's own
    assert.equal(await readFile(join(outside, 'f'), 'utf8'), 'of the host');
  });

  test('CVE-2024-9675: an id that looks like a path is a name', async () => {
    const outside = join(bench.folder, 'victim');
    await mkdir(outside);
    await symlink(outside, join(bench.folder, 'victim-link'));
    for (const id of ['../../../victim', '/../../../../victim', '../../victim-link', outside, '.', '..']) {
      await bench.run(['FROM base', `RUN --mount=type=cache,id=${id},target=/c echo ${id} > /c/f`]);
    }
    assert.deepEqual(await readdir(outside), []);
    assert.ok((await readdir(join(bench.storeRoot, 'mounts/v1'))).every((name) => /^[0-9a-f]{64}(\.\d+)?(\.lock)?$/.test(name)));
  });

  test('A1.8 BUILDKIT_CACHE_MOUNT_NS keeps caches of one id apart', async () => {
    const build = (namespace: string, id: string): Promise<{ readonly log: string }> =>
      bench.run(['FROM base', `RUN --mount=type=cache,id=${id},target=/c cat /c/f 2>/dev/null || echo new; echo ${namespace} > /c/f`], { buildArgs: [{ key: 'BUILDKIT_CACHE_MOUNT_NS', value: namespace }], noCache: true });
    assert.equal((await build('a', 'ns')).log, 'new\n');
    assert.equal((await build('b', 'ns')).log, 'new\n');
    assert.equal((await build('a', 'ns')).log, 'a\n');
    assert.equal((await build('a/n', 's')).log, 'new\n'); // not the same as a, n/s
    assert.equal((await build('a', 'n/s')).log, 'new\n');
  });

  test('A1.8 relative targets stand in WORKDIR, values are expanded, ro takes no writes', async () => {
    const { log, errorLog } = await bench.run(['FROM base', 'ARG NAME=exp UID_=9', 'WORKDIR /work', 'RUN --mount=type=cache,id=$NAME-id,target=sub/$NAME,uid=${UID_} stat -c "%n %u" /work/sub/exp',
      'RUN --mount=type=cache,id=exp-id,uid=9,target=/c,ro touch /c/x || echo refused']);
    assert.equal(log, '/work/sub/exp 9\nrefused\n');
    assert.match(errorLog, /Read-only file system/);
  });

  test('A1.8 keys that are not for caches are refused by name', async () => {
    for (const [fields, message] of [['required=true', /'required' for mount type 'cache'/], ['size=1m', /'size' for mount type 'cache'/], ['sharing=loked', /unsupported sharing value "loked"/]] as const) {
      const { error } = await bench.fail(['FROM base', `RUN --mount=type=cache,target=/c,${fields} true`]);
      assert.equal(error.errorClass, 'usage');
      assert.match(error.message, message);
    }
  });

  test('A1.8 one step may mount a cache several times and a part inside another mount', async () => {
    const { log } = await bench.run(['FROM base', 'RUN --mount=type=cache,id=twice,sharing=private,target=/a --mount=type=cache,id=twice,sharing=private,target=/b echo x > /a/f; cat /b/f',
      'RUN --mount=type=cache,id=outer,target=/o --mount=type=tmpfs,target=/o/inner touch /o/inner/t; ls /o', 'RUN --mount=type=cache,id=outer,target=/o ls -A /o/inner']);
    assert.equal(log, 'x\ninner\n');
  });
});
