/** RUN --mount=type=secret on the real kernel (SEMANTICS A1, 10; A6, 84): what steps get, and that nobody else gets it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { openBench, type Bench } from '../support/build-bench.ts';
import { findSecret, findSecretIn } from '../support/find-secret.ts';
import { forRun, skipWithout } from '../support/needs.ts';

const value = Buffer.from('correct/horse+battery=staple-4711');

describe('RUN --mount=type=secret', { skip: skipWithout(...forRun) }, () => {
  let bench: Bench;
  before(async () => (bench = await openBench()));
  after(() => bench.close());
  const withValue = { secretValues: { key: value, 'dir/name': Buffer.from('by path') } };
  // What a step may say about a value without its being masked.
  const digest = 'sha1sum | cut -c1-8';
  const digestOf = (path: string): string => `sha1sum < ${path} | cut -c1-8`;
  const expected = execFileSync('sha1sum', { input: value, encoding: 'utf8' }).slice(0, 8);

  test('A6.84 by default a secret is /run/secrets/NAME, 0400 and root\'s', async () => {
    const { log } = await bench.run(['FROM base', 'RUN --mount=type=secret,id=key --mount=type=secret,id=dir/name stat -c "%n %a %u:%g %s" /run/secrets/*'], withValue);
    assert.equal(log, `/run/secrets/key 400 0:0 ${value.length}\n/run/secrets/name 400 0:0 7\n`);
  });

  test('A1.10 target, mode, uid and gid; relative targets stand in WORKDIR; the id is the target\'s last name where none is given', async () => {
    const { log } = await bench.run(['FROM base', 'WORKDIR /w', 'RUN --mount=type=secret,id=key,target=sub/k,mode=0440,uid=5,gid=6 stat -c "%n %a %u:%g" /w/sub/k',
      `RUN --mount=type=secret,target=/etc/key ${digestOf('/etc/key')}`, `RUN --mount=type=secret,src=key,dst=/a ${digestOf('/a')}`, 'USER 77', 'RUN --mount=type=secret,id=key,uid=77 cat /run/secrets/key > /dev/null && echo readable',
      'RUN --mount=type=secret,id=key cat /run/secrets/key 2>&1 | grep -o denied'], withValue);
    assert.equal(log, `/w/sub/k 440 5:6\n${expected}\n${expected}\nreadable\ndenied\n`);
  });

  test('A6.84 env= without a target is a variable and no file, with one it is both; it counts before ENV', async () => {
    const { log } = await bench.run(['FROM base', 'ENV TOKEN=of-the-dockerfile', `RUN --mount=type=secret,id=key,env=TOKEN printf %s "$TOKEN" | ${digest}; ls /run/secrets 2>&1 | grep -c "No such"`,
      `RUN --mount=type=secret,id=key,env=TOKEN,target=/t printf %s "$TOKEN" | ${digest}; ${digestOf('/t')}`, 'RUN echo $TOKEN'], withValue);
    assert.equal(log, `${expected}\n1\n${expected}\n${expected}\nof-the-dockerfile\n`);
  });

  test('A6.84 one that is missing is no file and an empty variable, or an error where it is required', async () => {
    const { log } = await bench.run(['FROM base', 'ENV T=x', 'RUN --mount=type=secret,id=none --mount=type=secret,id=none,env=T ls /run/secrets 2>&1 | grep -c "No such"; echo "<${T-unset}>"']);
    assert.equal(log, '1\n<>\n');
    for (const required of ['required', 'required=true', 'required=1']) {
      const { error } = await bench.fail(['FROM base', `RUN --mount=type=secret,id=none,${required} true`]);
      assert.deepEqual([error.code, error.exitCode, error.position?.startLine, error.hint], ['SECRET_MISSING', 2, 2, 'Give it with --secret id=none,src=FILE or --secret id=none,env=NAME.']);
    }
  });

  test('A1.10 bytes arrive as they are, in files and in variables', async () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x80, 0x0a, 0x41]);
    const { log } = await bench.run(['FROM base', 'RUN --mount=type=secret,id=b,env=B,target=/b od -An -tx1 /b; printf %s "$B" | od -An -tx1'], { secretValues: { b: bytes } });
    assert.equal(log, ' ff fe 80 0a 41\n ff fe 80 0a 41\n');
    const { error } = await bench.fail(['FROM base', 'RUN --mount=type=secret,id=zero,env=Z true'], { secretValues: { zero: Buffer.from([65, 0]) } });
    assert.equal(error.code, 'SECRET_INVALID');
  });

  test('A1.10 --secret takes files and variables; what is offered and not there is said before anything runs', async () => {
    await writeFile(join(bench.folder, 'secret.txt'), value);
    const file = { id: 'f', from: 'file', path: 'secret.txt' } as const;
    const variable = { id: 'v', from: 'env', variable: 'NAME' } as const;
    const lines = ['FROM base', `RUN --mount=type=secret,id=f,env=F --mount=type=secret,id=v,env=V for s in "$F" "$V"; do printf %s "$s" | ${digest}; done`];
    const { log } = await bench.run(lines, { secrets: [file, variable], env: { NAME: value.toString() }, workingDirectory: bench.folder });
    assert.equal(log, `${expected}\n${expected}\n`);
    const missing = await bench.fail(['FROM base', 'RUN echo ran'], { secrets: [{ ...file, path: 'none.txt' }], workingDirectory: bench.folder });
    assert.deepEqual([missing.error.code, missing.error.message, missing.log], ['SECRET_UNREADABLE', 'secret f: none.txt: no such file or directory', '']);
    const unset = await bench.run(['FROM base', 'RUN --mount=type=secret,id=v,env=V,required echo "<$V>"'], { secrets: [variable] });
    assert.equal(unset.log, '<>\n');
    assert.deepEqual(unset.events.flatMap((event) => (event.type === 'notice' && event.code === 'SECRET_EMPTY' ? [event.text] : [])), ['secret v: the variable NAME is not set, steps get an empty value']);
  });

  test('A1.10 500 KiB are the most, also of a file that does not end', async () => {
    const most = Buffer.alloc(500 * 1024, 'x');
    assert.equal((await bench.run(['FROM base', 'RUN --mount=type=secret,id=m wc -c < /run/secrets/m'], { secretValues: { m: most } })).log, '512000\n');
    const large = { secretValues: { m: Buffer.alloc(500 * 1024 + 1) } };
    assert.equal((await bench.fail(['FROM base', 'RUN --mount=type=secret,id=m true'], large)).error.code, 'SECRET_TOO_LARGE');
    await symlink('/dev/zero', join(bench.folder, 'endless'));
    await writeFile(join(bench.folder, 'large'), Buffer.alloc(500 * 1024 + 1));
    await mkdir(join(bench.folder, 'directory'));
    for (const [path, code] of [['endless', 'SECRET_TOO_LARGE'], ['large', 'SECRET_TOO_LARGE'], ['directory', 'SECRET_UNREADABLE']] as const) {
      const { error } = await bench.fail(['FROM base', 'RUN --mount=type=secret,id=m true'], { secrets: [{ id: 'm', from: 'file', path }], workingDirectory: bench.folder });
      assert.equal(error.code, code, path);
    }
  });

  test('A1.10 a secret is not in the key: another value does not make the step run again, other settings do', async () => {
    const lines = (fields = ''): string[] => ['FROM base', `RUN --mount=type=secret,id=k${fields} true`];
    assert.equal((await bench.run(lines(), { secretValues: { k: Buffer.from('one-value') } })).performed.length, 1);
    assert.equal((await bench.run(lines(), { secretValues: { k: Buffer.from('another') } })).performed.length, 0);
    assert.equal((await bench.run(lines(',mode=444'), { secretValues: { k: Buffer.from('another') } })).performed.length, 1);
  });

  test('a secret over a file hides it, and neither changes it nor stays', async () => {
    const { log } = await bench.run(['FROM base', `RUN --mount=type=secret,id=key,target=/etc/passwd ${digestOf('/etc/passwd')}`, 'RUN grep -c ^root: /etc/passwd', 'RUN ls -d /run/secrets /run 2>&1 | grep -c "No such"'], withValue);
    assert.equal(log, `${expected}\n1\n2\n`);
  });

  test('the value is in no layer, history, key, log or any other file of the store, nor in an output or an event', async () => {
    const { storeRoot, folder } = bench;
    const options = { ...withValue, tags: ['leak'], outputs: [`type=oci,dest=${join(folder, 'image.tar')}`], metadataFile: null, secrets: [{ id: 'e', from: 'env', variable: 'E' }], env: { E: value.toString() } } as const;
    const printing = 'RUN --mount=type=secret,id=key,env=K --mount=type=secret,id=e,env=E set -x; echo $K; cat /run/secrets/* 2>/dev/null; env; echo "$E" >&2; for c in 1 2; do printf %s "$E"; done';
    const built = await bench.run(['FROM base', printing, 'RUN --mount=type=secret,id=key test -s /run/secrets/key', 'RUN --mount=type=cache,target=/c --mount=type=secret,id=key,target=/c/key wc -c < /c/key'], options);
    assert.match(built.log, /^\*\*\*$/m);
    assert.match(built.errorLog, /^\+ echo '?\*\*\*/m);
    const failed = await bench.fail(['FROM base', 'RUN --mount=type=secret,id=key,env=K echo "failing with $K" >&2; exit 7'], withValue);
    assert.match(JSON.stringify(failed.events), /failing with \*\*\*/);
    for (const told of [built.events, failed.events, failed.error.message, failed.error.details, built.result]) assert.equal(findSecretIn(Buffer.from(JSON.stringify(told)), value), null);
    assert.deepEqual(await findSecret(storeRoot, value), []);
    assert.equal(findSecretIn(await readFile(join(folder, 'image.tar')), value), null);
  });

  test('the search of the test above finds what it looks for', async () => {
    const folder = join(bench.folder, 'planted');
    await mkdir(folder);
    const plants = { plain: value, base64: value.toString('base64'), inside: Buffer.from(`x${value.toString()}y`).toString('base64'), hex: value.toString('hex'), gzip: Buffer.concat([Buffer.from('head'), gzipSync(value)]) };
    for (const [name, content] of Object.entries(plants)) await writeFile(join(folder, name), content);
    assert.equal((await findSecret(folder, value)).length, Object.keys(plants).length);
  });
});
