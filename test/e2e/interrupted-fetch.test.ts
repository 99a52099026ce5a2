/** A build that is interrupted while a context comes ends at once, with 130, and leaves no process, mount or unfinished file. */
import assert from 'node:assert/strict';
import { execFileSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { serve } from '../registry/servers.ts';
import { serveGit } from '../support/git-server.ts';
import { descendantsOf, isRunning, mountsBelow, unfinished, until } from '../support/machine-state.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTsbuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun, { program: 'git' }, { program: 'xz' });

interface Fetch {
  readonly args: readonly string[];
  /** What standard input begins with; it then stays open. Nothing where it is not read. */
  readonly input?: Uint8Array;
  /** Whether the build is in the middle of it. */
  readonly isUnderWay: (store: string) => boolean;
}

/** A server that sends the beginning of an answer to every request, and never its end. */
async function stall(t: TestContext): Promise<{ readonly url: string; readonly isAsked: () => boolean }> {
  let isAsked = false;
  const port = await serve(t, (_request, response) => {
    isAsked = true;
    response.writeHead(200, { 'content-length': '1000000' }).write('FROM');
  });
  return { url: `http://127.0.0.1:${port}`, isAsked: () => isAsked };
}

async function pack(folder: string, ...options: readonly string[]): Promise<Buffer> {
  const tree = join(folder, 'tree');
  await mkdir(tree);
  await writeFile(join(tree, 'Dockerfile'), 'FROM scratch\nCOPY . /\n');
  await writeFile(join(tree, 'rest'), randomBytes(400_000));
  return execFileSync('tar', ['-C', tree, '--sort=name', ...options, '-cf', '-', '.']);
}

const isUnpacking = (store: string): boolean => existsSync(join(store, 'tmp')) && readdirSync(join(store, 'tmp'), { recursive: true }).some((path) => String(path).endsWith('upper/Dockerfile'));

const fetches: Readonly<Record<string, (t: TestContext, folder: string) => Promise<Fetch>>> = {
  'an address whose body never ends': async (t) => {
    const { url, isAsked } = await stall(t);
    return { args: [`${url}/context.tar`], isUnderWay: isAsked };
  },
  'a named context whose body never ends': async (t, folder) => {
    const { url, isAsked } = await stall(t);
    await mkdir(join(folder, 'context'));
    await writeFile(join(folder, 'context/Dockerfile'), 'FROM scratch\nCOPY --from=far . /\n');
    return { args: ['--build-context', `far=${url}/context.tar`, join(folder, 'context')], isUnderWay: isAsked };
  },
  'a repository whose server hangs': async (t, folder) => {
    let isAsked = false;
    const { base } = await serveGit(t, folder, (_request, response) => {
      isAsked = true;
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' }).write('001e# service=git-upload-pack\n');
      return true;
    });
    return { args: [`${base}/r.git`], isUnderWay: () => isAsked };
  },
  'standard input that says nothing': () => Promise.resolve({ args: ['-'], input: Buffer.alloc(0), isUnderWay: (store) => existsSync(join(store, 'tmp')) }),
  'a Dockerfile on standard input that has no end': () => Promise.resolve({ args: ['-'], input: Buffer.alloc(1000, '#'), isUnderWay: (store) => existsSync(join(store, 'tmp')) }),
  'an archive on standard input that has no end': async (_t, folder) => {
    const archive = await pack(folder);
    return { args: ['-'], input: archive.subarray(0, archive.length - 1000), isUnderWay: isUnpacking };
  },
  'a compressed archive on standard input that has no end': async (_t, folder) => {
    const archive = await pack(folder, '--xz');
    return { args: ['-'], input: archive.subarray(0, archive.length - 1000), isUnderWay: isUnpacking };
  },
};

async function interrupt(t: TestContext, signal: 'SIGINT' | 'SIGTERM', prepare: (typeof fetches)[string]): Promise<void> {
  const folder = temporaryFolder(t);
  const store = join(folder, 'store');
  const { args, input, isUnderWay } = await prepare(t, folder);
  const child = startTsbuild(['build', '--progress=plain', ...args], { store }, input === undefined ? 'ignore' : 'pipe');
  const closed: Promise<unknown[]> = once(child, 'close');
  const text = collect(child);
  child.stdin?.on('error', () => undefined).write(input ?? '');
  await until('the context comes', () => isUnderWay(store), 30_000);
  const processes = descendantsOf(child.pid ?? 0);
  child.kill(signal);
  const [exitCode] = await closed;
  child.stdin?.destroy();
  assert.equal(exitCode, 130, text());
  assert.match(text(), new RegExp(`^ERROR: interrupted: ${signal}`, 'm'));
  assert.deepEqual(processes.filter(isRunning), [], 'no process is left');
  assert.deepEqual(mountsBelow(store), [], 'no mount is left');
  assert.deepEqual(await unfinished(store), [], 'no unfinished file is left');
}

function collect(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  child.stdout?.resume();
  return () => text;
}

for (const [name, prepare] of Object.entries(fetches)) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) test(`${signal} ends the fetching of ${name}`, { skip }, (t) => interrupt(t, signal, prepare));
}
