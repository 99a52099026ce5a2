// Tries what steps need, one after the other, in a process and namespaces of its own, which end with it: nothing is left.
//
// Specification: bytes folder (on the host, with the directories lower, upper and work, empty), bool userxattr.
// Result: u32 count, then for each try bytes name, bytes syscall, u32 errno (0: it works).
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <vector>

#include "job.h"
#include "mount-view.h"
#include "mount.h"
#include "operation.h"

namespace {

constexpr uint64_t kStepNamespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;

// Results as they go through the pipe; names and calls are literals, at the same place in both processes.
struct Try {
  const char* name;
  const char* syscall;
  int error;
};

void tell(int pipe, const char* name, const char* call, int error) {
  const Try result{name, error == 0 ? "" : call, error};
  if (write(pipe, &result, sizeof result) != static_cast<ssize_t>(sizeof result)) _exit(1);
}

void tryMount(int pipe, const char* type) {
  Failure failure;
  const Fd mount = createMount(type, {{"source", type}}, 0, failure);
  tell(pipe, type, failure.syscall, mount.valid() ? 0 : failure.error);
}

void tryOverlay(int pipe, const std::string& folder, bool userxattr) {
  const ViewSpec view{{{Lower::Kind::Directory, folder + "/lower"}}, folder + "/upper", folder + "/work"};
  Failure failure;
  const Fd mount = mountView(view, userxattr, 0, failure);
  tell(pipe, "overlay", failure.syscall, mount.valid() ? 0 : failure.error);
}

// Last: afterwards there is no path to anything.
void tryRoot(int pipe) {
  Failure failure;
  const Fd mount = createMount("tmpfs", {{"source", "root"}}, 0, failure);
  if (!mount.valid()) return tell(pipe, "pivot root", failure.syscall, failure.error);
  if (attachAside(mount.get()) != 0) return tell(pipe, "pivot root", "move_mount", errno);
  if (fchdir(mount.get()) != 0) return tell(pipe, "pivot root", "fchdir", errno);
  tell(pipe, "pivot root", "pivot_root", pivotRootHere() == 0 ? 0 : errno);
}

// Runs in a process of its own, process 1 of a pid namespace.
[[noreturn]] void tryAll(int pipe, const std::string& folder, bool userxattr) {
  tell(pipe, "namespaces", "", 0);
  tell(pipe, "host name", "sethostname", sethostname("probe", 5) == 0 ? 0 : errno);
  for (const char* type : {"tmpfs", "proc", "devpts", "mqueue"}) tryMount(pipe, type);
  tryOverlay(pipe, folder, userxattr);
  tryRoot(pipe);
  _exit(0);
}

}  // namespace

void runProbe(Job& job, SpecReader& spec) {
  const Operation operation{job, "probe"};
  const std::string folder = spec.string();
  const bool userxattr = spec.boolean();
  requireSpec(operation, spec, 0);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) operation.failErrno("pipe2", "");
  const Fd from(ends[0]);
  Fd to(ends[1]);
  clone_args arguments{};
  arguments.flags = kStepNamespaces;
  arguments.exit_signal = SIGCHLD;
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) tryAll(to.get(), folder, userxattr);
  if (pid < 0) tell(to.get(), "namespaces", "clone3", errno);
  to.reset();
  FrameWriter tries;
  uint32_t count = 0;
  for (Try result; read(from.get(), &result, sizeof result) == static_cast<ssize_t>(sizeof result); count++) {
    tries.bytes(result.name);
    tries.bytes(result.syscall);
    tries.u32(static_cast<uint32_t>(result.error));
  }
  if (pid > 0) waitpid(static_cast<pid_t>(pid), nullptr, 0);
  FrameWriter body;
  body.u32(count);
  body.append(tries);
  succeed(job, body);
}
