// See duplicate-tree.h. Runs in a job's process. Both trees are ours and nobody else writes to them meanwhile; names and
// links in them are hostile, so every one is reached by its directory's descriptor.
#include "duplicate-tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "listing.h"
#include "path.h"
#include "times.h"
#include "xattr.h"

namespace {

constexpr size_t kCopyBytes = 1 << 20;
char copyBuffer[kCopyBytes];

// Of a call that shares or copies within the kernel: this file system, or this pair of files, cannot.
bool cannotShare(int error) {
  return error == EOPNOTSUPP || error == ENOTTY || error == EINVAL || error == EXDEV || error == ENOSYS || error == EPERM || error == EBADF;
}

void copyRange(const Operation& operation, int from, int to, off_t at, off_t end, const std::string& path) {
  while (at < end) {
    off_t in = at, out = at;
    const ssize_t copied = copy_file_range(from, &in, to, &out, static_cast<size_t>(end - at), 0);
    if (copied > 0) {
      at += copied;
      continue;
    }
    if (copied < 0 && !cannotShare(errno)) operation.failErrno("copy_file_range", path);
    const ssize_t got = pread(from, copyBuffer, std::min(kCopyBytes, static_cast<size_t>(end - at)), at);
    if (got < 0) operation.failErrno("pread", path);
    if (got == 0) operation.refuse(EBUSY, path, "/" + path + ": changed while it was copied");
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = pwrite(to, copyBuffer + done, static_cast<size_t>(got - done), at + done);
      if (put < 0) operation.failErrno("pwrite", path);
      done += put;
    }
    at += got;
  }
}

// Holes stay holes: a sparse file of a terabyte takes no more room than it did.
void copyContent(const Operation& operation, int from, int to, off_t size, const std::string& path) {
  if (size == 0) return;
  if (ioctl(to, FICLONE, from) == 0) return;
  if (!cannotShare(errno)) operation.failErrno("ioctl", path);
  if (ftruncate(to, size) != 0) operation.failErrno("ftruncate", path);
  for (off_t at = 0; at < size;) {
    off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return;
    if (data < 0) data = at;
    off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0 || hole > size) hole = size;
    copyRange(operation, from, to, data, hole, path);
    at = hole;
  }
}

}  // namespace

Duplication::Duplication(const Operation& operation, bool keepsLinks) : operation_(operation), keepsLinks_(keepsLinks) { umask(0); }

void Duplication::directory(int fromFd, int toFd, std::string& path, size_t depth) {
  if (depth > kDepthMax) operation_.refuse(ELOOP, path, "/" + path + ": directories are nested too deeply");
  if (depth == 0) rootFd_ = toFd;
  const size_t length = path.size();
  for (const std::string& name : listNames(operation_, fromFd, path)) {
    path += name;
    entry(fromFd, name.c_str(), toFd, name.c_str(), path, depth);
    path.resize(length);
  }
  struct stat st;
  if (fstat(fromFd, &st) != 0) operation_.failErrno("fstat", path);
  setAttributes(fromFd, ".", toFd, ".", st, path);
}

void Duplication::top(int fromFd, const char* name, int toFd, const char* newName, std::string& path) {
  struct stat st;
  if (fstatat(fromFd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) operation_.failErrno("fstatat", path);
  if (!S_ISDIR(st.st_mode)) return entry(fromFd, name, toFd, newName, path);
  if (mkdirat(toFd, newName, 0700) != 0) operation_.failErrno("mkdirat", path);
  std::string below;
  directory(openDirectory(operation_, fromFd, name, path).get(), openDirectory(operation_, toFd, newName, path).get(), below);
}

void Duplication::entry(int fromFd, const char* name, int toFd, const char* newName, std::string& path, size_t depth) {
  struct stat st;
  if (fstatat(fromFd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) operation_.failErrno("fstatat", path);
  if (S_ISDIR(st.st_mode)) {
    if (mkdirat(toFd, newName, 0700) != 0) operation_.failErrno("mkdirat", path);
    const Fd from = openDirectory(operation_, fromFd, name, path);
    const Fd to = openDirectory(operation_, toFd, newName, path);
    const size_t length = path.size();
    path += '/';
    directory(from.get(), to.get(), path, depth + 1);
    path.resize(length);
    return;
  }
  if (keepsLinks_ && st.st_nlink > 1 && linkToFirst(st, toFd, newName, path)) return;
  if (S_ISREG(st.st_mode)) return file(fromFd, name, toFd, newName, st, path);
  if (node(fromFd, name, toFd, newName, st, path)) setAttributes(fromFd, name, toFd, newName, st, path);
}

// False for the first name of a file.
bool Duplication::linkToFirst(const struct stat& st, int toFd, const char* newName, const std::string& path) {
  const auto [first, isNew] = firstNames_.try_emplace({st.st_dev, st.st_ino}, path);
  if (isNew) return false;
  const size_t slash = first->second.rfind('/');
  const std::string above = slash == std::string::npos ? "" : first->second.substr(0, slash);
  const Fd parent = openBeneath(rootFd_, above.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!parent.valid()) operation_.failErrno("openat2", above);
  const char* last = first->second.c_str() + (slash == std::string::npos ? 0 : slash + 1);
  if (linkat(parent.get(), last, toFd, newName, 0) != 0) operation_.failErrno("linkat", path);
  return true;
}

void Duplication::file(int fromFd, const char* name, int toFd, const char* newName, const struct stat& st, const std::string& path) {
  const Fd from = openFile(operation_, fromFd, name, path);
  const Fd to(openat(toFd, newName, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to.valid()) operation_.failErrno("openat", path);
  copyContent(operation_, from.get(), to.get(), st.st_size, path);
  setAttributes(fromFd, name, toFd, newName, st, path);
}

// False where this process may not make it: such devices are left out wherever they are, with `unpack-entry.cc`.
bool Duplication::node(int fromFd, const char* name, int toFd, const char* newName, const struct stat& st, const std::string& path) {
  if (S_ISLNK(st.st_mode)) {
    const std::string target = readLinkTarget(operation_, fromFd, name, path);
    if (symlinkat(target.c_str(), toFd, newName) != 0) operation_.failErrno("symlinkat", path);
    return true;
  }
  if (S_ISSOCK(st.st_mode)) return false;  // no layer holds one
  if (mknodat(toFd, newName, (st.st_mode & S_IFMT) | 0600, st.st_rdev) == 0) return true;
  operation_.failErrno("mknodat", path);
}

// Owner first: changing it clears the setuid bits and capabilities. Times last.
void Duplication::setAttributes(int fromFd, const char* name, int toFd, const char* newName, const struct stat& st, const std::string& path) {
  if (fchownat(toFd, newName, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) != 0) operation_.failOwner("fchownat", path, st.st_uid, st.st_gid);
  for (const auto& [key, value] : readLayerXattrs(operation_, fromFd, name, path)) {
    if (!setXattr(toFd, newName, key, value)) operation_.failErrno("lsetxattr", path);
  }
  if (!S_ISLNK(st.st_mode) && fchmodat(toFd, newName, st.st_mode & 07777, 0) != 0) operation_.failErrno("fchmodat", path);
  if (setTimeAt(toFd, newName, st.st_mtim.tv_sec, st.st_mtim.tv_nsec) != 0) operation_.failErrno("utimensat", path);
}
