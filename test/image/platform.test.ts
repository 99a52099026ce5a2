import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../src/base/digest.ts';
import type { Descriptor } from '../../src/image/config.ts';
import { choosePlatform, formatPlatform, formatWholePlatform, hostPlatform, parsePlatform, platformsEqual, runnablePlatforms, uniquePlatforms } from '../../src/image/platform.ts';

const host = { os: 'linux', architecture: 'amd64' };

const written: readonly (readonly [string, string])[] = [
  ['linux/amd64', 'linux/amd64'], ['LINUX/X86_64', 'linux/amd64'], ['linux/x86-64/v1', 'linux/amd64'], ['linux/amd64/v3', 'linux/amd64/v3'],
  ['linux/arm64', 'linux/arm64'], ['linux/arm64/v8', 'linux/arm64'], ['linux/aarch64', 'linux/arm64'], ['linux/arm64/v9', 'linux/arm64/v9'],
  ['linux/arm', 'linux/arm/v7'], ['linux/arm/7', 'linux/arm/v7'], ['linux/arm/v6', 'linux/arm/v6'], ['linux/armhf', 'linux/arm/v7'], ['linux/armel', 'linux/arm/v6'],
  ['linux/i386', 'linux/386'], ['arm64', 'linux/arm64'], ['linux', 'linux/amd64'], ['local', 'linux/amd64'], ['s390x', 'linux/s390x'], ['macos/arm64', 'darwin/arm64'],
  ['LOCAL', 'linux/amd64'], ['linux/arm64/v8.2', 'linux/arm64/v8.2'], ['windows(10.0.17763)/amd64', 'windows(10.0.17763)/amd64'], ['windows(10.0)', 'windows(10.0)/amd64'],
  ['windows()/amd64', 'windows/amd64'],
];
for (const [text, expected] of written) {
  test(`parsePlatform reads ${text}`, () => assert.equal(formatWholePlatform(parsePlatform(text, host)), expected));
}

for (const text of ['', '/', 'linux/', 'a/b/c/d', 'nonsense', 'linux/a b', 'linux/../x', '__proto__', '*', 'linux/*', 'linux/amd64(1)', 'linux(1/amd64', 'linux(1)(2)']) {
  test(`parsePlatform refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parsePlatform(text, host), { code: 'PLATFORM_INVALID', errorClass: 'usage' });
  });
}

test('hostPlatform knows the names that Node.js gives to processors', () => {
  const found = ['x64', 'arm64', 'arm', 'ia32', 's390x', 'riscv64', 'ppc64'].map((name) => formatPlatform(hostPlatform(name)));
  assert.deepEqual(found, ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/386', 'linux/s390x', 'linux/riscv64', 'linux/ppc64le']);
});

const orders: readonly (readonly [string, string])[] = [
  ['linux/amd64', 'linux/amd64 linux/386'],
  ['linux/amd64/v3', 'linux/amd64/v3 linux/amd64/v2 linux/amd64 linux/386'],
  ['linux/arm/v7', 'linux/arm/v7 linux/arm/v6 linux/arm/v5'],
  ['linux/arm64', 'linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5'],
  ['linux/arm64/v8.2', 'linux/arm64/v8.2 linux/arm64/v8.1 linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5'],
  ['linux/arm64/v9.1', 'linux/arm64/v9.1 linux/arm64/v9 linux/arm64/v8.6 linux/arm64/v8.5 linux/arm64/v8.4 linux/arm64/v8.3 linux/arm64/v8.2 linux/arm64/v8.1 linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5'],
  ['linux/arm64/odd', 'linux/arm64/odd linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5'],
  ['linux/s390x', 'linux/s390x'],
];
for (const [wanted, order] of orders) {
  test(`${wanted} runs ${order}`, () => {
    assert.equal(runnablePlatforms(parsePlatform(wanted, host)).map(formatPlatform).join(' '), order);
  });
}

function entry(text: string): Descriptor {
  const [os = '', architecture = '', variant] = text.split('/');
  return { mediaType: 'm', digest: digestOf(text), size: 1, platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } };
}

test('choosePlatform takes the best entry, not the first', () => {
  const entries = ['unknown/unknown', 'linux/386', 'linux/arm/v5', 'linux/arm/v6', 'linux/aarch64/v8'].map(entry);
  const choose = (wanted: string): string | undefined => {
    const platform = choosePlatform(entries, parsePlatform(wanted, host))?.platform;
    return platform === undefined ? undefined : formatPlatform(platform);
  };
  assert.equal(choose('linux/arm/v7'), 'linux/arm/v6');
  assert.equal(choose('linux/arm64'), 'linux/aarch64/v8');
  assert.equal(choose('linux/amd64'), 'linux/386');
  assert.equal(choose('linux/s390x'), undefined);
});

test('uniquePlatforms keeps each platform once, in the order of the list; versions of a system are different platforms', () => {
  const listed = ['linux/arm64/v8', 'linux/amd64', 'arm64', 'windows(1)/amd64', 'linux/x86_64/v1', 'windows(2)/amd64'].map((text) => parsePlatform(text, host));
  assert.deepEqual(uniquePlatforms(listed).map(formatWholePlatform), ['linux/arm64', 'linux/amd64', 'windows(1)/amd64', 'windows(2)/amd64']);
});

test('platforms are equal whatever they are called', () => {
  assert.ok(platformsEqual({ os: 'linux', architecture: 'arm64', variant: 'v8' }, { os: 'linux', architecture: 'aarch64' }));
  assert.ok(!platformsEqual({ os: 'linux', architecture: 'arm', variant: 'v6' }, { os: 'linux', architecture: 'arm' }));
});
