#include "network-program.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace {

// What a program prints is kept for error messages, up to this size.
constexpr size_t kOutputMax = 4096;
// How much of it one message shows.
constexpr size_t kOutputShownMax = 400;

// The descriptors of a program besides its standard ones; the first only until it is bound to kNetnsPath.
constexpr int kNetnsFd = 3;
constexpr int kReadyFd = 4;
constexpr int kFirstFreeFd = 5;

// Everything in this namespace runs in the program's process: in the server's user and network namespace, in mount and pid namespaces of its
// own, with the server's privileges. What goes wrong is printed to the output file, and the exit ends the ready pipe.

struct Launch {
  const NetworkProgram& program;
  int netns;
  int ready;
  int output;
};

[[noreturn]] void die(const char* what) {
  dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
  _exit(127);
}

void arrangeDescriptors(const Launch& launch) {
  // First out of the way of 0 to 4, then into place; dup2 also takes close-on-exec away.
  const int netns = fcntl(launch.netns, F_DUPFD, kFirstFreeFd);
  const int ready = fcntl(launch.ready, F_DUPFD, kFirstFreeFd);
  const int output = fcntl(launch.output, F_DUPFD, kFirstFreeFd);
  const int null = open("/dev/null", O_RDONLY);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  dup2(null, STDIN_FILENO);
  dup2(netns, kNetnsFd);
  dup2(ready, kReadyFd);
  // Before Linux 5.9 there is no close_range; everything of the server's is close-on-exec as well.
  syscall(SYS_close_range, static_cast<unsigned>(kFirstFreeFd), ~0u, 0);
}

void forgetServer() {
  setsid();
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) die("prctl");
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (chdir("/") != 0) die("chdir");
}

void bindNetworkNamespace() {
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) die("mount private");
  if (mount("tmpfs", kNetnsDirectory, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0) die("mount tmpfs");
  Fd target(open(kNetnsPath, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!target.valid()) die(kNetnsPath);
  if (mount("/proc/self/fd/3", kNetnsPath, nullptr, MS_BIND, nullptr) != 0) die("bind the network namespace");
  close(kNetnsFd);
}

[[noreturn]] void execute(const NetworkProgram& program) {
  std::vector<char*> argv;
  for (const std::string& argument : program.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  char* environment[] = {nullptr};
  execve(argv[0], argv.data(), environment);
  die(argv[0]);
}

// As process 1 of its pid namespace: the program's background process cannot get away from it.
[[noreturn]] void supervise(const NetworkProgram& program) {
  const pid_t foreground = fork();
  if (foreground < 0) die("fork");
  if (foreground == 0) {
    close(kReadyFd);
    execute(program);
  }
  int status = 0;
  if (waitpid(foreground, &status, 0) != foreground || status != 0) _exit(1);
  if (write(kReadyFd, "1", 1) != 1) _exit(1);
  close(kReadyFd);
  while (waitpid(-1, nullptr, 0) > 0) continue;
  _exit(1);
}

[[noreturn]] void runProgram(const Launch& launch) {
  arrangeDescriptors(launch);
  forgetServer();
  bindNetworkNamespace();
  if (launch.program.readyBy == NetworkProgram::ReadyBy::Background) supervise(launch.program);
  execute(launch.program);
}
}  // namespace

Fd makeOutputFile() {
  Fd file(static_cast<int>(syscall(SYS_memfd_create, "network-output", MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  if (!file.valid() || ftruncate(file.get(), kOutputMax) != 0) return Fd();
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) return Fd();
  return file;
}

std::string readOutput(const Fd& file) {
  char buffer[kOutputMax];
  const ssize_t size = file.valid() ? pread(file.get(), buffer, sizeof buffer, 0) : 0;
  std::string text(buffer, size > 0 ? strnlen(buffer, static_cast<size_t>(size)) : 0);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text.size() > kOutputShownMax ? text.substr(text.size() - kOutputShownMax) : text;
}

pid_t startNetworkProgram(const NetworkProgram& program, const Fd& netns, const Fd& ready, const Fd& output) {
  // A fork with namespaces: the server is single-threaded, so the child may do anything. The program is process 1 of
  // its pid namespace, so that its own children end with it.
  const pid_t pid = static_cast<pid_t>(
      syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid == 0) runProgram({program, netns.get(), ready.get(), output.get()});
  return pid;
}
