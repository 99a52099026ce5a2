import { test } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { detectNetwork, encodeNetworkPrograms, hostsFor, resolvConfFor } from '../../src/sandbox/network.ts';
import { SpecWriter } from '../../src/native/encoding.ts';
import { makeTestDirectory } from './compile-driver.ts';

const directory = makeTestDirectory();

/** A directory with executable files of these names. */
function programDirectory(name: string, programs: readonly string[], mode = 0o755): string {
  const path = join(directory, name);
  mkdirSync(path);
  for (const program of programs) {
    writeFileSync(join(path, program), 'not started by the detection');
    chmodSync(join(path, program), mode);
  }
  return path;
}

async function check(searchPath: string, expected: readonly string[]): Promise<void> {
  const detected = await detectNetwork(searchPath);
  const found = detected.kind === 'found' ? detected.programs.map(({ argv }) => argv[0]) : [];
  assert.deepEqual(found, expected);
}

test('detectNetwork prefers slirp4netns, first confined, then plain, then pasta', async () => {
  const path = programDirectory('both', ['pasta', 'slirp4netns']);
  await check(path, [`${path}/slirp4netns`, `${path}/slirp4netns`, `${path}/pasta`]);
  const detected = await detectNetwork(path);
  assert.ok(detected.kind === 'found');
  assert.deepEqual(detected.programs.map(({ argv }) => argv.includes('--enable-sandbox')), [true, false, false]);
  assert.ok(detected.programs.slice(0, 2).every(({ argv }) => argv.includes('--disable-host-loopback')));
  assert.ok(detected.programs[2]?.argv.includes('--no-map-gw'));
});

test('detectNetwork takes the first executable file of the search path', async () => {
  const first = programDirectory('first', ['pasta']);
  const second = programDirectory('second', ['pasta']);
  await check(`${first}:${second}`, [`${first}/pasta`]);
});

test('detectNetwork passes over what cannot be started', async () => {
  const plain = programDirectory('plain', ['pasta'], 0o644);
  const folder = programDirectory('folder', []);
  mkdirSync(join(folder, 'pasta'));
  await check(`${plain}:${folder}:relative::/nonexistent`, []);
});

test('detectNetwork says what to install where there is nothing', async () => {
  const detected = await detectNetwork('');
  assert.ok(detected.kind === 'absent');
  assert.match(detected.install, /slirp4netns/);
});

test('encodeNetworkPrograms writes count, readiness, limit and arguments', () => {
  const bytes = encodeNetworkPrograms(new SpecWriter(), [
    { name: 'pasta', argv: ['/p', '-q'], readyBy: 'background', startLimitMs: 5000 },
  ]).finish();
  assert.equal(bytes.toString('hex'), '01000000' + '01' + '88130000' + '02000000' + '02000000' + '2f70' + '02000000' + '2d71');
});

const hostText = '# by hand\nnameserver 127.0.0.53\n  search lab.example example\noptions edns0 trust-ad\nnameserver 1.1.1.1\n';
for (const [network, expected] of [
  ['isolated', 'nameserver 10.0.2.3\nsearch lab.example example\noptions edns0 trust-ad\n'],
  ['host', hostText],
  ['none', '# This step has no network.\n'],
] as const) {
  test(`resolvConfFor gives a step with network ${network} its resolvers`, () => {
    assert.equal(resolvConfFor(network, hostText), expected);
  });
}
test('resolvConfFor needs no resolver of the host', () => {
  assert.equal(resolvConfFor('isolated', ''), 'nameserver 10.0.2.3\n');
});

test('hostsFor writes the same lines as BuildKit', () => {
  const hosts = hostsFor([{ name: 'db', address: '10.0.0.7' }, { name: 'six', address: 'fd00::7' }], 'buildkitsandbox');
  assert.equal(
    hosts,
    '127.0.0.1\tlocalhost buildkitsandbox\n::1\tlocalhost ip6-localhost ip6-loopback\n10.0.0.7\tdb\nfd00::7\tsix\n',
  );
});

for (const [name, address] of [['db\n6.6.6.6 registry', '10.0.0.7'], ['a b', '10.0.0.7'], ['', '10.0.0.7'], ['db', '10.0.0.7\n'], ['db', 'ten']] as const) {
  test(`hostsFor refuses ${JSON.stringify({ name, address })}`, () => {
    assert.throws(() => hostsFor([{ name, address }], 'h'), { code: 'INVALID_HOST', errorClass: 'usage' });
  });
}
