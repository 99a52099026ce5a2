/**
 * Asks a `docker-credential-*` program for a login (docker-credential-helpers, `client/command.go`). What the program
 * prints is a secret: it goes into no message.
 */
import { spawn } from 'node:child_process';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import type { Credentials } from './options.ts';

const timeLimitMs = 30_000;
const answerBytesMax = 1024 * 1024;
/** What helpers print when they know no login (docker-credential-helpers, `credentials/error.go`). */
const notFoundTexts = ['credentials not found in native keychain', 'no credentials server URL'];

/** One question to one helper. */
export interface HelperQuestion {
  /** The part of the program's name behind `docker-credential-`. */
  readonly helper: string;
  readonly serverURL: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The login that the helper has, or null.
 * @throws TsbuildError `CREDENTIAL_HELPER`, class registry
 */
export async function runCredentialHelper(question: HelperQuestion): Promise<Credentials | null> {
  if (!/^[A-Za-z0-9._-]+$/.test(question.helper)) throw failed(question, 'its name is not a program\'s');
  const { status, output } = await run(question);
  if (status !== 0) {
    if (notFoundTexts.some((text) => output.includes(text))) return null;
    throw failed(question, `it ended with ${typeof status === 'string' ? status : `exit code ${status}`}`);
  }
  return readAnswer(question, output);
}

function run(question: HelperQuestion): Promise<{ status: number | string; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${question.helper}`, ['get'], { env: { ...question.env }, stdio: ['pipe', 'pipe', 'ignore'] });
    // Not spawn's own `timeout`: its timer outlives a program that could not be started.
    const timer = setTimeout(() => child.kill('SIGKILL'), timeLimitMs);
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > answerBytesMax) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    // A helper that ends without reading its input is judged by its exit code.
    child.stdin.on('error', (error) => errnoCode(error) === 'EPIPE' || reject(error));
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(failed(question, errnoCode(error) === 'ENOENT' ? 'it is not installed' : `it cannot be run (${errnoCode(error) ?? error.name})`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ status: code ?? signal ?? 'no status', output: Buffer.concat(chunks).toString('utf8') });
    });
    child.stdin.end(question.serverURL);
  });
}

function readAnswer(question: HelperQuestion, output: string): Credentials | null {
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch {
    // The parser's message quotes the output, which holds the secret.
    throw failed(question, 'its answer is not JSON');
  }
  if (typeof answer !== 'object' || answer === null || !('Username' in answer) || !('Secret' in answer)) throw failed(question, 'its answer has no Username and Secret');
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== 'string' || typeof secret !== 'string') throw failed(question, 'its answer has no Username and Secret');
  if (secret === '') return null;
  return username === '<token>' ? { kind: 'identity-token', token: secret } : { kind: 'basic', username, password: secret };
}

function failed(question: HelperQuestion, cause: string): TsbuildError {
  return new TsbuildError('registry', 'CREDENTIAL_HELPER', `docker-credential-${question.helper}: ${question.serverURL}: ${cause}`, {
    hint: 'Install the helper or take it out of "credHelpers" and "credsStore" in Docker\'s config.json.',
  });
}
