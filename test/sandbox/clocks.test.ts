/** The time and control group namespaces of a step: its own, with the clocks of the machine, which it cannot shift. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findProgram, skipWithout } from '../support/needs.ts';
import { repository } from '../support/tsbuild.ts';
import { compileText, makeTestDirectory } from './compile-driver.ts';
import { openStepFixture, skipUnlessRoot, type StepFixture } from './step-fixture.ts';

/** Prints the seconds of CLOCK_MONOTONIC and CLOCK_BOOTTIME and the errno of an attempt to shift them. */
const program = `
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>
int main() {
  timespec monotonic, boot;
  clock_gettime(CLOCK_MONOTONIC, &monotonic);
  clock_gettime(CLOCK_BOOTTIME, &boot);
  const int fd = open("/proc/self/timens_offsets", O_WRONLY);
  errno = 0;
  const bool shifted = fd >= 0 && write(fd, "boottime 1000 0\\n", 16) > 0;
  printf("%lld %lld %s\\n", static_cast<long long>(monotonic.tv_sec), static_cast<long long>(boot.tv_sec), shifted ? "shifted" : "refused");
}`;

describe('the clocks of a step', { skip: skipUnlessRoot }, () => {
  const directory = makeTestDirectory();
  let clocks = '';
  let fixture: StepFixture;
  before(async () => {
    clocks = compileText(directory, 'clocks', program, ['-static']);
    fixture = await openStepFixture();
  });
  after(() => fixture.close());
  /** Runs the program and reads the namespace in a step of this fixture. */
  const look = async (from: StepFixture): Promise<readonly [monotonic: number, boot: number, shift: string, namespace: string, uptime: number]> => {
    const lowers = [from.base, from.layer('clocks', (layer) => {
      mkdirSync(join(layer, 'bin'));
      copyFileSync(clocks, join(layer, 'bin/clocks'));
    })];
    const { result, stdout } = await from.run('clocks; readlink /proc/self/ns/time; cut -d. -f1 /proc/uptime', { lowers });
    assert.equal(result.exitCode, 0);
    const [times = '', namespace = '', uptime = ''] = stdout.split('\n');
    const [monotonic, boot, shift = ''] = times.split(' ');
    return [Number(monotonic), Number(boot), shift, namespace, Number(uptime)];
  };
  const own = readlinkSync('/proc/self/ns/time');

  test('they are those of the machine, in a namespace of its own, and it cannot shift them', async () => {
    const start = Number(process.hrtime.bigint() / 1_000_000_000n);
    const [monotonic, boot, shift, namespace, seconds] = await look(fixture);
    const end = Number(process.hrtime.bigint() / 1_000_000_000n);
    assert.ok(start <= monotonic && monotonic <= end, `${start} ${monotonic} ${end}`);
    assert.ok(Math.abs(boot - uptime()) < 60 && Math.abs(seconds - boot) <= 1, `${boot} ${seconds}`);
    assert.equal(shift, 'refused');
    assert.notEqual(namespace, own);
  });

  test('it sees its control groups as the root of all', async () => {
    const { stdout } = await fixture.run('cut -d: -f3 /proc/self/cgroup | sort -u');
    assert.equal(stdout, '/\n');
  });

  test('on a kernel without time namespaces a step runs without one', { skip: skipWithout({ program: 'strace' }) }, async () => {
    const wrapper = join(directory, 'refusing');
    const strace = findProgram('strace') ?? '';
    writeFileSync(wrapper, `#!/bin/sh\nexec ${strace} -f -qq -o /dev/null -e trace=clone3 -e inject=clone3:error=EINVAL:when=1 ${join(repository, 'build/Release/tsbuild-sandbox')} "$@"\n`, { mode: 0o755 });
    const refusing = await openStepFixture({ executable: wrapper });
    try {
      const [, , , namespace] = await look(refusing);
      assert.equal(namespace, own);
    } finally {
      await refusing.close();
    }
  });
});
