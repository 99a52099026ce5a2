// Operations on the step's own process. All run in it (see operations.h); each says with what it must still have.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "network.h"
#include "operations.h"
#include "path.h"
#include "target.h"

// name. With CAP_SYS_ADMIN, in a uts namespace of its own.
void setHostName(StepContext& step) {
  const std::string name = step.spec.string();
  step.requireSpec();
  if (sethostname(name.data(), name.size()) != 0) step.failErrno("sethostname", name);
}

// With CAP_NET_ADMIN, in a network namespace of its own.
void bringLoopbackUp(StepContext& step) {
  if (!::bringLoopbackUp()) step.failErrno("ioctl", "lo");
}

// stdin place, u32 uid, u32 gid: standard input from there, output to the request's two pipes, which are given to the
// user of the step, because opening /dev/stdout asks for permission like any other file. With CAP_CHOWN.
void connectOutput(StepContext& step) {
  const Place input = step.readPlace();
  const uid_t uid = step.spec.u32();
  const gid_t gid = step.spec.u32();
  step.requireSpec();
  if (step.job.fds.size() != 2) step.failWith("", EINVAL, "", "a step takes two descriptors");
  Fd stdinFd = openBeneath(step.slot(input.slot).fd.get(), input.path.c_str(), O_RDONLY);
  if (!stdinFd.valid()) step.failErrno("openat2", input.path);
  const int sources[] = {stdinFd.get(), step.job.fds[0].get(), step.job.fds[1].get()};
  for (int fd = 0; fd < 3; fd++) {
    if (fd > 0 && fchown(sources[fd], uid, gid) != 0) step.failWith("fchown", errno, "output", "owner " + std::to_string(uid) + ":" + std::to_string(gid));
    if (dup2(sources[fd], fd) < 0) step.failErrno("dup2", "output");
  }
  step.job.fds.clear();
}

// path. In the new root, before the privileges go: the directory may be closed to the step's user, and is made if it is
// missing, as runc does. A link such as /proc/self/fd/7 leads nowhere (CVE-2024-21626).
void changeDirectory(StepContext& step) {
  const std::string path = step.spec.string();
  step.requireSpec();
  Fd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) step.failErrno("open", "/");
  Fd directory = openInRoot(root.get(), path.c_str(), O_PATH | O_DIRECTORY);
  if (!directory.valid() && errno == ENOENT) directory = openOrMakeDirectory(step, root.get(), path);
  if (!directory.valid()) step.failErrno("openat2", path);
  if (fchdir(directory.get()) != 0) step.failErrno("fchdir", path);
}

// A new, empty session keyring in place of the one of whoever builds. A kernel without keys, or an outer container that
// refuses the call, refuses it to the step as well.
void joinSessionKeyring(StepContext& step) {
  constexpr int kJoinSessionKeyring = 1;
  if (syscall(SYS_keyctl, kJoinSessionKeyring, nullptr) < 0 && errno != ENOSYS && errno != EPERM) step.failErrno("keyctl", "");
}

// u32 resource, name, u64 soft, u64 hard, u8 asked for: never above what this process may have; says so if the user
// asked for more.
void limitResource(StepContext& step) {
  const int resource = static_cast<int>(step.spec.u32());
  const std::string name = step.spec.string();
  const rlim_t soft = step.spec.u64();
  const rlim_t hard = step.spec.u64();
  const bool asked = step.spec.boolean();
  step.requireSpec();
  const auto kind = static_cast<__rlimit_resource_t>(resource);
  rlimit limit{soft, hard};
  if (setrlimit(kind, &limit) == 0) return;
  if (errno != EPERM) step.failErrno("setrlimit", name);
  rlimit inherited{};
  if (getrlimit(kind, &inherited) != 0) step.failErrno("getrlimit", name);
  limit.rlim_max = std::min(hard, inherited.rlim_max);
  limit.rlim_cur = std::min(soft, limit.rlim_max);
  if (setrlimit(kind, &limit) != 0) step.failErrno("setrlimit", name);
  if (asked) warn(step.job, "ulimit " + name + ": this machine allows " + std::to_string(inherited.rlim_max) + " at most");
}

// u32 mask.
void setFileModeMask(StepContext& step) {
  const mode_t mask = step.spec.u32();
  step.requireSpec();
  umask(mask);
}
