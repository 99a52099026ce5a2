/** `import { build } from 'tsbuild'`: whole builds in this process, on the real kernel. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { pack } from 'tar-stream';
import { build, TsbuildError, type BuildEvent, type BuildOptions, type BuildResult } from '../../src/index.ts';
import { baseImage } from '../support/base-images.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const skip = skipWithout(...forRun);

interface Bench {
  readonly context: string;
  readonly storeRoot: string;
  readonly base: BuildOptions;
}

/** A context with these files, and a store of its own. */
async function prepare(t: TestContext, files: Readonly<Record<string, string>>): Promise<Bench> {
  const folder = temporaryFolder(t);
  const context = join(folder, 'context');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(context, name)), { recursive: true });
    await writeFile(join(context, name), text);
  }
  const storeRoot = join(folder, 'store');
  const buildContexts = [{ name: 'base', value: `oci-layout://${await baseImage('busybox')}:latest` }];
  return { context, storeRoot, base: { context, storeRoot, buildContexts, network: 'none' } };
}

async function finish(options: BuildOptions): Promise<{ readonly result: BuildResult; readonly events: readonly BuildEvent[] }> {
  const running = build(options);
  const events: BuildEvent[] = [];
  for await (const event of running) events.push(event);
  return { result: await running.result, events };
}

/** Names of the steps that were performed, not taken from the cache. */
function performed(events: readonly BuildEvent[]): readonly string[] {
  const names = new Map(events.flatMap((event) => (event.type === 'step-started' && event.step.position !== undefined ? [[event.step.id, event.step.instruction ?? '']] : [])));
  return events.flatMap((event) => (event.type === 'step-done' && !event.cached && names.has(event.id) ? [names.get(event.id) ?? ''] : [])).filter((name) => !name.startsWith('FROM'));
}

function logOf(events: readonly BuildEvent[]): string {
  return events.flatMap((event) => (event.type === 'step-log' ? [event.text] : [])).join('');
}

/** Children of this process that run the sandbox. */
async function sandboxes(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    if (status.includes('Name:\ttsbuild-sandbox') && status.includes(`\nPPid:\t${process.pid}\n`)) found.push(pid);
  }
  return found;
}

test('a build tells its steps and gives the image; the same again performs nothing', { skip }, async (t) => {
  const { base } = await prepare(t, { Dockerfile: 'FROM base\nCOPY a /a\nRUN cat /a; echo more >> /a\n', a: 'from the context\n' });
  const first = await finish({ ...base, tags: ['app'] });
  assert.equal(logOf(first.events), 'from the context\n');
  assert.deepEqual(performed(first.events), ['COPY a /a', 'RUN cat /a; echo more >> /a']);
  assert.deepEqual(first.result.names, ['docker.io/library/app:latest']);
  const second = await finish(base);
  assert.deepEqual(performed(second.events), []);
  assert.equal(second.result.imageID, first.result.imageID);
  assert.equal(second.result.stepsCached, second.result.stepsTotal);
});

test('early cutoff: a RUN that writes the same bytes does not make later steps run again', { skip }, async (t) => {
  const { base, context } = await prepare(t, { Dockerfile: 'FROM base\nRUN echo x > /f\nRUN cat /f > /g\nRUN cat /g > /h\n' });
  const first = await finish(base);
  await writeFile(join(context, 'Dockerfile'), 'FROM base\nRUN printf "x\\n" > /f\nRUN cat /f > /g\nRUN cat /g > /h\n');
  const second = await finish(base);
  assert.deepEqual(performed(second.events), ['RUN printf "x\\n" > /f']);
  assert.deepEqual(
    second.events.flatMap((event) => (event.type === 'step-note' ? [event.text] : [])).filter((text) => text.startsWith('miss:')).length,
    1,
  );
  assert.notEqual(second.result.imageID, first.result.imageID); // its history has the new command
});

test('a miss says which input changed', { skip }, async (t) => {
  const { base, context } = await prepare(t, { Dockerfile: 'FROM base\nENV A=1\nRUN echo $A > /f\n' });
  await finish(base);
  await writeFile(join(context, 'Dockerfile'), 'FROM base\nENV A=2\nRUN echo $A > /f\n');
  const { events } = await finish(base);
  const [note = ''] = events.flatMap((event) => (event.type === 'step-note' ? [event.text] : []));
  assert.match(note, /^miss: .*environment/);
  assert.match(note, /A/);
});

