import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { compileSeccomp } from '../../src/sandbox/seccomp.ts';
import { syscallNumbers } from '../../src/sandbox/syscall-numbers.ts';
import { compileText, makeTestDirectory } from './compile-driver.ts';

/** Installs the filter, then makes system calls by number with up to two arguments, or becomes another program. */
const loader = `
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
static long call32(long number) {
  long result = -ENOSYS;
#ifdef __x86_64__
  asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0) : "memory", "r8", "r9", "r10", "r11");
#endif
  return static_cast<int>(result);
}
int main(int argc, char** argv) {
  static sock_filter filter[4096];
  const int file = open(argv[1], O_RDONLY | O_CLOEXEC);
  const ssize_t size = read(file, filter, sizeof filter);
  sock_fprog program = {static_cast<unsigned short>(size / sizeof *filter), filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 3;
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return perror("seccomp"), 4;
  if (!strcmp(argv[2], "exec")) return execvp(argv[3], argv + 3), 5;
  const bool compat = !strcmp(argv[2], "call32");
  errno = 0;
  const long number = strtol(argv[3], nullptr, 0);
  const long result = compat ? call32(number)
    : syscall(number, strtoul(argc > 4 ? argv[4] : "0", nullptr, 0), strtoul(argc > 5 ? argv[5] : "0", nullptr, 0), 0, 0, 0, 0);
  const int error = compat ? (result < 0 ? -static_cast<int>(result) : 0) : (result == -1 ? errno : 0);
  printf("%d", error);
}
`;
const skip = process.arch === 'x64' || process.arch === 'arm64' ? false : 'the filter knows x64 and arm64';
const directory = makeTestDirectory();
const filter = join(directory, 'filter');
let program = '';

before(() => {
  if (skip !== false) return;
  program = compileText(directory, 'loader', loader);
  const architecture = process.arch === 'arm64' ? 'arm64' : 'x64';
  writeFileSync(filter, compileSeccomp({ architecture, capabilities: new Set(['CAP_SYS_CHROOT']) }));
});

const execute = (...args: readonly string[]): string => execFileSync(program, [filter, ...args], { encoding: 'utf8' });

function errnoOf(name: string, ...args: readonly number[]): number {
  const number = syscallNumbers(process.arch === 'arm64' ? 'arm64' : 'x64').get(name);
  assert.ok(number !== undefined);
  return Number(execute('call', String(number), ...args.map(String)));
}

test('under the filter the kernel refuses what a step may not do', { skip }, () => {
  for (const name of ['mount', 'umount2', 'unshare', 'setns', 'keyctl', 'bpf', 'perf_event_open', 'io_uring_setup', 'reboot']) {
    assert.equal(errnoOf(name), constants.errno.EPERM, name);
  }
  assert.equal(errnoOf('clone', 0x10000000 | 17), constants.errno.EPERM, 'clone(CLONE_NEWUSER)');
  assert.equal(errnoOf('socket', 38, 5), constants.errno.EPERM, 'socket(AF_ALG)');
  assert.equal(errnoOf('socket', 40, 1), constants.errno.EPERM, 'socket(AF_VSOCK)');
});

test('under the filter clone3, x32 and calls of later kernels do not exist', { skip }, () => {
  assert.equal(errnoOf('clone3'), constants.errno.ENOSYS);
  assert.equal(Number(execute('call', String(0x40000000 + 39))), constants.errno.ENOSYS);
  assert.equal(Number(execute('call', '600')), constants.errno.ENOSYS);
});

test('under the filter allowed calls reach the kernel', { skip }, () => {
  assert.equal(errnoOf('getpid'), 0);
  assert.equal(errnoOf('personality', 0xffffffff), 0);
  assert.equal(errnoOf('socket', 1, 1), 0);
  assert.equal(errnoOf('chroot'), constants.errno.EFAULT);
});

test('under the filter 32-bit calls follow the same rules', { skip: process.arch === 'x64' ? skip : 'needs x86' }, () => {
  const numbers = syscallNumbers('x86');
  const errno32 = (name: string): number => Number(execute('call32', String(numbers.get(name))));
  assert.equal(errno32('getpid'), 0);
  assert.equal(errno32('mount'), constants.errno.EPERM);
  assert.equal(errno32('unshare'), constants.errno.EPERM);
  assert.equal(errno32('clone3'), constants.errno.ENOSYS);
});

test('under the filter ordinary programs work: shells, pipes, threads', { skip }, () => {
  assert.equal(execute('exec', 'sh', '-c', 'printf "b\\na\\n" | sort | tr "\\n" " "'), 'a b ');
  const script = `new (require('worker_threads').Worker)('require("worker_threads").parentPort.postMessage(1)', { eval: true })
    .on('message', (m) => console.log('worker', m, require('child_process').execFileSync('echo', ['child']).toString().trim()))`;
  assert.equal(execute('exec', process.execPath, '-e', script), 'worker 1 child\n');
});
