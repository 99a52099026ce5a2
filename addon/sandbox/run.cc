// See run.h.
#include "run.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "operations.h"
#include "parking.h"

namespace {

// Runs in the step's process. First of all, so that all that it uses counts; the namespace comes after, so that the groups
// that it is in are the roots that it sees (cgroup_namespaces(7)).
void beInCgroups(StepContext& step, const RunHead& head, RunPlace place) {
  step.operation = "enter cgroups";
  std::string path;
  const int error = place.isParked ? 0 : enterCgroups(head.cgroupFiles, path);
  if (error != 0) step.failWith("write", error, path);
  if (head.cloneFlags != 0 && unshare(CLONE_NEWCGROUP) != 0) step.failErrno("unshare", "cgroup namespace");
  step.operation = "clone";
}

// Runs in the step's process: a copy of the server in the namespaces that were asked for, process 1 of a pid namespace,
// with the server's privileges. Does not return.
[[noreturn]] void becomeStep(const RunHead& head, SpecReader& spec, Job& job, RunPlace place) {
  leaveServer(job, place.netnsFd);
  StepContext step(job, spec);
  step.operation = "clone";
  step.requireSpec();
  beInCgroups(step, head, place);
  if (place.netnsFd >= 0 && setns(place.netnsFd, CLONE_NEWNET) != 0) step.failErrno("setns", "network");
  carryOut(step);
}

// Without namespaces, and without clone3, which Docker's filter hides from programs: seccomp cannot see its flags.
pid_t forkRun(const RunHead& head, SpecReader& spec, Job& job, RunPlace place) {
  const long pid = syscall(SYS_clone, place.isParked ? CLONE_PARENT : SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) becomeStep(head, spec, job, place);
  return pid < 0 ? -errno : static_cast<pid_t>(pid);
}

}  // namespace

RunHead readRunHead(SpecReader& spec) {
  RunHead head;
  head.cloneFlags = spec.u64();
  head.network = readNetworkPrograms(spec);
  head.networkReusable = spec.boolean();
  head.cgroupFiles = spec.strings();
  return head;
}

pid_t cloneRun(const RunHead& head, SpecReader spec, Job& job, RunPlace place) {
  if (head.cloneFlags == 0) return forkRun(head, spec, job, place);
  clone_args arguments{};
  arguments.flags = head.cloneFlags | (place.isParked ? CLONE_PARENT : 0);
  arguments.exit_signal = place.isParked ? 0 : SIGCHLD;  // a sibling has that of the caller
  long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0 && errno == EINVAL && (arguments.flags & CLONE_NEWTIME) != 0) {
    // A kernel without CONFIG_TIME_NS. No step's clocks are set to anything, so it misses nothing.
    arguments.flags &= ~static_cast<uint64_t>(CLONE_NEWTIME);
    pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  }
  if (pid == 0) becomeStep(head, spec, job, place);
  return pid < 0 ? -errno : static_cast<pid_t>(pid);
}
