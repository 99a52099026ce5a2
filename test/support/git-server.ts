/** Repositories for tests, and servers for them: `git http-backend` behind a small CGI wrapper, and `git daemon`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { listen } from '../registry/servers.ts';
import { mustRun } from './run-process.ts';

const identity = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };
/** When every commit of the tests was made. */
export const commitSeconds = 1_600_000_000;

/** A repository that a test fills. */
export interface TestRepository {
  readonly folder: string;
  /** git in it, its output trimmed. */
  readonly git: (...args: readonly string[]) => Promise<string>;
  /** Writes files (path to text; `x:` before the text makes it executable, `->` a link), commits all and returns the commit. */
  readonly commit: (files: Readonly<Record<string, string>>) => Promise<string>;
}

/** git as a test calls it: without the user's configuration, at a fixed time, and free to use repositories beside it. */
export async function testGit(folder: string, args: readonly string[]): Promise<string> {
  const date = `${String(commitSeconds)} +0000`;
  const env = { PATH: process.env['PATH'], HOME: folder, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date, ...identity };
  return (await mustRun('git', ['-c', 'protocol.file.allow=always', '-c', 'init.defaultBranch=main', ...args], { cwd: folder, env })).trim();
}

export async function makeRepository(folder: string, name: string, format: 'sha1' | 'sha256' = 'sha1'): Promise<TestRepository> {
  const own = join(folder, name);
  await mkdir(own, { recursive: true });
  const git = (...args: readonly string[]): Promise<string> => testGit(own, args);
  await git('init', '-q', `--object-format=${format}`);
  return {
    folder: own,
    git,
    commit: async (files) => {
      for (const [path, text] of Object.entries(files)) await writeEntry(join(own, path), text);
      await git('add', '-A');
      await git('commit', '-q', '--allow-empty', '-m', Object.keys(files).join(' ') || 'nothing');
      return git('rev-parse', 'HEAD');
    },
  };
}

async function writeEntry(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (text.startsWith('->')) await mustRun('ln', ['-sfn', '--', text.slice(2), path]);
  else await writeFile(path, text.replace(/^x:/, ''), { mode: text.startsWith('x:') ? 0o755 : 0o644 });
}

export interface GitServer {
  /** Without a slash at its end; the names of repositories follow, and lead to them with or without `.git`. */
  readonly base: string;
  readonly port: number;
  /** `METHOD PATH [AUTHORIZATION]` of every request. */
  readonly asked: string[];
}

/** Answers before git does, if it returns true. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Serves all repositories in a folder by http. */
export async function serveGit(test: TestContext, folder: string, answer: Answer = () => false): Promise<GitServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { authorization } = request.headers;
    asked.push([request.method, request.url, ...(authorization === undefined ? [] : [authorization])].join(' '));
    if (!answer(request, response)) runBackend(folder, request, response);
  });
  const port = await listen(test, server);
  return { base: `http://127.0.0.1:${port}`, port, asked };
}

function runBackend(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://x');
  // A repository with a work tree: its `.git` is what is served under the name NAME.git.
  const path = url.pathname.replace(/^\/([^/]+)\.git\//, '/$1/.git/');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'], GIT_PROJECT_ROOT: folder, GIT_HTTP_EXPORT_ALL: '1', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', HOME: folder,
      GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*',
      REQUEST_METHOD: request.method, PATH_INFO: path, QUERY_STRING: url.search.slice(1), CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '', GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''), REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => request.resume());
  let head: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    child.stdout.off('data', onData);
    const headers = head.subarray(0, end).toString('latin1').split('\r\n').map((line) => line.split(/: ?/, 2) as [string, string]);
    const status = headers.find(([name]) => name.toLowerCase() === 'status')?.[1] ?? '200';
    for (const [name, value] of headers) if (name.toLowerCase() !== 'status') response.setHeader(name, value);
    response.writeHead(Number.parseInt(status, 10));
    response.write(head.subarray(end + 4));
    child.stdout.pipe(response);
  };
  child.stdout.on('data', onData);
}

/** Serves all repositories in a folder by git's own protocol and returns the address. */
export async function startGitDaemon(test: TestContext, folder: string): Promise<string> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  probe.close();
  await once(probe, 'close');
  const args = ['daemon', '--export-all', `--base-path=${folder}`, '--listen=127.0.0.1', `--port=${port}`, '--reuseaddr', '--log-destination=none'];
  const child = spawn('git', args, { stdio: 'ignore', detached: true, env: { PATH: process.env['PATH'], HOME: folder, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' } });
  test.after(async () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  while (!(await accepts(port))) if (child.exitCode !== null) throw new Error('git daemon did not start');
  return `git://127.0.0.1:${port}`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false)).once('connect', () => socket.destroy());
  });
}
