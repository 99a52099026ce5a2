/** What the kernel has registered, in its own words, and which programs that starts. */
import { strict as assert } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { interpretersFor, parseBinfmtEntry, readBinfmtEntries, runsNatively } from '../../src/sandbox/binfmt.ts';
import { parsePlatform } from '../../src/image/platform.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const host = { os: 'linux', architecture: 'amd64' };
const mask = 'ffffffffffffff00fffffffffffffffffeffffff';

/** As `cat /proc/sys/fs/binfmt_misc/qemu-…` prints it; ELF class, byte order and machine as they are registered. */
function entryText(ident: string, machine: string, flags = 'OPF', state = 'enabled'): string {
  return `${state}\ninterpreter /usr/libexec/qemu\nflags: ${flags}\noffset 0\nmagic 7f454c46${ident}0100${'00'.repeat(8)}${machine}\nmask ${mask}\n`;
}

const registered: Readonly<Record<string, string>> = {
  'qemu-aarch64': entryText('0201', '0200b700'), 'qemu-arm': entryText('0101', '02002800'), 'qemu-riscv64': entryText('0201', '0200f300'),
  'qemu-s390x': `enabled\ninterpreter /usr/libexec/qemu\nflags: F\noffset 0\nmagic 7f454c4602020100000000000000000000020016\nmask ffffffffffffff00fffffffffffffffffffeffff\n`,
  'qemu-ppc64le': entryText('0201', '02001500', 'F', 'disabled'),
  'python3': 'enabled\ninterpreter /usr/bin/python3\nflags: \noffset 0\nmagic a70d0d0a\n',
  'jar': 'enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n',
};

test('interpretersFor finds what is registered and enabled for a platform', () => {
  const entries = Object.entries(registered).map(([name, text]) => parseBinfmtEntry(name, text)).filter((entry) => entry !== null);
  const found = (platform: string): readonly string[] => interpretersFor(parsePlatform(platform, host), entries).map(({ name }) => name);
  const table: readonly (readonly [platform: string, expected: readonly string[]])[] = [
    ['linux/arm64', ['qemu-aarch64']], ['linux/arm/v7', ['qemu-arm']], ['linux/arm/v6', ['qemu-arm']], ['linux/riscv64', ['qemu-riscv64']], ['linux/s390x', ['qemu-s390x']],
    ['linux/ppc64le', []], ['linux/mips64le', []], ['linux/386', []], ['windows/arm64', []], ['linux/unheard-of', []],
  ];
  for (const [platform, expected] of table) assert.deepEqual(found(platform), expected, platform);
});

test('parseBinfmtEntry tells flag F, a mask that is not given, and what is no entry by magic', () => {
  assert.equal(parseBinfmtEntry('a', entryText('0201', '0200b700', 'OC'))?.isOpened, false);
  assert.equal(parseBinfmtEntry('a', entryText('0201', '0200b700', 'OCF'))?.isOpened, true);
  assert.deepEqual(parseBinfmtEntry('python3', registered['python3'] ?? '')?.mask, Buffer.from('ffffffff', 'hex'));
  for (const text of ['', 'enabled\n', registered['jar'] ?? '', registered['qemu-ppc64le'] ?? '']) assert.equal(parseBinfmtEntry('x', text), null);
});

test('readBinfmtEntries reads the kernel\'s folder; there is nothing where it is not mounted or is switched off', async (t) => {
  const binfmt = temporaryFolder(t);
  const read = async (): Promise<readonly string[]> => (await readBinfmtEntries({ binfmt, abi: '' })).map(({ name }) => name);
  assert.deepEqual(await read(), []);
  for (const [name, text] of Object.entries(registered)) writeFileSync(join(binfmt, name), text);
  writeFileSync(join(binfmt, 'register'), '');
  writeFileSync(join(binfmt, 'status'), 'disabled\n');
  assert.deepEqual(await read(), []);
  writeFileSync(join(binfmt, 'status'), 'enabled\n');
  assert.deepEqual(await read(), ['python3', 'qemu-aarch64', 'qemu-arm', 'qemu-riscv64', 'qemu-s390x']);
  assert.deepEqual(await readBinfmtEntries({ binfmt: join(binfmt, 'none'), abi: '' }), []);
});

test('runsNatively knows the machine\'s own programs and the 32-bit ones of its processor', async (t) => {
  const abi = join(temporaryFolder(t), 'abi');
  const native = (platform: string, architecture: string): Promise<boolean> => runsNatively(parsePlatform(platform, host), architecture, { binfmt: '', abi });
  assert.equal(await native('linux/386', 'x64'), false, 'a kernel without 32-bit programs');
  mkdirSync(abi);
  writeFileSync(join(abi, 'vsyscall32'), '1');
  const table: readonly (readonly [platform: string, architecture: string, expected: boolean])[] = [
    ['linux/amd64', 'x64', true], ['linux/amd64/v3', 'x64', true], ['linux/386', 'x64', true], ['linux/arm64', 'x64', false], ['windows/amd64', 'x64', false],
    ['linux/arm64', 'arm64', true], ['linux/arm/v7', 'arm64', true], ['linux/amd64', 'arm64', false], ['linux/386', 'arm64', false],
  ];
  for (const [platform, architecture, expected] of table) assert.equal(await native(platform, architecture), expected, `${platform} on ${architecture}`);
});
