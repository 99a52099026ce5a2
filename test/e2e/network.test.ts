/** What a RUN can reach in each mode of --network. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fromLayout, writeContext } from '../support/context.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { logOf } from '../support/raw-events.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mustBuild, runTsbuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun);
const skipIsolated = skipWithout(...forRun, { oneOf: ['pasta', 'slirp4netns'] });

/** A server that only this machine may reach; returns its port. */
async function serve(t: TestContext): Promise<string> {
  const server = createServer((_request, response) => { response.end('the host answers\n'); });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.close(); });
  return String((server.address() as AddressInfo).port);
}

/** Runs a shell script in a RUN and returns what it printed. */
async function printedBy(t: TestContext, script: string, options: readonly string[], run = 'RUN'): Promise<string> {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: `FROM busybox\n${run} <<'EOF'\n${script}\nEOF\n` });
  const { events } = await mustBuild([...await fromLayout('busybox'), ...options, context], { store: join(folder, 'store') });
  return logOf(events, /RUN/);
}

const interfaces = 'sed -n "s/^ *\\([a-z0-9]*\\):.*/\\1/p" /proc/net/dev';
// Not wget: that of a static busybox needs the C library's shared half to look up even a number.
const ask = (host: string, port: string): string =>
  `answer=$(printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${host} ${port} 2>/dev/null | tail -n 1); echo "\${answer:-nothing}"`;

test('--network none leaves only the loopback device', { skip }, async (t) => {
  assert.equal(await printedBy(t, interfaces, ['--network', 'none']), 'lo\n');
});

test('A1.12 RUN --network=none has only the loopback device whatever the build has', { skip }, async (t) => {
  assert.equal(await printedBy(t, interfaces, [], 'RUN --network=none'), 'lo\n');
});

test('the loopback of a RUN without network is up and its own', { skip }, async (t) => {
  const port = await serve(t);
  assert.equal(await printedBy(t, `${ask('127.0.0.1', port)}; ping -c 1 -w 3 127.0.0.1 > /dev/null && echo up`, ['--network', 'none']), 'nothing\nup\n');
});

test('--network default cannot reach a server on the loopback of the host', { skip: skipIsolated }, async (t) => {
  const port = await serve(t);
  assert.equal(await printedBy(t, ask('127.0.0.1', port), []), 'nothing\n');
});

test('--network default cannot reach the loopback of the host by the address of its gateway', { skip: skipIsolated }, async (t) => {
  const port = await serve(t);
  const script = `gateway=$(ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p'); test -n "$gateway" && ${ask('"$gateway"', port)}`;
  assert.equal(await printedBy(t, script, []), 'nothing\n');
});

test('--network host reaches a server on the loopback of the host', { skip }, async (t) => {
  const port = await serve(t);
  assert.equal(await printedBy(t, ask('127.0.0.1', port), ['--network', 'host', '--allow', 'network.host']), 'the host answers\n');
});

test('A1.12 RUN --network=host asks for an entitlement', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: 'FROM busybox\nRUN --network=host true\n' });
  const { exitCode, stderr } = await runTsbuild(['build', '--progress=quiet', ...await fromLayout('busybox'), context], { store: join(folder, 'store') });
  assert.equal(exitCode, 2, stderr);
  assert.match(stderr, /network\.host/);
});

test('--help says what --network default means on this machine', async (t) => {
  const { stdout, exitCode } = await runTsbuild(['build', '--help'], { store: join(temporaryFolder(t), 'store') });
  assert.equal(exitCode, 0);
  assert.match(stdout.replaceAll(/\s+/g, ' '), /default means [a-z]/);
});
