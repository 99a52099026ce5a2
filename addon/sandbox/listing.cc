#include "listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <climits>
#include <cstring>

namespace {

constexpr size_t kListBytes = 256 << 10;
constexpr size_t kCompareBytes = 256 << 10;
// Deeper directories are moved up before they are deleted, so that a tree of any depth needs few descriptors.
constexpr size_t kRemoveDepthMax = 64;

struct Removal {
  const Operation& operation;
  int rootFd;
  unsigned moved = 0;

  void content(int dirFd, const std::string& path, size_t depth);
  void entry(int dirFd, const char* name, const std::string& path, size_t depth);
  void directory(int dirFd, const char* name, const std::string& path, size_t depth);
};

void Removal::content(int dirFd, const std::string& path, size_t depth) {
  // Removing entries while reading is fine for getdents, but the names moved up into the root would be new: list first.
  for (const std::string& name : listNames(operation, dirFd, path)) entry(dirFd, name.c_str(), path, depth);
}

void Removal::entry(int dirFd, const char* name, const std::string& path, size_t depth) {
  if (unlinkat(dirFd, name, 0) == 0 || errno == ENOENT) return;
  if (errno == EACCES) {
    // Rootless: the directory itself forbids it (overlayfs's work directory has mode 000).
    if (fchmod(dirFd, 0700) != 0) operation.failErrno("fchmod", path);
    if (unlinkat(dirFd, name, 0) == 0) return;
  }
  if (errno != EISDIR && errno != EPERM) operation.failErrno("unlinkat", path + '/' + name);
  directory(dirFd, name, path, depth);
}

void Removal::directory(int dirFd, const char* name, const std::string& path, size_t depth) {
  if (unlinkat(dirFd, name, AT_REMOVEDIR) == 0) return;
  const std::string child = path + '/' + name;
  if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES) operation.failErrno("unlinkat", child);
  Fd fd(openat(dirFd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid() && errno == EACCES) {
    if (fchmodat(dirFd, name, 0700, 0) != 0) operation.failErrno("fchmodat", child);
    fd = Fd(openat(dirFd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (!fd.valid()) operation.failErrno("openat", child);
  if (depth < kRemoveDepthMax) {
    content(fd.get(), child, depth + 1);
    if (unlinkat(dirFd, name, AT_REMOVEDIR) != 0) operation.failErrno("unlinkat", child);
    return;
  }
  // A directory that changes its parent must itself be writable.
  (void)fchmod(fd.get(), 0700);
  const std::string up = ".tsbuild-removing-" + std::to_string(moved++);
  if (renameat(dirFd, name, rootFd, up.c_str()) != 0) operation.failErrno("renameat", child);
}

}  // namespace

std::vector<std::string> listNames(const Operation& operation, int dirFd, const std::string& path) {
  static char buffer[kListBytes];
  std::vector<std::string> names;
  for (;;) {
    const long got = syscall(SYS_getdents64, dirFd, buffer, sizeof buffer);
    if (got < 0) operation.failErrno("getdents64", path);
    if (got == 0) break;
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const struct dirent64*>(buffer + at);
      if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) names.emplace_back(entry->d_name);
      at += entry->d_reclen;
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Fd openDirectory(const Operation& operation, int dirFd, const char* name, const std::string& path) {
  Fd fd(openat(dirFd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) operation.failErrno("openat", path);
  return fd;
}

Fd openFile(const Operation& operation, int dirFd, const char* name, const std::string& path) {
  Fd fd(openat(dirFd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid()) operation.failErrno("openat", path);
  return fd;
}

std::string readLinkTarget(const Operation& operation, int dirFd, const char* name, const std::string& path) {
  char target[PATH_MAX];
  const ssize_t length = readlinkat(dirFd, name, target, sizeof target);
  if (length < 0) operation.failErrno("readlinkat", path);
  return std::string(target, static_cast<size_t>(length));
}

bool sameContent(const Operation& operation, int a, int b, const std::string& path) {
  static char left[kCompareBytes], right[kCompareBytes];
  for (off_t at = 0;;) {
    const ssize_t leftSize = pread(a, left, sizeof left, at);
    const ssize_t rightSize = pread(b, right, sizeof right, at);
    if (leftSize < 0 || rightSize < 0) operation.failErrno("pread", path);
    if (leftSize != rightSize || std::memcmp(left, right, static_cast<size_t>(leftSize)) != 0) return false;
    if (leftSize == 0) return true;
    at += leftSize;
  }
}

void writeAll(const Operation& operation, int fd, std::string_view data) {
  signal(SIGPIPE, SIG_IGN);
  while (!data.empty()) {
    const ssize_t put = write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) operation.failErrno("write", "pipe");
    data.remove_prefix(static_cast<size_t>(put));
  }
}

void raiseDescriptorLimit() {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);  // without it only very deep trees fail, with EMFILE
}

void removeContent(const Operation& operation, int dirFd, const std::string& path) {
  Removal removal{operation, dirFd};
  unsigned before;
  do {
    before = removal.moved;
    if (lseek(dirFd, 0, SEEK_SET) < 0) operation.failErrno("lseek", path);
    removal.content(dirFd, path, 0);
  } while (removal.moved != before);
}

void removeEntry(const Operation& operation, int dirFd, const char* name, const std::string& path) {
  if (unlinkat(dirFd, name, 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) operation.failErrno("unlinkat", path);
  if (unlinkat(dirFd, name, AT_REMOVEDIR) == 0) return;
  if (errno != ENOTEMPTY && errno != EEXIST) operation.failErrno("unlinkat", path);
  (void)fchmodat(dirFd, name, 0700, 0);
  removeContent(operation, openDirectory(operation, dirFd, name, path).get(), path);
  if (unlinkat(dirFd, name, AT_REMOVEDIR) != 0) operation.failErrno("unlinkat", path);
}
