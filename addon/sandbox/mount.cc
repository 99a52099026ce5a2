// See mount.h. Nothing here decides what is mounted where.
#include "mount.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace {

constexpr unsigned kDetach = 2;         // MNT_DETACH of umount2(2), whose header cannot be used beside linux/mount.h
constexpr uint64_t kPrivate = 1 << 18;  // MS_PRIVATE

int asideCount = 0;  // mounts that lie on top of this process's root directory

int configure(int context, unsigned command, const char* key, const char* value) {
  return static_cast<int>(syscall(SYS_fsconfig, context, command, key, value, 0));
}

// The kernel's words about the last failure: lines such as `e overlay: too many lower directories, limit is 500`.
std::string readLog(int context) {
  std::string log;
  char line[512];
  for (ssize_t size; (size = read(context, line, sizeof line)) > 0;) {
    std::string_view text(line, static_cast<size_t>(size));
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    if (text.size() > 2 && text[1] == ' ') text.remove_prefix(2);
    if (!log.empty()) log += "; ";
    log += text;
  }
  return log;
}

Fd failed(Failure& failure, const char* syscallName, std::string path, int context) {
  failure = {syscallName, errno, std::move(path), {}};
  if (context >= 0) failure.detail = readLog(context);
  return Fd();
}

}  // namespace

Fd createMount(const char* fsType, const MountOptions& options, uint64_t attributes, Failure& failure) {
  Fd context(static_cast<int>(syscall(SYS_fsopen, fsType, FSOPEN_CLOEXEC)));
  if (!context.valid()) return failed(failure, "fsopen", fsType, -1);
  for (const auto& [key, value] : options) {
    const int result = value.empty() ? configure(context.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr)
                                     : configure(context.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str());
    if (result != 0) return failed(failure, "fsconfig", value.empty() ? key : key + "=" + value, context.get());
  }
  if (configure(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr) != 0) {
    return failed(failure, "fsconfig", fsType, context.get());
  }
  Fd mount(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, attributes)));
  return mount.valid() ? std::move(mount) : failed(failure, "fsmount", fsType, context.get());
}

Fd cloneTree(int fd, bool recursive) {
  const unsigned depth = recursive ? AT_RECURSIVE : 0;
  return Fd(static_cast<int>(syscall(SYS_open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | depth)));
}

int attachMount(int mountFd, int targetFd) {
  const unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  return static_cast<int>(syscall(SYS_move_mount, mountFd, "", targetFd, "", flags));
}

int attachAside(int mountFd) {
  const long result = syscall(SYS_move_mount, mountFd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
  if (result == 0) asideCount++;
  return static_cast<int>(result);
}

int setMountAttributes(int mountFd, uint64_t attributes, bool recursive, int userNamespace) {
  if (attributes == 0) return 0;
  mount_attr change{};
  change.attr_set = attributes;
  if ((attributes & MOUNT_ATTR_IDMAP) != 0) change.userns_fd = static_cast<uint64_t>(userNamespace);
  return static_cast<int>(syscall(SYS_mount_setattr, mountFd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &change, sizeof change));
}

int makeAllPrivate() {
  mount_attr change{};
  change.propagation = kPrivate;
  return static_cast<int>(syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &change, sizeof change));
}

int pivotRootHere() {
  if (syscall(SYS_pivot_root, ".", ".") != 0) return -1;
  // The old root lies on the new one now, and what else was put aside lies on the old root. Each call takes the topmost
  // away: all that was aside but the new root, then the old root with everything in it.
  for (int left = asideCount; left > 0; left--) {
    if (syscall(SYS_umount2, ".", kDetach) != 0) return -1;
  }
  return 0;
}