test('independent stages run at once, whatever the number of CPUs', { skip }, async (t) => {
  // Each waits for the other through a cache mount that both see: one after the other they would never end.
  const wait = (own: string, other: string): string =>
    `RUN --mount=type=cache,id=meet,target=/m touch /m/${own}; i=0; while [ ! -e /m/${other} ] && [ $i -lt 600 ]; do i=$((i+1)); sleep 0.05; done; [ -e /m/${other} ] && echo ${own} > /done\n`;
  const { base } = await prepare(t, {
    Dockerfile: `FROM base AS one\n${wait('one', 'two')}FROM base AS two\n${wait('two', 'one')}FROM base\nCOPY --from=one /done /1\nCOPY --from=two /done /2\n`,
  });
  const { events } = await finish(base);
  assert.equal(performed(events).length, 4);
});

test('steps that lock the same caches in another order do not wait for each other for ever', { skip }, async (t) => {
  const caches = (first: string, second: string): string => [first, second, first].map((id, index) => `--mount=type=cache,sharing=locked,id=${id},target=/m${index}`).join(' ');
  const { base } = await prepare(t, {
    Dockerfile: `FROM base AS one\nRUN ${caches('a', 'b')} echo 1 >> /m0/log; echo 1 > /f\nFROM base AS two\nRUN ${caches('b', 'a')} echo 2 >> /m1/log; cat /m1/log | wc -l > /f\nFROM base\nCOPY --from=one /f /1\nCOPY --from=two /f /2\n`,
  });
  const { events } = await finish(base);
  assert.equal(performed(events).length, 4);
});

test('a failing step rejects with its place, the others are given up, nothing stays', { skip }, async (t) => {
  const { base, storeRoot } = await prepare(t, { Dockerfile: 'FROM base AS slow\nRUN sleep 600\nFROM base\nRUN echo why >&2; exit 3\nCOPY --from=slow / /x\n' });
  const running = build(base);
  const events: BuildEvent[] = [];
  for await (const event of running) events.push(event);
  await assert.rejects(running.result, (error) => {
    assert.ok(error instanceof TsbuildError);
    assert.equal(error.code, 'STEP_FAILED');
    assert.equal(error.exitCode, 1);
    assert.equal(error.position?.startLine, 4);
    assert.equal(error.details['exitCode'], 3);
    return true;
  });
  assert.equal(logOf(events), 'why\n');
  assert.deepEqual(await readdir(join(storeRoot, 'tmp')), []);
  assert.deepEqual(await sandboxes(), []);
});

test('a snapshot that cannot be removed does not hide why a step failed', { skip }, async (t) => {
  const { base, storeRoot } = await prepare(t, { Dockerfile: 'FROM base\nRUN echo x > /stuck; echo made; while echo y > /stuck; do :; done 2> /dev/null; exit 3\n' });
  const stuck: string[] = [];
  const running = build(base);
  for await (const event of running) {
    if (event.type !== 'step-log') continue;
    const paths = await readdir(join(storeRoot, 'tmp'), { recursive: true });
    stuck.push(...paths.filter((path) => path.endsWith('upper/stuck')).map((path) => join(storeRoot, 'tmp', path)));
    execFileSync('chattr', ['+i', ...stuck]);
  }
  try {
    assert.equal(stuck.length, 1);
    await assert.rejects(running.result, (error) => {
      assert.ok(error instanceof TsbuildError);
      assert.equal(error.code, 'STEP_FAILED');
      assert.match(inspect(error.cause), /remove .*active-[^]*EPERM/);
      return true;
    });
  } finally {
    execFileSync('chattr', ['-i', ...stuck]);
  }
});

test('an abort stops a running step and rejects with the reason', { skip }, async (t) => {
  const { base, storeRoot } = await prepare(t, { Dockerfile: 'FROM base\nRUN echo up; (setsid sleep 600 &) ; sleep 600\n' });
  const controller = new AbortController();
  const reason = new Error('enough');
  const running = build({ ...base, signal: controller.signal });
  for await (const event of running) if (event.type === 'step-log') controller.abort(reason);
  await assert.rejects(running.result, (error) => error === reason);
  assert.deepEqual(await readdir(join(storeRoot, 'tmp')), []);
  assert.deepEqual(await sandboxes(), []);
});

