/** A static program that tries, inside a step, what a step may not do, and prints what the kernel answered. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Each command prints lines of `NAME ERRNO`; 0 means that the kernel did it. No call would do harm if it were let through. */
const source = String.raw`
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <netinet/in.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void show(const char *name, long result) { printf("%s %d\n", name, result < 0 ? errno : 0); }
#define TRY(name, ...) errno = 0, show(#name, syscall(SYS_##name, ##__VA_ARGS__))

static void calls(void) {
  TRY(mount, "none", "/tmp", "tmpfs", 0, 0);
  TRY(umount2, "/proc", 0);
  TRY(pivot_root, ".", ".");
  errno = 0, show("fsopen", syscall(430, "tmpfs", 0));
  errno = 0, show("open_tree", syscall(428, -100, "/", 1));
  errno = 0, show("move_mount", syscall(429, -1, "", -1, "", 4));
  errno = 0, show("mount_setattr", syscall(442, -1, "", 0x1000, 0, 0));
  TRY(unshare, CLONE_NEWUSER);
  errno = 0, show("unshare_mount", syscall(SYS_unshare, CLONE_NEWNS));
  TRY(setns, open("/proc/self/ns/net", O_RDONLY), 0);
  TRY(reboot, 0, 0, 0, 0);
  TRY(swapon, "/nonexistent", 0);
  TRY(init_module, 0, 0, 0);
  TRY(finit_module, -1, 0, 0);
  TRY(delete_module, "nonexistent", 0);
  TRY(kexec_load, 0, 0, 0, -1);
  TRY(clock_settime, 0, 0);
  TRY(settimeofday, 0, 0);
  TRY(bpf, -1, 0, 0);
  TRY(perf_event_open, 0, 0, 0, 0, 0);
  TRY(open_by_handle_at, -1, 0, 0);
  TRY(keyctl, 0, 0, 0);
  TRY(add_key, 0, 0, 0, 0, 0);
  TRY(request_key, 0, 0, 0, 0);
  errno = 0, show("io_uring_setup", syscall(425, 1, 0));
  TRY(userfaultfd, 0);
  TRY(syslog, 2, 0, 0);
  TRY(acct, 0);
  TRY(quotactl, -1, 0, 0, 0);
  TRY(sethostname, "x", 1);
  TRY(setdomainname, "x", 1);
  TRY(vhangup);
  TRY(kcmp, 1, 1, 0, 0, 0);
#ifdef __x86_64__
  TRY(iopl, 3);
  TRY(ioperm, 0, 1, 1);
#endif
}

// Node.js fills names of abstract sockets up with zeros.
static void connectAbstract(const char *name) {
  struct sockaddr_un address = {AF_UNIX, {0}};
  strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  errno = 0;
  show("connect", connect(fd, (struct sockaddr *)&address, sizeof address));
}

static void terminals(void) {
  for (int fd = 0; fd < 3; fd++) errno = 0, show("TIOCSTI", ioctl(fd, TIOCSTI, "x"));
  errno = 0, show("TIOCSCTTY", ioctl(0, TIOCSCTTY, 1));
  errno = 0, show("open", open("/dev/tty", O_RDWR));
  errno = 0, show("open", open("/dev/console", O_RDWR));
}

// Out of a chroot by a directory that is outside of it: ends at the root of the step.
static void leaveChroot(void) {
  struct stat before, after;
  stat("/", &before);
  mkdir("/cell", 0755);
  const int outside = open("/", O_RDONLY);
  if (chroot("/cell") != 0 || fchdir(outside) != 0) { puts("no chroot"); return; }
  for (int i = 0; i < 100; i++) if (chdir("..") != 0) break;
  if (chroot(".") != 0) { puts("no chroot"); return; }
  stat("/", &after);
  puts(before.st_dev == after.st_dev && before.st_ino == after.st_ino ? "the root of the step" : "outside");
}

// Root of a network namespace, or whom its parameters allow it: listens on a low port, and sends echo requests.
static void sockets(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
  errno = 0, show("bind", bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address));
  errno = 0, show("icmp", socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (!strcmp(what, "calls")) calls();
  else if (!strcmp(what, "abstract")) connectAbstract(argv[2]);
  else if (!strcmp(what, "terminals")) terminals();
  else if (!strcmp(what, "chroot")) leaveChroot();
  else if (!strcmp(what, "sockets")) sockets();
  else if (!strcmp(what, "write")) for (int i = 2; i < argc; i++) errno = 0, show(argv[i], open(argv[i], O_WRONLY));
  else if (!strcmp(what, "ptrace")) errno = 0, show("attach", ptrace(PTRACE_ATTACH, atoi(argv[2]), 0, 0));
  else return 2;
  return 0;
}
`;

/** Compiles the program into a directory and returns its path. */
export function compileProbe(directory: string): string {
  const text = join(directory, 'probe.c');
  const program = join(directory, 'probe');
  writeFileSync(text, source);
  execFileSync('gcc', ['-O1', '-D_GNU_SOURCE', '-static', '-o', program, text], { stdio: ['ignore', 'ignore', 'inherit'] });
  return program;
}
