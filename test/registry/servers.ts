/** Servers on free loopback ports that end with their test: Debian's docker-registry, and small ones that misbehave. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { temporaryFolder } from '../store/temporary-folder.ts';
import type { KeyPair } from './certificates.ts';

export interface RegistryServerOptions {
  readonly tls?: KeyPair;
  /** The authority that client certificates must come from. */
  readonly clientAuthority?: string;
  /** Lines of an htpasswd file. */
  readonly htpasswd?: string;
  readonly token?: { readonly realm: string; readonly service: string; readonly issuer: string; readonly bundle: string };
}

/** Starts a docker-registry and returns its port once it listens. */
export async function startRegistry(test: TestContext, options: RegistryServerOptions = {}): Promise<number> {
  const dir = temporaryFolder(test);
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const { tls, token } = options;
  const config = {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(dir, 'data') } },
    http: {
      addr: '127.0.0.1:0',
      secret: 'test',
      ...(tls === undefined ? {} : { tls: { certificate: file('cert', tls.cert), key: file('key', tls.key), ...(options.clientAuthority === undefined ? {} : { clientcas: [file('ca', options.clientAuthority)] }) } }),
    },
    ...(options.htpasswd === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: file('htpasswd', options.htpasswd) } } }),
    ...(token === undefined ? {} : { auth: { token: { realm: token.realm, service: token.service, issuer: token.issuer, rootcertbundle: file('bundle', token.bundle) } } }),
  };
  // JSON is YAML.
  const child = spawn('docker-registry', ['serve', file('config.yml', JSON.stringify(config))], { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'] } });
  test.after(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    const port = /listening on [^ ]*:(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    child.stderr.resume();
    return Number(port);
  }
  throw new Error(`docker-registry did not start:\n${lines.join('\n')}`);
}

/** A server with a handler of the test. */
export async function serve(test: TestContext, handler: RequestListener, tls?: KeyPair): Promise<number> {
  const server = tls === undefined ? createServer(handler) : createTlsServer({ key: tls.key, cert: tls.cert }, handler);
  return listen(test, server);
}

/** Lets a server listen until the test is over. */
export async function listen(test: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