test('a here-document that starts with #! is a program, also for a user that does not own it', { skip }, async (t) => {
  const { base } = await prepare(t, { Dockerfile: 'FROM base\nUSER 77\nRUN <<EOF\n#!/bin/sh\necho $0 as $(id -u)\nEOF\n' });
  const { events } = await finish(base);
  assert.equal(logOf(events), '/dev/pipes/EOF as 77\n');
});

test('ADD unpacks an archive of the context, and a download only with --unpack', { skip }, async (t) => {
  const packing = pack();
  packing.entry({ name: 'inside' }, 'x');
  packing.finalize();
  const tar = await buffer(packing);
  const server = createServer((_request, response) => response.end(tar));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? String(address?.port) : ''}/far.tar`;
  const { base, context } = await prepare(t, {
    Dockerfile: `FROM base\nADD ${url} near.tar /mixed/\nADD --unpack=true ${url} /far/\nADD --unpack=false near.tar /near/\nRUN cd / && find mixed far near -type f | sort\n`,
  });
  await writeFile(join(context, 'near.tar'), tar);
  const { events } = await finish(base);
  assert.equal(logOf(events), 'far/inside\nmixed/far.tar\nmixed/inside\nnear/near.tar\n');
});

test('A6.88 WORKDIR belongs to the user as --chown reads it', { skip }, async (t) => {
  const { base } = await prepare(t, {
    Dockerfile: [
      'FROM base', "RUN echo 'app:x:1000:1001::/:/bin/sh' >> /etc/passwd; mkdir -m 777 /w", 'USER 4321', 'WORKDIR /w/number/deep', 'USER app', 'WORKDIR /w/name', 'USER 1000', 'WORKDIR /w/known',
      'USER app:7', 'WORKDIR /w/group', 'RUN cd /w && stat -c "%n %u:%g" number number/deep name known group', '',
    ].join('\n'),
  });
  const { events } = await finish(base);
  assert.equal(logOf(events), 'number 4321:4321\nnumber/deep 4321:4321\nname 1000:1001\nknown 1000:1000\ngroup 1000:7\n');
});

test('two builds at once on one store agree', { skip }, async (t) => {
  const { base } = await prepare(t, { Dockerfile: 'FROM base\nCOPY a /a\nRUN sha256sum /a > /sum\nWORKDIR /w\nRUN pwd > p\n', a: 'x' });
  const [one, two] = await Promise.all([finish(base), finish(base)]);
  assert.equal(one.result.imageID, two.result.imageID);
});

test('a secret is a file for the step and is nowhere in the store', { skip }, async (t) => {
  const { base, storeRoot } = await prepare(t, { Dockerfile: 'FROM base\nRUN --mount=type=secret,id=key,required=true sha256sum < /run/secrets/key > /sum\n' });
  const value = 'correct-horse-battery-staple';
  await finish({ ...base, secretValues: { key: Buffer.from(value) } });
  for (const entry of await readdir(storeRoot, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) assert.ok(!(await readFile(join(entry.parentPath, entry.name))).includes(value), join(entry.parentPath, entry.name));
  }
});

test('RUN --mount binds what the ignore file leaves of the context', { skip }, async (t) => {
  const { base } = await prepare(t, {
    Dockerfile: 'FROM base\nRUN --mount=type=bind,target=/ctx ls /ctx /ctx/d\nRUN --mount=type=bind,source=d,target=/d,rw echo y > /d/new; cat /d/f\nRUN ls -a /d /ctx 2>&1 || true\n',
    '.dockerignore': 'hidden\n**/*.log\n',
    hidden: 'x',
    'd/f': 'in d\n',
    'd/x.log': 'x',
  });
  const { events } = await finish(base);
  const log = logOf(events);
  assert.ok(log.includes('in d\n'), log);
  assert.ok(!log.includes('hidden') && !log.includes('x.log') && log.includes('No such file'), log);
});
