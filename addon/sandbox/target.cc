// See target.h. Runs in the step's process, before it gives up any privilege; images control every name below a hostile
// slot, so each step of a path is taken from a descriptor of the one before.
#include "target.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>

#include "path.h"

namespace {

constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kFileMode = 0644;

std::string join(const std::vector<std::string>& components, size_t count) {
  std::string path;
  for (size_t i = 0; i < count; i++) path += (i == 0 ? "" : "/") + components[i];
  return path;
}

ResolvedPath resolve(StepContext& step, int rootFd, const std::string& path) {
  ResolvedPath resolved;
  const int error = resolveInRoot(rootFd, path, resolved);
  if (error != 0) step.failWith("openat2", error, path);
  return resolved;
}

Fd openExisting(StepContext& step, int rootFd, const ResolvedPath& resolved, const std::string& path) {
  Fd fd = openBeneath(rootFd, join(resolved.components, resolved.existing).c_str(), O_PATH);
  if (!fd.valid()) step.failErrno("openat2", path);
  return fd;
}

// Makes one directory or file and opens it. Somebody else may have made it meanwhile (a shared cache mount): `made` tells.
Fd makeEntry(StepContext& step, int parentFd, const std::string& name, bool directory, const std::string& path, bool& made) {
  if (directory) {
    made = mkdirat(parentFd, name.c_str(), kDirectoryMode) == 0;
  } else {
    Fd file(openat(parentFd, name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    made = file.valid();
  }
  if (!made && errno != EEXIST) step.failErrno(directory ? "mkdirat" : "openat", path);
  Fd entry = openBeneath(parentFd, name.c_str(), O_PATH);
  if (!entry.valid()) step.failErrno("openat2", path);
  return entry;
}

// A mount over a file of procfs or sysfs would hide from every program, and from us, what the kernel says there
// (CVE-2019-16884, CVE-2025-52881).
void refuseKernelFileSystem(StepContext& step, int fd, const std::string& path) {
  struct statfs status{};
  if (fstatfs(fd, &status) != 0) step.failErrno("fstatfs", path);
  if (status.f_type == PROC_SUPER_MAGIC || status.f_type == SYSFS_MAGIC) {
    step.failWith("", EPERM, path, "/proc and /sys take no mounts or files");
  }
}

bool isSame(int a, int b) {
  struct stat left{}, right{};
  return fstat(a, &left) == 0 && fstat(b, &right) == 0 && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

// Makes what is missing of a path, links followed as far as they lead.
Fd makeMissing(StepContext& step, Slot& slot, const std::string& path, bool directory, bool& made) {
  const ResolvedPath resolved = resolve(step, slot.fd.get(), path);
  Fd at = openExisting(step, slot.fd.get(), resolved, path);
  for (size_t i = resolved.existing; i < resolved.components.size(); i++) {
    const bool isDirectory = directory || i + 1 < resolved.components.size();
    const bool inSlot = mountIdOf(at.get()) == slot.mountId;
    at = makeEntry(step, at.get(), resolved.components[i], isDirectory, path, made);
    if (made && inSlot) step.stubs.push_back({isDirectory, join(resolved.components, i + 1)});
  }
  return at;
}

// The kernel resolves first: it refuses the links of /proc that are none, such as /proc/self/fd/1.
Fd openHostileTarget(StepContext& step, Slot& slot, const std::string& path, bool directory, bool& made) {
  Fd target = openInRoot(slot.fd.get(), path.c_str(), O_PATH);
  if (!target.valid() && errno != ENOENT) step.failErrno("openat2", path);
  if (!target.valid()) target = makeMissing(step, slot, path, directory, made);
  if (isSame(target.get(), slot.fd.get())) step.failWith("", EBUSY, path, "nothing can be mounted over the root");
  refuseKernelFileSystem(step, target.get(), path);
  return target;
}

}  // namespace

uint64_t mountIdOf(int fd) {
  struct statx status{};
  return statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) == 0 ? status.stx_mnt_id : 0;
}

Fd openSource(StepContext& step, const Place& place) {
  Fd fd;
  if (place.slot == "host") {
    fd = Fd(open(place.path.c_str(), O_PATH | O_CLOEXEC));
  } else {
    Slot& slot = step.slot(place.slot);
    fd = slot.hostile ? openInRoot(slot.fd.get(), place.path.c_str(), O_PATH) : openBeneath(slot.fd.get(), place.path.c_str(), O_PATH);
  }
  if (!fd.valid()) step.failErrno("openat2", place.path);
  return fd;
}

Fd openTarget(StepContext& step, const Place& place, bool directory, bool* made) {
  Slot& slot = step.slot(place.slot);
  bool wasMade = false;
  Fd target = slot.hostile ? openHostileTarget(step, slot, place.path, directory, wasMade) : openBeneath(slot.fd.get(), place.path.c_str(), O_PATH);
  if (!target.valid()) step.failErrno("openat2", place.path);
  if (made != nullptr) *made = wasMade;
  struct stat status{};
  if (fstat(target.get(), &status) != 0) step.failErrno("fstat", place.path);
  if (directory && !S_ISDIR(status.st_mode)) step.failWith("", ENOTDIR, place.path, "a directory cannot be mounted over a file");
  if (!directory && S_ISDIR(status.st_mode)) step.failWith("", EISDIR, place.path, "a file cannot be mounted over a directory");
  return target;
}

Fd openOrMakeDirectory(StepContext& step, int rootFd, const std::string& path) {
  const ResolvedPath resolved = resolve(step, rootFd, path);
  Fd at = openExisting(step, rootFd, resolved, path);
  refuseKernelFileSystem(step, at.get(), path);
  for (size_t i = resolved.existing; i < resolved.components.size(); i++) {
    bool made = false;
    at = makeEntry(step, at.get(), resolved.components[i], true, path, made);
  }
  return at;
}
