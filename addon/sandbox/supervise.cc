// A step without namespaces has a supervisor: the process that prepared its tree, which stays until the step is over, ends
// every process that the step left, and puts the tree back. In a pid namespace the kernel does the first.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "descendants.h"
#include "operations.h"

namespace {

sigset_t awaited() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGCHLD, SIGTERM}) sigaddset(&signals, number);
  return signals;
}

// The status of the step's first process, or that of a killed one when the server asks for the end.
int awaitEnd(pid_t step) {
  const sigset_t signals = awaited();
  for (;;) {
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid == step) return status;
    }
    const int number = sigwaitinfo(&signals, nullptr);
    if (number == SIGTERM) return SIGKILL;
  }
}

// The server reads how the step ended from how this process does.
[[noreturn]] void endAs(int status) {
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  const int number = WTERMSIG(status);
  signal(number, SIG_DFL);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_UNBLOCK, &all, nullptr);
  kill(getpid(), number);
  _exit(128 + number);
}

// Runs in the supervisor, which has the server's privileges and its mounts.
[[noreturn]] void superviseStep(StepContext& step, pid_t pid) {
  step.job.fds.clear();  // the step's output ends when the step's processes have
  step.operation = "end processes";
  const int status = awaitEnd(pid);
  const int error = killDescendants();
  if (error != 0) step.failWith("opendir", error, "/proc");
  step.placements.putBack(step);
  endAs(status);
}

}  // namespace

// No fields. The process goes on as supervisor and does not return; its child carries out what follows.
void supervise(StepContext& step) {
  step.requireSpec();
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGTERM);  // the server was killed: its outer process kills what is left, but puts nothing back
  const int error = adoptOrphans();
  if (error != 0) step.failWith("prctl", error, "");
  const sigset_t signals = awaited();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &signals, &before);
  const pid_t supervisor = getpid();
  const pid_t pid = fork();
  if (pid < 0) step.failErrno("fork", "");
  if (pid > 0) superviseStep(step, pid);
  beforeEnd({});
  step.placements.list.clear();
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(1);
}
