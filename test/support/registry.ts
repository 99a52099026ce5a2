/** A registry on loopback (Debian's docker-registry) that serves base images to one test file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { baseImage, type BaseName } from './base-images.ts';
import { mustRun } from './run-process.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A registry that runs until the test ends. */
export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** Fills `NAME:latest` with a base image and returns the reference. */
  push(name: BaseName): Promise<string>;
  /** Ends it before the test does. */
  stop(): Promise<void>;
}

/** Starts it on a port that the kernel chooses. */
export async function startRegistry(test: Pick<TestContext, 'after'>): Promise<TestRegistry> {
  const folder = temporaryFolder(test);
  const config = join(folder, 'config.yml');
  await writeFile(config, [
    'version: 0.1', 'log: {level: info, formatter: json}', `storage: {filesystem: {rootdirectory: "${join(folder, 'data')}"}}`,
    'http: {addr: "127.0.0.1:0"}', '',
  ].join('\n'));
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
  };
  test.after(stop);
  const address = await listeningAddress(child.stderr, child.stdout);
  return {
    address,
    stop,
    async push(name) {
      const reference = `${address}/${name}:latest`;
      const source = `oci:${await baseImage(name)}:latest`;
      await mustRun('skopeo', ['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false', source, `docker://${reference}`]);
      return reference;
    },
  };
}

// It logs the address that it got.
function listeningAddress(...streams: readonly NodeJS.ReadableStream[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    for (const stream of streams) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        text += chunk;
        const match = /listening on (127\.0\.0\.1:\d+)/.exec(text);
        if (match?.[1] !== undefined) resolve(match[1]);
      });
      stream.on('end', () => { reject(new Error(`docker-registry ended:\n${text}`)); });
    }
  });
}
