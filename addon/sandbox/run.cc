// See run.h.
#include "run.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "operations.h"

namespace {

// Runs in the step's process: a copy of the server in the namespaces that were asked for, process 1 of a pid namespace,
// with the server's privileges. Does not return.
[[noreturn]] void becomeStep(SpecReader& spec, Job& job, int netnsFd) {
  leaveServer(job, netnsFd);
  StepContext step(job, spec);
  step.operation = "clone";
  step.requireSpec();
  if (netnsFd >= 0 && setns(netnsFd, CLONE_NEWNET) != 0) step.failErrno("setns", "network");
  carryOut(step);
}

}  // namespace

RunHead readRunHead(SpecReader& spec) {
  RunHead head;
  head.cloneFlags = spec.u64();
  head.network = readNetworkPrograms(spec);
  head.networkReusable = spec.boolean();
  return head;
}

pid_t cloneRun(const RunHead& head, SpecReader spec, Job& job, int netnsFd) {
  clone_args arguments{};
  arguments.flags = head.cloneFlags;
  arguments.exit_signal = SIGCHLD;
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) becomeStep(spec, job, netnsFd);
  return pid < 0 ? -errno : static_cast<pid_t>(pid);
}
