/**
 * Runs the system's git, closed off: no configuration but what stands here, no hooks, no questions, no transports that
 * reach files or start programs of a repository's choice. What a repository says is hostile; so is what git prints.
 * It knows no repositories; start at `runGit`.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { errnoCode, TsbuildError, type ErrorClass } from '../../base/errors.ts';

/** What git needs of the process around it. */
export interface GitSurroundings {
  /** Folders in which git, and the ssh that it runs, are looked for, as in PATH. */
  readonly searchPath: string;
  /** Variables for its network: proxies and authorities. Nothing else of the user's gets in. */
  readonly variables: Readonly<Record<string, string>>;
  /** An empty folder: git's home, and where it looks for no repository above. */
  readonly folder: string;
}

/** How git may reach a remote; secrets are in `config` and nowhere else. */
export interface GitAccess {
  readonly config: readonly (readonly [key: string, value: string])[];
  readonly variables: Readonly<Record<string, string>>;
}

export interface GitCall {
  /** For messages: `git repository https://…`. */
  readonly what: string;
  readonly args: readonly string[];
  /** Where it runs; its folder unless given. */
  readonly directory?: string;
  readonly access?: GitAccess;
  /** Of the error when git fails; the network's unless given. */
  readonly errorClass?: ErrorClass;
  readonly signal: AbortSignal;
}

/** What git prints on standard output may be as long as this: a list of all references of a large repository. */
const outputBytesMax = 64 * 1024 * 1024;
/** Of what it says on standard error the end counts. */
const messageCharsMax = 4000;

/**
 * Configuration for every call, above everything that a repository has. Old repositories have objects that fsck finds
 * untidy and that harm nobody: those are let through.
 */
const config: GitAccess['config'] = [
  ['core.hooksPath', '/dev/null'], ['core.fsmonitor', 'false'], ['core.attributesFile', '/dev/null'], ['core.excludesFile', '/dev/null'],
  ['core.autocrlf', 'false'], ['core.symlinks', 'true'], ['core.fileMode', 'true'], ['core.logAllRefUpdates', 'false'],
  ['init.defaultBranch', 'master'], ['credential.helper', ''], ['gc.auto', '0'], ['maintenance.auto', 'false'],
  ['fetch.writeCommitGraph', 'false'], ['fetch.unpackLimit', '1'], ['fetch.recurseSubmodules', 'false'], ['submodule.recurse', 'false'], ['remote.origin.followRemoteHEAD', 'never'],
  ['advice.detachedHead', 'false'], ['http.lowSpeedLimit', '1'], ['http.lowSpeedTime', '60'], ['transfer.fsckObjects', 'true'],
  ...['zeroPaddedFilemode', 'badTimezone', 'missingSpaceBeforeDate', 'missingEmail', 'missingSpaceBeforeEmail', 'multipleAuthors'].map((id) => [`fetch.fsck.${id}`, 'ignore'] as const),
];

/**
 * Runs git to its end and returns what it printed.
 * @throws TsbuildError `GIT_FAILED`; `GIT_MISSING`, class machine; the signal's reason
 */
export async function runGit(surroundings: GitSurroundings, call: GitCall): Promise<string> {
  call.signal.throwIfAborted();
  // A process group of its own: the helpers that git starts end with it.
  const child = spawn('git', [...call.args], { cwd: call.directory ?? surroundings.folder, env: environmentOf(surroundings, call.access), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const kill = (): void => killGroup(child);
  call.signal.addEventListener('abort', kill, { once: true });
  try {
    const { output, message, end } = await collect(child, kill);
    call.signal.throwIfAborted();
    if (end === 0) return output;
    throw end instanceof Error ? startFailure(call, end) : failure(call, message);
  } finally {
    call.signal.removeEventListener('abort', kill);
  }
}

function environmentOf({ searchPath, variables, folder }: GitSurroundings, access: GitAccess = { config: [], variables: {} }): Record<string, string> {
  const entries = [...config, ...access.config];
  return {
    PATH: searchPath,
    HOME: folder,
    LC_ALL: 'C',
    TZ: 'UTC',
    GIT_CEILING_DIRECTORIES: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    GIT_ALLOW_PROTOCOL: 'http:https:git:ssh',
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(entries.flatMap(([key, value], index) => [[`GIT_CONFIG_KEY_${index}`, key], [`GIT_CONFIG_VALUE_${index}`, value]])),
    ...variables,
    ...access.variables,
  };
}

interface Collected {
  readonly output: string;
  readonly message: string;
  /** Its exit code, null for a signal; the error where it could not be started. */
  readonly end: number | null | Error;
}

async function collect(child: ChildProcess, kill: () => void): Promise<Collected> {
  const chunks: Buffer[] = [];
  let size = 0;
  let message = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= outputBytesMax) chunks.push(chunk);
    else kill();
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (message = (message + text).slice(-messageCharsMax)));
  const end = await new Promise<number | null | Error>((resolve) => {
    child.once('error', resolve);
    child.once('close', resolve);
  });
  if (size > outputBytesMax) message = `fatal: more than ${outputBytesMax} bytes of answer`;
  return { output: Buffer.concat(chunks).toString('utf8'), message, end };
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (errnoCode(error) !== 'ESRCH') throw error; // it is over already
  }
}

function startFailure({ what }: GitCall, cause: Error): Error {
  if (errnoCode(cause) !== 'ENOENT') return cause;
  return new TsbuildError('machine', 'GIT_MISSING', `${what}: it needs the program git, which is not installed`, { hint: 'Install the package git.', cause });
}

function failure({ what, args, access, errorClass = 'registry' }: GitCall, message: string): TsbuildError {
  const command = args.find((arg) => /^[a-z]+(?:-[a-z]+)*$/.test(arg)) ?? '';
  const network = 'Check the address, the network and the proxies. For a private repository: --secret id=GIT_AUTH_TOKEN, or --ssh default.';
  const redirects = access?.config.some(([key]) => key === 'http.followRedirects') === true ? ' With credentials no redirect is followed.' : '';
  return new TsbuildError(errorClass, 'GIT_FAILED', `${what}: git ${command}: ${reasonIn(message)}`, errorClass === 'registry' ? { hint: network + redirects } : {});
}

/** The lines in which git says why it failed, made safe for a terminal. */
function reasonIn(message: string): string {
  const lines = message.split('\n').map((line) => line.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim()).filter((line) => line !== '');
  const reasons = lines.filter((line) => /^(?:fatal|error|ERROR|ssh):? |denied|Host key/.test(line)).map((line) => line.replace(/^(?:fatal|error): /, ''));
  return (reasons.length > 0 ? reasons : lines.slice(-1)).slice(0, 3).join('; ') || 'it ended without a word';
}
