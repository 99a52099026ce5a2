import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { networkInterfaces } from 'node:os';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { detectNetwork, encodeNetworkPrograms } from '../../src/sandbox/network.ts';
import type { NetworkProgram } from '../../src/sandbox/network.ts';
import { SpecWriter } from '../../src/native/encoding.ts';
import { compileSources, makeTestDirectory } from './compile-driver.ts';

const directory = makeTestDirectory();
const detected = await detectNetwork('/usr/local/bin:/usr/bin:/bin');
const programs = detected.kind === 'found' ? detected.programs : [];
const skip = process.getuid?.() !== 0 ? 'makes network namespaces as root' : programs.length === 0 ? 'no slirp4netns or pasta' : false;
let driver = '';

before(() => {
  if (skip !== false) return;
  const sources = ['test/sandbox/network_driver.cc', 'addon/sandbox/network.cc', 'addon/sandbox/network-program.cc'];
  driver = compileSources(directory, 'network_driver', sources);
});

function specification(list: readonly NetworkProgram[]): string {
  const path = join(directory, `specification-${process.hrtime.bigint()}`);
  writeFileSync(path, encodeNetworkPrograms(new SpecWriter(), list).finish());
  return path;
}

/** Runs a command in a network that the first working program connects. */
function runIn(list: readonly NetworkProgram[], ...command: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const stray = openSync('/dev/null', 'r');
  return spawnSync(driver, [specification(list), 'run', ...command], {
    encoding: 'utf8',
    env: { ...process.env, STRAY: 'secret' },
    stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'ignore', 'ignore', 'ignore', stray],
    timeout: 60_000,
  });
}

const program = (path: string, ...args: string[]): NetworkProgram => ({
  name: 'slirp4netns',
  argv: [path, ...args],
  readyBy: 'byte',
  startLimitMs: 10_000,
});

for (const [index, candidate] of programs.entries()) {
  test(`candidate ${index}, ${candidate.name}, gives a namespace an interface, an address and a default route`, { skip }, () => {
    const shown = runIn([candidate], 'cat', '/proc/net/route', '/proc/net/fib_trie');
    assert.equal(shown.stderr, '');
    assert.match(shown.stdout, /^(tap0|e\w+)\t00000000\t[0-9A-F]{8}\t0003/m);
    assert.match(shown.stdout, /\/32 host LOCAL/);
    const devices = runIn([candidate], 'cat', '/proc/net/dev').stdout.match(/^ *\w+(?=:)/gm) ?? [];
    assert.equal(devices.length, 2, 'the loopback and one more');
  });

  test(`candidate ${index}, ${candidate.name}, keeps the host's loopback out of reach`, { skip }, async () => {
    const server = await listen('127.0.0.1');
    const { port } = server.address() as AddressInfo;
    for (const host of ['127.0.0.1', '10.0.2.2', '10.0.2.3', ...gateways([candidate])]) {
      assert.notEqual(await connectFrom([candidate], host, port), 'connected', host);
    }
    server.close();
  });

  // pasta gives the step the host's own address, which then is not the host's for the step.
  const reachable = candidate.name === 'slirp4netns' ? hostAddress() : undefined;
  if (reachable !== undefined) {
    test(`candidate ${index}, ${candidate.name}, passes connections on`, { skip }, async () => {
      const server = await listen('0.0.0.0');
      const { port } = server.address() as AddressInfo;
      assert.equal(await connectFrom([candidate], reachable, port), 'connected');
      server.close();
    });
  }

  test(`candidate ${index}, ${candidate.name}, ends with the process that started it`, { skip }, async () => {
    const holder = spawn(driver, [specification([candidate]), 'hold'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    const started = descendants(holder.pid ?? 0);
    assert.ok(started.length > 0);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    for (let i = 0; i < 500 && started.some(isRunning); i++) await setTimeout(10);
    assert.deepEqual(started.filter(isRunning), []);
  });
}

test('a program that cannot be used is followed by the next one', { skip }, () => {
  const [first] = programs;
  assert.ok(first);
  const hanging = { ...program('/bin/sleep', '1000'), startLimitMs: 50 };
  const result = runIn([program('/nonexistent'), program('/bin/false'), hanging, first], 'echo', 'ran');
  assert.deepEqual([result.status, result.stdout], [0, 'ran\n']);
});

test('a failure names every program, what it printed and how it ended', { skip }, () => {
  const hanging = { ...program('/bin/sleep', '1000'), startLimitMs: 50 };
  const printing = program('/bin/sh', '-c', 'echo "no such \u001b[31mdevice" >&2; exit 3');
  const result = runIn([program('/nonexistent'), printing, hanging], 'true');
  assert.equal(result.status, 1);
  assert.equal(
    result.stderr,
    'failed  0: /nonexistent ended before the network was ready (/nonexistent: No such file or directory); ' +
      '/bin/sh ended before the network was ready (no such  [31mdevice); /bin/sleep was not ready after 50 ms\n',
  );
});

test('without any program the failure says so', { skip }, () => {
  assert.match(runIn([], 'true').stderr, /there is no program for user-mode networking/);
});

test('a program gets no environment and no descriptor of the server', { skip }, () => {
  const show = 'cd /proc/self/fd; echo fds * env "$(tr "\\0" " " < /proc/self/environ)"; exit 1';
  const result = runIn([program('/bin/sh', '-c', show)], 'true');
  // 3 is the shell's own, for the listing; 4 is where it would say that it is ready. The namespace lies at /dev/shm/netns.
  assert.match(result.stderr, /\(fds 0 1 2 3 4 env\)/);
});

async function listen(host: string): Promise<Server> {
  const server = createServer((socket) => socket.end());
  server.unref();
  server.listen(0, host);
  await once(server, 'listening');
  return server;
}

function connectFrom(list: readonly NetworkProgram[], host: string, port: number): Promise<string> {
  const script = `require('net').connect(${port}, '${host}').on('connect', () => end('connected')).on('error', (e) => end(e.code));
    setTimeout(() => end('ETIMEDOUT'), 1000); function end(text) { console.log(text); process.exit(); }`;
  return collect(spawn(driver, [specification(list), 'run', process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] }));
}

async function collect(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'close');
  return text.trim();
}

/** The gateway addresses of a network: they are the host's loopback unless that is switched off. */
function gateways(list: readonly NetworkProgram[]): readonly string[] {
  const routes = runIn(list, 'cat', '/proc/net/route').stdout.split('\n').slice(1).map((line) => line.split('\t'));
  return routes.flatMap(([, destination, gateway = '']) =>
    destination === '00000000' ? [[6, 4, 2, 0].map((at) => parseInt(gateway.slice(at, at + 2), 16)).join('.')] : [],
  );
}

function hostAddress(): string | undefined {
  return Object.values(networkInterfaces()).flatMap((list) => list ?? []).find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

function descendants(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  const children = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number) : [];
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** Zombies that nobody reaps yet do not run. */
function isRunning(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/^\d+ \(.*\) [ZX]/.test(readFileSync(file, 'utf8'));
}
